"""What gates must keep, as numbers: read from the words that status has, which are those of the plan in force."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from slipway.api.analysis import Analysis
from slipway.api.rollout_status import RolloutStatus
from slipway.core import gates

_LIMIT = re.compile(r"([<>≤≥]) (-?\d+(?:\.\d+)?(?:e[-+]?\d+)?)(?![\d.%])")
_SIDES = {"<": "below", ">": "above", "≤": "at_most", "≥": "at_least"}


def sides(bound: str) -> list[tuple[str, float]]:
    """`> 0.2 and < 0.9` as `[("above", 0.2), ("below", 0.9)]`; nothing of a baseline that is not there yet.

    `at_most` and `at_least` came of a baseline: they are inclusive.
    """
    return [(_SIDES[sign], float(number)) for sign, number in _LIMIT.findall(bound)]


def in_force(status: RolloutStatus, spec: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    """Name of the gate, side and number, of all that is measured now; at rest of what would be.

    While traffic moves, and while what serves is watched, the approved plan holds, whatever `spec` has become since.
    """
    moves = status.candidate is not None and status.candidate.step is not None
    if status.judged or moves or status.watch is not None:
        words = [(gate.name, gate.bound) for gate in status.judged]
    else:
        words = [(gate.name, gates.bound(gate)) for gate in _analysis(spec).gates]
    for name, bound in words:
        for side, number in sides(bound):
            yield name, side, number


def _analysis(spec: Mapping[str, Any]) -> Analysis:
    """What a spec says of its gates, the default ones included; no gates where it cannot be read."""
    try:
        return Analysis.model_validate(spec.get("analysis") or {})
    except ValidationError:
        return Analysis(gates=[])
