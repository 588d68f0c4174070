"""Launch records and reports: written once by the operator, deleted by nobody without the right."""

from collections.abc import Iterator

import pytest
from tests.integration.admission.impersonation import (
    CLUSTER_ADMIN,
    CONFIG_MAP,
    NAMESPACE,
    OPERATOR,
    PROMOTION,
    Kubernetes,
    Object,
    User,
    eventually,
)
from tests.integration.admission.people import DEVELOPER, NAMESPACE_ADMIN, RESTORE, bind, may, new_namespace, promotion

KEEPER = User("records@example.com")
RECORD = {"slipway.dev/launch-of": "web", "slipway.dev/record": "launch"}
REPORT = {"slipway.dev/report": "web-1"}
# The administrator of these tests is in system:masters, who may do everything, prune included.
PEOPLE = [DEVELOPER, NAMESPACE_ADMIN]


@pytest.fixture(scope="module")
def shop(kube: Kubernetes) -> Iterator[str]:
    """A namespace with the record `launch-web-1` and the report `web-1-report`."""
    name = new_namespace(kube, "recorded")
    bind(kube, name, "record-keepers", "slipway-record-retention", (KEEPER,))
    eventually(lambda: may(kube, KEEPER, name, "prune", "launchrecords"), "the role is bound")
    kube.create(CONFIG_MAP, name, record("launch-web-1"), OPERATOR).accepted()
    kube.create(CONFIG_MAP, name, report("web-1-report"), OPERATOR).accepted()
    yield name
    kube.delete(NAMESPACE, None, name).accepted()


def record(name: str, immutable: bool = True, **metadata: object) -> Object:
    data = {"statement.json": "{}"}
    return CONFIG_MAP.manifest(name, metadata={"labels": RECORD, **metadata}, immutable=immutable, data=data)


def report(name: str) -> Object:
    return CONFIG_MAP.manifest(name, metadata={"labels": REPORT}, data={"report.md": "# Report"})


@pytest.mark.parametrize("user", [*PEOPLE, CLUSTER_ADMIN, KEEPER], ids=lambda user: user.name)
def test_only_the_operator_makes_a_record(kube: Kubernetes, shop: str, user: User) -> None:
    answer = kube.create(CONFIG_MAP, shop, record("launch-web-9"), user, dryRun="All")
    if user == KEEPER:
        answer.refused("cannot create resource")
    else:
        answer.refused(f"written by Slipway, and not by {user.name}")


@pytest.mark.parametrize("user", [OPERATOR, RESTORE], ids=lambda user: user.name)
def test_a_record_is_immutable_and_has_no_owner(kube: Kubernetes, shop: str, user: User) -> None:
    kube.create(CONFIG_MAP, shop, record("launch-web-2"), user, dryRun="All").accepted()
    kube.create(CONFIG_MAP, shop, record("launch-web-2", immutable=False), user).refused("is immutable")
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "other", "uid": "0"}
    kube.create(CONFIG_MAP, shop, record("launch-web-2", ownerReferences=[owner]), user).refused("has no owner")


@pytest.mark.parametrize("user", [*PEOPLE, CLUSTER_ADMIN, RESTORE], ids=lambda user: user.name)
def test_nobody_changes_a_record(kube: Kubernetes, shop: str, user: User) -> None:
    for metadata in (
        {"labels": {"slipway.dev/launch-of": None}},
        {"labels": {"slipway.dev/launch-of": "other"}},
        {"annotations": {"slipway.dev/record-number": "7"}},
        {"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "other", "uid": "0"}]},
        {"finalizers": ["example.com/mine"]},
    ):
        patch = {"metadata": metadata}
        kube.merge(CONFIG_MAP, shop, "launch-web-1", patch, user).refused(
            f"a launch record is never changed, and neither is its label slipway.dev/launch-of: {user.name}"
        )
    kube.merge(CONFIG_MAP, shop, "launch-web-1", {"data": {"statement.json": "forged"}}, user).refused(code=422)


@pytest.mark.parametrize("user", [*PEOPLE, CLUSTER_ADMIN, RESTORE], ids=lambda user: user.name)
def test_a_restore_alone_writes_it_without_effect(kube: Kubernetes, shop: str, user: User) -> None:
    """As Velero does, which puts back last who had written which field."""
    fields = kube.get(CONFIG_MAP, shop, "launch-web-1").accepted()["metadata"]["managedFields"]
    patch = {"metadata": {"managedFields": [{**fields[0], "manager": "before"}]}}
    answer = kube.merge(CONFIG_MAP, shop, "launch-web-1", patch, user, dryRun="All")
    if user == RESTORE:
        answer.accepted()
    else:
        answer.refused(f"{user.name} may not write it")


def test_not_even_the_operator_changes_or_deletes_it(kube: Kubernetes, shop: str) -> None:
    """Whatever RBAC lets it do: here it is an editor, too."""
    patch = {"metadata": {"annotations": {"a": "b"}}}
    kube.merge(CONFIG_MAP, shop, "launch-web-1", patch, OPERATOR).refused("is never changed")
    kube.delete(CONFIG_MAP, shop, "launch-web-1", OPERATOR).refused("the verb prune")


def test_nothing_else_becomes_a_record_or_a_report(kube: Kubernetes, shop: str) -> None:
    kube.create(CONFIG_MAP, shop, CONFIG_MAP.manifest("other", data={"a": "b"}), DEVELOPER).accepted()
    for labels in (RECORD, REPORT):
        kube.merge(CONFIG_MAP, shop, "other", {"metadata": {"labels": labels}}, DEVELOPER).refused("slipway-guard-re")
    kube.merge(CONFIG_MAP, shop, "other", {"data": {"a": "c"}}, DEVELOPER).accepted()
    kube.delete(CONFIG_MAP, shop, "other", DEVELOPER).accepted()


@pytest.mark.parametrize("user", PEOPLE, ids=lambda user: user.name)
def test_deleting_asks_for_the_verb_prune(kube: Kubernetes, shop: str, user: User) -> None:
    kube.delete(CONFIG_MAP, shop, "launch-web-1", user).refused(
        "the verb prune on launchrecords.slipway.dev", user.name
    )
    kube.request("DELETE", CONFIG_MAP.path(shop), None, user, "application/json", {}).refused("prune")
    assert kube.get(CONFIG_MAP, shop, "launch-web-1").code == 200


def test_the_retention_role_deletes_and_does_nothing_else(kube: Kubernetes, shop: str) -> None:
    kube.create(CONFIG_MAP, shop, record("launch-web-3"), OPERATOR).accepted()
    kube.merge(CONFIG_MAP, shop, "launch-web-3", {"metadata": {"labels": {"a": "b"}}}, KEEPER).refused()
    kube.delete(CONFIG_MAP, shop, "launch-web-3", KEEPER).accepted()
    kube.delete(CONFIG_MAP, shop, "web-1-report", KEEPER).refused("slipway-guard-reports")


@pytest.mark.parametrize("user", [*PEOPLE, CLUSTER_ADMIN], ids=lambda user: user.name)
def test_only_the_operator_writes_a_report(kube: Kubernetes, shop: str, user: User) -> None:
    words = f"goes with its Promotion: {user.name} may not write it"
    kube.create(CONFIG_MAP, shop, report("mine"), user).refused(words)
    kube.merge(CONFIG_MAP, shop, "web-1-report", {"data": {"report.md": "all is well"}}, user).refused(words)
    kube.merge(CONFIG_MAP, shop, "web-1-report", {"metadata": {"labels": {"slipway.dev/report": None}}}, user).refused()
    kube.delete(CONFIG_MAP, shop, "web-1-report", user).refused(words)


def test_a_report_goes_with_its_promotion_and_a_record_stays(kube: Kubernetes, shop: str) -> None:
    owner = kube.create(PROMOTION, shop, promotion("web-7"), DEVELOPER).accepted()
    manifest = report("web-7-report")
    manifest["metadata"]["ownerReferences"] = [
        {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": "web-7",
            "uid": owner["metadata"]["uid"],
        }
    ]
    kube.create(CONFIG_MAP, shop, manifest, OPERATOR).accepted()
    kube.delete(PROMOTION, shop, "web-7", DEVELOPER).accepted()
    eventually(lambda: kube.get(CONFIG_MAP, shop, "web-7-report").code == 404, "the report is gone")
    assert kube.get(CONFIG_MAP, shop, "launch-web-1").code == 200


def test_deleting_the_namespace_takes_its_records(kube: Kubernetes) -> None:
    name = new_namespace(kube, "closed")
    kube.create(CONFIG_MAP, name, record("launch-web-1"), OPERATOR).accepted()
    kube.create(CONFIG_MAP, name, report("web-1-report"), OPERATOR).accepted()
    kube.delete(NAMESPACE, None, name).accepted()
    eventually(lambda: kube.get(NAMESPACE, None, name).code == 404, "the namespace is gone")
