"""The one function that orders the moves of traffic so that no request is lost on the way.

Traffic is three things: which revision the live Service selects, which one the candidate Service selects, and the
percent that the routes give to the candidate Service. A share of a revision is reached in single moves; a move that
sends users to a backend that has just changed waits until that change has been seen to be followed (`settled`). Moves
that take traffic away from a candidate never wait.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Traffic:
    """Who gets what. `weight` is None when rules disagree or do not add up to 100; 0 when there are no routes."""

    live: str | None
    candidate: str | None
    weight: int | None


def next_traffic(
    now: Traffic, *, share: int, stable: str | None, subject: str | None, routed: bool, settled: bool
) -> Traffic:
    """The next state on the way to `share` percent for `subject` and the rest for `stable`.

    Equal to `now` when the goal is reached, or when the next move has to wait until the last one has settled.
    `subject` is the candidate, or the revision that is on its way back (`share` 0). `routed` says that the spec lists
    HTTPRoutes; without them a share is 0 or 100.
    """
    if share >= 100:
        return _to_subject(now, subject, routed, settled)
    if share <= 0 or not routed or stable is None:
        return _to_stable(now, stable, routed, settled)
    return _split(now, share, stable, subject, settled)


def _to_stable(now: Traffic, stable: str | None, routed: bool, settled: bool) -> Traffic:
    """Weights and live selector at once; the candidate Service follows when nobody is sent to it any more."""
    if not routed:
        return Traffic(stable, now.candidate, now.weight)
    home = Traffic(stable, now.candidate, 0)
    if now == home and (settled or now.candidate is None):
        return replace(home, candidate=stable)
    return home


def _split(now: Traffic, share: int, stable: str, subject: str | None, settled: bool) -> Traffic:
    if now.live != stable:
        # Only a hand that is not ours brings this about: what serves goes back to stable before anything else.
        return Traffic(stable, now.candidate, 0 if now.candidate != subject else now.weight)
    if now.candidate != subject:
        if now.weight != 0:
            return replace(now, weight=0)
        return replace(now, candidate=subject) if settled else now
    if now.weight is None or now.weight > share:
        return replace(now, weight=share)
    return replace(now, weight=share) if settled else now


def _to_subject(now: Traffic, subject: str | None, routed: bool, settled: bool) -> Traffic:
    """The final switch: first all weight to the candidate Service, then the live selector, then the weights home.

    While the live Service changes nobody is sent to it. Without a share to begin with (blue/green, a first revision)
    the live selector alone moves.
    """
    if now.live == subject:
        if not routed:
            return now
        if now.weight != 0:
            return replace(now, weight=0) if settled else now
        return replace(now, candidate=subject) if settled and now.candidate != subject else now
    if not routed or now.weight == 0:
        return replace(now, live=subject)
    if now.candidate != subject or now.weight is None:
        return replace(now, weight=0)
    if not settled:
        return now
    return replace(now, weight=100) if now.weight != 100 else replace(now, live=subject)


def reached(now: Traffic, *, share: int, stable: str | None, subject: str | None, routed: bool) -> bool:
    """Whether `share` percent for `subject` is what the Services and routes say."""
    if share >= 100:
        return now.live == subject and (not routed or now.weight == 0)
    if share <= 0 or not routed:
        return now.live == stable and (not routed or now.weight == 0)
    return now == Traffic(stable, subject, share)
