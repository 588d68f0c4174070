"""What was done is said once, and to whoever did it."""

import pytest

from slipway.dashboard import done
from slipway.dashboard.decision import APPROVE, HOLD
from slipway.dashboard.done import Done


def test_it_is_said_once() -> None:
    said = Done()
    said.keep("ada", "shop", "web-2", APPROVE)
    assert said.once("ada", "shop", "web-2", "approve") is APPROVE
    assert said.once("ada", "shop", "web-2", "approve") is None


@pytest.mark.parametrize(
    "other",
    [
        ("eve", "shop", "web-2", "approve"),
        ("ada", "other", "web-2", "approve"),
        ("ada", "shop", "web-3", "approve"),
        ("ada", "shop", "web-2", "hold"),
        ("ada", "shop", "web-2", ""),
    ],
)
def test_nothing_else_is_said(other: tuple[str, str, str, str]) -> None:
    said = Done()
    said.keep("ada", "shop", "web-2", APPROVE)
    assert said.once(*other) is None
    assert said.once("ada", "shop", "web-2", "approve") is APPROVE


def test_what_nobody_came_to_see_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    said, now = Done(), 100.0
    monkeypatch.setattr(done, "monotonic", lambda: now)
    for number in range(5):
        said.keep("ada", "shop", f"web-{number}", HOLD)
    now += done.KEPT + 1
    assert said.once("ada", "shop", "web-1", "hold") is None
    said.keep("ada", "shop", "web-9", HOLD)
    assert len(said) == 1
