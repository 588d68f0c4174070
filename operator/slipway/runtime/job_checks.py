"""Runs the Job of a check or a migration: once, never beside another run of the same.

None is made without the guard on who asks for it.

All that is known of a run is in the cluster. A new operator finds the Job by its name and waits for the same end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from slipway.api.promotion import read_status
from slipway.cluster.api import Api, Object
from slipway.cluster.errors import AlreadyExists, APIError, Forbidden, Invalid, NotFound
from slipway.cluster.lease import NotLeader
from slipway.cluster.resources import ADMISSION_BINDINGS, JOBS, PODS, PROMOTIONS
from slipway.core import names
from slipway.core.charge import FINAL
from slipway.core.decision import JOB_CHECKS_GUARD, JobProbe
from slipway.core.literals import masked
from slipway.core.snapshot import Probed, Unverified
from slipway.runtime.observations import NoResult

POLL_SECONDS = 2.0
LINES, LINE_LENGTH = 6, 120
GUARD = JOB_CHECKS_GUARD


async def run(api: Api, probe: JobProbe, may_write: Callable[[], object]) -> Probed | Unverified:
    """The end of the Job, which is made when it is not there. `may_write` raises NotLeader in a replica that may not.

    Raises NoResult when this has to be tried again.
    """
    try:
        job = await _found_or_made(api, probe, may_write)
        if isinstance(job, Probed | Unverified):
            return job
        while (end := _end(job)) is None:
            await asyncio.sleep(POLL_SECONDS)  # one Job is not worth a watch
            try:
                job = await api.get(JOBS, probe.job["metadata"]["namespace"], probe.job["metadata"]["name"])
            except NotFound:
                if not probe.patient:
                    raise
                # Who deletes it wants it to end: what it has done so far nobody knows.
                words = f"Job {probe.job['metadata']['name']} was deleted before it had ended"
                return Probed(at=_now(), passed=False, message=words)
        return Probed(at=_now(), passed=end["type"] == "Complete", message=await _words(api, job, end))
    except (APIError, NotLeader) as error:
        raise NoResult(str(error)) from error


async def _found_or_made(api: Api, probe: JobProbe, may_write: Callable[[], object]) -> Object | Probed | Unverified:
    wanted = probe.job
    meta = wanted["metadata"]
    namespace, name = meta["namespace"], meta["name"]
    try:
        found = await api.get(JOBS, namespace, name)
    except NotFound:
        if not probe.make:
            return Unverified(at=_now(), message=f"Job {name} was not made: what it was wanted for was taken back")
        if (missing := await _unguarded(api, probe.guard)) is not None:
            return missing
        await _alone(api, probe, may_write)
        may_write()
        try:
            return await api.create(JOBS, dict(wanted))
        except AlreadyExists as error:
            raise NoResult(error.message) from error
        except Invalid as error:
            words = f"the API server refuses this Job: {masked(error.message)[:500]}"
            return Probed(at=_now(), passed=False, message=words)
        except Forbidden as error:
            return Unverified(at=_now(), message=f"the Job cannot be created: {masked(error.message)[:500]}")
    if not _ours(found, meta):
        return Probed(at=_now(), passed=False, message=f"Job {name} is there and was not made by Slipway: delete it")
    return found


async def _unguarded(api: Api, guard: str) -> Unverified | None:
    """Without the guard, whoever may write a Promotion could run pods by Slipway's hand."""
    try:
        await api.get(ADMISSION_BINDINGS, None, guard)
    except NotFound:
        words = f"no Job is created while the admission policy {guard} is missing: kubectl apply -k manifests/admission"
        return Unverified(at=_now(), message=words)
    return None


async def _alone(api: Api, probe: JobProbe, may_write: Callable[[], object]) -> None:
    """Wait until no other run of the check is left, its pods included; one that nobody asks for any more is deleted.

    That of a Promotion which is still open is waited for: two that stopped each other would never come to an end.
    """
    wanted = probe.job
    meta = wanted["metadata"]
    own = meta["labels"]
    series = ",".join(f"{label}={own[label]}" for label in (names.CHECK_OF_LABEL, names.CHECK_LABEL))
    others, _ = await api.list(JOBS, meta["namespace"], series)
    running = [job for job in others if _end(job) is None or job["metadata"].get("deletionTimestamp")]
    for job in running:
        there = job["metadata"]
        if not probe.patient and not there.get("deletionTimestamp") and await _needless(api, job, wanted):
            may_write()
            await api.delete(JOBS, meta["namespace"], there["name"], there["uid"], propagation="Foreground")
    if running:
        raise NoResult(f"Job {running[0]['metadata']['name']} of the same check has not ended")
    if probe.patient:
        pods, _ = await api.list(PODS, meta["namespace"], series)
        left = [pod for pod in pods if (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")]
        if left:
            raise NoResult(f"pod {left[0]['metadata']['name']} of an earlier Job has not ended")


async def _needless(api: Api, job: Object, wanted: Mapping[str, Any]) -> bool:
    """Whether a run belongs to an older plan of the same Promotion, or to a Promotion that has ended."""
    owners = job["metadata"].get("ownerReferences") or [{}]
    if owners[0].get("uid") == wanted["metadata"]["ownerReferences"][0]["uid"]:
        return True
    try:
        promotion = await api.get(PROMOTIONS, job["metadata"]["namespace"], str(owners[0].get("name")))
    except NotFound:
        return True
    return promotion["metadata"]["uid"] != owners[0].get("uid") or read_status(promotion).phase in FINAL


def _ours(job: Object, wanted: Mapping[str, Any]) -> bool:
    """The guard lets nobody else make a Job with our labels."""
    labels = job["metadata"].get("labels") or {}
    owners = {owner.get("uid") for owner in job["metadata"].get("ownerReferences") or []}
    return all(labels.get(key) == value for key, value in wanted["labels"].items()) and bool(
        owners & {owner["uid"] for owner in wanted["ownerReferences"]}
    )


def _end(job: Object) -> Object | None:
    conditions = (job.get("status") or {}).get("conditions") or []
    return next((c for c in conditions if c["type"] in ("Complete", "Failed") and c["status"] == "True"), None)


async def _words(api: Api, job: Object, end: Object) -> str:
    """How it ended, and the last lines that it wrote, without what looks like a secret."""
    namespace, name = job["metadata"]["namespace"], job["metadata"]["name"]
    if end["type"] == "Complete":
        words = f"Job {name} succeeded"
    elif end.get("reason") == "DeadlineExceeded":
        seconds = job["spec"].get("activeDeadlineSeconds")
        words = f"Job {name} had not finished after {seconds} s and was stopped: give it a longer timeout, or mend it"
    else:
        words = f"Job {name} failed ({end.get('reason') or 'Failed'})"
    try:
        pods, _ = await api.list(PODS, namespace, f"batch.kubernetes.io/controller-uid={job['metadata']['uid']}")
        pods.sort(key=lambda pod: str(pod["metadata"].get("creationTimestamp")))
        text = await api.log(namespace, pods[-1]["metadata"]["name"], LINES) if pods else ""
    except APIError:
        # A node that does not answer, or several containers: how it ended is known all the same.
        return f"{words}; see kubectl -n {namespace} logs job/{name} --all-containers"
    lines = [masked(" ".join(line.split()))[:LINE_LENGTH] for line in text.splitlines()[-LINES:]]
    return f"{words}; its last lines: {' | '.join(lines)}" if lines else words


def _now() -> datetime:
    return datetime.now(UTC)
