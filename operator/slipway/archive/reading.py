"""The launch records of a cluster, and the Promotions that name them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.api.record import Statement
from slipway.cluster.resources import CONFIG_MAPS, PROMOTIONS
from slipway.core import names
from slipway.core.record import chain
from slipway.core.record.sealing import read, statement_text

if TYPE_CHECKING:
    from slipway.cluster.client import Client

Object = dict[str, Any]


@dataclass(frozen=True)
class Chain:
    """All records of one Rollout, by their number, and all its Promotions."""

    namespace: str
    rollout: str
    records: list[Object]
    promotions: list[Object] = field(default_factory=list)

    @property
    def readable(self) -> Iterator[tuple[Object, Statement]]:
        """The records that can be read, with what they state."""
        for record in self.records:
            statement = read(statement_text(record))
            if statement is not None:
                yield record, statement


async def chains(
    kubeconfig: Path | None, context: str | None, namespace: str | None, rollout: str | None = None
) -> list[Chain]:
    """The chains of a namespace, or of all; of one Rollout, or of all. Raises APIError and NoCluster.

    A Rollout whose Promotions name records has a chain, though none of them may be left.
    """
    # Takes a second to be imported, which other commands of the program should not wait for.
    from slipway.cluster.client import Client

    client = Client(kubeconfig, context=context)
    try:
        return await chains_of(client, namespace, rollout)
    finally:
        await client.close()


async def chains_of(client: Client, namespace: str | None, rollout: str | None = None) -> list[Chain]:
    """The same over a connection that is there. Raises APIError."""
    selector = chain.selector(rollout) if rollout else names.RECORD_OF_LABEL
    (records, _), (promotions, _) = await asyncio.gather(
        client.list(CONFIG_MAPS, namespace, selector), client.list(PROMOTIONS, namespace)
    )
    by_rollout: dict[tuple[str, str], Chain] = {}
    for record in records:
        key = record["metadata"]["namespace"], record["metadata"]["labels"][names.RECORD_OF_LABEL]
        by_rollout.setdefault(key, Chain(*key, [])).records.append(record)
    for key, group in groupby(sorted(promotions, key=_key), _key):
        named = list(group)
        if key not in by_rollout and not any((p.get("status") or {}).get("records") for p in named):
            continue
        if rollout in (None, key[1]):
            by_rollout.setdefault(key, Chain(*key, [])).promotions.extend(named)
    for found in by_rollout.values():
        found.records.sort(key=lambda one: (chain.number_of(one), one["metadata"]["name"]))
    return [by_rollout[key] for key in sorted(by_rollout)]


def _key(promotion: Object) -> tuple[str, str]:
    return promotion["metadata"]["namespace"], str((promotion.get("spec") or {}).get("rollout") or "")
