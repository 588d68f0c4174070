"""`slipway approve` and its like on a real API server: admission judges the person, as it does with kubectl."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cluster.cluster import Cluster
from tests.cluster.kubectl import until_established
from tests.cluster.programs import kubectl
from tests.integration.admission.impersonation import PROMOTION, ROLE_BINDING, ROLLOUT, Kubernetes, eventually
from tests.integration.admission.people import (
    DEVELOPER,
    NEXT_PLAN,
    PLAN,
    new_namespace,
    new_promotion,
    rollout,
    show_plan,
)

BIN = Path(sys.executable).parent
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def shop(kube: Kubernetes) -> str:
    """A namespace where group approvers may approve, with a Rollout."""
    name = new_namespace(kube, "console")
    for role, group in (("slipway-approver", "approvers"), ("edit", "developers")):
        reference = {"kind": "ClusterRole", "name": role, "apiGroup": "rbac.authorization.k8s.io"}
        who = {"kind": "Group", "name": group, "apiGroup": "rbac.authorization.k8s.io"}
        kube.create(
            ROLE_BINDING, name, ROLE_BINDING.manifest(f"people-{group}", roleRef=reference, subjects=[who])
        ).accepted()
    kube.create(ROLLOUT, name, rollout(), DEVELOPER).accepted()
    return name


@pytest.fixture
def run(guarded: Cluster, shop: str) -> Run:
    def run(person: str, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        argv = [str(BIN / "slipway"), *command.split(), *arguments]
        if command not in ("lint",):
            argv += [f"--kubeconfig={guarded.kubeconfig(person)}", f"--namespace={shop}"]
        return subprocess.run(argv, capture_output=True, text=True, check=False)

    return run


def spec(kube: Kubernetes, namespace: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = kube.get(PROMOTION, namespace, name).spec
    return found


def tell(kube: Kubernetes, namespace: str, name: str, **status: Any) -> None:
    kube.state(PROMOTION, namespace, name, status).accepted()


def test_an_approver_approves_the_plan_that_was_shown(kube: Kubernetes, shop: str, run: Run) -> None:
    name = new_promotion(kube, shop)
    asked = ("approve", name, "--yes")
    eventually(lambda: "may not approve" in run("developer", *asked).stderr, "the developer is refused by admission")
    assert not spec(kube, shop, name).get("approved")
    eventually(lambda: run("approver", *asked).returncode == 0, "the approver's right is known")
    assert spec(kube, shop, name)["approvals"] == {"approver": PLAN}
    again = run("approver", *asked)
    assert (again.returncode, "approved this plan" in again.stderr) == (1, True)
    done = run("second-approver", *asked)
    assert "You approve the candidate" in done.stdout or "You approve revision" in done.stdout
    assert "reviewed the checklist" in done.stdout
    assert spec(kube, shop, name)["approvals"] == {"approver": PLAN, "second-approver": PLAN}
    assert run("approver", "withdraw", name).returncode == 0
    assert "approvals" not in spec(kube, shop, name)


def test_nobody_is_asked_without_a_terminal_and_nothing_is_approved(kube: Kubernetes, shop: str, run: Run) -> None:
    name = new_promotion(kube, shop)
    refused = run("approver", "approve", name)
    assert refused.returncode == 1
    assert not spec(kube, shop, name).get("approved")


def test_a_hold_is_anybodys_and_only_an_approver_lifts_it(kube: Kubernetes, shop: str, run: Run) -> None:
    name = new_promotion(kube, shop)
    eventually(lambda: run("developer", "hold", name, "lunch").returncode == 0, "the developer may edit")
    assert spec(kube, shop, name)["hold"] == "lunch"
    again = run("second-approver", "hold", name, "lunch")
    assert again.returncode == 0, again.stderr
    assert spec(kube, shop, name)["saidBy"] == {"hold": {"by": "developer", "said": "lunch"}}
    refused = run("developer", "resume", name)
    assert refused.returncode == 2
    assert "approve" in refused.stderr
    assert run("approver", "resume", name).returncode == 0
    assert "hold" not in spec(kube, shop, name)
    assert spec(kube, shop, name)["saidBy"] == {"hold": {"by": "approver", "said": ""}}
    assert run("developer", "abort", name, "slow").returncode == 0
    assert spec(kube, shop, name)["saidBy"]["abort"] == {"by": "developer", "said": "slow"}


def test_the_plan_is_the_one_that_was_read(kube: Kubernetes, shop: str, run: Run) -> None:
    name = new_promotion(kube, shop)
    show_plan(kube, shop, name, NEXT_PLAN).accepted()
    assert run("approver", "approve", name, "--yes").returncode == 0
    assert spec(kube, shop, name)["approvals"] == {"approver": NEXT_PLAN}


def test_the_exit_code_of_status_tells_scripts(kube: Kubernetes, shop: str, run: Run) -> None:
    name = new_promotion(kube, shop)
    assert run("developer", "status", name, "--wait", "--timeout=1").returncode == 3
    succeeded = {"type": "Succeeded", "reason": "Watching", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    tell(kube, shop, name, phase="Watching", conditions=[{**succeeded, "status": "True"}])
    assert run("developer", "status", name, "--wait").returncode == 0
    tell(kube, shop, name, phase="RolledBack", conditions=[{**succeeded, "status": "False"}])
    assert run("developer", "status", name).returncode == 1
    assert run("developer", "status", "nobody").returncode == 2


def test_what_was_sent_back_is_asked_for_again_with_a_fix(kube: Kubernetes, shop: str, run: Run) -> None:
    name = new_promotion(kube, shop)
    tell(kube, shop, name, phase="RolledBack", message="gate error-rate")
    refused = run("developer", "retry", name)
    assert (refused.returncode, "--fix" in refused.stderr) == (1, True)
    assert run("developer", "retry", name, "--fix", "a longer timeout").returncode == 0
    made = spec(kube, shop, f"{name}-2")
    assert (made["retry"], made["requestedBy"]) == ({"fix": "a longer timeout"}, "developer")


def test_get_shows_what_one_may_see(kube: Kubernetes, shop: str, run: Run) -> None:
    whole = run("approver", "get")
    assert whole.returncode == 0, whole.stderr
    assert f"Rollout {shop}/web" in whole.stdout
    for person, unread in (("approver", 1), ("developer", 0)):
        found = json.loads(run(person, "get", "web", "-o", "json").stdout)
        assert found["metadata"]["name"] == "web"
        assert len(found["tree"]["unread"]) == unread, found["tree"]
    assert "NAMESPACE" in run("approver", "get", "-o", "wide").stdout
    assert "No operator has looked at Rollout web yet" in run("approver", "explain", "web").stdout
    assert run("approver", "get", "-o", "pictures").returncode == 2


def test_the_server_takes_what_init_prints(guarded: Cluster, shop: str, run: Run) -> None:
    at = f"--namespace={shop}"
    guarded.kubectl("create", "deployment", "api", "--image=registry.example/api:1", "--port=8080", at)
    guarded.kubectl("expose", "deployment", "api", "--port=80", "--target-port=8080", at)
    printed = run("admin", "init", "api")
    assert printed.returncode == 0, printed.stderr
    applied = guarded.kubectl("apply", "--dry-run=server", "--filename=-", at, stdin=printed.stdout)
    assert "rollout.slipway.dev/api created" in applied
    assert "promotion.slipway.dev/api-1 created" in applied
    assert run("admin", "init", "nothing").returncode == 2


def test_every_form_of_get_and_what_is_not_there(kube: Kubernetes, shop: str, run: Run) -> None:
    named = run("approver", "get", "-o", "name").stdout.split()
    assert "rollout.slipway.dev/web" in named
    assert run("approver", "explain", "rollout.slipway.dev/web").returncode == 0
    assert run("approver", "get", "nothing").returncode == 2
    assert run("approver", "get", "--context", "nowhere").returncode == 2
    everywhere = run("approver", "get", "-A")
    assert (everywhere.returncode, "forbidden" in everywhere.stderr) == (2, True)


def test_a_watch_without_a_terminal_is_a_line_for_each_change(kube: Kubernetes, guarded: Cluster, shop: str) -> None:
    argv = [str(BIN / "slipway"), "get", "web", "-w", f"--kubeconfig={guarded.kubeconfig('approver')}", f"-n={shop}"]
    # Where tests run in the background their children would ignore an interrupt.
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
    ) as watch:
        assert watch.stdout is not None
        try:
            assert watch.stdout.readline() == f"{shop}/web not looked at yet: \n"
            status = {"observedGeneration": 1, "phase": "Deploying", "message": "0 of 3 pods"}
            kube.state(ROLLOUT, shop, "web", status).accepted()
            assert watch.stdout.readline() == f"{shop}/web Deploying: 0 of 3 pods\n"
        finally:
            kube.state(ROLLOUT, shop, "web", None).accepted()
            watch.send_signal(signal.SIGINT)
        assert watch.wait() == 0


def test_diff_reads_the_report(kube: Kubernetes, guarded: Cluster, shop: str, run: Run) -> None:
    name = new_promotion(kube, shop)
    assert run("developer", "diff", name).returncode == 2
    found = {"promotion": name, "rollout": "web", "revision": "bbb", "serving": "aaa", "configuration": {}}
    found["changes"] = [{"what": "web: image", "before": "web:1", "after": "web:2"}]
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{name}-report"}}
    made["data"] = {"report.json": json.dumps(found)}
    guarded.kubectl("apply", "--filename=-", f"--namespace={shop}", stdin=json.dumps(made))
    tell(kube, shop, name, report={"configMap": f"{name}-report", "digest": "sha256:0"})
    done = run("developer", "diff", name)
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines()[2].split() == ["web:", "image", "web:1", "web:2"]


def test_records_of_a_namespace_without_any(shop: str, run: Run) -> None:
    done = run("developer", "records verify")
    assert (done.returncode, done.stdout) == (0, "there are no launch records\n")
    assert run("developer", "records list", "--context", "nowhere").returncode == 2


def test_names_are_proposed_with_the_rights_of_whoever_types(guarded: Cluster, kube: Kubernetes, shop: str) -> None:
    name = new_promotion(kube, shop)

    def proposed(*words: str) -> list[str]:
        argv = [str(BIN / "kubectl_complete-slipway"), *words]
        environment = {**os.environ, "KUBECONFIG": str(guarded.kubeconfig("developer"))}
        return subprocess.run(argv, capture_output=True, text=True, check=True, env=environment).stdout.splitlines()

    assert proposed("get", "-n", shop, "we") == ["web", ":4"]
    assert {name, "web"} <= set(proposed("approve", "-n", shop, ""))
    assert proposed("get", "-n", "con") == [":0"], "who may not list namespaces is proposed none"


def test_kubectl_asks_it_for_proposals(guarded: Cluster, shop: str) -> None:
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "KUBECONFIG": str(guarded.kubeconfig("developer"))}
    argv = [str(kubectl()), "__complete", "slipway", "get", "-n", shop, "we"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == ["web", ":4"]


FOREIGN = sorted((Path(__file__).parents[2] / "unit" / "console" / "foreign").glob("*.yaml"))


@pytest.mark.parametrize("file", FOREIGN, ids=[file.stem for file in FOREIGN])
def test_the_server_takes_what_is_made_of_others(guarded: Cluster, run: Run, file: Path) -> None:
    printed = run("admin", "init", "--from", str(file)).stdout
    made = list(yaml.safe_load_all(printed))
    for one in made:
        one["metadata"]["namespace"] = "default"
    applied = guarded.kubectl("create", "--dry-run=server", "--filename=-", stdin=yaml.safe_dump_all(made))
    assert applied.count("created") == 2


def test_what_argo_rollouts_runs_is_read_from_the_cluster(guarded: Cluster, shop: str, run: Run) -> None:
    assert run("admin", "init", "--from", "rollout/shop-web").returncode == 2
    for plural, kind in (("rollouts", "Rollout"), ("analysistemplates", "AnalysisTemplate")):
        guarded.kubectl("apply", "--filename=-", stdin=json.dumps(definition(plural, kind)))
    until_established(guarded.kubectl, "rollouts.argoproj.io", "analysistemplates.argoproj.io")
    try:
        text = next(file for file in FOREIGN if file.stem == "argo-canary").read_text()
        made = [yaml.safe_load(one.replace("namespace: shop", f"namespace: {shop}")) for one in text.split("---\n")]
        guarded.kubectl("apply", "--filename=-", stdin=yaml.safe_dump_all(made))
        printed = run("admin", "init", "--from", "rollout/shop-web")
        assert printed.returncode == 0, printed.stderr
        rollout, _ = yaml.safe_load_all(printed.stdout)
        assert [step["weight"] for step in rollout["spec"]["strategy"]["canary"]["steps"]] == [10, 50, 80]
        assert rollout["spec"]["analysis"]["gates"][0]["name"] == "success-rate"
        assert rollout["spec"]["service"]["ports"][0]["targetPort"] == "http"
    finally:
        guarded.kubectl("delete", "crd", "rollouts.argoproj.io", "analysistemplates.argoproj.io", "--wait=false")


def definition(plural: str, kind: str) -> dict[str, Any]:
    """A kind of others, without a schema."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1alpha1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.argoproj.io"},
        "spec": {"group": "argoproj.io", "scope": "Namespaced", "names": names, "versions": [version]},
    }


def test_it_is_a_plugin_of_kubectl() -> None:
    environment = {**os.environ, "PATH": os.pathsep.join([str(BIN), os.environ["PATH"]])}
    argv = [str(kubectl()), "slipway", "--version"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)
    assert done.stdout.startswith("slipway "), done.stderr
