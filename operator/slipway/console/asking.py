"""What a person runs next about a Rollout for which no Promotion waits."""

from __future__ import annotations

import json
import shlex
from collections.abc import Container, Iterator, Sequence

from slipway.api.promotion_status import read_status
from slipway.api.rollout import RolloutStatus
from slipway.api.rollout import read_status as read_rollout_status
from slipway.cluster.api import Object
from slipway.console import decisions
from slipway.console.program import program
from slipway.core.conditions import find

_WHY = "WHY"
"""Where whoever runs the command says what is different now."""


def asking(rollout: Object, promotions: Sequence[Object]) -> Iterator[str]:
    """Lines, the last of them with the command; none where nobody has to do anything."""
    status = read_rollout_status(rollout)
    if status.phase == "Invalid":
        yield f"  next: {_correction(rollout, status)}"
    elif status.phase == "RolledBack" and status.rejected is not None:
        revision = status.rejected.revision
        yield from _again(rollout, revision, f"revision {revision}", promotions, sent_back=True)
    elif _nothing_to_go_back_to(status):
        yield f"  next: change spec.template to what is mended, and launch that: {_edit(rollout)}"
    elif status.candidate is not None and not status.candidate.weight and not _automatic(rollout):
        yield from _again(rollout, status.candidate.revision, "the candidate", promotions, sent_back=False)


def _correction(rollout: Object, status: RolloutStatus) -> str:
    """What to do about what is not accepted, which need not be the Rollout itself."""
    if status.message.startswith("spec."):
        return f"correct that field: {_edit(rollout)}"
    return f"mend what that names; where it is the Rollout: {_edit(rollout)}"


def _nothing_to_go_back_to(status: RolloutStatus) -> bool:
    stalled = find(status.conditions, "Stalled")
    return stalled is not None and (stalled.status, stalled.reason) == ("True", "NothingToGoBackTo")


def _automatic(rollout: Object) -> bool:
    return (rollout.get("spec") or {}).get("approval") == "Automatic"


def _edit(rollout: Object) -> str:
    meta = rollout["metadata"]
    return f"kubectl edit rollouts.slipway.dev {meta['name']} -n {meta['namespace']}"


def _again(
    rollout: Object, revision: str, called: str, promotions: Sequence[Object], *, sent_back: bool
) -> Iterator[str]:
    """How to ask for a revision that no Promotion asks for any more: again, or for the first time."""
    environment = (rollout.get("spec") or {}).get("environment")
    tried = [one for one in promotions if _of(one, revision, environment)]
    last = tried[-1] if tried else None
    if last is None or read_status(last).phase in decisions.ENDED_WELL:
        taken = {one["metadata"]["name"] for one in promotions}
        yield f"There is no Promotion for {called}."
        yield f"  next: {_first(rollout, revision, taken, sent_back=sent_back)}"
        return
    meta, status = last["metadata"], read_status(last)
    yield f"Promotion {meta['name']} of {called} is {status.phase}: {status.message}"
    fix = f" --fix {_WHY}" if decisions.needs_fix(last) else ""
    yield f"  next: {program()} retry {meta['name']} -n {meta['namespace']}{fix}"


def _of(promotion: Object, revision: str, environment: object) -> bool:
    """Whether it asked to launch this revision."""
    spec, target = promotion.get("spec") or {}, read_status(promotion).target
    launches = spec.get("environment") == environment and not spec.get("dryRun")
    return launches and target is not None and target.revision == revision


def _first(rollout: Object, revision: str, taken: Container[str], *, sent_back: bool) -> str:
    """The command that creates the least Promotion for a revision, under a name that is not taken."""
    meta = rollout["metadata"]
    name = f"{meta['name']}-{revision}"
    if name in taken:
        name = decisions.free_name(name, taken)
    spec = {"rollout": meta["name"], "environment": (rollout.get("spec") or {}).get("environment")}
    made = {
        "apiVersion": "slipway.dev/v1alpha1",
        "kind": "Promotion",
        "metadata": {"name": name, "namespace": meta["namespace"]},
        "spec": spec | ({"retry": {"fix": _WHY}} if sent_back else {}),
    }
    return f"echo {shlex.quote(json.dumps(made))} | kubectl create -f -"
