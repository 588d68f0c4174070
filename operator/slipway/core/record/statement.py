"""The statement of a record, as far as its place in the chain does not matter."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from pydantic import ValidationError

from slipway.api.duration import format_duration
from slipway.api.learnings import Learnings
from slipway.api.model import StatusModel
from slipway.api.promotion_status import ApprovalStatus
from slipway.api.record import (
    Predicate,
    RecordedGate,
    RecordedImage,
    RecordedObject,
    RecordedPlan,
    RecordedRevision,
    RecordedSmokeTest,
    RecordedTimes,
    Statement,
    Subject,
)
from slipway.core import approval, instants, names, overrides, said, staging
from slipway.core.case import Case
from slipway.core.charge import Claim
from slipway.core.conditions import find
from slipway.core.marks import AUTOMATIC, Marks
from slipway.core.migration import planned
from slipway.core.record.owed import LAUNCH, ROLLBACK, Owed
from slipway.core.report import template
from slipway.core.revision import Revision, canonical, sha256
from slipway.core.snapshot import Object

LEARNINGS = "learnings"

T = TypeVar("T", bound=StatusModel)

_DIGEST = re.compile(r"@sha256:([0-9a-f]{64})$")


def id_of(case: Case, revision: Revision, owed: Owed) -> str:
    """What is recorded. The same from pass to pass, after any crash."""
    return f"{owed.kind}/{owed.promotion_uid or case.uid}/{revision.name}/{instants.render(owed.at)}"


def id_of_learnings(claim: Claim, learnings: Learnings) -> str:
    """One for each text."""
    text = learnings.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return f"{LEARNINGS}/{claim.uid}/{hashlib.sha256(canonical(text)).hexdigest()[:16]}"


def of_owed(case: Case, revision: Revision, owed: Owed) -> Statement:
    """The record of how a revision's way in front of users ended."""
    claim = next((c for c in case.claims if c.uid == owed.promotion_uid), None)
    facts = owed.facts
    times = _times(case, claim, owed)
    predicate = _predicate(case, claim, revision, id_of(case, revision, owed), owed.kind).model_copy(
        update={
            "promotion": RecordedObject(name=owed.promotion, uid=owed.promotion_uid) if owed.promotion_uid else None,
            "outcome": str(facts.get("outcome") or ""),
            "reason": str(facts.get("reason") or ""),
            "plan": _plan(case, owed.plan_hash),
            "checks": list(claim.status.checks) if claim else [],
            "after_rollback": list(claim.status.after_rollback) if claim and owed.kind == ROLLBACK else [],
            "gates": _read(RecordedGate, facts.get("gates")),
            "smoke_tests": _read(RecordedSmokeTest, facts.get("smokeTests")),
            "migrations": planned.recorded(claim, owed.promotion_uid, revision),
            "approvals": _approvals(claim, owed),
            "weight_approvals": list(claim.status.weight_approvals) if claim else [],
            "decisions": said.of(case, claim) if claim else [],
            "break_glass": overrides.on_record(case, claim) if claim else None,
            "accept_no_data": overrides.accepted(case, claim) if claim else None,
            "times": times,
            "durations": _durations(times, owed.kind),
        }
    )
    return Statement(subject=_subjects(case, predicate), predicate=predicate)


def of_learnings(case: Case, claim: Claim, learnings: Learnings) -> Statement | None:
    """The record of what people wrote after the end; None for a Promotion that was never about a revision."""
    target = claim.status.target
    if target is None:
        return None
    revision = case.lineage.revisions.get(target.revision) or Revision(
        target.revision, target.digest, {}, [], Marks(), 0, None, None, False
    )
    predicate = _predicate(case, claim, revision, id_of_learnings(claim, learnings), LEARNINGS).model_copy(
        update={
            "promotion": RecordedObject(name=claim.name, uid=claim.uid),
            "outcome": claim.status.phase,
            "times": RecordedTimes(
                started_at=claim.status.started_at,
                approved_at=claim.status.approved_at,
                ended_at=claim.status.finished_at,
            ),
            "learnings": learnings,
        }
    )
    return Statement(subject=_subjects(case, predicate), predicate=predicate)


def _predicate(case: Case, claim: Claim | None, revision: Revision, record_id: str, kind: str) -> Predicate:
    spec = claim.obj.get("spec") if claim else None
    stated: Mapping[str, Any] = spec if isinstance(spec, Mapping) else {}
    idea = stated.get("idea")
    return Predicate(
        id=record_id,
        kind=kind,
        namespace=case.namespace,
        rollout=RecordedObject(name=case.name, uid=case.uid),
        environment=case.environment,
        strategy=case.status.strategy,
        revision=RecordedRevision(
            name=revision.name,
            digest=revision.digest,
            images=list(recorded_images(case, revision)),
            health=template.probes(revision.template),
        ),
        idea=str(idea.get("id") or "") if isinstance(idea, Mapping) else "",
        version=str(stated.get("version") or ""),
        commit=str(stated.get("commit") or ""),
    )


def recorded_images(case: Case, revision: Revision) -> Iterator[RecordedImage]:
    """The images of a revision, with what is known of their digests."""
    running = _running(case, revision)
    for _, _, name, image in staging.containers(revision.template):
        found = _DIGEST.search(image)
        digest = found.group(1) if found else running.get(name, "")
        yield RecordedImage(container=name, image=image, digest=f"sha256:{digest}" if digest else "")


def _running(case: Case, revision: Revision) -> dict[str, str]:
    """Container → digest of the image that all pods of the revision run, as their kubelets say."""
    found: dict[str, set[str]] = {}
    for pod in case.snapshot.pods:
        if (pod["metadata"].get("labels") or {}).get(names.REVISION_LABEL) != revision.name:
            continue
        status = pod.get("status") or {}
        for kind in ("containerStatuses", "initContainerStatuses"):
            for container in status.get(kind) or []:
                digest = _DIGEST.search(str(container.get("imageID") or ""))
                if digest:
                    found.setdefault(str(container.get("name") or ""), set()).add(digest.group(1))
    # Where a tag was moved between two pods, none of the digests is the one.
    return {name: digests.pop() for name, digests in found.items() if len(digests) == 1}


def _subjects(case: Case, predicate: Predicate) -> list[Subject]:
    revision = predicate.revision
    name = f"{case.namespace}/rollouts/{case.name}/{revision.name}"
    found = [Subject(name=name, digest={"sha256": revision.digest})]
    for image in revision.images:
        if image.digest:
            entry = Subject(name=_repository(image.image), digest={"sha256": image.digest.removeprefix("sha256:")})
            if entry not in found:
                found.append(entry)
    return found


def _repository(image: str) -> str:
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


def _plan(case: Case, plan_hash: str) -> RecordedPlan | None:
    if not plan_hash:
        return None
    wanted = names.plan_name(case.name, plan_hash)
    for obj in case.snapshot.revisions:
        data = obj.get("data")
        if obj["metadata"]["name"] == wanted and isinstance(data, Mapping) and data.get("hash") == plan_hash:
            inputs = data.get("plan")
            return RecordedPlan(hash=plan_hash, inputs=without_templates(inputs) if isinstance(inputs, Mapping) else {})
    return RecordedPlan(hash=plan_hash)


def without_templates(value: Any) -> Any:
    """The same with each pod template as its digest and the names of its variables: values may be secrets."""
    if isinstance(value, Mapping):
        return {
            key: _named(part) if key == "template" and isinstance(part, Mapping) else without_templates(part)
            for key, part in value.items()
        }
    if isinstance(value, list):
        return [without_templates(part) for part in value]
    return value


def _named(template: Object) -> dict[str, Any]:
    spec = template.get("spec")
    containers = _mappings(spec.get("containers")) if isinstance(spec, Mapping) else []
    variables = {
        str(variable.get("name") or "") for container in containers for variable in _mappings(container.get("env"))
    }
    return {
        "digest": sha256(canonical(template)),
        "images": [str(container.get("image") or "") for container in containers],
        "env": sorted(variables),
    }


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _approvals(claim: Claim | None, owed: Owed) -> list[ApprovalStatus]:
    """Those on the Promotion, of each plan that was approved; where it is gone, or there was none, the mark's."""
    known = list(claim.status.approvals) if claim else []
    if any(entry.plan_hash == owed.plan_hash for entry in known):
        return known
    by, at = owed.facts.get("approvedBy"), _instant(owed.facts.get("approvedAt"))
    if not isinstance(by, list) or at is None:
        return []
    # Who they were was checked when they said it, and noted on the Promotion alone.
    return [
        ApprovalStatus(
            by=str(who),
            at=at,
            plan_hash=owed.plan_hash,
            identity=str(who) if (who,) == AUTOMATIC else approval.UNVERIFIED,
        )
        for who in by
    ]


def _times(case: Case, claim: Claim | None, owed: Owed) -> RecordedTimes:
    status = claim.status if claim else None
    # What was noted by an operator that knew of one approval alone has that.
    moved = _instant(owed.facts.get("trafficAt")) or _instant(owed.facts.get("approvedAt"))
    back = None
    converged = find(case.status.conditions, "TrafficConverged")
    if owed.kind == ROLLBACK and converged is not None and converged.status == "True":
        back = converged.last_transition_time if converged.last_transition_time >= owed.at else None
    return RecordedTimes(
        started_at=status.started_at if status else None,
        approved_at=status.approved_at if status else moved,
        traffic_at=moved,
        promoted_at=_instant(owed.facts.get("promotedAt")),
        shifted_at=status.shifted_at if status else None,
        verified_at=_instant(owed.facts.get("verifiedAt")),
        ended_at=owed.at,
        back_at=back,
    )


def _durations(times: RecordedTimes, kind: str) -> dict[str, str]:
    shifted = times.shifted_at or times.promoted_at
    spans = {
        "untilApproval": (times.started_at, times.approved_at),
        "shift": (times.traffic_at, shifted),
        "verification": (shifted, times.verified_at or times.ended_at),
        "watch": (None if kind == LAUNCH else times.verified_at, times.ended_at),
        "goingBack": (times.ended_at, times.back_at),
        "total": (times.started_at or times.traffic_at, times.back_at or times.ended_at),
    }
    return {
        name: format_duration(end - begin)
        for name, (begin, end) in spans.items()
        if begin is not None and end is not None and end >= begin
    }


def _instant(value: object) -> datetime | None:
    return instants.parse(value) if isinstance(value, str) else None


def _read(kind: type[T], entries: object) -> list[T]:
    found = []
    for entry in entries if isinstance(entries, Sequence) and not isinstance(entries, str) else []:
        try:
            found.append(kind.model_validate(entry, extra="ignore"))
        except ValidationError:
            continue
    return found
