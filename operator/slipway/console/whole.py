"""A Rollout with all that belongs to it: what a tree shows to people, and what programs are given."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from slipway.api.model import dump
from slipway.api.promotion_status import read_status
from slipway.api.rollout import RolloutStatus, SmokeTestStatus
from slipway.api.rollout import read_status as read_rollout_status
from slipway.cluster.api import Object, Objects
from slipway.cluster.errors import Forbidden
from slipway.cluster.resources import REVISION_LABEL
from slipway.console.session import Session


@dataclass(frozen=True)
class Revision:
    """A revision of a Rollout, by what it is to it now."""

    role: str
    """stable, candidate, next, previous or rejected."""
    name: str
    weight: int | None = None
    """Percent of the traffic; None where it takes none by its role."""
    message: str = ""
    """Why it was rejected."""


def revisions(status: RolloutStatus) -> Iterator[Revision]:
    """Those that the status names, what serves first."""
    moving = status.candidate.weight if status.candidate else 0
    if status.stable:
        yield Revision("stable", status.stable.revision, 100 - moving)
    if status.candidate:
        yield Revision("candidate", status.candidate.revision, moving)
    if status.next:
        yield Revision("next", status.next.revision)
    if status.previous:
        yield Revision("previous", status.previous.revision)
    if status.rejected and not (status.candidate and status.candidate.revision == status.rejected.revision):
        yield Revision("rejected", status.rejected.revision, message=status.rejected.reason)


def of_revision(objects: Sequence[Object], revision: str) -> Objects:
    """Those of the Deployments, or pods, that are of it."""
    return [one for one in objects if (one["metadata"].get("labels") or {}).get(REVISION_LABEL) == revision]


def smoke_tests(status: RolloutStatus) -> list[SmokeTestStatus]:
    """Those of the candidate; without any those of stable, while it is watched."""
    return status.smoke_tests or (status.watch.smoke_tests if status.watch is not None else [])


def promotions(rollout: Object, found: Sequence[Object]) -> Objects:
    """Those of this Rollout that are about something now: the one in charge, and what has not ended."""
    meta, charge = rollout["metadata"], read_rollout_status(rollout).promotion
    return [
        one
        for one in found
        if (one["metadata"]["namespace"], (one.get("spec") or {}).get("rollout")) == (meta["namespace"], meta["name"])
        and (one["metadata"]["name"] == charge or not read_status(one).finished_at)
    ]


def as_data(
    rollout: Object,
    mine: Sequence[Object],
    deployments: Sequence[Object],
    pods: Sequence[Object],
    unread: Sequence[str],
) -> Object:
    """The Rollout as kubectl prints it, and `tree` beside its `spec` and `status`.

    `unread`: what may not be read, in words, so that nobody takes it for what is not there.
    """
    status = read_rollout_status(rollout)
    tree: dict[str, Any] = {
        "revisions": [_revision(one, deployments, pods) for one in revisions(status)],
        "gates": [dump(gate) for gate in status.judged],
        "smokeTests": [dump(test) for test in smoke_tests(status)],
        "promotions": [_plain(one) for one in mine],
        "unread": list(unread),
    }
    return {**_plain(rollout), "tree": tree}


def _revision(one: Revision, deployments: Sequence[Object], pods: Sequence[Object]) -> Object:
    found: Object = {"role": one.role, "revision": one.name}
    if one.weight is not None:
        found["weight"] = one.weight
    if one.message:
        found["message"] = one.message
    for deployment in of_revision(deployments, one.name):
        found["deployment"] = _plain(deployment)
    return {**found, "pods": [_plain(pod) for pod in of_revision(pods, one.name)]}


def _plain(found: Object) -> Object:
    """As kubectl prints it: who manages which field is for machines of another kind."""
    return {**found, "metadata": {key: value for key, value in found["metadata"].items() if key != "managedFields"}}


async def read(session: Session, rollouts: Sequence[Object], name: str | None) -> Objects:
    """Each of these Rollouts with its tree. `name`: that of the only one; None where they may be any.

    Who may read Rollouts alone is given them all the same.
    """
    refused: list[str] = []
    try:
        found = await session.promotions(name) if rollouts else []
    except Forbidden as refusal:
        found, refused = [], [f"Promotions: {refusal}"]
    metas = [one["metadata"] for one in rollouts]
    workloads = await asyncio.gather(*(session.workload(str(one["namespace"]), str(one["name"])) for one in metas))
    return [
        as_data(one, promotions(one, found), there.deployments, there.pods, [*refused, *there.unread])
        for one, there in zip(rollouts, workloads, strict=True)
    ]
