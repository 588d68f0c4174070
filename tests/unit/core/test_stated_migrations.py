"""What a Promotion says of its migrations: order, way back, and that the version that serves bears them."""

from typing import Any

import pytest

from slipway.api.check_status import CheckStatus
from slipway.api.promotion import PromotionSpec
from slipway.core.stated import stated_checks

WHOLE = {"scripts": ["1.sql", "2.sql"], "backwardCompatible": True, "rollback": ["2-down.sql", "1-down.sql"]}
JOB = {"template": {"spec": {"containers": [{"name": "m", "image": "registry.example/m:v1"}]}}}


def found(**migrations: Any) -> CheckStatus:
    spec = PromotionSpec.model_validate({"rollout": "web", "environment": "production", "migrations": migrations})
    [check] = stated_checks(spec)
    assert check.name == "migrations-complete"
    return check


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"scripts": ["2.sql", "1.sql"]}, "do not sort"),
        ({"backwardCompatible": False}, "backwardCompatible is false"),
        ({"backwardCompatible": None}, "backwardCompatible: missing"),
        ({"rollback": ["1-down.sql"]}, "migrations.rollback: 1 for 2 scripts"),
    ],
)
def test_scripts_are_in_order_compatible_and_can_be_undone(change: dict[str, Any], words: str) -> None:
    assert found(**WHOLE).message == "2 scripts in order, each with its way back, backward compatible"
    assert found(**WHOLE).result == "Passed"
    wrong = found(**WHOLE | change)
    assert wrong.result == "Failed"
    assert words in wrong.message


def test_no_migration_is_not_applicable() -> None:
    none = found(scripts=[], backfill="prices")
    assert (none.result, none.message) == ("NotApplicable", "migrations names neither scripts nor jobs")


# --- Jobs -------------------------------------------------------------------------------------------------------------


def test_jobs_are_migrations_without_scripts_too() -> None:
    whole = found(backwardCompatible=True, jobs={"expand": JOB, "contract": JOB, "rollback": JOB})
    assert whole.result == "Passed"
    assert whole.message == "Jobs expand, contract and rollback, backward compatible"


def test_what_expands_has_a_way_back() -> None:
    wrong = found(backwardCompatible=True, jobs={"expand": JOB})
    assert wrong.result == "Failed"
    assert wrong.message == (
        "migrations.jobs.expand has no way back: give jobs.rollback, or say in migrations.rollback what undoes it"
    )
    assert found(backwardCompatible=True, jobs={"expand": JOB}, rollback=["drop-column.sql"]).result == "Passed"


def test_what_contracts_says_whether_the_version_that_serves_bears_it() -> None:
    assert "backwardCompatible: missing" in found(jobs={"contract": JOB}).message
    assert "backwardCompatible is false" in found(jobs={"contract": JOB}, backwardCompatible=False).message
    assert found(jobs={"contract": JOB}, backwardCompatible=True).message == "Job contract, backward compatible"


def test_scripts_and_jobs_are_judged_both() -> None:
    both = found(**WHOLE, jobs={"expand": JOB, "rollback": JOB})
    assert both.message == "2 scripts in order, each with its way back, Jobs expand and rollback, backward compatible"
    assert found(**WHOLE | {"rollback": []}, jobs={"expand": JOB}).message == (
        "migrations.rollback: 0 for 2 scripts; "
        "migrations.jobs.expand has no way back: give jobs.rollback, or say in migrations.rollback what undoes it"
    )
