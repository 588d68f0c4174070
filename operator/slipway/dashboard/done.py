"""What somebody has just done by a form, for the page that they see next."""

from __future__ import annotations

from time import monotonic

from slipway.dashboard.decision import Decision

KEPT = 60.0
"""Seconds in which a browser has come for that page."""

Key = tuple[str, str, str, str]
"""Who, the namespace and name of the Promotion, and the name of the decision."""


class Done:
    """Said once, to whoever did it: an address alone proves nothing, and later it may be taken back."""

    def __init__(self) -> None:
        self._kept: dict[Key, tuple[float, Decision]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, who: str, namespace: str, name: str, decision: Decision) -> None:
        """Note that it was done."""
        self._forget()
        self._kept[who, namespace, name, decision.name] = monotonic(), decision

    def once(self, who: str, namespace: str, name: str, decision: str) -> Decision | None:
        """The decision of this name if they have done it just now, and were not told so yet."""
        self._forget()
        _, found = self._kept.pop((who, namespace, name, decision), (0.0, None))
        return found

    def _forget(self) -> None:
        oldest = monotonic() - KEPT
        self._kept = {key: one for key, one in self._kept.items() if one[0] >= oldest}
