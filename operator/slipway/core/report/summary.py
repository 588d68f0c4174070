"""What came of a launch, in a few lines: in the status of its Promotion, and beside its report."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from slipway.api.check_status import CheckStatus
from slipway.api.promotion_status import PromotionStatus, Summary
from slipway.core import charge, instants, root_cause, strategy
from slipway.core.charge import Claim
from slipway.core.checking import GOOD
from slipway.core.delivered import delivered
from slipway.core.markdown import code, plain, table
from slipway.core.report import facts
from slipway.core.revision import Revision
from slipway.core.scene import Scene

PHASES = ("waiting", "held", "shifting", "verifying", "total")
"""The phases of a launch, in the order in which they come."""
NO_TIME = instants.roughly(timedelta())


def outcome_of(status: PromotionStatus) -> str:
    """What came of it so far: a launch has succeeded when it is verified, however long it is watched then."""
    return "Succeeded" if status.phase == charge.WATCHING else status.phase


def summary(scene: Scene, claim: Claim, status: PromotionStatus, revision: Revision) -> Summary:
    """What to say of a Promotion that ends with this status. Values are those that were last seen."""
    case, course, spec = scene.case, scene.course, claim.spec
    plan = course.progress.spec if course.progress is not None else case.spec
    back = course.lineage.previous if outcome_of(status) == "Succeeded" else None
    at = f"kubectl -n {case.namespace} patch rollouts.slipway.dev {case.name} --type merge -p"
    why, said = _why_back(claim, status, revision), facts.given(spec)
    return Summary(
        outcome=outcome_of(status),
        delivered=delivered(spec, revision.images),
        environment=case.environment,
        strategy=strategy.name_of(plan) if plan is not None else case.status.strategy,
        revision=revision.name,
        version=(spec.version or "") if spec else "",
        commit=(spec.commit or "") if spec else "",
        urls=facts.urls(case, said),
        provider=said.provider or "",
        region=said.region or "",
        given=said.names,
        checks=_checks(status.checks),
        durations=dict(
            _durations(
                status, _first_traffic(claim, revision), revision.marks.verified_at or status.finished_at or case.now
            )
        ),
        verification=list(_verification(scene, revision)),
        rollback=f"""{at} '{{"spec":{{"abort":"{revision.name}"}}}}'""" if back is not None else "",
        went_back=why,
        root_cause=root_cause.command(case.namespace, claim.name) if why else "",
    )


def _why_back(claim: Claim, status: PromotionStatus, revision: Revision) -> str:
    """Why users were taken from it; '' where none were."""
    rejected, approved = revision.marks.rejected, revision.marks.approved
    if outcome_of(status) not in ("RolledBack", "Aborted") or rejected is None:
        return ""
    return rejected.reason if approved is not None and approved.promotion_uid == claim.uid else ""


def _checks(checks: list[CheckStatus]) -> str:
    good = sum(check.result in GOOD for check in checks)
    return f"{good} of {len(checks)} passed"


def _first_traffic(claim: Claim, revision: Revision) -> datetime | None:
    """When users began to get it under this Promotion: its mark is written together with the first share."""
    approved = revision.marks.approved
    return approved.since if approved is not None and approved.promotion_uid == claim.uid else None


def _durations(status: PromotionStatus, traffic: datetime | None, end: datetime) -> Iterator[tuple[str, str]]:
    times = {
        "waiting": (status.started_at, status.approved_at),
        "held": (status.approved_at, traffic),
        "shifting": (traffic, status.shifted_at),
        "verifying": (status.shifted_at, end),
        "total": (status.started_at, end),
    }
    for name in PHASES:
        start, stop = times[name]
        if start is None or stop is None or stop < start:
            continue
        length = instants.roughly(stop - start)
        if name != "held" or length != NO_TIME:
            yield name, length


def durations_of(found: Summary) -> list[str]:
    """How long the phases took, in the order in which they came: the API server sorts the names."""
    return [f"{name} {found.durations[name]}" for name in PHASES if name in found.durations]


def _verification(scene: Scene, revision: Revision) -> Iterator[str]:
    progress = scene.course.progress
    gates = progress.gates if progress is not None else scene.case.status.gates
    tests = progress.smoke if progress is not None else scene.case.status.smoke_tests
    for gate in gates:
        if gate.revision == revision.name:
            value = f"{gate.value:.4g} " if gate.value is not None else ""
            yield f"{gate.name} {value}{gate.bound}: {gate.verdict}"
    for test in tests:
        if test.revision == revision.name and test.verdict:
            yield f"smoke test {test.name}: {test.verdict}"


def render_summary(promotion: str, found: Summary) -> str:
    """The summary as Markdown, ending with a newline."""
    rows = [
        ("Status", found.outcome),
        ("To be delivered" if found.went_back else "Delivered", plain(found.delivered)),
        ("Environment", code(found.environment)),
        ("Strategy", found.strategy),
        ("Addresses", _given(", ".join(code(url) for url in found.urls), facts.ADDRESSES in found.given)),
        ("Provider", _given(plain(found.provider), True)),
        ("Region", _given(plain(found.region), True)),
        ("Version", plain(found.version)),
        ("Commit", code(found.commit) if found.commit else ""),
        ("Revision", code(found.revision)),
        ("Checks", found.checks),
        ("Took", ", ".join(durations_of(found))),
        ("Verification", "<br>".join(plain(line) for line in found.verification)),
        ("Going back", code(found.rollback) if found.rollback else ""),
    ]
    lines = [f"# {plain(promotion)}: {found.outcome}", "", *table(("", ""), [row for row in rows if row[1]])]
    if found.root_cause:
        lines += ["", *root_cause.section(found.went_back, found.root_cause)]
    return "\n".join(lines) + "\n"


def _given(cell: str, given: bool) -> str:
    return f"{cell} (given)" if cell and given else cell
