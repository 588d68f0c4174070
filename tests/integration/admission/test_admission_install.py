"""The install as people apply it, for Kubernetes 1.36 and for older ones, and what it must not stand in the way of."""

import json
from pathlib import Path

import pytest
import yaml
from tests.cluster.capabilities import Level
from tests.cluster.cluster import Cluster
from tests.integration.admission.conftest import REPOSITORY
from tests.integration.admission.guarded_objects import deployment, pod_template, service
from tests.integration.admission.impersonation import (
    DEPLOYMENT,
    INGRESS,
    JOB,
    POD,
    PROMOTION,
    SERVICE,
    VALIDATING_POLICY,
    Kubernetes,
    Object,
    eventually,
)
from tests.integration.admission.people import APPROVER, new_promotion

from slipway import __version__
from slipway.config import parse_config

INSTALL = REPOSITORY / "manifests" / "install"
OLDER = REPOSITORY / "manifests" / "install-1.30"


def kinds(cluster: Cluster, folder: Path) -> set[tuple[str, str]]:
    documents = yaml.safe_load_all(cluster.kubectl("kustomize", str(folder)))
    return {(document["kind"], document["metadata"]["name"]) for document in documents}


def test_the_older_install_lacks_the_mutating_policies_and_nothing_else(guarded: Cluster) -> None:
    missing = kinds(guarded, INSTALL) - kinds(guarded, OLDER)
    assert missing == {
        (kind, name)
        for kind in ("MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding")
        for name in (
            "slipway-stamp-approval",
            "slipway-stamp-author",
            "slipway-stamp-words",
            "slipway-withdraw-approval",
        )
    }


@pytest.mark.parametrize("folder", [INSTALL, OLDER], ids=lambda folder: folder.name)
def test_the_file_is_what_kustomize_makes_of_the_folder(guarded: Cluster, folder: Path) -> None:
    def by_name(text: str) -> dict[tuple[str, str], Object]:
        # Where a folded expression has an indented line, kustomize breaks the line before it twice.
        documents = (json.loads(json.dumps(each).replace("\\n\\n", "\\n")) for each in yaml.safe_load_all(text))
        return {(each["kind"], each["metadata"]["name"]): each for each in documents}

    written = folder.with_name(f"{folder.name}.yaml")
    assert by_name(written.read_text()) == by_name(guarded.kubectl("kustomize", str(folder)))
    done = guarded.try_kubectl("apply", "--server-side", "--dry-run=server", f"--filename={written}")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("folder", [INSTALL, OLDER], ids=lambda folder: folder.name)
def test_it_applies_without_a_warning(guarded: Cluster, kube: Kubernetes, folder: Path) -> None:
    done = guarded.try_kubectl("apply", "--server-side", "--dry-run=server", "-k", str(folder))
    assert (done.returncode, done.stderr) == (0, "")


def test_policies_are_well_typed(kube: Kubernetes) -> None:
    """The API server reads each expression against the schemas of what it matches, and reports misspelt fields."""

    def checked() -> bool:
        return all("typeChecking" in policy.get("status", {}) for policy in kube.items(VALIDATING_POLICY, None))

    eventually(checked, "all policies are checked")
    found = {
        policy["metadata"]["name"]: policy["status"]["typeChecking"] for policy in kube.items(VALIDATING_POLICY, None)
    }
    assert {name: warnings for name, warnings in found.items() if warnings} == {}


def test_the_operators_pods_keep_to_the_restricted_standard(guarded: Cluster, kube: Kubernetes) -> None:
    done = guarded.try_kubectl("apply", "--server-side", "-k", str(REPOSITORY / "manifests" / "operator"))
    assert (done.returncode, done.stderr) == (0, "")
    label = "app.kubernetes.io/name=slipway"
    eventually(lambda: len(kube.items(POD, "slipway-system", labelSelector=label)) == 2, "both replicas are admitted")


def test_the_policy_for_production_comes_with_both_installs(guarded: Cluster) -> None:
    for folder in (INSTALL, OLDER):
        assert ("PromotionPolicy", "production") in kinds(guarded, folder)


@pytest.fixture
def shipped(guarded: Cluster) -> dict[str, Object]:
    documents = yaml.safe_load_all(guarded.kubectl("kustomize", str(REPOSITORY / "manifests" / "operator")))
    return {document["kind"]: document for document in documents}


def test_the_shipped_configuration_is_one(shipped: dict[str, Object]) -> None:
    config = parse_config(shipped["ConfigMap"]["data"]["config.yaml"])
    assert [(source.name, source.url, source.dialect) for source in config.sources] == [
        ("default", "http://prometheus.monitoring.svc:9090", "http")
    ]


def test_the_image_is_of_this_version(shipped: dict[str, Object]) -> None:
    containers = shipped["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert [container["image"] for container in containers] == [f"slipway:{__version__}"]


@pytest.mark.parametrize("spec", [None, "text", {"approvals": "text"}, {"approved": "yes"}, {"approvedWeight": "50"}])
def test_a_malformed_promotion_is_an_error_of_the_user(kube: Kubernetes, namespace: str, spec: object) -> None:
    """The mutating policies run before the schema is checked: what they meet may have any shape."""
    name = new_promotion(kube, namespace)
    kube.merge(PROMOTION, namespace, name, {"spec": {"approved": True}}, APPROVER).accepted()
    for withdrawn in (False, True):
        if withdrawn:
            kube.merge(PROMOTION, namespace, name, {"spec": {"approved": None}}, APPROVER).accepted()
        assert kube.merge(PROMOTION, namespace, name, {"spec": spec}, APPROVER).code == 422


def test_without_the_crds_the_policies_stand_in_nobodys_way() -> None:
    """Applied in the wrong order, or left when the CRDs were deleted: two policies have Rollouts as parameters."""
    with Cluster.start(Level.CONTROL_PLANE) as cluster:
        # All but the PromotionPolicy, which is no policy of the API server: without its CRD it cannot be there.
        for folder in ("access", "operator", "admission", "stamping"):
            cluster.kubectl("apply", "--server-side", "-k", str(REPOSITORY / "manifests" / folder))
        kube = Kubernetes(cluster.kubeconfig())
        labelled = service("web-2", {"slipway.dev/rollout": "web"})
        eventually(
            lambda: kube.create(SERVICE, "default", labelled, dryRun="All").code == 403, "the policies are at work"
        )
        kube.create(SERVICE, "default", service("web", {"app": "web"})).accepted()
        kube.create(DEPLOYMENT, "default", deployment("web", {}, {"app": "web"})).accepted()
        backend = {"service": {"name": "web-preview", "port": {"number": 80}}}
        kube.create(INGRESS, "default", INGRESS.manifest("web", spec={"defaultBackend": backend})).accepted()
        job = pod_template({})
        job["spec"]["restartPolicy"] = "Never"
        kube.create(JOB, "default", JOB.manifest("once", spec={"template": job})).accepted()
        kube.close()
