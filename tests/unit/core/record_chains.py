"""Chains of launch records, as the operator writes them."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from slipway.api.record import (
    Predicate,
    RecordedObject,
    RecordedRevision,
    RecordedTimes,
    RecordLink,
    Statement,
    Subject,
)
from slipway.core.record import chain
from slipway.core.record.sealing import digest_of, seal

T = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
DAY = timedelta(days=1)
Object = dict[str, Any]


def statement(number: int, promotion: str = "", reason: str = "", **fields: Any) -> Statement:
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    name = promotion or f"web-{number}"
    predicate = Predicate(
        id=f"launch/uid-{name}/{digest[:10]}/{T + number * DAY:%Y-%m-%dT%H:%M:%SZ}",
        kind="launch",
        namespace="shop",
        rollout=RecordedObject(name="web", uid="uid"),
        environment="production",
        revision=RecordedRevision(name=digest[:10], digest=digest),
        promotion=RecordedObject(name=name, uid=f"uid-{name}"),
        outcome="Succeeded",
        reason=reason,
        times=RecordedTimes(ended_at=T + number * DAY),
    )
    predicate = predicate.model_copy(update=fields)
    return Statement(subject=[Subject(name="web", digest={"sha256": digest})], predicate=predicate)


def records(count: int, report: str | None = "# Report\n") -> list[Object]:
    found: list[Object] = []
    for number in range(1, count + 1):
        found.append(follow(found, statement(number), report))
        found[-1]["metadata"]["creationTimestamp"] = f"{T + number * DAY:%Y-%m-%dT%H:%M:%SZ}"
    return found


def follow(found: list[Object], new: Statement, report: str | None = None) -> Object:
    before = chain.last(found)
    link = before and RecordLink(
        config_map=before["metadata"]["name"], digest=digest_of(before["data"]["statement.json"])
    )
    return seal(new, chain.number_of(before) + 1 if before else 1, link or None, report)


def promotions(found: list[Object]) -> list[Object]:
    """As they name their records."""
    out = []
    for obj in found:
        predicate = json.loads(obj["data"]["statement.json"])["predicate"]
        record = {
            "configMap": obj["metadata"]["name"],
            "digest": digest_of(obj["data"]["statement.json"]),
            "id": predicate["id"],
        }
        about = predicate["promotion"]
        out.append({"metadata": {"name": about["name"], "uid": about["uid"]}, "status": {"records": [record]}})
    return out
