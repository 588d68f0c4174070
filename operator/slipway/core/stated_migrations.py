"""What a Promotion states of its migrations, scripts and Jobs alike, and whether that is a whole case."""

from __future__ import annotations

from slipway.api.argument import Migrations
from slipway.api.check_status import CheckStatus
from slipway.core.checking import Result, outcome
from slipway.core.enumerating import count, row


def check(stated: Migrations) -> CheckStatus:
    """Whether the migrations are in order, leave what serves working, and can be undone."""
    name, category = "migrations-complete", "Operations"
    steps = job_steps(stated)
    if not stated.scripts and not steps:
        return outcome(name, category, Result.NOT_APPLICABLE, "migrations names neither scripts nor jobs")
    wrong = []
    if stated.scripts != sorted(stated.scripts):
        wrong.append("migrations.scripts: their names do not sort in the order in which they run")
    if stated.backward_compatible is None:
        wrong.append("migrations.backwardCompatible: missing")
    elif not stated.backward_compatible:
        wrong.append("migrations.backwardCompatible is false: the version that serves now could not be gone back to")
    if len(stated.rollback) < len(stated.scripts):
        wrong.append(f"migrations.rollback: {len(stated.rollback)} for {count(stated.scripts, 'script')}")
    if "expand" in steps and "rollback" not in steps and not stated.rollback:
        wrong.append(
            "migrations.jobs.expand has no way back: give jobs.rollback, or say in migrations.rollback what undoes it"
        )
    if wrong:
        return outcome(name, category, Result.FAILED, "; ".join(wrong))
    scripts = [f"{count(stated.scripts, 'script')} in order, each with its way back"] if stated.scripts else []
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
