"""Argo CD as programs in the cluster's network: application controller, repo-server and Redis, no server for people.

It acts as its own ServiceAccount with its own role, and is configured by its own ConfigMap.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from .cluster import Cluster
from .kubectl import until_established
from .process import PATIENCE
from .toolchain import module_folder, program

NAMESPACE = "argocd"
SERVER_ACCOUNT = "argocd-server"
CONTROLLER_ACCOUNT = "argocd-application-controller"
CONTROLLER_USER = f"system:serviceaccount:{NAMESPACE}:{CONTROLLER_ACCOUNT}"

_PROGRAMS = ("argocd-redis", "argocd-repo-server", "argocd-application-controller")
_REDIS, _REPO_SERVER, _REPO_METRICS, _CONTROLLER_METRICS = 16_379, 18_082, 18_084, 18_085
_PART = {"app.kubernetes.io/part-of": "argocd"}


def lacking() -> str:
    """What cannot be had here, '' if nothing."""
    return ", ".join(name for name in ("git", "redis-check-rdb") if not shutil.which(name))


@contextlib.contextmanager
def argocd(cluster: Cluster, configuration: Mapping[str, str]) -> Iterator[None]:
    """Installed and running within the block; `configuration` is the data of argocd-cm."""
    _install(cluster, configuration)
    try:
        _start(cluster)
        yield
    finally:
        for name in _PROGRAMS:
            if name in cluster.parts.names():
                cluster.parts[name].stop()


def _install(cluster: Cluster, configuration: Mapping[str, str]) -> None:
    shipped = module_folder("argocd", "github.com/argoproj/argo-cd/v3") / "manifests"
    kinds = [
        f"--filename={shipped / 'crds' / name}-crd.yaml" for name in ("application", "appproject", "applicationset")
    ]
    cluster.kubectl("apply", "--server-side", *kinds)
    until_established(cluster.kubectl, "applications.argoproj.io", "appprojects.argoproj.io")
    objects = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        _object("ConfigMap", "argocd-cm", data=dict(configuration)),
        _object("ConfigMap", "argocd-cmd-params-cm"),
        _object("ConfigMap", "argocd-rbac-cm"),
        _object("ConfigMap", "argocd-gpg-keys-cm"),
        _object("ConfigMap", "argocd-ssh-known-hosts-cm"),
        _object("ConfigMap", "argocd-tls-certs-cm"),
        _object("Secret", "argocd-secret", stringData={"server.secretkey": "of a test"}),
        _object("ServiceAccount", CONTROLLER_ACCOUNT),
        _object("ServiceAccount", SERVER_ACCOUNT),
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "AppProject",
            "metadata": {"name": "default", "namespace": NAMESPACE},
            "spec": {
                "sourceRepos": ["*"],
                "destinations": [{"namespace": "*", "server": "*"}],
                "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
            },
        },
    ]
    cluster.apply(*objects)
    for folder in ("application-controller", "server"):
        cluster.kubectl("apply", "--server-side", f"--kustomize={shipped / 'cluster-rbac' / folder}")


def _object(kind: str, name: str, **fields: object) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": _PART},
        **fields,
    }


def _start(cluster: Cluster) -> None:
    folder = cluster.folder / "argocd"
    folder.mkdir(exist_ok=True)
    redis = folder / "redis-server"  # it goes by the name that it is called by
    redis.unlink(missing_ok=True)
    redis.symlink_to(str(shutil.which("redis-check-rdb")))
    listening = ("--bind", "127.0.0.1", "--port", str(_REDIS))
    cluster.parts.start("argocd-redis", [str(redis), *listening, "--save", "", "--dir", str(folder)])
    kubeconfig = cluster.service_account_kubeconfig(NAMESPACE, CONTROLLER_ACCOUNT)
    redis_at = ("--redis", f"127.0.0.1:{_REDIS}")
    repo_server = [
        *_argocd("argocd-repo-server", folder, kubeconfig),
        *redis_at,
        *("--disable-tls", "--address", "127.0.0.1", "--port", str(_REPO_SERVER)),
        *("--metrics-address", "127.0.0.1", "--metrics-port", str(_REPO_METRICS)),
    ]
    controller = [
        *_argocd("argocd-application-controller", folder, kubeconfig),
        *redis_at,
        *("--kubeconfig", str(kubeconfig), "--namespace", NAMESPACE),
        *("--repo-server", f"127.0.0.1:{_REPO_SERVER}", "--repo-server-plaintext"),
        *("--metrics-port", str(_CONTROLLER_METRICS), "--persist-resource-health"),
    ]
    cluster.parts.start("argocd-repo-server", repo_server).wait_ready(
        lambda: cluster.listens(_REPO_SERVER), PATIENCE, "a listening port"
    )
    cluster.parts.start("argocd-application-controller", controller).wait_ready(
        lambda: cluster.listens(_CONTROLLER_METRICS), PATIENCE, "a listening port"
    )


def _argocd(component: str, folder: Path, kubeconfig: Path) -> list[str]:
    """The program is all components in one, and is told by its environment which one it is."""
    environment = {
        "ARGOCD_BINARY_NAME": component,
        "ARGOCD_GPG_ENABLED": "false",
        "ARGOCD_FAKE_IN_CLUSTER": "true",  # the cluster that it runs in is the one of this kubeconfig
        "KUBECONFIG": str(kubeconfig),
        "TMPDIR": str(folder),
        "PATH": os.pathsep.join([str(program("helm", "helm").parent), os.environ["PATH"]]),
        "HOME": str(folder),
    }
    return ["env", *(f"{name}={value}" for name, value in environment.items()), str(program("argocd", "argocd"))]


class Repository:
    """A Git repository in a folder, with one branch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self._git("init", "--quiet", "--initial-branch=main")

    @property
    def url(self) -> str:
        """For programs on this machine."""
        return f"file://{self.folder}"

    def commit(self, message: str, files: Mapping[str, str | None]) -> str:
        """Write files (None: remove one) and commit; the commit's hash."""
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                path.unlink()
            else:
                path.write_text(text)
        self._git("add", "--all")
        self._git("commit", "--quiet", f"--message={message}")
        return self._git("rev-parse", "HEAD").strip()

    def revert(self) -> str:
        """Undo the last commit with another; the commit's hash."""
        self._git("revert", "--no-edit", "HEAD")
        return self._git("rev-parse", "HEAD").strip()

    def _git(self, *arguments: str) -> str:
        who = ("-c", "user.name=test", "-c", "user.email=test@example.test", "-c", "commit.gpgsign=false")
        done = subprocess.run(["git", *who, *arguments], cwd=self.folder, capture_output=True, text=True, check=True)
        return done.stdout
