"""RBAC lets the operator create and patch ConfigMaps: admission holds it to reports and launch records."""

from collections.abc import Iterator

import pytest
from tests.integration.admission.impersonation import (
    CONFIG_MAP,
    NAMESPACE,
    OPERATOR,
    Kubernetes,
    Object,
    eventually,
)
from tests.integration.admission.people import DEVELOPER, RESTORE, new_namespace

REPORT = {"slipway.dev/report": "promotion"}
RECORD = {"slipway.dev/launch-of": "web", "slipway.dev/record": "launch"}
NOT_ITS_OWN = "the operator writes no ConfigMap but reports and launch records"
OF_KUBERNETES = ("kube-system", "kube-public", "kube-node-lease")


def config_map(name: str, labels: Object | None = None, **fields: object) -> Object:
    return CONFIG_MAP.manifest(name, metadata={"labels": labels or {}}, data={"a": "b"}, **fields)


@pytest.fixture(scope="module")
def shop(kube: Kubernetes) -> Iterator[str]:
    """A namespace with `settings`, a ConfigMap of its people, and the report `web-1-report`."""
    name = new_namespace(kube, "settings")
    kube.create(CONFIG_MAP, name, config_map("settings"), DEVELOPER).accepted()
    kube.create(CONFIG_MAP, name, config_map("web-1-report", REPORT), OPERATOR).accepted()
    probe = {"data": {"a": "c"}}
    eventually(
        lambda: kube.merge(CONFIG_MAP, name, "settings", probe, OPERATOR, dryRun="All").code == 403, "it is held"
    )
    yield name
    kube.delete(NAMESPACE, None, name).accepted()


def test_it_writes_reports_and_records(kube: Kubernetes, shop: str) -> None:
    kube.create(CONFIG_MAP, shop, config_map("web-2-report", REPORT), OPERATOR, dryRun="All").accepted()
    kube.create(CONFIG_MAP, shop, config_map("launch-web-1", RECORD, immutable=True), OPERATOR, dryRun="All").accepted()
    changed = {"metadata": {"labels": {"slipway.dev/idea": "A"}}, "data": {"a": "c"}}
    kube.merge(CONFIG_MAP, shop, "web-1-report", changed, OPERATOR, dryRun="All").accepted()


@pytest.mark.parametrize("labels", [{}, {"app": "web"}, {"slipway.dev/rollout": "web"}], ids=str)
def test_it_makes_no_other(kube: Kubernetes, shop: str, labels: Object) -> None:
    kube.create(CONFIG_MAP, shop, config_map("other", labels), OPERATOR, dryRun="All").refused(NOT_ITS_OWN)


@pytest.mark.parametrize(
    "patch",
    [
        {"data": {"a": "c"}},
        {"metadata": {"labels": REPORT}, "data": {"a": "c"}},
        {"metadata": {"annotations": {"a": "b"}}},
        {"immutable": True},
    ],
    ids=str,
)
def test_it_changes_no_other_and_makes_none_its_own(kube: Kubernetes, shop: str, patch: Object) -> None:
    kube.merge(CONFIG_MAP, shop, "settings", patch, OPERATOR, dryRun="All").refused(NOT_ITS_OWN)
    kube.merge(CONFIG_MAP, shop, "settings", {"metadata": {"labels": RECORD}}, OPERATOR, dryRun="All").refused()
    kube.merge(CONFIG_MAP, shop, "settings", {"data": {"a": "c"}}, DEVELOPER, dryRun="All").accepted()


def test_a_report_does_not_become_a_record_or_nothing(kube: Kubernetes, shop: str) -> None:
    for labels in ({"slipway.dev/report": None}, {"slipway.dev/report": None, **RECORD}):
        patch = {"metadata": {"labels": labels}}
        assert kube.merge(CONFIG_MAP, shop, "web-1-report", patch, OPERATOR, dryRun="All").code == 403


@pytest.mark.parametrize("labels", [{}, REPORT], ids=str)
@pytest.mark.parametrize("namespace", OF_KUBERNETES)
def test_what_is_kubernetes_own_is_out_of_its_reach(kube: Kubernetes, namespace: str, labels: Object) -> None:
    kube.create(CONFIG_MAP, namespace, config_map("mine", labels), OPERATOR, dryRun="All").refused(
        "the operator writes no"
    )
    there = config_map("theirs", labels)
    kube.create(CONFIG_MAP, namespace, there, RESTORE).accepted()
    patch = {"data": {"a": "c"}}
    kube.merge(CONFIG_MAP, namespace, "theirs", patch, OPERATOR).refused("the operator writes no ConfigMap")
    kube.delete(CONFIG_MAP, namespace, "theirs", RESTORE).accepted()


@pytest.mark.parametrize("labels", [{}, REPORT], ids=str)
def test_the_allow_lists_are_out_of_its_reach(kube: Kubernetes, labels: Object) -> None:
    patch = {"metadata": {"labels": labels}, "data": {"approvers": OPERATOR.name}}
    answer = kube.merge(CONFIG_MAP, "slipway-system", "slipway-admission", patch, OPERATOR)
    assert answer.code == 403, answer
    kube.create(CONFIG_MAP, "slipway-system", config_map("slipway-admission", labels), OPERATOR).refused()
