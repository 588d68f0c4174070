"""Notices: what people are told of a Promotion by way of channels, each recorded in its status before it is sent.

A notice enters the status in the same write as the change that it tells of. The next pass wants a NoticeProbe for
each delivery that has no result, and its result goes into the status. So a crash loses no notice, at worst
one is sent twice, and at rest nothing is sent or written. Nothing about traffic looks at any of this.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from slipway.api.model import dump, read_lenient
from slipway.api.notice import DeliveryStatus, NoticeStatus
from slipway.api.promotion_status import PromotionStatus
from slipway.core import cdevents, instants, notice_words
from slipway.core.charge import Claim
from slipway.core.decision import CommitPromotionStatus, Decision, NoticeProbe, PatchPromotionSpec
from slipway.core.news import News, news
from slipway.core.notice_routes import ENDED, SHARE
from slipway.core.revision import Revision
from slipway.core.scene import Scene
from slipway.core.snapshot import Observation, Probed

KEPT = 20
"""Notices in a status; the newest are kept."""
FEW = 6
"""How often an event is told within `repeatAfter`, however different its occasions: people would stop listening."""
ONCE = frozenset({"Planned", "RolledBack", "Failed", "Launched", "WatchClosed", "LearningsDue", SHARE, ENDED})
"""Events that happen once in the life of a Promotion, of its candidate or of a share, and are always told."""
FOR_GOOD = frozenset({"AfterRollback"})
"""Events whose occasion comes once: however late it is found again, it is not told again."""
MOST_NAMED = 10
"""Channels that a Promotion may add, and issues that are told of."""
_ISSUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def tell(scene: Scene, decision: Decision) -> Decision:
    """The same decision, with the notices that follow from what it writes, and with those that are still to be sent."""
    writes = list(decision.writes)
    committed = {write.uid: at for at, write in enumerate(writes) if isinstance(write, CommitPromotionStatus)}
    patched = {write.uid for write in writes if isinstance(write, PatchPromotionSpec)}
    probes: list[NoticeProbe] = []
    for claim in scene.case.claims:
        before = claim.status.notices
        notices = [_settled(scene, claim, notice) for notice in before]
        # What the status does not know as settled stays wanted, so that its result is kept until it does.
        probes += [probe for notice in before for probe in _wanted(scene, claim, notice)]
        at = committed.get(claim.uid)
        write = writes[at] if at is not None else None
        if at is not None and isinstance(write, CommitPromotionStatus):
            notices += _new(scene, claim, write.status, notices)
            writes[at] = replace(write, status=_with(write.status, notices))
        elif notices != before and claim.uid not in patched:
            # A patch of the spec in this pass gives it another resourceVersion: the next pass writes this.
            writes.append(_commit(claim, notices))
    # In the order in which it happened, since that is the one in which people want to hear it.
    found = {probe.key: probe for probe in (*decision.probes, *probes)}
    return replace(decision, writes=tuple(writes), probes=tuple(found.values()))


def _commit(claim: Claim, notices: Sequence[NoticeStatus]) -> CommitPromotionStatus:
    meta = claim.obj["metadata"]
    return CommitPromotionStatus(
        name=meta["name"],
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        status=_with(claim.obj.get("status") or {}, notices),
    )


def _with(status: Mapping[str, Any], notices: Sequence[NoticeStatus]) -> Mapping[str, Any]:
    kept = [dump(notice) for notice in notices[-KEPT:]]
    return {**status, "notices": kept} if kept else status


# --- What was sent --------------------------------------------------------------------------------------------


def _wanted(scene: Scene, claim: Claim, notice: NoticeStatus) -> Iterator[NoticeProbe]:
    """A probe for each delivery that is recorded and has no result."""
    for delivery in notice.deliveries:
        if delivery.delivered is None:
            yield NoticeProbe(
                key=_key(claim, notice, delivery),
                due=scene.case.now,
                channel=delivery.channel,
                event=notice.event,
                values=_values(scene, claim, notice)
                | {"issue": delivery.issue}
                | _as_cd_event(claim, notice, delivery),
            )


def _key(claim: Claim, notice: NoticeStatus, delivery: DeliveryStatus) -> str:
    return f"notice/{claim.uid}/{notice.event}/{instants.render(notice.at)}/{delivery.channel}/{delivery.issue}"


def _values(scene: Scene, claim: Claim, notice: NoticeStatus) -> dict[str, str]:
    target = claim.status.target
    said = claim.spec.communication if claim.spec else None
    return {
        "namespace": scene.case.namespace,
        "promotion": claim.name,
        "rollout": scene.case.name,
        "environment": scene.case.environment,
        "revision": target.revision if target else "",
        "version": (claim.spec.version if claim.spec else None) or "",
        "subject": notice_words.subject(scene, claim, claim.status),
        "time": instants.render(notice.at),
        "text": notice.text,
        "statusPage": notice.status_page,
        "changelog": (said.changelog if said else None) or "",
        "releaseNotes": (said.release_notes if said else None) or "",
        "issues": ", ".join(said.issues) if said else "",
    }


def _as_cd_event(claim: Claim, notice: NoticeStatus, delivery: DeliveryStatus) -> dict[str, str]:
    if delivery.channel != cdevents.CHANNEL or notice.cd_event is None:
        return {}
    about = notice.cd_event
    outcome = "success" if claim.status.phase == "Succeeded" else "failure"
    return {
        "cdEvent": about.type,
        "artifactId": about.artifact_id,
        "outcome": outcome if about.type.endswith(".finished") else "",
        "id": _key(claim, notice, delivery),
    }


def _settled(scene: Scene, claim: Claim, notice: NoticeStatus) -> NoticeStatus:
    """With the results that are known by now."""
    seen = scene.case.snapshot.observations
    deliveries = [_delivery(d, seen.get(_key(claim, notice, d))) for d in notice.deliveries]
    return notice if deliveries == notice.deliveries else notice.model_copy(update={"deliveries": deliveries})


def _delivery(delivery: DeliveryStatus, seen: Observation | None) -> DeliveryStatus:
    if delivery.delivered is not None or not isinstance(seen, Probed):
        return delivery
    message = "" if seen.passed else seen.message[:300]
    at = instants.whole_milliseconds(seen.at)
    return delivery.model_copy(update={"delivered": seen.passed, "at": at, "message": message})


# --- What is new ----------------------------------------------------------------------------------------------


def _new(
    scene: Scene, claim: Claim, status: Mapping[str, Any], known: Sequence[NoticeStatus]
) -> Iterator[NoticeStatus]:
    after = read_lenient(PromotionStatus, status)
    moved = _moved(scene, claim)
    for one in news(scene, claim, after, moved):
        deliveries = _deliveries(scene, claim, one.event)
        if deliveries and not _told(scene, one, known):
            yield NoticeStatus(
                event=one.event,
                at=scene.case.now,
                occasion=one.occasion,
                text=notice_words.text(one.event, scene, claim, after),
                status_page=notice_words.status_page(one.event, scene, moved),
                cd_event=cdevents.told(scene, one.event, moved) if _is_cd_event(deliveries) else None,
                deliveries=deliveries,
            )


def _is_cd_event(deliveries: Sequence[DeliveryStatus]) -> bool:
    return any(delivery.channel == cdevents.CHANNEL and delivery.delivered is None for delivery in deliveries)


def _deliveries(scene: Scene, claim: Claim, event: str) -> list[DeliveryStatus]:
    routes, environment = scene.case.snapshot.settings.notices, scene.case.environment
    said = claim.spec.communication if claim.spec else None
    named, issues = (said.notify[:MOST_NAMED], said.issues[:MOST_NAMED]) if said else ([], [])
    found = []
    for channel in routes.channels(environment, event, named):
        refusal = routes.refusal(environment, event, channel)
        if channel in routes.per_issue and not refusal:
            found += [_delivery_for(scene, channel, issue, _no_issue(issue)) for issue in dict.fromkeys(issues)]
        else:
            found.append(_delivery_for(scene, channel, "", refusal))
    return found


def _delivery_for(scene: Scene, channel: str, issue: str, refusal: str) -> DeliveryStatus:
    if not refusal:
        return DeliveryStatus(channel=channel, issue=issue)
    return DeliveryStatus(channel=channel, issue=issue, delivered=False, at=scene.case.now, message=refusal)


def _no_issue(text: str) -> str:
    """Why a text cannot be an issue's id, which becomes part of a URL; '' when it can."""
    return "" if _ISSUE.fullmatch(text) else f"spec.communication.issues: {text[:40]!r} is no id such as SHOP-311 or 42"


def _told(scene: Scene, one: News, known: Sequence[NoticeStatus]) -> bool:
    """Whether the same was told, for most events a short while ago, or the event has been told too often."""
    if one.event in ONCE:
        return False
    since = scene.case.now - scene.case.snapshot.settings.notices.repeat_after
    same = [notice for notice in known if notice.event == one.event]
    lately = [notice for notice in same if notice.at > since]
    counts = same if one.event in FOR_GOOD else lately
    return len(lately) >= FEW or any(notice.occasion == one.occasion for notice in counts)


def _moved(scene: Scene, claim: Claim) -> Revision | None:
    """The revision that had traffic under this Promotion."""
    for revision in scene.course.lineage.revisions.values():
        approved = revision.marks.approved
        if approved is not None and approved.promotion_uid == claim.uid:
            return revision
    return None
