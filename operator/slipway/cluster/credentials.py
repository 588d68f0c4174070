"""Where the API server is and how to authenticate: a kubeconfig, or the pod's service account.

Loaded by `kubernetes.aio`: exec plugins, OIDC, client certificates, token files and proxies work as usual.
"""

from __future__ import annotations

import os
import urllib.request
from pathlib import Path

import kopf
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config
from yaml import YAMLError

from slipway.cluster import kubeconfigs
from slipway.cluster.errors import NoCluster

NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
"""Of a pod's service account."""


async def load(kubeconfig: Path | None = None, context: str | None = None) -> Configuration:
    """Read the connection: `kubeconfig`, else a pod's service account, else $KUBECONFIG or ~/.kube/config.

    `context`: that one of the kubeconfig, here $KUBECONFIG or ~/.kube/config in a pod too, instead of its current one.
    What people run names it, by `current_context`: a pod with a kubeconfig is no reason to act on the pod's cluster.

    A service account's token is read again every minute while the configuration is used (bound tokens
    rotate); the rest is read when this is called again.
    """
    configuration = Configuration()
    try:
        if kubeconfig is None and context is None and _in_pod():
            load_incluster_config(client_configuration=configuration)
        else:
            await load_kube_config(
                config_file=kubeconfigs.named(kubeconfig),
                context=context,
                client_configuration=configuration,
                persist_config=False,
            )
    except (ConfigException, YAMLError, OSError, AttributeError, TypeError) as error:
        # The loader stumbles over an absent or empty file with AttributeError or TypeError.
        if absent := _absent(kubeconfig):
            words = f"there is no kubeconfig {absent}; --kubeconfig or $KUBECONFIG says where one is"
            raise NoCluster(f"no connection to a cluster: {words}") from error
        where = str(kubeconfig) if kubeconfig else "the service account, $KUBECONFIG or ~/.kube/config"
        raise NoCluster(f"no connection to a cluster from {where}: {error}") from error
    return configuration


def _absent(kubeconfig: Path | None) -> str:
    """Where a kubeconfig was looked for, if there is no file; '' where there is one."""
    return "" if kubeconfigs.files(kubeconfig) else kubeconfigs.named(kubeconfig)


def _in_pod() -> bool:
    return bool(os.environ.get("KUBERNETES_SERVICE_HOST"))


def contexts(kubeconfig: Path | None = None) -> list[str]:
    """The names of the contexts of the kubeconfig; none where there is none."""
    try:
        return list(kubeconfigs.namespaces(kubeconfig))
    except kubeconfigs.Unreadable:
        return []


def namespace_of_context(kubeconfig: Path | None = None, context: str | None = None) -> str:
    """The namespace that a context of the kubeconfig names (None: the current one), else `default`.

    That of a pod's service account where `load` would take the account.
    """
    name = context or current_context(kubeconfig)
    if name is None and kubeconfig is None and _in_pod():
        try:
            return NAMESPACE_FILE.read_text().strip() or "default"
        except OSError:
            return "default"
    try:
        return kubeconfigs.namespaces(kubeconfig).get(name or "") or "default"
    except kubeconfigs.Unreadable:
        return "default"


def current_context(kubeconfig: Path | None = None) -> str | None:
    """The name of the kubeconfig's current context; None where there is none, and a pod has its service account.

    '' of a kubeconfig that cannot be read: by this name `load` says so, and falls back on nothing.
    """
    try:
        return kubeconfigs.current(kubeconfig)
    except kubeconfigs.Unreadable:
        return ""


async def authorization(configuration: Configuration) -> str | None:
    """The value of the Authorization header, None where a client certificate speaks for itself."""
    settings = await configuration.auth_settings()
    bearer = settings.get("BearerToken")
    return str(bearer["value"]) if bearer else None


def behind_proxy() -> bool:
    """Whether the environment names an HTTP proxy (reading it on each request is not free)."""
    return any(scheme in urllib.request.getproxies() for scheme in ("http", "https"))


async def connection_info(configuration: Configuration) -> kopf.ConnectionInfo:
    """The same connection for kopf's watch streams."""
    header = await authorization(configuration)
    scheme, _, token = (header or "").partition(" ")
    return kopf.ConnectionInfo(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert,
        insecure=not configuration.verify_ssl,
        scheme=scheme.capitalize() or None,
        token=token or None,
        certificate_path=configuration.cert_file,
        private_key_path=configuration.key_file,
        proxy_url=configuration.proxy,
        trust_env=behind_proxy(),
    )
