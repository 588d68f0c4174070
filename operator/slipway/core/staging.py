"""Staging before production: the images of a Promotion must be stable and proven in the Rollout that `from` names.

Read from the marks on that Rollout's ControllerRevisions, as here: its status is only a cache, and people with the
right to edit its namespace cannot write marks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from slipway.api.check_status import CheckStatus
from slipway.api.duration import format_duration
from slipway.api.origin import Origin
from slipway.core import instants, names, revision
from slipway.core.case import Case
from slipway.core.checking import Result, Subjects, outcome
from slipway.core.containers import containers as walk
from slipway.core.lineage import trace
from slipway.core.marks import AUTOMATIC
from slipway.core.revision import Revision
from slipway.core.snapshot import OriginState

NAME = "staging"
SHOWN = 3
"""So many differences are named."""


@dataclass(frozen=True)
class Proof:
    """The stable revision of the Rollout that `from` names; or, in `problem`, why none of it proves anything."""

    problem: str = ""
    stable: Revision | None = None


def check(
    case: Case, about: Subjects, origin: Origin, within: timedelta | None = None, soak: timedelta | None = None
) -> tuple[CheckStatus, datetime | None]:
    """Whether the candidate's images are stable there, and the instant at which time alone changes the answer.

    `within`: how long ago they may have been verified at most. `soak`: how long they must have been stable at least.
    """
    proof = prove(case, origin)
    if proof.stable is None or proof.stable.marks.verified_at is None:
        return outcome(NAME, "Quality", Result.FAILED, proof.problem), None
    stable, verified, where = proof.stable, proof.stable.marks.verified_at, _where(case, origin)
    evidence = f"{where} {stable.name}"
    differs = difference(images_of(about.candidate.template), images_of(stable.template))
    if differs:
        message = f"{where} has revision {stable.name} as stable, which differs: {differs}"
        return outcome(NAME, "Quality", Result.FAILED, message, evidence), None
    at = instants.render(verified)
    until = verified + within if within is not None else None
    if within is not None and until is not None and case.now > until:
        message = (
            f"revision {stable.name} of {where} was verified at {at}, more than {format_duration(within)} ago: "
            "launch it there again"
        )
        return outcome(NAME, "Quality", Result.FAILED, message, evidence), None
    since = max(verified, stable.marks.returned_at or verified)
    ripe = since + soak if soak is not None else None
    if soak is not None and ripe is not None and case.now < ripe:
        message = (
            f"revision {stable.name} of {where} is stable since {instants.render(since)}: its soak of "
            f"{format_duration(soak)} is over at {instants.render(ripe)}"
        )
        return outcome(NAME, "Quality", Result.PENDING, message, evidence), ripe
    message = f"revision {stable.name} of {where} has these images; promoted {_by(stable)}, verified at {at}"
    return outcome(NAME, "Quality", Result.PASSED, message, evidence), until


def prove(case: Case, origin: Origin) -> Proof:
    """What is stable in the named Rollout. Nothing is said of a namespace that does not allow it."""
    namespace = origin.namespace or case.namespace
    own = namespace == case.namespace
    if own and origin.rollout == case.name:
        return Proof("spec.from names the Rollout itself: name the one of the environment before this one")
    watched = case.snapshot.settings.namespaces
    if watched and namespace not in watched:
        return Proof(
            f"spec.from: this operator does not look at namespace {namespace}: an administrator adds it to "
            "`namespaces` of its configuration"
        )
    state = next((o for o in case.snapshot.origins if (o.namespace, o.name) == (namespace, origin.rollout)), None)
    if not own and (state is None or case.namespace not in allowed(state.annotations)):
        return Proof(
            f"spec.from: namespace {namespace} does not say that its images may go to namespace {case.namespace}; an "
            f"administrator allows it: kubectl annotate namespace {namespace} "
            f"{names.PROMOTE_TO_ANNOTATION}={case.namespace} (several are separated by commas)"
        )
    rollout = state.rollout if state is not None else None
    if state is None or rollout is None or rollout["metadata"].get("deletionTimestamp"):
        return Proof(f"spec.from: there is no Rollout {origin.rollout} in namespace {namespace}")
    return _of_rollout(state, str(rollout["metadata"]["uid"]), _where(case, origin))


def _of_rollout(state: OriginState, uid: str, where: str) -> Proof:
    stable = trace(revision.stored(state.revisions, state.name, uid), None).stable
    if stable is None:
        return Proof(f"{where} has no stable revision yet: launch these images there first")
    marks = stable.marks
    # Verified before, and failed in its watch: that it once passed is no proof any more.
    if marks.kept is not None or marks.verified_at is None:
        why = marks.kept.reason if marks.kept else "it was not verified"
        return Proof(f"revision {stable.name} of {where} serves, but has not passed its gates: {why}")
    if marks.excused:
        gates = ", ".join(marks.excused) or "some gates"
        return Proof(
            f"revision {stable.name} of {where} was verified without data of {gates}: an approver accepted that "
            "there, but it proves nothing here; launch it there again with enough requests"
        )
    return Proof(stable=stable)


def allowed(annotations: Mapping[str, str]) -> set[str]:
    """The namespaces that a namespace with these annotations lets promote its images."""
    listed = str(annotations.get(names.PROMOTE_TO_ANNOTATION) or "").split(",")
    return {name.strip() for name in listed if name.strip()}


def images_of(template: Mapping[str, Any]) -> dict[str, str]:
    """The images by the names of containers and init containers, which share their names."""
    return {name: image for _, _, name, image in containers(template)}


def containers(template: Mapping[str, Any]) -> Iterator[tuple[str, int, str, str]]:
    """List (`containers` or `initContainers`), place in it, name and image of each container."""
    for group, index, container in walk(template):
        yield group, index, str(container.get("name") or ""), str(container.get("image") or "")


def difference(here: Mapping[str, str], there: Mapping[str, str]) -> str:
    """What is not the same, in words; '' where all is."""
    found = []
    for name in sorted(here.keys() | there.keys()):
        if name not in there:
            found.append(f"container {name} is not there")
        elif name not in here:
            found.append(f"container {name} ({there[name]}) is not here")
        elif here[name] != there[name]:
            found.append(f"container {name} is {here[name]} here, {there[name]} there")
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return "; ".join(found[:SHOWN]) + more


def _where(case: Case, origin: Origin) -> str:
    return f"Rollout {origin.namespace or case.namespace}/{origin.rollout}"


def _by(stable: Revision) -> str:
    approved = stable.marks.approved
    if approved is None or approved.by == AUTOMATIC:
        return "automatically"
    return f"by Promotion {approved.promotion}" if approved.promotion else "by a Promotion"
