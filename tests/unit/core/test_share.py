"""The measured share against the approved one, where stable may have no pods to answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.core.objects import canary

from slipway.api.rollout import RolloutSpec
from slipway.core import share
from slipway.core.gates import Subject
from slipway.core.snapshot import Measured
from slipway.core.strategy import Stage, stages

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
SPEC = RolloutSpec.model_validate(canary())
STAGE: Stage = stages(SPEC, True)[0]
SUBJECT = Subject("shop", "web", "bbb", SINCE, "0")
AT = SINCE + timedelta(minutes=5)


def told(candidate: float | None, stable: float | None, answers: bool) -> str:
    values = (candidate, stable)
    probes = share.probes(STAGE, SUBJECT, "aaa", SPEC, AT)
    seen = {probe.key: Measured(at=AT, value=value) for probe, value in zip(probes, values, strict=True)}
    return share.disagreement(STAGE, SUBJECT, "aaa", answers, AT, AT - timedelta(seconds=10), seen)


def test_more_than_was_approved_is_told() -> None:
    assert told(900, 100, answers=True) == f"90 % of 1000 requests reach the candidate, {STAGE.weight} % were approved"
    assert told(STAGE.weight, 100 - STAGE.weight, answers=True) == ""


@pytest.mark.parametrize("stable", [0.0, None])
def test_a_stable_without_pods_has_no_requests_that_could_be_counted(stable: float | None) -> None:
    assert told(1000, stable, answers=False) == ""
    assert told(1000, stable, answers=True) != ""


def test_what_is_known_of_a_gateway_is_not_forgotten_when_stable_loses_its_pods() -> None:
    assert told(900, 100, answers=False) != ""
