"""When a report is written, and where: one ConfigMap for each Promotion, written anew when its content has changed.

It is frozen by the approval: what was read is what stays. At the end a summary is added beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from slipway.api.conditions import Condition
from slipway.api.model import dump
from slipway.api.promotion_status import PromotionStatus, ReportStatus
from slipway.core import names
from slipway.core.charge import Claim
from slipway.core.conditions import condition, find
from slipway.core.decision import Probe, PublishReport
from slipway.core.promotion_status import Verdict
from slipway.core.report import where
from slipway.core.report.gather import gather
from slipway.core.report.markdown import render
from slipway.core.report.placement import place
from slipway.core.report.summary import render_summary
from slipway.core.revision import canonical, sha256
from slipway.core.scene import Scene
from slipway.core.snapshot import Object, Probed

AGAIN = timedelta(minutes=5)
"""A report that could not be written is tried again after so long; a new one at once."""

_APPROVE = "; approve: "
_SUMMED_UP = frozenset({"Watching", "Succeeded", "RolledBack", "Failed", "Aborted"})


@dataclass(frozen=True)
class Reported:
    """What becomes of the Promotions' statuses, and what is to be written."""

    verdicts: tuple[Verdict, ...]
    probes: tuple[Probe, ...]


def reported(scene: Scene, verdicts: Sequence[Verdict]) -> Reported:
    """The verdicts, with what is known of their reports; those that have ended still get their summary."""
    out: list[Verdict] = []
    probes: list[Probe] = []
    for verdict in verdicts:
        status, wanted, unwritten = _of(scene, verdict.claim, verdict.status)
        status = _pointed_at(scene, verdict.claim, status)
        probes.extend(wanted)
        if status.phase == "DryRunComplete" and unwritten and find(status.conditions, "Reported") is None:
            status = _unreported(verdict.claim, status)
        out.append(Verdict(verdict.claim, status, verdict.spec_patch))
    told = {verdict.claim.uid for verdict in verdicts}
    for claim in scene.case.claims:
        if claim.finished and not claim.deleting and claim.uid not in told:
            status, wanted = _with_summary(scene, claim, claim.status)
            probes.extend(wanted)
            if status != claim.status:
                out.append(Verdict(claim, status, {}))
    return Reported(tuple(out), tuple(probes))


def _unreported(claim: Claim, status: PromotionStatus) -> PromotionStatus:
    """A dry run ends when its report is there: that is what it is for."""
    words = f"{status.message}; the report is being written"
    conditions = claim.status.conditions
    return status.model_copy(
        update={"phase": "Checking", "message": words, "finished_at": None, "conditions": conditions}
    )


def _of(scene: Scene, claim: Claim, status: PromotionStatus) -> tuple[PromotionStatus, list[Probe], bool]:
    """The status, what is wanted for the report, and whether that is still to be written."""
    if status.phase in _SUMMED_UP:
        return *_with_summary(scene, claim, status), False
    course, trial = scene.course, scene.trials.get(claim.uid)
    candidate, consent = course.candidate, course.consent
    leads = course.is_led_by(claim) and not course.back
    plan = trial.plan if trial else course.plan if leads else None
    if candidate is None or plan is None or claim.spec is None:
        return status, [], False
    decided = candidate.marks.in_flight or course.entered is not None or (consent is not None and consent.granted)
    if decided and status.report is not None:
        return status, [], False
    stable = scene.case.lineage.stable
    looked_at = frozenset({candidate.name, *([stable.name] if stable else [])})
    placement = place(scene.case.snapshot, looked_at, scene.case.now)
    if placement.pending:
        # One that is written now would be another in a moment: as long as that it stays as it is.
        return status, [*placement.probes], True
    report = gather(scene, claim, claim.spec, candidate, plan.hash, status.checks, placement)
    if report is None:
        return status, [], False
    content = dump(report)
    digest = sha256(canonical(content))
    if status.report is not None and status.report.digest == digest:
        return _told(scene, claim, status, ""), [*placement.probes], False
    data = {
        "report.md": render(report),
        "report.json": json.dumps(content, indent=2, ensure_ascii=False) + "\n",
    }
    there, failure, wanted = _published(scene, claim, digest, data)
    # One that says what was a moment ago is none: nobody should decide on it.
    current = ReportStatus(config_map=names.report_name(claim.name), digest=digest) if there else None
    status = status.model_copy(update={"report": current})
    return _told(scene, claim, status, failure), [*wanted, *placement.probes], not there


def _pointed_at(scene: Scene, claim: Claim, status: PromotionStatus) -> PromotionStatus:
    """Who is asked to approve is told where the report is."""
    if status.phase != "AwaitingApproval" or status.report is None or _APPROVE not in status.message:
        return status
    report = where.command(scene.case.namespace, claim.name)
    message = status.message.replace(_APPROVE, f"; report: {report}{_APPROVE}", 1)
    return status.model_copy(update={"message": message[:4000]})


def _with_summary(scene: Scene, claim: Claim, status: PromotionStatus) -> tuple[PromotionStatus, list[Probe]]:
    # What is written stays so: every Promotion of the past comes by here in each pass.
    if status.report is None or status.summary is None or status.report.summary_digest:
        return status, []
    text = render_summary(claim.name, status.summary)
    digest = sha256(text.encode())
    there, _, wanted = _published(scene, claim, digest, {"summary.md": text})
    if there:
        status = status.model_copy(update={"report": status.report.model_copy(update={"summary_digest": digest})})
    return status, wanted


def _published(scene: Scene, claim: Claim, digest: str, data: Mapping[str, str]) -> tuple[bool, str, list[Probe]]:
    """Whether it is written, why not, and what is still wanted: a result until it is written down too."""
    now, seen_all = scene.case.now, scene.case.snapshot.observations
    written = object_of(claim, data)

    def probe(number: int, start: timedelta) -> PublishReport:
        key = f"report/{claim.uid}/{digest}/{number}"
        return PublishReport(key=key, due=now + start, object=written)

    first = probe(0, timedelta())
    seen = seen_all.get(first.key)
    if not isinstance(seen, Probed):
        return False, "", [first]
    if seen.passed:
        return True, "", [first]
    tries = int((now - seen.at) / AGAIN)
    latest = probe(tries, timedelta())
    last = seen_all.get(latest.key)
    if isinstance(last, Probed) and last.passed:
        return True, "", [first, latest]
    following = probe(tries + 1, seen.at + (tries + 1) * AGAIN - now)
    words = last.message if isinstance(last, Probed) else seen.message
    return False, words, [first, *([latest] if tries else []), following]


def object_of(claim: Claim, data: Mapping[str, str]) -> Object:
    """The ConfigMap with a Promotion's report: gone with the Promotion."""
    meta = claim.obj["metadata"]
    labels = {names.MANAGED_BY_LABEL: names.OPERATOR, names.REPORT_LABEL: "promotion"}
    if claim.spec is not None and claim.spec.idea is not None:
        labels[names.IDEA_LABEL] = claim.spec.idea.id
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": names.report_name(claim.name),
            "namespace": meta["namespace"],
            "labels": labels,
            "ownerReferences": [
                {
                    "apiVersion": names.API_VERSION,
                    "kind": "Promotion",
                    "name": claim.name,
                    "uid": claim.uid,
                    "controller": True,
                }
            ],
        },
        "data": dict(data),
    }


def _told(scene: Scene, claim: Claim, status: PromotionStatus, failure: str) -> PromotionStatus:
    """A report that cannot be written is no reason to stop; those who look for it are told."""
    kept: Iterable[Condition] = (c for c in status.conditions if c.type != "Reported")
    if not failure:
        return status.model_copy(update={"conditions": list(kept)})
    generation = int(claim.obj["metadata"].get("generation") or 0)
    made = condition(
        claim.status.conditions, "Reported", False, "NotWritten", failure[:1000], scene.case.now, generation
    )
    return status.model_copy(update={"conditions": [*kept, made]})
