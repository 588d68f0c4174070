"""The manifests and commands of the documentation on a real API server, in a shop that has what they name.

What is not run as it stands is in two tables: `INSTEAD` of tests/docs/stand_in.py, and SHOWN_OTHERWISE here.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cluster.capabilities import Level
from tests.cluster.cluster import Cluster
from tests.cluster.kubectl import until_established
from tests.cluster.programs import kubectl
from tests.cluster.toolchain import program
from tests.docs.blocks import COMMANDS, MANIFESTS, PAGES, REPOSITORY, Block, inline, is_manifest
from tests.docs.fragments import BelongsNowhere, completed, is_values
from tests.docs.stand_in import INSTEAD, PROGRAMS
from tests.integration.admission.impersonation import CONFIG_MAP, NAMESPACE, PROMOTION, ROLLOUT, Kubernetes
from tests.integration.admission.people import PLAN, show_plan

BIN = Path(sys.executable).parent
SHOWN_OTHERWISE = {
    ("docs/gitops.md", "Promotion"): "approved by Argo CD: refused at creation, and tests/e2e/test_gitops.py has it",
    ("docs/gitops.md", "Application"): "a kind of Argo CD: tests/e2e/test_chart.py has it",
    ("docs/metrics.md", "PodMonitor"): "a kind of the Prometheus operator, which is not here",
    ("docs/how-to/prometheus.md", "PodMonitor"): "a kind of the Prometheus operator, which is not here",
}
PLACEHOLDERS = {
    "rollouts.slipway.dev NAME": "rollouts.slipway.dev web",
    "NAMESPACE": "shop",
    "NAME": "web-6.9.2",
    "<revision>": "3f2a9c01de",
}
NOW = "2026-01-01T00:00:00Z"


def condition(name: str) -> dict[str, str]:
    return {"type": name, "status": "True", "reason": "Shown", "message": "", "lastTransitionTime": NOW}


@pytest.fixture(scope="module")
def shop(kube: Kubernetes, guarded: Cluster) -> Iterator[None]:
    """Objects of the names that the pages use, with a status as the operator would write it."""
    for name in ("shop", "shop-staging", "argocd", "documents", "ingress"):
        kube.create(NAMESPACE, None, NAMESPACE.manifest(name)).accepted()
    spec = {
        "environment": "demo",
        "template": {"spec": {"containers": [{"name": "web", "image": "registry.example/web:1"}]}},
        "service": {"ports": [{"name": "http", "port": 80}]},
    }
    kube.create(ROLLOUT, "shop", ROLLOUT.manifest("web", spec=spec)).accepted()
    # `kubectl wait` believes no condition that is older than the spec.
    conditions = [condition("Ready"), condition("Stalled") | {"status": "False"}]
    found = {"observedGeneration": 1, "promotion": "web-6.9.2", "phase": "Healthy", "conditions": conditions}
    kube.state(ROLLOUT, "shop", "web", found).accepted()
    for name in ("web-6.9.1", "web-6.9.2", "web-1.2.3", "web-1.2.4", "web-trial"):
        made = PROMOTION.manifest(name, spec={"rollout": "web", "environment": "demo"})
        kube.create(PROMOTION, "shop", made).accepted()
        show_plan(kube, "shop", name).accepted()
        conditions = [condition("Succeeded"), condition("ChecksPassed")]
        ended = {"observedGeneration": 1, "phase": "Watching", "conditions": conditions}
        kube.state(PROMOTION, "shop", name, ended).accepted()
    # One page approves what another waits for: this one has succeeded, and can be approved.
    kube.state(PROMOTION, "shop", "web-6.9.2", {"phase": "AwaitingApproval"}).accepted()
    texts = {
        "web-6.9.2-report": {"report.md": "# web-6.9.2", "report.json": "{}"},
        "launch-web-6.9.1-4bd467dca1": {"record.md": "# web", "statement.json": "{}"},
    }
    for name, data in texts.items():
        kube.create(CONFIG_MAP, "shop", CONFIG_MAP.manifest(name, data=data)).accepted()
    kube.create(CONFIG_MAP, "argocd", CONFIG_MAP.manifest("argocd-cm", data={})).accepted()
    guarded.kubectl("create", "service", "clusterip", "web", "--namespace=shop", "--tcp=80")
    binding = ("anna", "--clusterrole=slipway-approver", "--group=release-managers", "--namespace=shop")
    guarded.kubectl("create", "rolebinding", *binding)
    operator = yaml.safe_load((REPOSITORY / "manifests" / "operator" / "deployment.yaml").read_text())
    operator["spec"]["replicas"] = 0
    # Another module may have left its own.
    guarded.kubectl("delete", "deployment", "slipway", "--namespace=slipway-system", "--ignore-not-found")
    guarded.kubectl("create", "--filename=-", stdin=json.dumps(operator))
    guarded.kubectl("create", "--filename=-", stdin=json.dumps(LEASE))
    yield
    for name in ("shop", "shop-staging", "argocd", "documents", "ingress"):
        kube.delete(NAMESPACE, None, name).accepted()
    guarded.kubectl("delete", "deployment,lease", "slipway", "--namespace=slipway-system")


LEASE = {
    "apiVersion": "coordination.k8s.io/v1",
    "kind": "Lease",
    "metadata": {"name": "slipway", "namespace": "slipway-system"},
}


class Desk:
    """A folder that looks like a checkout, with the stand-ins first on the PATH; what they were asked is kept."""

    def __init__(self, folder: Path, kubeconfig: Path) -> None:
        self.folder = folder
        self.log = folder.parent / "log"
        self.log.touch()
        for path in REPOSITORY.iterdir():
            if path.name not in ("dist", "values.yaml"):
                (folder / path.name).symlink_to(path)
        (folder / "values.yaml").write_text("{config: {sources: [{name: default, url: 'http://prometheus:9090'}]}}\n")
        (folder / "rollout.yaml").write_text(ARGO)
        for name in ("token", "ca.crt"):
            (folder / name).write_text("none")
        programs = folder.parent / "bin"
        programs.mkdir()
        for name in PROGRAMS:
            path = programs / name
            path.write_text(f'#!/bin/sh\nexec {sys.executable} -m tests.docs.stand_in {name} "$@"\n')
            path.chmod(0o755)
        config = folder.parent / "kubeconfig"
        config.write_bytes(kubeconfig.read_bytes())
        self.environment = {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(REPOSITORY),
            "HOME": str(folder.parent),
            "KUBECONFIG": str(config),
            "DOCS_LOG": str(self.log),
            "DOCS_KUBECTL": str(kubectl()),
            "DOCS_SLIPWAY": str(BIN / "slipway"),
            "DOCS_HELM": str(program("helm", "helm")),
            "DOCS_MAKE": shutil.which("make") or "make",
            "DOCS_UV": os.environ.get("UV") or shutil.which("uv") or "uv",
            "DOCS_PATH": os.environ["PATH"],
        }
        self.bash("kubectl config set-context --current --namespace=shop")

    def bash(self, text: str) -> str:
        """What went wrong, or nothing. A field that a patch has and the kind has not is no more than a warning."""
        done = self.run(text)
        unknown = "unknown field" in done.stderr
        return f"{done.returncode}: {done.stdout[-500:]}{done.stderr}" if done.returncode or unknown else ""

    def run(self, text: str) -> subprocess.CompletedProcess[str]:
        argv = ["bash", "-euo", "pipefail", "-c", text]
        options: dict[str, Any] = {"cwd": self.folder, "env": self.environment, "input": "y\n" * 9}
        return subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False, **options)

    def asked(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


ARGO = """
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "registry.example/web:1", ports: [{containerPort: 80}]}]}
  strategy: {blueGreen: {activeService: web}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
"""


@pytest.fixture(scope="module")
def desk(shop: None, guarded: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder = tmp_path_factory.mktemp("documentation") / "checkout"
    folder.mkdir()
    return Desk(folder, guarded.kubeconfig("admin"))


def test_every_manifest_would_be_taken(shop: None, guarded: Cluster) -> None:
    shown, left_out = [], set()
    for block in MANIFESTS:
        for document in block.documents:
            made = manifest(document)
            if made is None:
                continue
            if (key := (block.page, made["kind"])) in SHOWN_OTHERWISE:
                left_out.add(key)
                continue
            made["metadata"] = {**made["metadata"], "namespace": "documents"}
            shown.append((block, made))
    assert left_out == SHOWN_OTHERWISE.keys()
    wrong = [f"{block}: {said}" for block, made in shown if (said := refusal(guarded, made))]
    assert wrong == []
    assert len(shown) > 20


def test_the_chart_takes_every_values_file(desk: Desk) -> None:
    shown = [document for block in MANIFESTS for document in block.documents if is_values(document)]
    assert shown
    for document in shown:
        (desk.folder / "shown.yaml").write_text(yaml.safe_dump(document))
        assert not desk.bash("helm install slipway charts/slipway -n slipway-system -f shown.yaml")


def manifest(document: Any) -> dict[str, Any] | None:
    if is_manifest(document):
        return dict(document)
    try:
        return completed(document)
    except BelongsNowhere:  # tests/unit/test_docs_blocks.py names them
        return None


def refusal(cluster: Cluster, made: dict[str, Any]) -> str:
    how = ("create", "--dry-run=server", "--validate=strict", "--filename=-")
    done = cluster.try_kubectl(*how, stdin=json.dumps(made))
    return done.stderr if done.returncode else ""


def test_a_misspelt_field_would_not_be_taken(shop: None, guarded: Cluster) -> None:
    made = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "web", "namespace": "documents"},
        "spec": {"rule": []},
    }
    assert 'unknown field "spec.rule"' in refusal(guarded, made)


def test_every_command_does_something(desk: Desk, kube: Kubernetes) -> None:
    wrong = []
    for block in COMMANDS:
        if "slipway approve" in block.text:  # the one that is not only tried, and not twice
            kube.merge(PROMOTION, "shop", "web-6.9.2", {"spec": {"approved": None, "approvals": None}}).accepted()
        before = len(desk.asked())
        if said := desk.bash(block.text):
            wrong.append(f"{block}: {said}")
        elif len(desk.asked()) - before < started(block):
            wrong.append(f"{block}: {desk.asked()[before:]} is less than it shows")
    for page in PAGES:
        for line in inline(page, "(?:kubectl|helm)"):
            if (typed := whole(line)) and (said := desk.bash(typed)):
                wrong.append(f"{page.name}: `{line}`: {said}")
    assert not wrong, "\n\n".join(wrong)
    used = {each["instead"] for each in desk.asked()}
    assert {each.pattern for each in INSTEAD} <= used, "what nothing shows any more goes from the table"


def started(block: Block) -> int:
    """How many programs the block names where a command begins."""
    text = re.sub(r"(?:^|(?<=\s))#.*$", "", block.text, flags=re.MULTILINE)
    begins = r"(?:^|\| |&& |\|\| |\$\(|-n 1 )"
    return len(re.findall(rf"{begins}(?:{'|'.join(PROGRAMS)}) ", text, re.MULTILINE))


def whole(line: str) -> str | None:
    """A command of a sentence as a person would type it; None for a mere name of one, and for those of others."""
    for shown, here in PLACEHOLDERS.items():
        line = re.sub(rf"(?<![\w-]){shown}(?!\w)", here, line)
    if "…" in line or len(line.split()) < 3 or line.startswith(("kubectl slipway", "kubectl argo")):
        return None
    return None if line.startswith("helm install --") else line


@pytest.mark.parametrize(
    "wrong",
    [
        """kubectl -n shop patch promotions.slipway.dev web-6.9.2 --type merge -p '{"spec":{"hodl":"x"}}'""",
        "kubectl -n shop get promotions.slipway.dev web-6.9.2 --outptu json",
        "kubectl apply --server-side -f manifests/sample/canary.yaml",
        "helm install slipway charts/slipway --set replica=3",
        "make dmeo",
        "kubectl slipway dashboard --prot 1",
        "kubectl -n slipway-system port-forward deploy/slipway 8080 --adress=0",
    ],
)
def test_a_wrong_command_is_noticed(desk: Desk, wrong: str) -> None:
    assert desk.bash(wrong)


def test_what_kustomize_installs_it_removes() -> None:
    """On a cluster of its own, and for good: the guards go with what they guard, and do not object."""
    with Cluster.start(Level.CONTROL_PLANE) as cluster:
        cluster.kubectl("apply", "--server-side", "-f", str(REPOSITORY / "crds"))
        until_established(cluster.kubectl)
        cluster.kubectl("apply", "--server-side", "-k", str(REPOSITORY / "manifests" / "install"))
        cluster.kubectl("delete", "-k", str(REPOSITORY / "manifests" / "install"), "--timeout=60s")
        assert "slipway" not in cluster.kubectl("get", "namespaces,validatingadmissionpolicies,clusterroles")
        assert "promotions.slipway.dev" in cluster.kubectl("get", "customresourcedefinitions")


def test_the_plan_of_the_shop_is_one(desk: Desk) -> None:
    shown = desk.run("kubectl -n shop get promotions.slipway.dev web-6.9.2 -o jsonpath='{.status.planHash}'")
    assert shown.stdout == PLAN
