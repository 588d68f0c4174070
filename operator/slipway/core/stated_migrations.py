"""What a Promotion states of its migrations, scripts and Jobs alike, and whether that is a whole case."""

from __future__ import annotations

import re

from slipway.api.argument import Migrations
from slipway.api.check_status import CheckStatus
from slipway.core.checking import Result, outcome
from slipway.core.enumerating import count, row

_VERSION = re.compile(r"([0-9]+(?:[._][0-9]+)*)")
"""A number, or several as in `V1.10` and `V1_10`: what runs scripts by their names reads them as one version."""


def check(stated: Migrations) -> CheckStatus:
    """Whether the migrations are in order, leave what serves working, and can be undone."""
    name, category = "migrations-complete", "Operations"
    steps = job_steps(stated)
    if not stated.scripts and not steps:
        return outcome(name, category, Result.NOT_APPLICABLE, "migrations names neither scripts nor jobs")
    wrong = []
    if stated.scripts != sorted(stated.scripts, key=_by_number):
        wrong.append("migrations.scripts: their names do not sort in the order in which they run")
    if stated.backward_compatible is None:
        wrong.append("migrations.backwardCompatible: missing")
    elif not stated.backward_compatible:
        wrong.append("migrations.backwardCompatible is false: the version that serves now could not be gone back to")
    if len(stated.rollback) < len(stated.scripts):
        wrong.append(f"migrations.rollback: {len(stated.rollback)} for {count(len(stated.scripts), 'script')}")
    if "expand" in steps and "rollback" not in steps and not stated.rollback:
        wrong.append(
            "migrations.jobs.expand has no way back: give jobs.rollback, or say in migrations.rollback what undoes it"
        )
    if wrong:
        return outcome(name, category, Result.FAILED, "; ".join(wrong))
    scripts = [f"{count(len(stated.scripts), 'script')} in order, each with its way back"] if stated.scripts else []
    words = ", ".join([*scripts, *jobs_in_words(steps), "backward compatible"])
    return outcome(name, category, Result.PASSED, words)


def job_steps(stated: Migrations) -> list[str]:
    """The steps that Slipway runs as Jobs."""
    jobs = stated.jobs
    if jobs is None:
        return []
    given = (("expand", jobs.expand), ("contract", jobs.contract), ("rollback", jobs.rollback))
    return [step for step, job in given if job is not None]


def jobs_in_words(steps: list[str]) -> list[str]:
    """`Jobs expand and contract`; nothing where there are none."""
    return [f"Job{'' if len(steps) == 1 else 's'} {row(steps)}"] if steps else []


def _by_number(script: str) -> list[tuple[str, list[int]]]:
    """What to sort a name by, with the versions in it compared as numbers: V9 comes before V10, V1 before V1.1."""
    texts, versions = (_VERSION.split(script)[part::2] for part in (0, 1))
    numbers = [[int(number) for number in re.split("[._]", version)] for version in versions]
    return list(zip(texts, [*numbers, []], strict=True))
