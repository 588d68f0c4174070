"""Smoke tests: on the candidate before any traffic, after the switch, and again while verifying and watching.

The operator dials pods of this namespace only, at the addresses that the kubelet reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from slipway.api.rollout import SmokeTest, SmokeTestStatus
from slipway.core import instants, names, smoke_job
from slipway.core.decision import HttpProbe, JobProbe, Probe, TcpProbe
from slipway.core.revision import Revision, canonical, sha256
from slipway.core.snapshot import Object, Observation, Probed, Unverified
from slipway.core.world import Pod

REPEATED = 2
"""So many failures in a row, after the switch, send traffic back: one lost packet does not."""

TCP_TIMEOUT = timedelta(seconds=5)
RETRY = timedelta(seconds=30)
"""After so long it is tried again to run what could not be run, where tests are not repeated sooner anyway."""


@dataclass(frozen=True)
class Occasion:
    """Why the tests run: the revision, from when on results count, and whether they are repeated.

    `service` is the Service that selects the revision then. `failed_every`: what has failed is repeated too, where
    nobody can ask for that.
    """

    revision: str
    name: str
    since: datetime
    every: timedelta | None
    service: str = ""
    failed_every: timedelta | None = None


@dataclass(frozen=True)
class Tested:
    """What the tests are run on: a revision of the Rollout, and its pods."""

    rollout: Object
    revision: Revision
    pods: Sequence[Pod]


def due(test: SmokeTest, status: SmokeTestStatus | None, occasion: Occasion) -> datetime | None:
    """When a test runs next; None: its result stands."""
    if status is None or status.at is None or not _counts(test, status, occasion):
        return occasion.since
    every = occasion.every
    if status.verdict == "Fail" and occasion.failed_every is not None:
        every = min(every, occasion.failed_every) if every is not None else occasion.failed_every
    if status.verdict == "Error":
        every = min(every, RETRY) if every is not None else RETRY
    return status.at + every if every is not None else None


def _counts(test: SmokeTest, status: SmokeTestStatus, occasion: Occasion) -> bool:
    of_this = status.revision == occasion.revision and status.edition in ("", edition(test))
    return of_this and status.at is not None and status.at >= occasion.since


def key(test: SmokeTest, occasion: Occasion, at: datetime) -> str:
    """The identity of one run."""
    return f"smoke/{test.name}/{occasion.revision}/{occasion.name}/{instants.render(at)}/{edition(test)}"


def edition(test: SmokeTest) -> str:
    """Tells a test from what it was before somebody edited it: what passed then says nothing of what it asks now."""
    text = test.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return sha256(canonical(text)).removeprefix("sha256:")[:10]


def fold_all(
    statuses: Iterable[SmokeTestStatus],
    tests: Sequence[SmokeTest],
    occasion: Occasion,
    observations: Mapping[str, Observation],
) -> list[SmokeTestStatus]:
    """The state of every test with what has run since. Results of another occasion stay visible but do not count."""
    out = []
    for test, status in _known(statuses, tests):
        at = due(test, status, occasion)
        seen = observations.get(key(test, occasion, at)) if at is not None else None
        if at is not None and isinstance(seen, Probed | Unverified):
            failures = status.failures if status and _counts(test, status, occasion) else 0
            # What could not be run has not passed, and says nothing against the revision either.
            verdict = "Error" if isinstance(seen, Unverified) else "Pass" if seen.passed else "Fail"
            status = SmokeTestStatus(
                name=test.name,
                revision=occasion.revision,
                edition=edition(test),
                verdict=verdict,
                at=max(instants.whole_milliseconds(seen.at), at),
                message=seen.message[:1000],
                failures={"Pass": 0, "Fail": failures + 1, "Error": failures}[verdict],
            )
        out.append(status or SmokeTestStatus(name=test.name, verdict="Pending", message=_running(test)))
    return out


def kept(statuses: Iterable[SmokeTestStatus], tests: Sequence[SmokeTest]) -> list[SmokeTestStatus]:
    """The state of every test while none can run."""
    return [status or SmokeTestStatus(name=test.name, verdict="Pending") for test, status in _known(statuses, tests)]


def _known(
    statuses: Iterable[SmokeTestStatus], tests: Sequence[SmokeTest]
) -> Iterable[tuple[SmokeTest, SmokeTestStatus | None]]:
    by_name = {status.name: status for status in statuses}
    for test in tests:
        status = by_name.get(test.name)
        ran = status is not None and status.at is not None and status.edition in ("", edition(test))
        yield test, status if ran else None


def _running(test: SmokeTest) -> str:
    if test.job is None:
        return ""
    return f"its Job has not ended; look at it: kubectl describe job -l {names.SMOKE_TEST_LABEL}={test.name}"


def probes(
    tests: Sequence[SmokeTest],
    statuses: Iterable[SmokeTestStatus],
    occasion: Occasion,
    tested: Tested,
) -> list[Probe]:
    """The runs that are wanted now, against the ready pods of the revision."""
    pods, ports = tested.pods, tested.revision.ports
    by_name = {status.name: status for status in statuses}
    out: list[Probe] = []
    for test in tests:
        at = due(test, by_name.get(test.name), occasion)
        if at is None:
            continue
        run = key(test, occasion, at)
        if test.http is not None:
            http = test.http
            addresses = [
                (pod.ip, number)
                for pod in pods
                if pod.ready and pod.ip and (number := target_port(http.port, ports, pod)) is not None
            ]
            if not addresses:
                # Watches have no order: a pod may be seen later than its endpoint. Without one there is nothing to ask.
                continue
            out.append(
                HttpProbe(
                    key=run,
                    due=at,
                    addresses=tuple(addresses),
                    path=http.path,
                    expect_status=http.expect_status,
                    expect_body=http.expect_body,
                    timeout=http.timeout,
                )
            )
        elif test.tcp is not None:
            out.append(TcpProbe(key=run, due=at, service=test.tcp.service, port=test.tcp.port, timeout=TCP_TIMEOUT))
        elif test.job is not None:
            made = smoke_job.run(test.name, test.job, tested.rollout, tested.revision, occasion.service, run)
            out.append(JobProbe(key=run, due=at, job=made))
    return out


def target_port(port: int | str, ports: Sequence[Mapping[str, Any]], pod: Pod) -> int | None:
    """The pod's port behind a port of the Service, named or numbered."""
    for entry in ports:
        if port in (entry.get("name"), entry.get("port")):
            target = entry.get("targetPort", entry.get("port"))
            return target if isinstance(target, int) else pod.ports.get(str(target))
    return None


def unmet(tests: Sequence[SmokeTest], statuses: Iterable[SmokeTestStatus], occasion: Occasion) -> str:
    """Which test has not passed on this occasion; '' when all have."""
    by_name = {status.name: status for status in statuses}
    for test in tests:
        status = by_name.get(test.name)
        if status is None or not _counts(test, status, occasion):
            return f"smoke test {test.name} has not run yet"
        if status.verdict != "Pass":
            return f"smoke test {test.name}: {status.message}"
    return ""


def broken(tests: Sequence[SmokeTest], statuses: Iterable[SmokeTestStatus], occasion: Occasion) -> str:
    """Why the tests send traffic back; '' when they do not."""
    by_name = {test.name: test for test in tests}
    for status in statuses:
        test = by_name.get(status.name)
        if test is not None and _counts(test, status, occasion) and status.failures >= REPEATED:
            return f"smoke test {status.name} failed {status.failures} times in a row: {status.message}"
    return ""
