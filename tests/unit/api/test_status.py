"""Status is read leniently and written without what is empty."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from slipway.api import promotion, rollout
from slipway.api.conditions import Condition
from slipway.api.model import dump
from slipway.api.promotion_status import PromotionStatus
from slipway.api.rollout import CandidateStatus, GateStatus, RolloutStatus, StepStatus

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

FULL = RolloutStatus(
    observed_generation=4,
    replicas=3,
    selector="slipway.dev/rollout=web",
    phase="Shifting",
    candidate=CandidateStatus(
        revision="3f2a9c01de",
        deployment="web-3f2a9c01de",
        images=["registry.example/web:2"],
        ready_replicas=1,
        weight=10,
        step=StepStatus(index=0, weight=10, started_at=NOON, converged_at=NOON + timedelta(milliseconds=1500)),
    ),
    gates=[GateStatus(name="error-rate", verdict="Pass", value=0.0, bound="< 0.01", measured_at=NOON, passes=1)],
    conditions=[
        Condition(type="Ready", status="True", reason="Serving", last_transition_time=NOON, observed_generation=4)
    ],
)


def test_a_status_reads_as_it_was_written() -> None:
    assert rollout.read_status({"status": dump(FULL)}) == FULL


def test_instants_are_written_in_utc_with_milliseconds_where_there_are_some() -> None:
    step = dump(FULL)["candidate"]["step"]
    assert (step["startedAt"], step["convergedAt"]) == ("2026-03-01T12:00:00Z", "2026-03-01T12:00:01.500Z")
    east = StepStatus(index=0, weight=1, started_at=NOON.astimezone(timezone(timedelta(hours=2))))
    assert dump(east)["startedAt"] == "2026-03-01T12:00:00Z"


def test_what_is_empty_is_not_written_and_zero_is() -> None:
    assert dump(RolloutStatus(observed_generation=1)) == {"observedGeneration": 1, "replicas": 0}
    assert dump(FULL)["gates"][0]["value"] == 0.0


@pytest.mark.parametrize(
    "status",
    [
        None,
        {},
        "wiped",
        {"phase": 3},
        {"candidate": {"weight": 10}},
        {"candidate": {"revision": "3f2a9c01de", "step": {"index": 0, "weight": 10, "startedAt": "noon"}}},
        {"conditions": [{"type": "Ready"}]},
        {"observedGeneration": "4"} | {"gates": [{"name": "x", "verdict": "Pass", "value": "NaN"}]},
    ],
)
def test_a_malformed_status_is_an_empty_one(status: Any) -> None:
    assert rollout.read_status({"status": status}) == RolloutStatus()


def test_a_malformed_status_of_a_promotion_is_an_empty_one() -> None:
    assert promotion.read_status({"status": {"approvals": [{"by": "me"}]}}) == PromotionStatus()
    assert promotion.read_status({}) == PromotionStatus()


def test_fields_of_a_newer_operator_are_passed_over() -> None:
    status = {
        "observedGeneration": 1,
        "mood": "good",
        "candidate": {"revision": "3f2a9c01de", "mood": "good"},
    }
    assert rollout.read_status({"status": status}).candidate == CandidateStatus(revision="3f2a9c01de")


def test_an_instant_without_a_time_zone_is_refused() -> None:
    assert (
        rollout.read_status({"status": {"rejected": {"revision": "x", "at": "2026-03-01T12:00:00"}}}).rejected is None
    )
