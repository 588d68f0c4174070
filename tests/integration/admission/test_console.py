"""`slipway approve` and its like on a real API server: admission judges the person, as it does with kubectl."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.cluster import Cluster
from tests.cluster.programs import kubectl
from tests.integration.admission.impersonation import OPERATOR, PROMOTION, ROLE_BINDING, ROLLOUT, Kubernetes, eventually
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
        argv = [str(BIN / "slipway"), command, *arguments]
        if command not in ("lint",):
            argv += [f"--kubeconfig={guarded.kubeconfig(person)}", f"--namespace={shop}"]
        return subprocess.run(argv, capture_output=True, text=True, check=False)

    return run


def spec(kube: Kubernetes, namespace: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = kube.get(PROMOTION, namespace, name).spec
    return found


def tell(kube: Kubernetes, namespace: str, name: str, **status: Any) -> None:
    kube.merge(PROMOTION, namespace, name, {"status": status}, OPERATOR, "status").accepted()


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
    refused = run("developer", "resume", name)
    assert refused.returncode == 2
    assert "approve" in refused.stderr
    assert run("approver", "resume", name).returncode == 0
    assert "hold" not in spec(kube, shop, name)


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
    assert run("approver", "get", "web", "-o", "json").stdout.startswith("{")
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


def test_it_is_a_plugin_of_kubectl() -> None:
    environment = {**os.environ, "PATH": os.pathsep.join([str(BIN), os.environ["PATH"]])}
    argv = [str(kubectl()), "slipway", "--version"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)
    assert done.stdout.startswith("slipway "), done.stderr
