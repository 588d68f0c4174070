"""What speaks against going forward in this pass, told to the ceiling, and what is asked of those who approve."""

from __future__ import annotations

from dataclasses import replace

from slipway.api.said_by import SaidBy
from slipway.core import (
    approval,
    capacity,
    gates,
    instants,
    said,
)
from slipway.core.accept import Acceptance
from slipway.core.case import Case
from slipway.core.ceiling import Circumstances
from slipway.core.charge import Claim
from slipway.core.course import Course, automatic, replicas_of
from slipway.core.demanded import lacks, signers
from slipway.core.marks import AUTOMATIC, Marks
from slipway.core.migration import planned
from slipway.core.policy.demands import Demands
from slipway.core.policy.windows import Hours
from slipway.core.progress import Progress

NOBODY = "this shift began under Automatic and needs a person's approval now"


def circumstances(
    case: Case, course: Course, found: Progress, acceptance: Acceptance, unconverged: str
) -> Circumstances:
    """All that may speak against the next share, each in the words that people read."""
    claim, consent, plan_now = course.claim, course.consent, course.plan
    spec, demands = claim.spec if claim else None, course.demands or case.demands
    free = automatic(case)
    approved = found.revision.marks.approved if found.in_flight else None
    held = ""
    if claim is not None and spec is None and found.in_flight:
        # It may say that nothing goes forward, or that nobody agrees any more.
        held = f"Promotion {claim.name} cannot be read: {claim.problem}"
    if spec is not None and claim is not None:
        names = spec.said_by or SaidBy()
        if spec.hold:
            held = f"held on Promotion {claim.name}{said.by_whom(names.hold, spec.hold)}: {spec.hold}"
        elif spec.rollback_plan_needed:
            by = said.by_whom(names.rollback_plan_needed, "true")
            held = f"a rollback plan is asked for on Promotion {claim.name}{by}"
    unapproved = withdrawn = changed = ""
    barred = shut(case, course)
    if not free and claim is not None and approved is None:
        unapproved = "" if consent and consent.granted else (consent.reason if consent else claim.problem)
        if unapproved and barred:
            # Approving is free at any time; who does it now knows when it will move.
            unapproved = f"{unapproved}; {barred}"
    if approved is not None and not free and claim is not None and spec is not None:
        if plan_now is not None and plan_now.hash != approved.plan_hash:
            changed = "the plan was edited during the shift: approve the new one, or undo the edit"
            if planned.changed(case, found.revision, plan_now):
                changed = "spec.migrations.jobs was edited during the shift: undo the edit, or abort"
        if spec.approved is not True or (not changed and consent is not None and not consent.granted):
            withdrawn = f"the approval on Promotion {claim.name} was withdrawn"
            if approved.by == AUTOMATIC:
                withdrawn = f"{NOBODY}: nobody has approved Promotion {claim.name}"
            changed = ""
    if approved is not None and approved.by == AUTOMATIC and not free and claim is None:
        # It began without a person's word, and is one that needs it by now.
        unapproved = NOBODY
    # Where nobody approved the launch, a Promotion may come during it: then the person agrees to the plan it shows.
    bound = approved if not free else None
    weight_hash = bound.plan_hash if bound else (plan_now.hash if plan_now else "")
    allowed = 0
    if spec is not None and claim is not None:
        wanted = asked(case, claim, demands, weight_hash, found.revision.marks)
        allowed = approval.allowed_weight(spec, weight_hash, wanted)
    following = found.next_stage
    asks = f"{following.weight} % asks for a person: approvedWeight is {allowed or 'not set'}" if following else ""
    if following and demands.approvals.count > 1:
        asks += f", {demands.approvals.count} people have to agree{demands.approvals.by}"
    return Circumstances(
        invalid="" if acceptance.accepted else acceptance.message,
        no_plan="" if plan_now is not None or found.in_flight else "there is no valid spec to plan with",
        absent=absent(case, found),
        trouble=_trouble(case, found.revision.name),
        checks=course.checked.against if course.checked else "",
        policy=lacks(demands, spec, course.checked, free) if course.checked else "",
        no_promotion="" if claim is not None or free else "no Promotion asks for it",
        held=held,
        unapproved=unapproved,
        withdrawn=withdrawn,
        plan_changed=changed,
        closed=barred,
        asks_up_to=100 if free and not (following and following.asks) else allowed,
        asks_reason=asks,
        unseen=course.looks.against,
        unconverged=unconverged or found.disagreement,
        migrating=course.expansion.waits if course.expansion else "",
        migration_failed=course.expansion.failed if course.expansion else "",
        no_data_up_to=spec.accept_no_data.weight if spec and spec.accept_no_data else 0,
    )


def shut(case: Case, course: Course) -> str:
    """Why policies let nothing go forward right now; '' while it is open."""
    return (course.demands or case.demands).invalid or closed(course.hours)


def closed(found: Hours | None) -> str:
    """Why nothing goes forward right now, and until when; '' while it is open."""
    if found is None or not found.closures:
        return ""
    reasons = ", ".join(f"{closure.reason} (policy {closure.policy})" for closure in found.closures)
    until = f"opens at {instants.render(found.changes)}" if found.changes else "no opening is in sight"
    return f"closed: {reasons}; {until}"


def absent(case: Case, found: Progress) -> str:
    """Why the candidate's preview pods are not there yet, with the pod's own reason; '' when they are."""
    if found.in_flight:
        return ""
    name = found.revision.name
    wanted = capacity.preview(found, replicas_of(case))
    ready = min(case.world.available(name), case.world.endpoints(case.world.preview_service)[name])
    if ready >= max(1, wanted):
        return ""
    return f"{ready} of {max(1, wanted)} pods of revision {name} are ready{_trouble(case, name)}"


def _trouble(case: Case, revision: str) -> str:
    pod = next((pod for pod in case.world.pods_of(revision) if pod.trouble), None)
    if pod is None:
        return ""
    return f"; pod {pod.name}: {pod.trouble}" + (f" ({pod.message})" if pod.message else "")


def overrides(found: Progress, around: Circumstances) -> tuple[str, ...]:
    """The gates that people have accepted to be without data."""
    if found.stage is None or found.stage.weight > around.no_data_up_to:
        return ()
    return tuple(gates.overridden(found.stage.gates, found.gates))


def asked(case: Case, claim: Claim, demands: Demands, plan_hash: str, marks: Marks) -> approval.Asked:
    """What is demanded of the approvals of a plan. `marks` are those of the candidate."""
    moving = marks.approved if marks.in_flight else None
    acted = moving.by if moving is not None and moving.plan_hash == plan_hash else ()
    # Once traffic moves only people take words back.
    wanted = replace(demands.approvals, valid_for=None) if moving is not None else demands.approvals
    return approval.Asked(wanted, signers(case, claim, (), plan_hash), case.now, acted)
