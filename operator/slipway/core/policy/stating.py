"""What a PromotionPolicy says of itself: whether it can be read, and which Rollouts it applies to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches

from slipway.api.catalogue import CATALOGUE
from slipway.api.check import BUILT_IN, OF_TEMPLATE
from slipway.api.model import dump
from slipway.api.promotion_policy import Match, PromotionPolicyStatus, read_policy_status
from slipway.core import instants
from slipway.core.conditions import condition
from slipway.core.enumerating import count as counted
from slipway.core.policy.matching import Policy, applies, read
from slipway.core.snapshot import Object

ACCEPTED = "Accepted"
MATCHING = "Matching"
_NAMED = 10
"""Names in a message; more are counted."""
_KNOWN = tuple(sorted({*BUILT_IN, *OF_TEMPLATE, *CATALOGUE}))

Places = Mapping[tuple[str, str], int]
"""How many Rollouts there are, by environment and namespace."""


def stated(policy: Object, places: Places, labels: Mapping[str, Mapping[str, str]], now: datetime) -> Object | None:
    """The status to write; None where it says so already. `labels` are those of the namespaces, by name."""
    before = read_policy_status(policy)
    generation = int(policy["metadata"].get("generation") or 0)
    at = instants.whole_milliseconds(now)
    found = read(policy)
    matched = {place: n for place, n in places.items() if applies(found, place[0], labels.get(place[1], {}))}
    words = found.problem or f"it can be read{_strangers(found)}"
    accepted = condition(
        before.conditions, ACCEPTED, not found.problem, "Invalid" if found.problem else "Valid", words, at, generation
    )
    reason = "Matched" if matched else "NoMatch"
    told = _matched(matched) if matched else _no_match(found.match, places)
    matching = condition(before.conditions, MATCHING, bool(matched), reason, told, at, generation)
    status = dump(PromotionPolicyStatus(observed_generation=generation, conditions=[accepted, matching]))
    return None if status == (policy.get("status") or {}) else status


def _strangers(found: Policy) -> str:
    """Names of checks that neither Slipway nor its catalogue knows: people's own, or a slip of the pen."""
    named = [*found.spec.required_checks, *found.spec.advisory_checks] if found.spec is not None else []
    strange = [name for name in dict.fromkeys(named) if name not in _KNOWN and not name.startswith("smoke/")]
    if not strange:
        return ""
    told = [f"{name}{_meant(name)}" for name in strange[:_NAMED]]
    more = f" and {len(strange) - _NAMED} more" if len(strange) > _NAMED else ""
    return f"; only Promotions that list them in spec.checks have these checks of your own: {', '.join(told)}{more}"


def _meant(name: str) -> str:
    near = get_close_matches(name, _KNOWN, n=1, cutoff=0.8)
    return f" (or is {near[0]} meant?)" if near else ""


def _matched(matched: Places) -> str:
    count, namespaces = sum(matched.values()), len({namespace for _, namespace in matched})
    return f"{counted(count, 'Rollout')} in {counted(namespaces, 'namespace')}"


def _no_match(match: Match | None, places: Places) -> str:
    environments = sorted({environment for environment, _ in places})
    if not places:
        return "matches no Rollout: there is none yet"
    named = sorted(match.environments) if match is not None else []
    if named and not set(named) & set(environments):
        return (
            f"matches no Rollout: spec.match.environments names {_listed(named)}, the environments of Rollouts are "
            f"{_listed(environments)}"
        )
    here = sorted({namespace for environment, namespace in places if not named or environment in named})
    return (
        "matches no Rollout: spec.match.namespaceSelector fits none of the namespaces of Rollouts"
        f"{' of these environments' if named else ''}, which are {_listed(here)}"
    )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def places(rollouts: Iterable[Object]) -> Places:
    """The Rollouts, counted."""
    found: dict[tuple[str, str], int] = {}
    for rollout in rollouts:
        spec = rollout.get("spec")
        environment = spec.get("environment") if isinstance(spec, Mapping) else None
        place = (str(environment or ""), str(rollout["metadata"].get("namespace") or ""))
        found[place] = found.get(place, 0) + 1
    return found
