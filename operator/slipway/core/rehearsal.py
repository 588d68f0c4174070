"""Whether the way back would be taken: its exact writes, in a server-side dry run, before anybody is sent forward."""

from __future__ import annotations

from slipway.api.check_status import CheckStatus
from slipway.core import instants, names
from slipway.core.case import Case
from slipway.core.checking import NOT_APPLICABLE, Result, Subjects, outcome
from slipway.core.decision import DryRun, Probe, TcpProbe
from slipway.core.smoke import TCP_TIMEOUT
from slipway.core.snapshot import Probed

NAME = "rollback-rehearsed"


def check(case: Case, about: Subjects, known: CheckStatus | None) -> tuple[CheckStatus, list[Probe]]:
    """The check, and what it asks for. Where nobody can ask for a rerun, what was refused is tried again by itself."""
    stable = about.stable
    if stable is not None:
        goal, available = stable.name, case.world.available(stable.name)
        gone = "" if available else f"Deployment {names.deployment_name(case.name, goal)} has no available pod"
        has = f"has {available} available pods"
        if gone and case.scaled_to_nothing:
            # Going back waits for no pods then, and nobody has to mend what is wanted like this.
            gone, has = "", "is scaled to nothing, as spec.replicas says"
        there = f"revision {goal} {has}, and the writes were accepted"
    elif case.adoption is not None:
        goal, gone = f"Service {case.name}", ""
        own = ",".join(f"{key}={value}" for key, value in sorted(case.adoption.selector.items()))
        there = f"{goal} can have its own selector {own} back; keep those pods running until this has succeeded"
    else:
        reason = "first revision: there is nothing to go back to"
        return outcome(NAME, "Operations", Result.NOT_APPLICABLE, reason), []
    if known is not None and known.result == Result.PASSED and known.evidence == goal:
        return known, []
    if gone:
        return _gone(about, goal, gone, served=case.world.ready(goal) > 0), []
    key, due = f"rehearsal/{goal}/{about.candidate.name}/{about.rerun}/{about.plan_hash}", case.now
    refused = None
    if about.promotion is None and known is not None and (known.result, known.evidence) == (Result.UNVERIFIABLE, goal):
        refused = known
    if refused is not None and refused.at is not None:
        due = refused.at + about.spec.analysis.interval
        key = f"{key}/{instants.render(due)}"
    writes = DryRun(key=key, due=due, writes=about.way_back)
    probes: list[Probe] = [writes]
    if stable is None and case.adoption is not None:
        # Whether anybody is behind a Service that is not ours yet is not in the snapshot.
        ports = [port["port"] for port in case.adoption.ports if (port.get("protocol") or "TCP") == "TCP"]
        probes += [
            TcpProbe(key=f"{key}/{port}", due=due, service=case.name, port=port, timeout=TCP_TIMEOUT)
            for port in ports[:1]
        ]
    seen = [found for probe in probes if isinstance(found := case.snapshot.observations.get(probe.key), Probed)]
    if len(seen) < len(probes):
        return refused or outcome(NAME, "Operations", Result.PENDING, "rehearsing the rollback"), probes
    at = {"at": instants.whole_milliseconds(max(one.at for one in seen))}
    wrong = next((one.message for one in seen if not one.passed), "")
    if wrong:
        accepted = case.snapshot.observations.get(writes.key)
        if isinstance(accepted, Probed) and accepted.passed:
            # Who does not answer this operator may answer users: only a Service without a pod serves nobody.
            served = False if any(one.nobody for one in seen) else None
            return _gone(about, goal, wrong, served).model_copy(update=at), probes
        # Still wanted, so that its result is kept: the next try comes with a rerun or another plan.
        reason = f"rollback cannot be verified: {wrong}"
        failed = outcome(NAME, "Operations", Result.UNVERIFIABLE, reason, goal)
        return failed.model_copy(update=at), probes
    return outcome(NAME, "Operations", Result.PASSED, f"rollback verified: {there}", goal).model_copy(update=at), []


def _gone(about: Subjects, goal: str, why: str, served: bool | None) -> CheckStatus:
    """There is nobody to go back to.

    `served`: whether a pod takes requests all the same; None where nobody can tell. Without one users have nothing left
    to lose by a launch, which may well be the way out.
    """
    words = f"rollback cannot be verified: {why}"
    if served:
        return outcome(NAME, "Operations", Result.UNVERIFIABLE, words, goal)
    if about.promotion is None and served is False:
        words += "; approval is Automatic, and what serves nobody holds up nothing"
        return outcome(NAME, "Operations", Result.NOT_APPLICABLE, words, goal)
    if said := about.said_not_to_apply(NAME):
        return outcome(NAME, "Operations", Result.NOT_APPLICABLE, f"{words}; {NOT_APPLICABLE}{said}", goal)
    where = "spec.checks" if about.promotion is not None else "spec.checks of a Promotion"
    words += f". Mend it, or where this launch is what mends it, list {NAME} in {where} with notApplicable and"
    return outcome(NAME, "Operations", Result.UNVERIFIABLE, f"{words} the reason", goal)
