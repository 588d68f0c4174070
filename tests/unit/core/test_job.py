"""The Job of a check: its name is the run, and nothing in it is more than its author could do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core.objects import promotion

from slipway.api.job_check import JobCheck
from slipway.core import job

PLAN = "sha256:" + "a" * 64


def run(
    check: str = "migrations", plan: str = PLAN, rerun: str = "", name: str = "web-1", **asked: Any
) -> dict[str, Any]:
    template = asked.pop("template", {"spec": {"containers": [{"name": "m", "image": "m:v1"}]}})
    return job.run(check, JobCheck(template=template, **asked), promotion(name), plan, rerun)


def test_equal_runs_have_one_name_and_others_another() -> None:
    names = [
        found["metadata"]["name"]
        for found in (run(), run(check="other"), run(plan=PLAN[:-1] + "b"), run(rerun="2"), run(name="web-2"))
    ]
    assert len(set(names)) == len(names)
    assert run()["metadata"]["name"] == names[0]


@given(st.from_regex(r"\A[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z"))
def test_the_name_fits_into_a_label(check: str) -> None:
    assert len(run(check=check)["metadata"]["name"]) <= 63


def test_the_job_belongs_to_the_promotion_and_ends_by_itself() -> None:
    made = run(timeout=timedelta(seconds=90.5), retries=2)
    assert made["spec"] | {"template": None} == {
        "backoffLimit": 2,
        "activeDeadlineSeconds": 91,
        "ttlSecondsAfterFinished": job.KEPT_SECONDS,
        "podReplacementPolicy": "Failed",
        "template": None,
    }
    owner = made["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("Promotion", "web-1", "uid-web-1")
    assert made["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "slipway",
        "slipway.dev/check-of": "web",
        "slipway.dev/check": "migrations",
    }


def test_the_pod_is_as_its_author_wrote_it_and_carries_no_label_of_a_rollout() -> None:
    spec = {"containers": [], "serviceAccountName": "migrator", "restartPolicy": "OnFailure"}
    made = run(template={"metadata": {"labels": {"app": "m"}, "annotations": {"a": "b"}}, "spec": spec})
    template = made["spec"]["template"]
    assert template["spec"] == spec
    assert template["metadata"]["annotations"] == {"a": "b"}
    assert template["metadata"]["labels"] == {"app": "m", "app.kubernetes.io/managed-by": "slipway"}


@pytest.mark.parametrize(
    ("spec", "token"),
    [({}, False), ({"serviceAccountName": "m"}, None), ({"automountServiceAccountToken": True}, True)],
)
def test_no_token_where_no_account_is_named(spec: dict[str, Any], token: bool | None) -> None:
    template = run(template={"spec": spec})["spec"]["template"]
    assert template["spec"].get("automountServiceAccountToken") is token
    assert template["spec"]["restartPolicy"] == "Never"
