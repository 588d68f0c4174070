"""A gate whose comparison with the baseline has been made a bound."""

from __future__ import annotations

from slipway.api.analysis import Comparison, Gate


class Compared(Gate):
    """The bounds are inclusive: what is as good as the baseline passes, also where that is 0."""

    at_most: float | None = None
    at_least: float | None = None
    compared_with: float = 0.0
    unmeasured: str = ""
    """The comparison in words, where there was no number of stable: it can be kept no more than broken."""


def asked(comparison: Comparison) -> str:
    """`≥ baseline - 5% and ≤ baseline + 20%`, before there is a baseline."""
    up, down = comparison.max_increase, comparison.max_decrease
    parts = [f"≥ baseline - {down}"] if down is not None else []
    return " and ".join(parts + ([f"≤ baseline + {up}"] if up is not None else []))


def words(gate: object) -> list[str]:
    """`≤ 0.012 (baseline 0.01)`, or nothing for a gate that compares with nothing."""
    if isinstance(gate, Gate) and gate.baseline is not None:
        return [asked(gate.baseline)]
    if not isinstance(gate, Compared):
        return []
    if gate.unmeasured:
        return [f"{gate.unmeasured} (no baseline)"]
    parts = [f"≥ {gate.at_least:g}"] if gate.at_least is not None else []
    parts += [f"≤ {gate.at_most:g}"] if gate.at_most is not None else []
    return [f"{' and '.join(parts)} (baseline {gate.compared_with:g})"]


def keeps(gate: object, value: float) -> bool:
    """Whether a value keeps the bounds that came of the baseline."""
    if not isinstance(gate, Compared):
        return True
    return (gate.at_most is None or value <= gate.at_most) and (gate.at_least is None or value >= gate.at_least)


def unknown(gate: object) -> str:
    """Why nobody knows whether a value keeps the bounds that a baseline would have made; '' where it is known."""
    return "there is no baseline of stable to compare with" if isinstance(gate, Compared) and gate.unmeasured else ""
