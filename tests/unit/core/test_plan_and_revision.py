"""A revision's digest and a plan's hash: what an approval is bound to (SEMANTICS 20, 21, 32)."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from typing import Any

import pytest
from tests.unit.core.objects import NAME, PORTS, UID, blue_green, canary, promotion, rollout, template

from slipway.api.promotion import PromotionSpec
from slipway.api.rollout import RolloutSpec
from slipway.core import plan
from slipway.core import revision as revisions
from slipway.core.plan import Plan
from slipway.core.revision import Revision, canonical, digest_of, of_spec

DIGEST = "21d1d68e4cc44702725906ed0059e4b3f8b771c4a38777591238da45cb3c87be"
BARE = "sha256:0984fe4da54db18a76b55b01ad014d40cd26f1f9f33ad7191e59aa7361abb4d0"
FULL = "sha256:def461d4c6531647cdcc8a56894f1e936836968a6b4461773b1d306a312191ec"


def revision(spec: Mapping[str, Any]) -> Revision:
    found = of_spec(spec)
    assert found is not None
    return found


def plan_of(spec: Mapping[str, Any], uid: str = UID, **fields: Any) -> Plan:
    case = PromotionSpec.model_validate(promotion(**fields)["spec"])
    return plan.make(uid, revision(spec), RolloutSpec.model_validate(spec), case)


# --- The digest -------------------------------------------------------------------------------------------------------


def test_semantics_32_the_digest_of_a_template_never_changes() -> None:
    assert digest_of(template(), PORTS) == DIGEST
    assert revision(blue_green()).name == DIGEST[:10]


def test_canonical_is_json_with_sorted_keys_no_spaces_and_utf8() -> None:
    assert canonical({"b": [1, True, None], "a": "é"}) == '{"a":"é","b":[1,true,null]}'.encode()


def test_the_order_of_keys_does_not_count_the_order_of_lists_does() -> None:
    first = template()
    turned = {key: first[key] for key in reversed(first)}
    assert digest_of(turned, PORTS) == DIGEST
    other = {"name": "other", "port": 81}
    assert digest_of(first, [*PORTS, other]) != digest_of(first, [other, *PORTS])


@pytest.mark.parametrize(
    "changed",
    [
        template(2),
        template(env=[{"name": "A", "value": ""}]),
        template() | {"metadata": {"labels": {"app": NAME}, "annotations": {}}},
        {"spec": template()["spec"]},
    ],
)
def test_any_change_of_the_template_is_another_revision(changed: dict[str, Any]) -> None:
    assert digest_of(changed, PORTS) != DIGEST


def test_ports_are_part_of_the_revision() -> None:
    for change in ({"targetPort": 9899}, {"port": 81}, {"name": "web"}, {"appProtocol": "http"}):
        assert digest_of(template(), [PORTS[0] | change]) != DIGEST


def test_the_strategy_and_the_replicas_are_not_part_of_the_revision() -> None:
    assert revision(canary(replicas=9)).digest == DIGEST


def test_a_stored_revision_is_read_back_and_one_that_was_forged_is_not() -> None:
    obj = revisions.to_object(revision(blue_green()), rollout(blue_green()), 3)
    found = revisions.stored([obj], NAME, UID)[DIGEST[:10]]
    assert (found.digest, found.number, found.owned, found.images) == (DIGEST, 3, True, ("registry.example/web:v1",))
    forged = copy.deepcopy(obj)
    forged["data"]["template"]["spec"]["containers"][0]["image"] = "registry.example/evil:v1"
    assert revisions.stored([forged], NAME, UID) == {}
    renamed = obj | {"metadata": obj["metadata"] | {"name": f"{NAME}-0123456789"}}
    assert revisions.stored([renamed], NAME, UID) == {}


def test_another_rollouts_uid_owns_nothing() -> None:
    obj = revisions.to_object(revision(blue_green()), rollout(blue_green()), 1)
    assert not revisions.stored([obj], NAME, "uid-of-another")[DIGEST[:10]].owned


def test_init_containers_come_last_among_the_images() -> None:
    spec = template()["spec"] | {"initContainers": [{"name": "init", "image": "registry.example/init:v1"}]}
    found = revision(blue_green(template={"spec": spec}))
    assert found.images == ("registry.example/web:v1", "registry.example/init:v1")


@pytest.mark.parametrize("spec", [{}, {"template": "x"}, {"template": {}, "service": {}}, {"template": {}}])
def test_a_spec_without_template_or_ports_asks_for_no_revision(spec: dict[str, Any]) -> None:
    assert of_spec(spec) is None


# --- The plan ---------------------------------------------------------------------------------------------------------


def test_semantics_32_the_hash_of_a_plan_never_changes() -> None:
    """With an operator that knows more fields, an approval of today still counts."""
    bare = RolloutSpec.model_validate(
        {"environment": "production", "template": template(), "service": {"ports": PORTS}}
    )
    assert plan.make(UID, revision(blue_green()), bare, None).hash == BARE
    assert plan_of(canary(smokeTests=[{"name": "home", "http": {"port": "http"}}]), version="1.2").hash == FULL


def test_defaults_spelled_out_change_nothing() -> None:
    bare = {"environment": "production", "template": template(), "service": {"ports": PORTS}}
    spelled = bare | {
        "approval": "Required",
        "strategy": {"blueGreen": {"verify": "5m0s", "keepPrevious": "1800s"}},
        "analysis": {
            "source": "default",
            "interval": "30s",
            "noDataTimeout": "10m",
            "onNoData": "Hold",
            "gates": [
                {
                    "name": "error-rate",
                    "preset": "error-rate",
                    "below": 0.01,
                    "window": "60s",
                    "failureThreshold": 2,
                    "successThreshold": 1,
                    "minRequests": 1,
                },
                {"name": "latency-p95", "preset": "latency-p95", "below": 0.5},
            ],
        },
        "smokeTests": [],
        "minReadySeconds": 0,
    }
    assert plan_of(spelled).hash == plan_of(bare).hash


def test_the_same_length_in_other_words_changes_nothing() -> None:
    assert plan_of(blue_green(progressDeadline="120s")).hash == plan_of(blue_green(progressDeadline="2m")).hash


def gate(**changes: Any) -> dict[str, Any]:
    base = {"name": "error-rate", "preset": "error-rate", "below": 0.01, "window": "2s"} | changes
    return {"gates": [{key: value for key, value in base.items() if value is not None}]}


def step(**changes: Any) -> dict[str, Any]:
    steps = [{"weight": 25, "hold": "5s"} | changes, {"weight": 50, "hold": "5s"}]
    return {"strategy": {"canary": {"steps": steps, "verify": "10s", "keepPrevious": "30s"}}}


def analysis(**changes: Any) -> dict[str, Any]:
    return {"analysis": {"interval": "2s", "noDataTimeout": "20s", **gate()} | changes}


CHANGES: dict[str, dict[str, Any]] = {
    "template": {"template": template(2)},
    "ports": {"service": {"ports": [PORTS[0] | {"targetPort": 9899}]}},
    "environment": {"environment": "staging"},
    "approval": {"approval": "Automatic"},
    "routes": {"traffic": {"httpRoutes": [{"name": "other"}]}},
    "min-ready-seconds": {"minReadySeconds": 5},
    "progress-deadline": {"progressDeadline": "3m"},
    "blue-green": {"strategy": {"blueGreen": {}}},
    "weight": step(weight=20),
    "hold": step(hold="6s"),
    "step-approval": step(approval="Required"),
    "step-gates": step(gates=["error-rate"]),
    "no-step-gates": step(gates=[]),
    "verify": {"strategy": {"canary": step()["strategy"]["canary"] | {"verify": "11s"}}},
    "keep-previous": {"strategy": {"canary": step()["strategy"]["canary"] | {"keepPrevious": "31s"}}},
    "preview-replicas": {"strategy": {"canary": step()["strategy"]["canary"] | {"previewReplicas": 2}}},
    "source": analysis(source="other"),
    "interval": analysis(interval="3s"),
    "no-data-timeout": analysis(noDataTimeout="21s"),
    "on-no-data": analysis(onNoData="Rollback"),
    "no-gates": analysis(gates=[]),
    "below": analysis(**gate(below=0.02)),
    "above": analysis(**gate(above=0.001)),
    "window": analysis(**gate(window="3s")),
    "preset": analysis(**gate(preset="latency-p95")),
    "query": analysis(**gate(preset=None, query="up")),
    "failure-threshold": analysis(**gate(failureThreshold=3)),
    "success-threshold": analysis(**gate(successThreshold=2)),
    "min-requests": analysis(**gate(minRequests=2)),
    "smoke-test": {"smokeTests": [{"name": "home", "http": {"port": "http"}}]},
    "smoke-test-path": {"smokeTests": [{"name": "home", "http": {"port": "http", "path": "/x"}}]},
}


def test_semantics_21_every_meaningful_field_changes_the_hash() -> None:
    base = plan_of(canary()).hash
    found = {name: plan_of(canary(**change)).hash for name, change in CHANGES.items()}
    assert [name for name, digest in found.items() if digest == base] == []
    assert len(set(found.values())) == len(found)


@pytest.mark.parametrize(
    "fields",
    [
        {"version": "1.3"},
        {"commit": "0123456"},
        {"images": [{"name": "web", "image": "registry.example/web:v1"}]},
        {"revision": DIGEST[:10]},
        {"idea": {"id": "IDEA-1"}},
        {"readiness": {"stage": "REFINE", "status": "approved", "score": 8}},
        {"assessment": {"risk": "High"}},
        {"rollbackPlan": {"steps": ["kubectl get pods"]}},
        {"migrations": {"scripts": ["001.sql"]}},
        {"operations": {"logging": "Loki"}},
        {"communication": {"notify": ["support"]}},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_semantics_21_what_the_promotion_says_of_itself_is_part_of_the_plan(fields: dict[str, Any]) -> None:
    assert plan_of(canary(), **fields).hash != plan_of(canary()).hash


@pytest.mark.parametrize(
    "fields",
    [
        {"approved": True},
        {"approvals": {"alice": BARE}},
        {"approvedWeight": 50},
        {"hold": "lunch"},
        {"rerun": "1"},
        {"acceptNoData": {"weight": 10, "reason": "little traffic"}},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_a_persons_word_does_not_change_what_it_is_about(fields: dict[str, Any]) -> None:
    assert plan_of(canary(), **fields).hash == plan_of(canary()).hash


@pytest.mark.parametrize("change", [{"replicas": 9}, {"revisionHistoryLimit": 3}, {"abort": "0123456789"}])
def test_semantics_11_replicas_history_and_abort_are_not_part_of_a_plan(change: dict[str, Any]) -> None:
    assert plan_of(canary(**change)).hash == plan_of(canary()).hash


def test_semantics_21_a_rollout_that_was_created_again_is_another_target() -> None:
    assert plan_of(canary(), uid="uid-of-another").hash != plan_of(canary()).hash


# --- The stored plan --------------------------------------------------------------------------------------------------

LIVE = canary(2, replicas=9, steps=[{"weight": 99}])


def stored(obj: Any, plan_hash: str) -> RolloutSpec | None:
    return plan.stored_spec([obj], NAME, plan_hash, revision(canary()), LIVE)


def test_semantics_20_a_shift_runs_the_stored_plan_with_the_replicas_of_now() -> None:
    made = plan_of(canary())
    obj = plan.to_object(made, rollout(canary()), 1)
    assert plan.is_plan(obj)
    found = stored(obj, made.hash)
    assert found is not None
    assert found == RolloutSpec.model_validate(canary(replicas=9))


@pytest.mark.parametrize("limit", [0.5, None])
def test_semantics_20_a_stored_plan_that_was_tampered_with_is_refused(limit: float | None) -> None:
    made = plan_of(canary())
    obj = copy.deepcopy(plan.to_object(made, rollout(canary()), 1))
    analysis = obj["data"]["plan"]["rollout"]["analysis"]
    if limit is None:
        analysis["gates"] = []
    else:
        analysis["gates"][0]["below"] = limit
    assert stored(obj, made.hash) is None
    # Not with the hash of the forgery beside it either: the one that was approved counts.
    obj["data"]["hash"] = "sha256:" + hashlib.sha256(canonical(obj["data"]["plan"])).hexdigest()
    assert stored(obj, made.hash) is None


@pytest.mark.parametrize("data", [None, "x", {}, {"plan": None}, {"plan": "x"}, {"plan": {}}])
def test_semantics_30_a_malformed_stored_plan_is_none_at_all(data: Any) -> None:
    made = plan_of(canary())
    assert stored(plan.to_object(made, rollout(canary()), 1) | {"data": data}, made.hash) is None


def test_a_plan_of_another_hash_or_another_rollout_is_not_taken() -> None:
    made = plan_of(canary())
    obj = plan.to_object(made, rollout(canary()), 1)
    assert stored(obj, BARE) is None
    assert plan.stored_spec([obj], "api", made.hash, revision(canary()), LIVE) is None
    assert plan.stored_spec([], NAME, made.hash, revision(canary()), LIVE) is None
