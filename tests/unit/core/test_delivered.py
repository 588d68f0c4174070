"""What a launch delivers, in one line."""

from __future__ import annotations

from typing import Any

import pytest

from slipway.api.promotion import PromotionSpec
from slipway.core.delivered import LONGEST, delivered

NOTES = {"communication": {"releaseNotes": "\n# Pay by card\n\nAt last."}}
IDEA = {"idea": {"id": "IDEA-1", "summary": "Pay later.\nNo card needed."}}


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ({}, "web:v2"),
        ({"version": "v2"}, "v2: web:v2"),
        (NOTES, "Pay by card"),
        ({**NOTES, **IDEA, "version": "v2"}, "v2: Pay later."),
        ({**NOTES, "idea": {"id": "IDEA-1"}}, "Pay by card"),
        ({"idea": {"id": "IDEA-1", "summary": "a" * 1000}}, "a" * (LONGEST - 1) + "…"),
    ],
)
def test_idea_before_release_notes_before_images(case: dict[str, Any], expected: str) -> None:
    spec = PromotionSpec.model_validate({"rollout": "web", "environment": "demo", **case})
    assert delivered(spec, ["web:v2"]) == expected


def test_a_spec_that_does_not_parse_leaves_the_images() -> None:
    assert delivered(None, ["web:v2", "sidecar:v1"]) == "web:v2, sidecar:v1"
