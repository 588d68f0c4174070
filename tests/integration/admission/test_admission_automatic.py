"""`approval: Automatic` only where an administrator labelled the namespace for it."""

from collections.abc import Iterator

import pytest
from tests.integration.admission.impersonation import (
    CLUSTER_ADMIN,
    NAMESPACE,
    ROLLOUT,
    Kubernetes,
    Object,
    User,
    eventually,
)
from tests.integration.admission.people import DEVELOPER, new_namespace, rollout

LABELLED = {"slipway.dev/approval": "automatic"}


@pytest.fixture(scope="module")
def staging(kube: Kubernetes) -> Iterator[str]:
    name = new_namespace(kube, "staging", LABELLED)
    yield name
    kube.delete(NAMESPACE, None, name).accepted()


def test_in_a_labelled_namespace(kube: Kubernetes, staging: str) -> None:
    kube.create(ROLLOUT, staging, rollout(approval="Automatic"), DEVELOPER).accepted()


@pytest.mark.parametrize("user", [DEVELOPER, CLUSTER_ADMIN], ids=lambda user: user.name)
def test_elsewhere_it_is_refused_on_every_path(kube: Kubernetes, namespace: str, user: User) -> None:
    words = f"spec.approval: Automatic is not allowed in namespace {namespace}: an administrator must label it"
    kube.create(ROLLOUT, namespace, rollout("new", approval="Automatic"), user).refused(words)
    kube.apply(ROLLOUT, namespace, rollout("new", approval="Automatic"), user).refused(words)
    if kube.get(ROLLOUT, namespace, "api").code == 404:
        kube.create(ROLLOUT, namespace, rollout("api"), DEVELOPER).accepted()
    current = kube.get(ROLLOUT, namespace, "api").accepted()
    automatic = {"spec": {"approval": "Automatic"}}
    operation = {"op": "replace", "path": "/spec/approval", "value": "Automatic"}
    for answer in (
        kube.merge(ROLLOUT, namespace, "api", automatic, user),
        kube.replace(ROLLOUT, namespace, {**current, "spec": {**current["spec"], **automatic["spec"]}}, user),
        kube.json_patch(ROLLOUT, namespace, "api", [operation], user),
        kube.apply(ROLLOUT, namespace, rollout("api", approval="Automatic"), user),
    ):
        answer.refused(words)


@pytest.mark.parametrize("value", ["Automatic", "required", "true", ""])
def test_only_the_very_label_counts(kube: Kubernetes, value: str) -> None:
    name = new_namespace(kube, "mislabelled", {"slipway.dev/approval": value})
    kube.create(ROLLOUT, name, rollout(approval="Automatic"), DEVELOPER).refused("is not allowed in namespace")


def test_an_editor_cannot_label_the_namespace(kube: Kubernetes, namespace: str) -> None:
    kube.merge(NAMESPACE, None, namespace, {"metadata": {"labels": LABELLED}}, DEVELOPER).refused("cannot patch")


@pytest.fixture
def unlabelled_later(kube: Kubernetes) -> str:
    """A namespace with an automatic Rollout, whose label an administrator has taken away."""
    name = new_namespace(kube, "former", LABELLED)
    manifest = rollout(approval="Automatic")
    manifest["metadata"]["finalizers"] = ["example.com/wait"]
    kube.create(ROLLOUT, name, manifest, DEVELOPER).accepted()
    kube.merge(NAMESPACE, None, name, {"metadata": {"labels": {"slipway.dev/approval": None}}}).accepted()
    gone = {"spec": {"revisionHistoryLimit": 9}}
    eventually(
        lambda: kube.merge(ROLLOUT, name, "web", gone, DEVELOPER, dryRun="All").code == 403,
        "the label is gone",
    )
    return name


REFUSED_LATER: dict[str, Object] = {
    "template": {"template": {"metadata": {"labels": {"new": "label"}}}},
    "ports": {"service": {"ports": [{"name": "http", "port": 81, "targetPort": 9898}]}},
    "strategy": {"strategy": {"blueGreen": {"verify": "1s"}}},
    "with an abort beside it": {
        "abort": "3f2a9c01de",
        "template": {"metadata": {"labels": {"new": "label"}}},
    },
}


def test_when_the_label_was_taken_away(kube: Kubernetes, unlabelled_later: str) -> None:
    def change(patch: Object) -> int:
        return kube.merge(ROLLOUT, unlabelled_later, "web", patch, DEVELOPER).code

    for case, spec in REFUSED_LATER.items():
        assert change({"spec": spec}) == 403, case
    # Going back, scaling and cleaning up stay possible.
    assert change({"spec": {"abort": "3f2a9c01de"}}) == 200
    assert change({"spec": {"abort": None, "replicas": 5}}) == 200
    assert kube.merge(ROLLOUT, unlabelled_later, "web", {"spec": {"replicas": 2}}, DEVELOPER, "scale").code == 200
    assert change({"metadata": {"annotations": {"a": "b"}}}) == 200
    kube.delete(ROLLOUT, unlabelled_later, "web", DEVELOPER).accepted()
    assert kube.get(ROLLOUT, unlabelled_later, "web").accepted()["metadata"]["deletionTimestamp"]
    assert change({"metadata": {"finalizers": None}}) == 200
    assert kube.get(ROLLOUT, unlabelled_later, "web").code == 404


def test_asking_for_approval_again_is_always_possible(kube: Kubernetes, unlabelled_later: str) -> None:
    spec = {"approval": "Required", **REFUSED_LATER["template"]}
    assert kube.merge(ROLLOUT, unlabelled_later, "web", {"spec": spec}, DEVELOPER).code == 200
