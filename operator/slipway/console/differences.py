"""What a Promotion changes, as its report has it: by name where a value could be a secret."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import Field, ValidationError

from slipway.api.model import StatusModel
from slipway.api.report import Change
from slipway.cluster.errors import Invalid

COLUMNS = ("WHAT", "NOW", "THEN")


class Differences(StatusModel):
    """The part of a report that tells them."""

    promotion: str
    """Name of the Promotion."""
    rollout: str
    """Name of the Rollout."""
    revision: str
    """What would serve."""
    serving: str = ""
    """What serves; absent before the first launch."""
    changes: list[Change] = Field(default_factory=list)
    """What differs."""


Read = TypeVar("Read", bound=Differences)


def read(text: str) -> Differences:
    """Of `report.json`. Raises Invalid where it cannot be read."""
    return part(Differences, text)


def part(model: type[Read], text: str) -> Read:
    """What `model` tells of `report.json`. Raises Invalid where it cannot be read."""
    try:
        return model.model_validate_json(text, extra="ignore")
    except ValidationError as error:
        raise Invalid(
            f"report.json cannot be read by this version of slipway: {error.error_count()} problems"
        ) from None


def any_in(found: Differences) -> bool:
    """Whether anything is different from what serves; a first revision always is."""
    return found.revision != found.serving


def head(found: Differences) -> str:
    """Which two are compared."""
    if not found.serving:
        return f"{found.promotion}: revision {found.revision} is the first of {found.rollout}: nothing serves yet"
    if found.revision == found.serving:
        return f"{found.promotion}: revision {found.revision} of {found.rollout} serves already"
    return f"{found.promotion}: revision {found.serving} of {found.rollout} → {found.revision}"


def rows(found: Differences) -> Iterator[tuple[str, str, str]]:
    """What, now, then; `-` where there is nothing."""
    for change in found.changes:
        yield change.what, change.before or "-", change.after or "-"


def as_data(found: Differences) -> dict[str, Any]:
    """The same for programs."""
    return {
        "promotion": found.promotion,
        "rollout": found.rollout,
        "now": found.serving,
        "then": found.revision,
        "changes": [change.model_dump(mode="json", by_alias=True) for change in found.changes],
    }
