"""The policy that the install brings for production: what it asks for, and that the samples get along with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway.api.promotion import PromotionSpec
from slipway.core.notice_routes import NoticeRoutes
from slipway.core.policy.demands import STAGING, Demands, add_up, lacking, of_case
from slipway.core.policy.matching import matching
from slipway.core.policy.quorum import Wanted
from slipway.core.stated import stated_checks

MANIFESTS = Path(__file__).parents[4] / "manifests"
SHIPPED = yaml.safe_load((MANIFESTS / "policies" / "production.yaml").read_text())
SAMPLE = yaml.safe_load((MANIFESTS / "samples" / "policy.yaml").read_text())


def sample(name: str) -> PromotionSpec:
    spec: dict[str, Any] = yaml.safe_load((MANIFESTS / "samples" / f"{name}.yaml").read_text())["spec"]
    return PromotionSpec.model_validate(spec)


def demands(environment: str, *policies: dict[str, Any]) -> Demands:
    return add_up(matching(policies, environment, {"kubernetes.io/metadata.name": "shop"}))


def missing(spec: PromotionSpec, found: Demands) -> str:
    listed = [check.name for check in spec.checks]
    of_from = [STAGING] if spec.from_ else []
    return lacking(
        found,
        spec,
        [*listed, *of_from, *(check.name for check in stated_checks(spec, NoticeRoutes(), found.least_score))],
    )


def test_a_person_alone_may_approve_what_the_full_sample_says() -> None:
    full = sample("promotion-full")
    found = of_case(demands(full.environment, SHIPPED), full.assessment)
    assert (full.environment, found.policies, found.invalid) == ("production", ("production",), "")
    assert missing(full, found) == ""
    assert (found.approvals, found.automatic_denied, found.calendars) == (Wanted(), "", ())
    assert {check.result for check in stated_checks(full, NoticeRoutes(), found.least_score)} <= {
        "Passed",
        "NotApplicable",
    }


def test_six_lines_are_not_enough_for_production_and_it_says_what_is_missing() -> None:
    six = sample("promotion").model_copy(update={"environment": "production"})
    words = missing(six, demands(six.environment, SHIPPED))
    for part in ("spec.from", "spec.readiness", "spec.assessment", "the check tests-passed"):
        assert part in words


def test_staging_comes_first() -> None:
    found = demands("production", SHIPPED)
    assert found.staging.required
    without = sample("promotion-full").model_copy(update={"from_": None})
    assert missing(without, found) == "policy production demands the check staging: state spec.from"
    assert STAGING not in missing(sample("promotion-from-staging"), found)


@pytest.mark.parametrize("name", ["promotion", "promotion-checklist"])
def test_elsewhere_they_are(name: str) -> None:
    assert demands(sample(name).environment, SHIPPED, SAMPLE) == Demands()


def test_a_team_can_only_demand_more() -> None:
    both = demands("production", SHIPPED, SAMPLE)
    assert (both.approvals.count, both.approvals.four_eyes, both.break_glass) == (2, True, True)
    assert dict(both.required) == dict(demands("production", SHIPPED).required)
