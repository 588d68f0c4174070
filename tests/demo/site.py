"""Where the demo runs: a cluster of the harness, or one that the user names."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import registry
from tests.cluster.capabilities import Level
from tests.cluster.cluster import Cluster, best_level
from tests.cluster.gateway import GATEWAY, GATEWAY_NAMESPACE
from tests.cluster.images import PODINFO
from tests.cluster.process import ProcessError
from tests.cluster.programs import kubectl
from tests.cluster.progress import say, step
from tests.demo import install

NAME = "demo"


class CannotRun(RuntimeError):
    """The demo cannot be given here; the message says why, and what would help."""


@dataclass(frozen=True)
class Person:
    """Who runs a command: as kubectl's options, and as what one types before running it oneself."""

    name: str
    options: tuple[str, ...]
    preparation: str


@dataclass(frozen=True)
class Site:
    """A cluster with Slipway on it, ready for the story."""

    kubeconfig: Path
    people: Mapping[str, Person]
    gateway: tuple[str, str]
    gateway_url: str
    image: str
    folder: Path
    network: Callable[[], AbstractContextManager[None]]
    """Entered by the thread that sends requests to the gateway."""
    revive: Callable[[], bool]
    """Starts the operator again where it has ended by itself, as its Deployment would; whether it had to."""
    farewell: tuple[str, ...]
    """What to tell at the end about what was left running; empty when nothing was."""

    def kubectl(self, person: str, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run kubectl as a person; nothing is raised for a refusal."""
        argv = [str(kubectl()), *self.people[person].options, *arguments]
        return subprocess.run(argv, capture_output=True, text=True, check=False, cwd=self.folder)

    def must(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl as admin; CannotRun with its words when it fails."""
        argv = [str(kubectl()), *self.people["admin"].options, *arguments]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, input=stdin)
        if done.returncode:
            raise CannotRun(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout


@contextmanager
def find(*, keep: bool) -> Iterator[Site]:
    """The cluster that SLIPWAY_KUBECONFIG names, else the running one that SLIPWAY_CLUSTER names, else a new one."""
    if named := os.environ.get("SLIPWAY_KUBECONFIG"):
        with _named(Path(named)) as site:
            yield site
    elif cluster := os.environ.get("SLIPWAY_CLUSTER"):
        yield _own(Cluster.attach(cluster), stays=True)
    else:
        with _new(keep=keep) as site:
            yield site


@contextmanager
def _new(*, keep: bool) -> Iterator[Site]:
    level, reason = best_level()
    if level is not Level.NODE:
        raise CannotRun(f"the demo needs real pods, and {reason}; or name a cluster in SLIPWAY_KUBECONFIG")
    registry.clear_abandoned()
    if registry.find(NAME):
        say(f"stopping the cluster {NAME}, which an earlier demo kept")
        Cluster.attach(NAME).stop()
    cluster = Cluster.start(level, name=NAME, detached=keep)
    kept = False
    try:
        yield _own(cluster, stays=keep)
        kept = keep
    finally:
        if not kept:
            with suppress(OSError):  # the terminal may be gone
                say("stopping everything that was started")
            cluster.stop()


def _own(cluster: Cluster, *, stays: bool) -> Site:
    if not cluster.capabilities.has_pod_network:
        raise CannotRun(f"the cluster {cluster.name} has no real pods: {cluster.capabilities.reason}")
    folder = cluster.folder / "manifests"
    folder.mkdir(exist_ok=True)
    path = kubectl().parent
    people = {
        name: Person(
            name,
            (f"--kubeconfig={cluster.kubeconfig(name)}",),
            f"export KUBECONFIG={cluster.kubeconfig(name)} PATH={path}:$PATH; cd {folder}",
        )
        for name in ("admin", "developer", "approver")
    }
    site = Site(
        kubeconfig=cluster.kubeconfig(),
        people=people,
        gateway=(GATEWAY_NAMESPACE, GATEWAY),
        gateway_url=cluster.gateway_url,
        image=PODINFO,
        folder=folder,
        network=cluster.inside,
        revive=lambda: install.revive(cluster),
        farewell=(
            (
                f"export KUBECONFIG={cluster.kubeconfig()} PATH={path}:$PATH",
                "kubectl -n shop get rollouts.slipway.dev,promotions.slipway.dev,httproutes,pods",
                f"uv run python -m tests.cluster exec --name {cluster.name} -- curl -s -H 'Host: shop.example' "
                f"{cluster.gateway_url}/   # a user's request",
                f"tail -f {cluster.logs / 'slipway.log'}   # the operator",
                f"uv run python -m tests.cluster down --name {cluster.name}   # stops and removes all of it",
            )
            if stays
            else ()
        ),
    )
    with step("installing CRDs, roles and admission policies"):
        install.resources(site.must)
    with step("starting the operator as its ServiceAccount"):
        try:
            install.operator(cluster)
        except ProcessError as error:
            raise CannotRun(str(error)) from None
    return site


@contextmanager
def _named(kubeconfig: Path) -> Iterator[Site]:
    """A cluster of the user's. What the demo cannot bring there is named in the environment, or missing."""
    if not kubeconfig.exists():
        raise CannotRun(f"SLIPWAY_KUBECONFIG names {kubeconfig}, which does not exist")
    gateway = os.environ.get("SLIPWAY_GATEWAY", "").partition("/")
    url = os.environ.get("SLIPWAY_GATEWAY_URL", "")
    if not gateway[2] or not url:
        raise CannotRun(
            "on a cluster of yours the demo needs a Gateway: SLIPWAY_GATEWAY=<namespace>/<name>, and its address as it "
            "is reached from here, SLIPWAY_GATEWAY_URL=http://…"
        )
    options = (f"--kubeconfig={kubeconfig.resolve()}",)

    def person(name: str, group: str) -> Person:
        posing = (f"--as={name}", f"--as-group={group}", "--as-group=system:authenticated")
        return Person(name, (*options, *posing), f"export KUBECONFIG={kubeconfig}   # and add {' '.join(posing)}")

    with tempfile.TemporaryDirectory(prefix="slipway-demo-") as folder:
        site = Site(
            kubeconfig=kubeconfig,
            people={
                "admin": Person("admin", options, f"export KUBECONFIG={kubeconfig}"),
                "developer": person("developer", "developers"),
                "approver": person("approver", "approvers"),
            },
            gateway=(gateway[0], gateway[2]),
            gateway_url=url,
            image=os.environ.get("SLIPWAY_DEMO_IMAGE", PODINFO),
            folder=Path(folder),
            network=nullcontext,
            revive=lambda: False,
            farewell=(),
        )
        with step("looking at the cluster"):
            _require(site)
        try:
            yield site
        finally:
            if not os.environ.get("KEEP"):
                site.must("delete", "namespace", "shop", "shop-staging", "--ignore-not-found", "--wait=false")


def _require(site: Site) -> None:
    """What the demo does not bring to a cluster that is not its own: Slipway, a Gateway, and nobody's namespace."""
    for kind in ("rollouts.slipway.dev", "promotions.slipway.dev", "httproutes.gateway.networking.k8s.io"):
        if not site.must("get", f"customresourcedefinitions/{kind}", "--ignore-not-found", "--output=name"):
            raise CannotRun(f"the cluster has no {kind}: install Slipway and the Gateway API first (see README.md)")
    if not install.leads(site.must):
        raise CannotRun("no operator holds the Lease slipway-system/slipway: install Slipway first (see README.md)")
    namespace, name = site.gateway
    if not site.must("-n", namespace, "get", f"gateways/{name}", "--ignore-not-found", "--output=name"):
        raise CannotRun(f"the cluster has no Gateway {name} in namespace {namespace}")
    for used in ("shop", "shop-staging"):
        if site.must("get", f"namespace/{used}", "--ignore-not-found", "--output=name"):
            raise CannotRun(f"the cluster has a namespace {used}, which the demo would use: delete it first")
