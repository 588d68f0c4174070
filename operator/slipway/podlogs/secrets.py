"""Whether lines of a revision's logs look like secrets: how many, and of which kinds. Never which."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import re2

from slipway.cluster.api import Api
from slipway.cluster.errors import APIError, Forbidden
from slipway.cluster.resources import REVISION_LABEL
from slipway.core.decision import SecretProbe
from slipway.core.literals import SHAPES, literal
from slipway.core.snapshot import Probed, Unverified
from slipway.podlogs import lines, pods
from slipway.podlogs.lines import Partial, Unreadable
from slipway.podlogs.reading import GRANT, each

SECONDS = 5.0
"""Of the processor, for one log."""

# With what was written for the secret as their first group: it may be masked.
_WRITTEN = {
    "password in an address": r"://[^\s/:@]{0,256}:([^\s/@]{1,256})@",
    "password": r"""(?i)(?:password|passwd|passphrase)(?:["']?=["']?|"\s?:\s?")([^\s"',;&]{4,256})""",
    "bearer token": r"(?i)\bbearer\s+([A-Za-z0-9._~+/-]{20,})",
}
_KINDS = {kind: re2.compile(shape.encode()) for kind, shape in (_WRITTEN | SHAPES).items()}
_ANY = re2.compile("|".join(f"(?:{shape})" for shape in (_WRITTEN | SHAPES).values()).encode())
_MASKED = re2.compile(
    rb"(?i)[*x.#-]+|[<\[{(].*|null|none|nil|empty|(redacted|masked|hidden|removed|filtered)\W*|%[a-z]"
)


@dataclass(frozen=True)
class _Found:
    """Of one log. `cut`: it is longer than what was read of it."""

    pod: str
    read: int
    suspicious: int
    kinds: frozenset[str]
    cut: bool


async def scan(api: Api, namespace: str, probe: SecretProbe) -> Probed | Unverified:
    """Look through all that the containers of a revision have logged since they started, as far as there is room."""
    at = datetime.now(UTC)

    async def look(pod: str, container: str, limit: int) -> _Found:
        body = await api.log_since(namespace, pod, container, None, limit)
        return await asyncio.to_thread(_look, pod, body, limit)

    try:
        found = await pods.running(api, namespace, probe.rollout, probe.revision)
        logs = await each([log for pod in found for log in pods.containers(pod)], look)
    except (Partial, Unreadable) as error:
        return Unverified(at=at, message=str(error))
    except Forbidden:
        return Unverified(at=at, message=GRANT)
    except APIError as error:
        return Unverified(at=at, message=f"the pods cannot be listed (HTTP {error.status})")
    return _result(at, namespace, probe, len(found), logs)


def _result(
    at: datetime, namespace: str, probe: SecretProbe, count: int, logs: Sequence[_Found]
) -> Probed | Unverified:
    read, suspicious = sum(log.read for log in logs), sum(log.suspicious for log in logs)
    if suspicious:
        where = len({log.pod for log in logs if log.suspicious})
        kinds = ", ".join(sorted({kind for log in logs for kind in log.kinds}))
        command = f"kubectl -n {namespace} logs -l {REVISION_LABEL}={probe.revision} --all-containers --tail=-1"
        look = f"{_of(suspicious, where)} {'look' if suspicious > 1 else 'looks'} like secrets ({kinds})"
        return Probed(at=at, passed=False, message=f"{look}; look at them: {command}")
    if any(log.cut for log in logs):
        return Unverified(at=at, message=f"the logs are longer than what is read of them ({_of(read, count)})")
    if not read:
        words = "the pods have logged nothing yet; if they never do, say so in spec.checks with notApplicable"
        return Unverified(at=at, message=words)
    return Probed(
        at=at, passed=True, message=f"{_of(read, count)} {'do' if read > 1 else 'does'} not look like secrets"
    )


def _of(number: int, count: int) -> str:
    return f"{number} line{'s' if number > 1 else ''} of {count} pod{'s' if count > 1 else ''}"


def _look(pod: str, body: bytes, limit: int) -> _Found:
    cut = len(body) >= limit
    until = time.thread_time() + SECONDS
    kinds: set[str] = set()
    read = suspicious = 0
    # A last line that is still being written is looked at too.
    for line in lines.read(body if cut or body.endswith(b"\n") else body + b"\n" * bool(body)):
        read += 1
        if _ANY.search(line.text) and (seen := kinds_of(line.text)):
            kinds |= seen
            suspicious += 1
        if time.thread_time() > until:
            raise Unreadable("its log takes too long to look through")
    return _Found(pod, read, suspicious, frozenset(kinds), cut)


def kinds_of(text: bytes) -> set[str]:
    """The kinds of secrets that a line seems to have."""
    return {kind for kind, shape in _KINDS.items() if any(_is_one(match) for match in shape.finditer(text))}


def _is_one(match: re2._Match) -> bool:
    if not match.re.groups:
        return True
    written = match.group(1)
    return not _MASKED.fullmatch(written) and literal(written.decode("utf-8", "replace"))
