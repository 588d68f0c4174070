"""What the operator writes, counted in the API server's audit log."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

OPERATOR = "system:serviceaccount:slipway-system:slipway"
AUDIT_DELAY = 1.0  # the log is written in batches


def between(audit_log: Path, start: float, end: float) -> Counter[str]:
    """The operator's writes in [start, end) in Unix seconds, by verb and resource. Its Lease is left out."""
    time.sleep(max(0.0, end + AUDIT_DELAY - time.time()))
    return Counter(
        f"{event['verb']} {_resource(event['objectRef'])}"
        for event in _events(audit_log)
        if event["user"]["username"] == OPERATOR
        and event["objectRef"]["resource"] != "leases"
        and start <= _instant(event["requestReceivedTimestamp"]) < end
    )


def _events(audit_log: Path) -> Iterator[dict[str, Any]]:
    for part in audit_log.parent.glob(f"{audit_log.stem}*{audit_log.suffix}"):  # it is rotated at 100 MB
        with part.open() as file:
            yield from (json.loads(line) for line in file if OPERATOR in line)


def _resource(ref: dict[str, str]) -> str:
    return "/".join(part for part in (ref["resource"], ref.get("subresource")) if part)


def _instant(text: str) -> float:
    return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC).timestamp()
