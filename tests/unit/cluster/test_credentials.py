"""Where the connection comes from, and that a rotated token is used."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from kubernetes.aio.config import incluster_config, kube_config

from slipway.cluster import credentials
from slipway.cluster.errors import NoCluster


def kubeconfig(path: Path, **user: Any) -> Path:
    cluster = {"server": "https://api.example:6443", "insecure-skip-tls-verify": True}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path.write_text(json.dumps(document))
    return path


@pytest.fixture
def in_pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], int]:
    """A pod's service account; call it to rotate the token."""
    token, ca = tmp_path / "token", tmp_path / "ca.crt"
    token.write_text("first")
    ca.write_text("certificate")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(ca))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    return token.write_text


async def test_a_kubeconfig_that_was_named_comes_first(in_pod: Callable[[str], int], tmp_path: Path) -> None:
    configuration = await credentials.load(kubeconfig(tmp_path / "config", token="secret"))
    assert configuration.host == "https://api.example:6443"
    assert await credentials.authorization(configuration) == "Bearer secret"
    info = await credentials.connection_info(configuration)
    assert info.as_http_headers() == {"Authorization": "Bearer secret"}
    assert info.insecure is True


async def test_in_a_pod_the_service_account_is_used_and_its_token_read_again(
    in_pod: Callable[[str], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = await credentials.load()
    assert configuration.host == "https://10.96.0.1:443"
    assert str(await credentials.authorization(configuration)).lower() == "bearer first"
    in_pod("second")
    assert str(await credentials.authorization(configuration)).lower() == "bearer first", "not on each request"

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(minutes=2)

    monkeypatch.setattr(incluster_config.datetime, "datetime", Later)
    assert str(await credentials.authorization(configuration)).lower() == "bearer second"
    assert (await credentials.connection_info(configuration)).as_http_headers() == {"Authorization": "Bearer second"}


@pytest.mark.parametrize("content", [None, "", "current-context: nowhere\n", "users: [half, {"])
async def test_what_is_no_kubeconfig_is_named(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "config"
    if content is not None:
        file.write_text(content)
    with pytest.raises(NoCluster, match=str(file)):
        await credentials.load(file)


async def test_a_kubeconfig_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/one:{tmp_path}/two")
    # It is read from the environment when the module is imported.
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", f"{tmp_path}/one:{tmp_path}/two")
    with pytest.raises(NoCluster, match=f"there is no kubeconfig {tmp_path}/one:{tmp_path}/two; --kubeconfig"):
        await credentials.load()
