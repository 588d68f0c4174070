"""Runs Jobs of checks, smoke tests and migrations: once, never beside another run of the same one, and never without
the guard on who asks.

All that is known of a run is in the cluster. A new operator finds the Job by its name and waits for the same end.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from weakref import WeakValueDictionary

from slipway.api.promotion_status import read_status
from slipway.cluster.api import Api, Object
from slipway.cluster.errors import AlreadyExists, APIError, Forbidden, Invalid, NotFound
from slipway.cluster.lease import NotLeader
from slipway.cluster.resources import ADMISSION_BINDINGS, JOBS, PODS, PROMOTIONS, SERVICES
from slipway.core import instants, names
from slipway.core.charge import FINAL
from slipway.core.decision import JobProbe
from slipway.core.literals import masked
from slipway.core.snapshot import Probed, Unverified
from slipway.runtime.observations import NoResult

POLL_SECONDS = 2.0
LINES, LINE_LENGTH = 6, 120
MIGRATIONS_GUARD = "slipway-migrations"
GUARDS = {
    # First: all steps of the migrations of a Rollout are one series under the label of checks.
    names.MIGRATION_LABEL: MIGRATIONS_GUARD,
    names.CHECK_LABEL: "slipway-job-checks",
    names.SMOKE_TEST_LABEL: "slipway-smoke-jobs",
    names.AFTER_ROLLBACK_LABEL: "slipway-after-rollback-jobs",
}
"""By a label of the Job: the admission policy that lets only those who may create Jobs ask for it."""
SERIES = (names.CHECK_OF_LABEL, names.CHECK_LABEL, names.SMOKE_TEST_LABEL, names.AFTER_ROLLBACK_LABEL)
"""The labels whose values name a series, of which one runs at a time."""


class JobRunner:
    """Runs Jobs. `may_write` raises NotLeader in a replica that may not."""

    def __init__(self, api: Api, may_write: Callable[[], object]) -> None:
        self._api = api
        self._may_write = may_write
        self._awaited: Counter[tuple[str, str]] = Counter()
        self._starting: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def run(self, probe: JobProbe) -> Probed | Unverified:
        """The end of the Job, which is made when it is not there. Raises NoResult when this has to be tried again."""
        meta = probe.job["metadata"]
        awaited = meta["namespace"], meta["name"]
        self._awaited[awaited] += 1
        try:
            job = await self._found_or_made(probe)
            if isinstance(job, Probed | Unverified):
                return job
            while (end := _end(job)) is None:
                await asyncio.sleep(POLL_SECONDS)  # one Job is not worth a watch
                try:
                    job = await self._api.get(JOBS, *awaited)
                except NotFound:
                    if not probe.patient:
                        raise
                    # Who deletes it wants it to end: what it has done so far nobody knows.
                    deleted = f"Job {meta['name']} was deleted before it had ended"
                    return Probed(at=_now(), passed=False, message=deleted)
            words = await _words(self._api, job, end)
            return Probed(at=_ended_at(end), passed=end["type"] == "Complete", message=words)
        except (APIError, NotLeader) as error:
            raise NoResult(str(error)) from error
        finally:
            self._awaited -= Counter([awaited])

    async def _found_or_made(self, probe: JobProbe) -> Object | Probed | Unverified:
        meta = probe.job["metadata"]
        namespace, name = meta["namespace"], meta["name"]
        try:
            found = await self._api.get(JOBS, namespace, name)
        except NotFound:
            if not probe.make:
                return Unverified(at=_now(), message=f"Job {name} was not made: what it was wanted for was taken back")
            # Two that look for each other at the same time would both see nothing.
            lock = self._starting.setdefault(f"{namespace}/{_series(meta)}", asyncio.Lock())
            async with lock:
                return await self._made(probe)
        if not _ours(found, meta):
            return Probed(
                at=_now(), passed=False, message=f"Job {name} is there and was not made by Slipway: delete it"
            )
        return found

    async def _made(self, probe: JobProbe) -> Object | Probed | Unverified:
        wanted = probe.job
        if (missing := await _unguarded(self._api, wanted)) is not None:
            return missing
        if (published := await _published(self._api, wanted)) is not None:
            return published
        await self._alone(probe)
        self._may_write()
        try:
            return await self._api.create(JOBS, dict(wanted))
        except AlreadyExists as error:
            raise NoResult(error.message) from error
        except Invalid as error:
            words = f"the API server refuses this Job: {masked(error.message)[:500]}"
            return Probed(at=_now(), passed=False, message=words)
        except Forbidden as error:
            return Unverified(at=_now(), message=f"the Job cannot be created: {masked(error.message)[:500]}")

    async def _alone(self, probe: JobProbe) -> None:
        """Wait until no other run of the same is left, its pods included; one that nobody asks for any more is deleted.

        One that is asked for is waited for: two that stopped each other would never come to an end.
        """
        wanted = probe.job
        meta = wanted["metadata"]
        others, _ = await self._api.list(JOBS, meta["namespace"], _series(meta))
        running = [job for job in others if _end(job) is None or job["metadata"].get("deletionTimestamp")]
        for job in running:
            there = job["metadata"]
            awaited = probe.patient or self._awaited[meta["namespace"], there["name"]] > 0
            if not awaited and not there.get("deletionTimestamp") and await _needless(self._api, job, wanted):
                self._may_write()
                await self._api.delete(JOBS, meta["namespace"], there["name"], there["uid"], propagation="Foreground")
        if running:
            raise NoResult(f"Job {running[0]['metadata']['name']} of the same check has not ended")
        if probe.patient:
            pods, _ = await self._api.list(PODS, meta["namespace"], _series(meta))
            left = [pod for pod in pods if (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")]
            if left:
                raise NoResult(f"pod {left[0]['metadata']['name']} of an earlier Job has not ended")


def _series(meta: Mapping[str, Any]) -> str:
    """The selector of all runs of the same."""
    own = meta["labels"]
    return ",".join(f"{label}={own[label]}" for label in SERIES if label in own)


async def _unguarded(api: Api, wanted: Mapping[str, Any]) -> Unverified | None:
    """Without the guard, whoever may write the object that asks could run pods by Slipway's hand."""
    guard = next(guard for label, guard in GUARDS.items() if label in wanted["metadata"]["labels"])
    try:
        await api.get(ADMISSION_BINDINGS, None, guard)
    except NotFound:
        words = f"no Job is created while the admission policy {guard} is missing: kubectl apply -k manifests/admission"
        return Unverified(at=_now(), message=words)
    return None


async def _published(api: Api, wanted: Mapping[str, Any]) -> Probed | None:
    """Pods of smoke tests have the labels of a revision's and are never ready. Some Services do not mind that."""
    meta, template = wanted["metadata"], wanted["spec"]["template"]
    if names.SMOKE_TEST_LABEL not in meta["labels"]:
        return None
    services, _ = await api.list(SERVICES, meta["namespace"])
    for service in services:
        spec = service.get("spec") or {}
        selector = spec.get("selector") or {}
        if (
            spec.get("publishNotReadyAddresses")
            and selector
            and selector.items() <= template["metadata"]["labels"].items()
        ):
            name, labels = service["metadata"]["name"], ", ".join(f"{key}={value}" for key, value in selector.items())
            words = (
                f"Service {name} publishes pods that are not ready, and would send requests to this test: give the "
                f"Job's template labels of its own for what it selects ({labels})"
            )
            return Probed(at=_now(), passed=False, message=words)
    return None


async def _needless(api: Api, job: Object, wanted: Mapping[str, Any]) -> bool:
    """Whether a run that is not waited for belongs to who asks now, or to a Promotion that has ended."""
    owners = job["metadata"].get("ownerReferences") or [{}]
    if owners[0].get("uid") == wanted["metadata"]["ownerReferences"][0]["uid"] or owners[0].get("kind") != "Promotion":
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


def _ended_at(end: Object) -> datetime:
    """The same for whoever looks, also after a restart: when a test runs next is counted from here."""
    at = instants.parse(str(end.get("lastTransitionTime") or ""))
    return min(at, _now()) if at is not None else _now()


async def _words(api: Api, job: Object, end: Object) -> str:
    """How it ended, and the last lines that it wrote, without what looks like a secret."""
    namespace, name = job["metadata"]["namespace"], job["metadata"]["name"]
    succeeded = end["type"] == "Complete"
    if succeeded:
        words = f"Job {name} succeeded"
    elif end.get("reason") == "DeadlineExceeded":
        seconds = job["spec"].get("activeDeadlineSeconds")
        words = f"Job {name} had not finished after {seconds} s and was stopped: give it a longer timeout, or mend it"
    else:
        words = f"Job {name} failed ({end.get('reason') or 'Failed'})"
    try:
        pods, _ = await api.list(PODS, namespace, f"batch.kubernetes.io/controller-uid={job['metadata']['uid']}")
        pods.sort(key=lambda pod: str(pod["metadata"].get("creationTimestamp")))
        words += "" if succeeded else _counted(job, pods)
        text = await api.log(namespace, pods[-1]["metadata"]["name"], LINES) if pods else ""
    except APIError:
        # A node that does not answer, or several containers: how it ended is known all the same.
        return f"{words}; see kubectl -n {namespace} logs job/{name} --all-containers"
    lines = [masked(" ".join(line.split()))[:LINE_LENGTH] for line in text.splitlines()[-LINES:]]
    return f"{words}; its last lines: {' | '.join(lines)}" if lines else words


def _counted(job: Object, pods: list[Object]) -> str:
    """The exit code of the last try, and how many there were."""
    status = (pods[-1].get("status") or {}) if pods else {}
    ends = [
        (container.get("state") or {}).get("terminated") or {}
        for kind in ("initContainerStatuses", "containerStatuses")
        for container in status.get(kind) or []
    ]
    code = next((end["exitCode"] for end in ends if end.get("exitCode")), None)
    tries = int((job.get("status") or {}).get("failed") or 0)
    told = ([f"exit code {code}"] if code is not None else []) + ([f"tries: {tries}"] if tries else [])
    return f", {', '.join(told)}" if told else ""


def _now() -> datetime:
    return datetime.now(UTC)
