"""Which cluster and namespace a command is about: what kubectl would take from the same kubeconfig."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.aio.config import incluster_config
from tests.unit.cluster.test_credentials import kubeconfig as written

from slipway.cluster import credentials
from slipway.cluster.errors import NoCluster
from slipway.console.session import Scope, scope

POD = "https://10.96.0.1:443"


def kubeconfig(path: Path, current: str, **namespaces: str) -> Path:
    """A cluster `https://NAME:6443` for each context."""
    names = [*namespaces, current]
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": current,
        "clusters": [{"name": name, "cluster": {"server": f"https://{name}:6443"}} for name in names],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [
            {"name": name, "context": {"cluster": name, "user": "u", "namespace": namespaces.get(name, "")}}
            for name in names
        ],
    }
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.fixture
def in_pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pod of namespace `ci`, with no kubeconfig yet."""
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    for name, text in (("token", "pod"), ("ca.crt", "certificate"), ("namespace", "ci")):
        (folder / name).write_text(text)
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(folder / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(folder / "ca.crt"))
    monkeypatch.setattr(credentials, "NAMESPACE_FILE", folder / "namespace")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)


def server(where: Scope) -> Any:
    return asyncio.run(credentials.load(where.kubeconfig, where.context)).host


@pytest.mark.usefixtures("in_pod")
def test_in_a_pod_too_the_kubeconfig_of_the_environment_says_which_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "prod", "prod", prod="shop")))
    where = scope(None, None, None)
    assert (server(where), where.namespace) == ("https://prod:6443", "shop")


@pytest.mark.usefixtures("in_pod")
def test_in_a_pod_too_the_kubeconfig_in_its_home_does(tmp_path: Path) -> None:
    (tmp_path / ".kube").mkdir()
    kubeconfig(tmp_path / ".kube" / "config", "dev", dev="shop")
    assert server(scope(None, None, None)) == "https://dev:6443"


@pytest.mark.usefixtures("in_pod")
@pytest.mark.parametrize("content", [None, "", "apiVersion: v1\nkind: Config\nclusters: null\ncurrent-context: ''\n"])
def test_a_pod_without_a_kubeconfig_has_its_service_account_and_that_ones_namespace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    file = tmp_path / "nothing"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv("KUBECONFIG", str(file))
    where = scope(None, None, None)
    assert (server(where), where.namespace) == (POD, "ci")
    assert scope(None, None, "other").namespace == "other"


@pytest.mark.usefixtures("in_pod")
@pytest.mark.parametrize("content", ["users: [half, {", "current-context: nowhere\n", "- 1\n"])
def test_a_kubeconfig_that_cannot_be_used_is_said_and_no_reason_for_the_pods_own_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    file = tmp_path / "config"
    file.write_text(content)
    monkeypatch.setenv("KUBECONFIG", str(file))
    with pytest.raises(NoCluster):
        server(scope(None, None, None))


def test_the_context_that_was_current_stays_when_another_one_becomes_current(tmp_path: Path) -> None:
    file = kubeconfig(tmp_path / "config", "one", one="a", two="b")
    where = scope(file, None, None)
    kubeconfig(file, "two", one="a", two="b")
    assert (server(where), where.namespace) == ("https://one:6443", "a")


def test_of_several_files_the_first_says_which_context_is_current(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    first, second = kubeconfig(tmp_path / "1", "one", one="a"), kubeconfig(tmp_path / "2", "two", two="b")
    monkeypatch.setenv("KUBECONFIG", f"{first}:{tmp_path}/none:{second}")
    where = scope(None, None, None)
    assert (server(where), where.namespace) == ("https://one:6443", "a")
    assert scope(None, "two", None).namespace == "b"


def test_a_context_that_is_named_brings_its_namespace_where_none_is_current(tmp_path: Path) -> None:
    file = kubeconfig(tmp_path / "config", "one", one="a", two="b")
    file.write_text(file.read_text().replace("current-context: one", "current-context: ''"))
    assert scope(file, "two", None) == Scope(file, "two", "b")
    assert scope(written(tmp_path / "other"), None, None) == Scope(tmp_path / "other", "x", "default")
