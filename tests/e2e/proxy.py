"""oauth2-proxy before the page, as docs/dashboard.md configures it, and a login server that it asks who somebody is."""

import contextlib
import json
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.cluster.cluster import Cluster
from tests.cluster.process import PATIENCE
from tests.cluster.toolchain import program
from tests.docs.blocks import MANIFESTS

ADDRESS = "https://slipway.example.com"
LOGIN = "https://login.example.com"
PAGE = "http://slipway-dashboard.slipway-system"
"""Where they are in the documentation."""
LOGIN_PORT, PAGE_PORT = 18_090, 18_091
LOGIN_HERE, PAGE_HERE = f"http://localhost:{LOGIN_PORT}", f"http://127.0.0.1:{PAGE_PORT}"
"""Where they are here."""
_PORT = 4443
NAMES = f"--host-resolver-rules=MAP slipway.example.com:443 127.0.0.1:{_PORT}, MAP * ~NOTFOUND, EXCLUDE localhost"
"""For a browser: the proxy is where the documentation has it, and nobody is waited for who is not here at all."""
HERE = f"https://127.0.0.1:{_PORT}"
"""For what is sent to it without a browser."""


@contextlib.contextmanager
def login_server(cluster: Cluster, people: Mapping[str, Sequence[str]]) -> Iterator[None]:
    """OpenID Connect for these people with their groups: they log in by their name alone."""
    argv = [sys.executable, "-m", "oidc_provider_mock", f"--port={LOGIN_PORT}"]
    for name, groups in people.items():
        claims = {"sub": name, "email": name, "email_verified": True, "groups": groups}
        argv.append(f"--user-claims={json.dumps(claims)}")
    with _running(cluster, "login-server", argv, LOGIN_PORT):
        yield


@contextlib.contextmanager
def proxy(cluster: Cluster, folder: Path, secret: str, *more: str) -> Iterator[None]:
    """Before the page, with the arguments and files of the documented Deployment; the login server has to run."""
    of = {each["kind"]: each for each in _documented()}
    pki = cluster.folder / "pki"
    volumes = {
        "slipway-proxy": of["ConfigMap"]["data"],
        "slipway-dashboard-proxy": {"secret": secret},
        "slipway-login": {"client": "any", "cookie": secrets.token_hex(16)},
        "slipway-tls": {f"tls.{end}": (pki / f"apiserver.{end}").read_text() for end in ("crt", "key")},
    }
    pod = of["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    paths = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    here = {LOGIN: LOGIN_HERE, PAGE: PAGE_HERE} | {f"{path}/": f"{folder}{path}/" for path in paths.values()}
    # As the kubelet would mount them.
    for volume in pod["volumes"]:
        mounted = Path(f"{folder}{paths[volume['name']]}")
        mounted.mkdir(parents=True, exist_ok=True)
        for name, text in volumes[_source(volume)].items():
            (mounted / name).write_text(_replaced(text, here))
    argv = [str(program("oauth2-proxy", "oauth2-proxy")), *(_replaced(each, here) for each in container["args"]), *more]
    with _running(cluster, "oauth2-proxy", argv, _PORT):
        yield


def _documented() -> list[Any]:
    (found,) = (
        block.documents for block in MANIFESTS if block.page == "docs/dashboard.md" and "oauth2-proxy" in block.text
    )
    return found


def _source(volume: Mapping[str, Any]) -> str:
    return str(volume["secret"]["secretName"] if "secret" in volume else volume["configMap"]["name"])


def _replaced(text: str, by: Mapping[str, str]) -> str:
    for one, other in by.items():
        text = text.replace(one, other)
    return text


@contextlib.contextmanager
def _running(cluster: Cluster, name: str, argv: Sequence[str], port: int) -> Iterator[None]:
    started = cluster.parts.start(name, argv)
    try:
        started.wait_ready(lambda: cluster.listens(port), PATIENCE, "a listening port")
        yield
    finally:
        started.stop()
