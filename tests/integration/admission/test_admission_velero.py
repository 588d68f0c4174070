"""A restore by Velero with the rules of docs/operations.md, write by write, before the policies.

Velero creates an object, with labels of its own and the managed fields that were saved, then writes its status where it
was told to, and last puts the managed fields back as they were. An API server that refuses any of this has restored
less than was saved.
"""

import copy
import json
from collections.abc import Iterator

import pytest
import yaml
from tests.cluster.paths import REPOSITORY
from tests.integration.admission.impersonation import (
    CONFIG_MAP,
    JOB,
    NAMESPACE,
    OPERATOR,
    POD,
    PROMOTION,
    ROLLOUT,
    Kind,
    Kubernetes,
    Object,
    User,
    eventually,
)
from tests.integration.admission.people import (
    APPROVER,
    BREAKER,
    DEVELOPER,
    PLAN,
    RESTORE,
    new_namespace,
    promotion,
    rollout,
    show_plan,
)
from tests.integration.velero import PROMOTIONS, config_map, modify, stripped
from tests.unit.api.objects import ACCEPTED

SERVERS = {"uid", "resourceVersion", "generation", "creationTimestamp", "ownerReferences", "selfLink"}
"""What Velero leaves out of the metadata that was saved."""
LABELS = {"velero.io/backup-name": "nightly", "velero.io/restore-name": "nightly-20260101000000"}

CASES = {
    **{name: made for name, made in ACCEPTED.items() if made["kind"] == "Promotion"},
    "what people wrote": promotion(
        learnings={"wentWell": "all of it"},
        retry={"fix": "a larger pool"},
        requestedBy=DEVELOPER.name,
        hold="lunch",
        saidBy={"hold": {"by": DEVELOPER.name, "said": "lunch"}},
    ),
}


@pytest.fixture(scope="module")
def elsewhere(kube: Kubernetes) -> Iterator[str]:
    """The namespace that things are restored to; without a Rollout, which comes after the Promotions."""
    name = new_namespace(kube, "restored")
    yield name
    kube.delete(NAMESPACE, None, name).accepted()


def prepared(saved: Object) -> Object:
    metadata = {key: value for key, value in saved["metadata"].items() if key not in {*SERVERS, "namespace"}}
    metadata["labels"] = metadata.get("labels", {}) | LABELS
    return {**{key: value for key, value in saved.items() if key != "status"}, "metadata": metadata}


def restored(kube: Kubernetes, namespace: str, kind: Kind, saved: Object, user: User = RESTORE) -> Object:
    """What is there in the end."""
    obj = prepared(saved)
    if kind == PROMOTION:
        (obj,), errors = modify(config_map(), (PROMOTIONS, obj))
        assert errors == []
    made = kube.create(kind, namespace, obj, user).accepted()
    name = made["metadata"]["name"]
    if "status" in saved:
        obj["metadata"]["resourceVersion"] = made["metadata"]["resourceVersion"]
        made = kube.replace(kind, namespace, {**obj, "status": saved["status"]}, user, "status").accepted()
    assert made["metadata"]["managedFields"] != saved["metadata"]["managedFields"], "there is something to put back"
    fields = {"metadata": {"managedFields": saved["metadata"]["managedFields"]}}
    return kube.merge(kind, namespace, name, fields, user).accepted()


def saved_promotion(kube: Kubernetes, namespace: str) -> Object:
    """One to which all has been said, by those who may."""
    checks = [{"name": "basket", "category": "Quality", "manual": {"ask": "Does the basket keep its articles?"}}]
    kube.create(PROMOTION, namespace, promotion("web-9", checks=checks), DEVELOPER).accepted()
    show_plan(kube, namespace, "web-9").accepted()
    words: list[tuple[User, Object]] = [
        (DEVELOPER, {"hold": "lunch", "rollbackPlanNeeded": True}),
        (BREAKER, {"breakGlass": {"reason": "the shop is down"}}),
        (APPROVER, {"confirmed": {"basket": {"by": APPROVER.name, "plan": PLAN}}}),
        (APPROVER, {"approved": True, "approvedWeight": 50, "acceptNoData": {"weight": 10, "reason": "by night"}}),
        (DEVELOPER, {"abort": "never mind", "learnings": {"improve": "more data"}, "rerun": "2"}),
    ]
    for user, said in words:
        kube.merge(PROMOTION, namespace, "web-9", {"spec": said}, user).accepted()
    status = {"phase": "Aborted", "observedGeneration": 6, "message": "aborted: never mind"}
    return kube.state(PROMOTION, namespace, "web-9", status).accepted()


def test_a_promotion_comes_back_with_its_status_and_without_what_was_said_of_its_plan(
    kube: Kubernetes, namespace: str, elsewhere: str
) -> None:
    saved = saved_promotion(kube, namespace)
    assert stripped() <= saved["spec"].keys(), "each of the words was said"
    assert kube.create(PROMOTION, elsewhere, prepared(saved), RESTORE).code in (403, 422)
    there = restored(kube, elsewhere, PROMOTION, saved)
    assert there["spec"] == {field: value for field, value in saved["spec"].items() if field not in stripped()}
    assert there["status"] == saved["status"]
    assert there["metadata"]["uid"] != saved["metadata"]["uid"]


@pytest.mark.parametrize("kind", ["rollout", "record", "report"])
def test_what_else_is_slipways_comes_back(kube: Kubernetes, namespace: str, elsewhere: str, kind: str) -> None:
    saved = saved_other(kube, namespace, kind)
    there = restored(kube, elsewhere, ROLLOUT if kind == "rollout" else CONFIG_MAP, saved)
    assert {key: there[key] for key in there if key != "metadata"} == {
        key: saved[key] for key in saved if key != "metadata"
    }


@pytest.mark.parametrize("check", ["basket", "Migration"])
def test_a_job_that_had_not_succeeded_does_not_run_again(kube: Kubernetes, elsewhere: str, check: str) -> None:
    """Velero leaves out a Job that has succeeded, and starts every other one anew."""
    labels = {"slipway.dev/check-of": "web", "slipway.dev/check": check}
    container = {"name": "run", "image": "registry.example/run:1"}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    job = JOB.manifest(f"web-{check.lower()}", metadata={"labels": labels | LABELS}, spec={"template": template})
    kube.create(JOB, elsewhere, job, RESTORE).refused("this Job is the run of a check")


def test_a_pod_of_a_migration_does_not_run_again(kube: Kubernetes, elsewhere: str) -> None:
    """Velero brings back a pod that was running, without its owner."""
    labels = {"slipway.dev/check-of": "web", "slipway.dev/check": "Migration"}
    spec = {"containers": [{"name": "run", "image": "registry.example/run:1"}]}
    pod = POD.manifest("web-migration", metadata={"labels": labels | LABELS}, spec=spec)
    kube.create(POD, elsewhere, pod, RESTORE).refused("this Pod is the run of a check or smoke test, or of a migration")
    kube.create(POD, elsewhere, POD.manifest("other", spec=spec), RESTORE, dryRun="All").accepted()
    template = {"metadata": {"labels": labels}, "spec": {**spec, "restartPolicy": "Never"}}
    job = JOB.manifest("web-contract", metadata={"labels": labels}, spec={"template": template})
    kube.create(JOB, elsewhere, job, OPERATOR).accepted()
    query = {"labelSelector": "slipway.dev/check=Migration"}
    eventually(lambda: kube.items(POD, elsewhere, **query), "Kubernetes makes the pod of the operator's Job")


def saved_other(kube: Kubernetes, namespace: str, kind: str) -> Object:
    if kind == "rollout":
        kube.create(ROLLOUT, namespace, rollout(), DEVELOPER).accepted()
        return kube.state(ROLLOUT, namespace, "web", {"phase": "Healthy", "observedGeneration": 1}).accepted()
    labels = {"slipway.dev/launch-of": "web", "slipway.dev/record": "launch"}
    if kind == "report":
        labels = {"slipway.dev/report": "web-9"}
    data = {"statement.json" if kind == "record" else "report.md": "{}"}
    made = CONFIG_MAP.manifest(f"{kind}-9", metadata={"labels": labels}, data=data, immutable=kind == "record")
    return kube.create(CONFIG_MAP, namespace, made, OPERATOR).accepted()


@pytest.mark.parametrize("name", CASES)
def test_what_is_left_is_taken_and_each_word_alone_would_be_refused(
    kube: Kubernetes, elsewhere: str, name: str
) -> None:
    """So the rules strip what has to go, and nothing else."""
    made = prepared(CASES[name])
    (left,), _ = modify(config_map(), (PROMOTIONS, copy.deepcopy(made)))
    kube.create(PROMOTION, elsewhere, left, RESTORE, dryRun="All").accepted()
    for field in sorted(stripped() & made["spec"].keys()):
        if said := made["spec"][field]:
            one = {**left, "spec": {**left["spec"], field: said}}
            answer = kube.create(PROMOTION, elsewhere, one, RESTORE, dryRun="All")
            assert answer.code in (403, 422), f"{field} would be taken: {json.dumps(answer.body)}"


def test_these_are_all_fields_that_there_are() -> None:
    """A new one is either refused at creation, and stripped, or brought back; here is where that is seen."""
    crd = yaml.safe_load((REPOSITORY / "crds" / "slipway.dev_promotions.yaml").read_text())
    (version,) = crd["spec"]["versions"]
    fields = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"].keys()
    assert fields == {field for made in CASES.values() for field, value in made["spec"].items() if value is not None}
