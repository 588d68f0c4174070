"""What a Promotion does not say of itself, by field."""

from __future__ import annotations

from slipway.api.promotion import PromotionSpec

_PARTS = {
    "idea": ("summary", "problem", "evidence", "journey", "lessons", "artifacts"),
    "readiness": (),
    "assessment": ("dataClassification", "threats", "mitigations", "risk", "recommendation"),
    "rollbackPlan": ("triggers", "steps", "verification", "communication"),
    "migrations": (),
    "operations": ("ci", "secrets", "logging", "alerts", "links"),
    "communication": ("changelog", "releaseNotes", "notify"),
}
"""The parts of the case, and of each what belongs to a whole one."""


def unstated(spec: PromotionSpec) -> list[str]:
    """Paths below spec: a part that is not there, or what is not there of one that is."""
    given = spec.model_dump(mode="json", by_alias=True, exclude_none=True, include=_included(spec))
    found = []
    for part, fields in _PARTS.items():
        if part not in given:
            found.append(part)
        else:
            found += [f"{part}.{field}" for field in fields if not given[part].get(field)]
    return found


def _included(spec: PromotionSpec) -> set[str]:
    return {name for name, field in type(spec).model_fields.items() if (field.alias or name) in _PARTS}
