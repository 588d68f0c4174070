"""What a Promotion says of its migrations: order, way back, and that the version that serves bears them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.api.check_status import CheckStatus
from slipway.api.promotion import PromotionSpec
from slipway.core.notice_routes import NoticeRoutes
from slipway.core.stated import stated_checks

WHOLE = {"scripts": ["1.sql", "2.sql"], "backwardCompatible": True, "rollback": ["2-down.sql", "1-down.sql"]}
JOB = {"template": {"spec": {"containers": [{"name": "m", "image": "registry.example/m:v1"}]}}}


def found(**migrations: Any) -> CheckStatus:
    spec = PromotionSpec.model_validate({"rollout": "web", "environment": "production", "migrations": migrations})
    [check] = stated_checks(spec, NoticeRoutes())
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


# --- The order of scripts ---------------------------------------------------------------------------------------------


def in_order(*scripts: str) -> bool:
    return found(scripts=list(scripts), backwardCompatible=True, rollback=["undo"] * len(scripts)).result == "Passed"


@pytest.mark.parametrize(
    "scripts",
    [
        ("V9__a.sql", "V10__b.sql"),
        ("V1.9__a.sql", "V1.10__b.sql", "V2__c.sql"),
        ("V1__a.sql", "V1.1__b.sql"),
        ("V1__a.sql", "V1_1__b.sql"),
        ("0041-b.sql", "0042-a.sql"),
        ("db/2/1.sql", "db/10/1.sql"),
        ("20260315120000_b.sql", "20260401000000_a.sql"),
        ("add.sql", "drop.sql"),
        ("1.sql", "01.sql"),
    ],
)
def test_numbers_in_names_are_numbers(scripts: tuple[str, ...]) -> None:
    assert in_order(*scripts)


@pytest.mark.parametrize(
    "scripts", [("V10__b.sql", "V9__a.sql"), ("V1.10__b.sql", "V1.9__a.sql"), ("V1.1__b.sql", "V1__a.sql")]
)
def test_scripts_out_of_order_are_found_by_their_numbers(scripts: tuple[str, ...]) -> None:
    assert not in_order(*scripts)


VERSIONS = st.lists(st.integers(1, 10**6), min_size=1, max_size=4)
WORDS = st.text("abcxyz_", min_size=1, max_size=5).map(lambda word: f"__a{word}.sql")


@given(st.lists(st.tuples(VERSIONS, WORDS), min_size=2, max_size=6, unique_by=lambda one: tuple(one[0])))
def test_versions_are_in_the_order_of_their_numbers_whatever_follows_them(scripts: list[tuple[list[int], str]]) -> None:
    ordered = [f"V{'.'.join(map(str, version))}{word}" for version, word in sorted(scripts)]
    assert in_order(*ordered)
    assert not in_order(*reversed(ordered))
