"""The own name beside a word that holds or ends a Promotion: so it is known whose it is where nothing stamps, too."""

from __future__ import annotations

from typing import Any

from slipway.api.said_by import SaidBy
from slipway.cluster.api import Object

Patch = dict[str, Any]

WORDS = tuple(str(field.alias or name) for name, field in SaidBy.model_fields.items())
_LONGEST = 256
"""As UserName has it. A word is not to fail for its name: beyond that it goes without."""


def beside(patch: Patch, promotion: Object, who: str) -> Patch:
    """The patch, with `who` as the one who says its words. Empty: nobody knows who that is.

    A word that stands already is somebody's, and stays theirs: admission refuses a name without a new word. Where
    nobody can be named, the name that stands beside the word before goes, as it would be taken for this one's.
    """
    spec = promotion.get("spec") or {}
    names: Patch = {}
    before = spec.get("saidBy") or {}
    for word in WORDS:
        if word not in patch or (said := _text(patch[word])) == _text(spec.get(word)):
            continue
        if 0 < len(who) <= _LONGEST:
            names[word] = {"by": who, "said": said}
        elif word in before:
            names[word] = None
    return patch | {"saidBy": names} if names else patch


def _text(word: object) -> str:
    """A word as `said` repeats it; '' where it is not said."""
    if isinstance(word, bool):
        return "true" if word else ""
    return word if isinstance(word, str) else ""
