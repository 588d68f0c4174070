"""What was learned from earlier launches, and what was left to be done: for those who decide on the next one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from slipway.api.learnings import EarlierLaunch, Learnings
from slipway.core.case import Case
from slipway.core.charge import Claim
from slipway.core.markdown import plain

MOST = 5
"""So many launches are told, the newest of the same idea first."""
LONGEST = 500
"""Characters of one answer."""
LINES = 10
"""Follow-ups of one launch."""


def earlier(case: Case, claim: Claim) -> list[EarlierLaunch]:
    """The launches of this Rollout before a Promotion of which somebody wrote learnings."""
    idea = claim.spec.idea.id if claim.spec and claim.spec.idea else None
    found: list[tuple[bool, EarlierLaunch]] = []
    for other in reversed(case.claims):
        before = (other.created, other.name) < (claim.created, claim.name)
        if not before or other.spec is None or other.spec.learnings is None or not other.status.phase:
            continue
        own = other.spec.idea.id if other.spec.idea else None
        said = EarlierLaunch(
            promotion=other.name,
            version=other.spec.version or "",
            idea=own or "",
            outcome=other.status.phase,
            learnings=_shortened(other.spec.learnings),
        )
        found.append((own is not None and own == idea, said))
    return [said for _, said in sorted(found, key=lambda one: not one[0])][:MOST]


def _shortened(said: Learnings) -> Learnings:
    """A report has to fit into a ConfigMap; all of it is on record."""
    lines = {name: words[:LONGEST] for name, words in said if isinstance(words, str)}
    return said.model_copy(update={**lines, "follow_ups": [words[:LONGEST] for words in said.follow_ups[:LINES]]})


def section(launches: Sequence[EarlierLaunch], rollout: str) -> Iterator[str]:
    """The section of the report."""
    yield "## What was learned before"
    yield ""
    if not launches:
        yield f"Nothing yet: no earlier launch of {plain(rollout)} has learnings."
    for number, launch in enumerate(launches):
        if number:
            yield ""
        version, idea = (f" ({plain(launch.version)})" if launch.version else ""), plain(launch.idea)
        yield f"Promotion {plain(launch.promotion)}{version}, {launch.outcome}{f', idea {idea}' if idea else ''}:"
        yield ""
        yield from _words(launch)


def _words(launch: EarlierLaunch) -> Iterator[str]:
    said = launch.learnings
    for label, words in (
        ("Went well", said.went_well),
        ("To do better", said.improve),
        ("Root cause", said.root_cause),
        ("Fix", said.fix),
    ):
        if words:
            yield f"- {label}: {plain(words)}"
    yield from (f"- Follow-up: {plain(words)}" for words in said.follow_ups)
