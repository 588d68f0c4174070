"""What a launch delivers, in one line, in the words of those who asked for it."""

from __future__ import annotations

from collections.abc import Sequence

from slipway.api.promotion import PromotionSpec
from slipway.core.enumerating import cut

LONGEST = 300
"""Characters of the words."""


def delivered(spec: PromotionSpec | None, images: Sequence[str]) -> str:
    """The idea's summary, else the first line of the release notes, else the images; with the version in front."""
    notes = spec.communication.release_notes if spec and spec.communication else None
    words = _first_line(spec.idea.summary if spec and spec.idea else None) or _first_line(notes) or ", ".join(images)
    told = cut(words, LONGEST)
    return f"{spec.version}: {told}" if spec and spec.version else told


def _first_line(text: str | None) -> str:
    """Without what makes it a heading or the entry of a list."""
    lines = (line.strip().lstrip("#*- ") for line in (text or "").splitlines())
    return next((line for line in lines if line), "")
