"""What is applied, held by kubeconform against schemas of several versions of Kubernetes, unknown fields included."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.cluster.helm import Helm
from tests.cluster.paths import REPOSITORY
from tests.cluster.schemas import VERSIONS, custom_schemas, kubernetes_schemas
from tests.cluster.toolchain import program

CHART = REPOSITORY / "charts" / "slipway"
MANIFESTS = REPOSITORY / "manifests"
STAMPED = "1.36.0"
"""From here on MutatingAdmissionPolicies are served in v1."""

Conform = Callable[[str, str], list[str]]


@pytest.fixture(scope="module")
def conform(tmp_path_factory: pytest.TempPathFactory) -> Conform:
    """What is wrong with documents on a version of Kubernetes, one line each; a kind without schema is wrong."""
    kept = kubernetes_schemas(), custom_schemas(tmp_path_factory.mktemp("schemas"))
    where = [f"-schema-location={location}" for location in kept]

    def check(version: str, documents: str) -> list[str]:
        argv = [str(program("chart", "kubeconform")), "-strict", f"-kubernetes-version={version}", *where, "-"]
        done = subprocess.run(argv, input=documents, capture_output=True, text=True, check=False)
        found = (done.stdout + done.stderr).splitlines()
        assert bool(found) == bool(done.returncode)
        return found

    return check


@pytest.fixture
def helm(tmp_path: Path) -> Helm:
    return Helm(tmp_path)


def older(version: str) -> bool:
    return int(version.split(".")[1]) < int(STAMPED.split(".")[1])


def documents(paths: Iterator[Path]) -> str:
    return "\n---\n".join(path.read_text() for path in sorted(paths))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("values", ["", "everything", "namespaced"])
def test_the_chart(conform: Conform, helm: Helm, version: str, values: str) -> None:
    given = [f"--values={CHART / 'ci' / f'{values}-values.yaml'}"] if values else []
    rendered = helm(
        "template", "slipway", str(CHART), "--namespace=slipway-system", f"--kube-version={version}", *given
    )
    assert conform(version, rendered) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_the_manifests(conform: Conform, version: str) -> None:
    installed = MANIFESTS / ("install-1.30.yaml" if older(version) else "install.yaml")
    assert conform(version, installed.read_text()) == []
    for more in (REPOSITORY / "crds", MANIFESTS / "samples"):
        assert conform(version, documents(more.glob("*.yaml"))) == []


def test_an_unknown_field_a_wrong_type_and_a_kind_of_a_later_version_are_found(conform: Conform) -> None:
    sample = (MANIFESTS / "samples" / "canary.yaml").read_text()
    assert "weigth" in "".join(conform("1.36.0", sample.replace("weight:", "weigth:", 1)))
    deployment = (MANIFESTS / "operator" / "deployment.yaml").read_text()
    for right, wrong, named in (
        ("replicas: 2", "replicas: two", "/spec/replicas"),
        ("readOnlyRootFilesystem: true", "readOnlyRootFileSystem: true", "readOnlyRootFileSystem"),
    ):
        assert right in deployment
        assert named in "".join(conform("1.30.0", deployment.replace(right, wrong)))
    stamps = documents(path for path in (MANIFESTS / "stamping").glob("*.yaml") if path.name != "kustomization.yaml")
    assert conform(STAMPED, stamps) == []
    assert all("could not find schema for MutatingAdmissionPolicy" in line for line in conform("1.33.0", stamps))
    assert conform("1.33.0", stamps)
