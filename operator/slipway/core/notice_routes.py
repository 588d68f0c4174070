"""Which channels are told of what: the administrator's routes, and the open channels that a Promotion names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

SHARE = "Share"
"""A share of the traffic is entered, the first one or a further one."""
ENDED = "Ended"
"""A Promotion has ended after all, however it did."""
FOR_MACHINES = frozenset({SHARE, ENDED})
"""Events that only a route which names them is told of: people hear of the same in other words."""


@dataclass(frozen=True, kw_only=True)
class NoticeRoute:
    """Sends notices to `channels`. An empty set of environments or events stands for all of them."""

    environments: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    channels: tuple[str, ...] = ()

    def leads(self, environment: str, event: str) -> bool:
        """Whether it is about this event in this environment."""
        meant = event in self.events if self.events or event in FOR_MACHINES else True
        return meant and (not self.environments or environment in self.environments)


@dataclass(frozen=True, kw_only=True)
class NoticeRoutes:
    """All that decisions need to know of the channels. Their addresses are none of it."""

    routes: tuple[NoticeRoute, ...] = ()
    known: frozenset[str] = frozenset()
    """All channels; without any, nobody is told of anything."""
    open: frozenset[str] = frozenset()
    """Channels that Promotions may name."""
    per_issue: frozenset[str] = frozenset()
    """Channels that are told of each issue that a Promotion names, and of nothing else."""
    machines: frozenset[str] = frozenset()
    """Channels that machines listen to, and no people."""
    repeat_after: timedelta = timedelta(minutes=30)
    """How long the same notice is not repeated."""

    def channels(self, environment: str, event: str, named: Iterable[str] = ()) -> list[str]:
        """The channels for an event, each once; those that the Promotion names come last, open or not."""
        if not self.known:
            return []
        routed = [c for route in self.routes if route.leads(environment, event) for c in route.channels]
        return list(dict.fromkeys(routed if event in FOR_MACHINES else [*routed, *named]))

    @property
    def tells_people(self) -> bool:
        """Whether there is any channel that people hear."""
        return bool(self.known - self.machines)

    def reach(self, environment: str) -> frozenset[str]:
        """All channels by which people can be told of a Promotion in this environment, where it names them."""
        led = (
            channel
            for route in self.routes
            if not route.environments or environment in route.environments
            for channel in route.channels
            if not route.events or route.events - FOR_MACHINES
        )
        return (self.open | frozenset(led)) - self.machines

    def refusal(self, environment: str, event: str, channel: str) -> str:
        """Why a channel that a Promotion names gets nothing; '' when it does."""
        if channel in self.open or channel in self.channels(environment, event):
            return ""
        known = ", ".join(sorted(self.open)) or "none"
        return f"spec.communication.notify: no channel {channel} is open to Promotions; those that are: {known}"
