"""`slipway run` as a process, with the shipped roles: start, failover, storms, lost watches, and its end."""

from __future__ import annotations

import json
import secrets
import signal
import threading
import time
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.capabilities import Level
from tests.cluster.cluster import Cluster
from tests.cluster.kubectl import until_established
from tests.integration import shell_support as support
from tests.integration.otlp_receiver import collector
from tests.integration.shell_support import QUICK, Replica, replicas, rollout, wait_for

ROLLOUTS_SEEN = 'slipway_cached_objects{resource="rollouts.slipway.dev"}'


@pytest.fixture(scope="module")
def own() -> Iterator[Cluster]:
    """A control plane of its own: these tests restart its API server and remove CRDs."""
    with Cluster.start(Level.CONTROL_PLANE) as cluster:
        support.install(cluster)
        yield cluster


@pytest.fixture
def config(own: Cluster, tmp_path: Path) -> Path:
    return support.credentials(own, tmp_path / "kubeconfig")


@pytest.fixture
def shop(own: Cluster) -> Iterator[str]:
    name = f"shop-{time.monotonic_ns()}"
    own.kubectl("create", "namespace", name)
    yield name
    own.kubectl("delete", "namespace", name, "--wait=false")
    own.kubectl("--namespace=slipway-system", "delete", "lease", "slipway", "--ignore-not-found")


def get(cluster: Cluster, namespace: str, what: str) -> dict[str, Any] | None:
    done = cluster.try_kubectl(f"--namespace={namespace}", "get", what, "--output=json")
    found: dict[str, Any] | None = json.loads(done.stdout) if done.returncode == 0 else None
    return found


def observed(cluster: Cluster, namespace: str, name: str = "web") -> bool:
    """Whether the operator has seen the newest spec of a Rollout."""
    found = get(cluster, namespace, f"rollout/{name}")
    assert found is not None
    return bool(found["status"].get("observedGeneration") == found["metadata"]["generation"])


def leader(running: list[Replica]) -> Replica | None:
    return next((one for one in running if one.process.poll() is None and one.says("leading as")), None)


def audit(cluster: Cluster, config: Path) -> list[dict[str, Any]]:
    """Every write that was made with the token in `config`, except for Leases."""
    jti = support.token_id(config)
    lines = [json.loads(line) for line in cluster.audit_log.read_text().splitlines()]
    return [
        line
        for line in lines
        if line["objectRef"].get("resource") != "leases"
        and any(jti in value for value in (line["user"].get("extra") or {}).get(_CREDENTIAL, []))
    ]


def until_audited(cluster: Cluster, namespace: str) -> None:
    """Until the audit log, which is written in batches, has all that was answered before."""
    mark = f"mark-{secrets.token_hex(4)}"
    cluster.kubectl(f"--namespace={namespace}", "create", "configmap", mark)
    wait_for("the audit log", lambda: f'"name":"{mark}"' in cluster.audit_log.read_text())


_CREDENTIAL = "authentication.kubernetes.io/credential-id"


def test_it_works_stays_quiet_and_ends_cleanly(own: Cluster, shop: str, config: Path, tmp_path: Path) -> None:
    with replicas(config, tmp_path, "only") as (only,):
        own.apply(rollout(shop))
        wait_for("the Deployment", lambda: get(own, shop, "deployment,service"))
        wait_for("it has observed the spec", lambda: observed(own, shop))
        assert only.ask("/healthz") == (200, "ok\n")
        assert only.ask("/readyz") == (200, "ok\n")
        assert only.metric("slipway_leader") == 1
        time.sleep(1)
        before, said = len(audit(own, config)), only.lines()
        time.sleep(5)  # longer than two resyncs
        assert len(audit(own, config)) == before, "writes although nothing changes"
        assert only.lines() == said, "talks although nothing changes"
        assert only.metric('slipway_watch_age_seconds{resource="rollouts.slipway.dev"}') < 5
        assert only.metric("slipway_reconcile_failing") == 0
        assert only.metric("slipway_dora_deployments") == 0
        started = time.monotonic()
        assert only.end() == 0
        assert time.monotonic() - started < 5
        lease = get(own, "slipway-system", "lease/slipway")
        assert lease is not None
        assert lease["spec"]["holderIdentity"] == "", "the lease was not released"
        assert not [line for line in only.lines() if line["level"] in ("warning", "error")]


def test_a_policy_says_whether_it_can_be_read_and_whom_it_is_about(
    own: Cluster, shop: str, config: Path, tmp_path: Path
) -> None:
    def policy(name: str, **spec: Any) -> dict[str, Any]:
        kind = {"apiVersion": "slipway.dev/v1alpha1", "kind": "PromotionPolicy"}
        selector = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": shop}}}
        return {**kind, "metadata": {"name": f"{shop}-{name}"}, "spec": {"match": selector, **spec}}

    def said(name: str, kind: str) -> tuple[str, str]:
        found = get(own, shop, f"promotionpolicy/{shop}-{name}")
        assert found is not None
        conditions = found["status"].get("conditions") or []
        fresh = found["status"]["observedGeneration"] == found["metadata"]["generation"]
        told = next((c for c in conditions if c["type"] == kind and fresh), {"status": "", "message": ""})
        return told["status"], told["message"]

    night = {"deny": "nights", "cron": "0 0 * * *", "duration": "6h"}
    own.apply(policy("good"), policy("bad", windows=[{**night, "timeZone": "Mars/Base"}]))
    with replicas(config, tmp_path, "only"):
        wait_for("it says that nothing is there", lambda: said("good", "Matching")[0] == "False")
        wait_for("what is wrong is said", lambda: "spec.windows[0].timeZone" in said("bad", "Accepted")[1])
        own.apply(rollout(shop))
        wait_for("it is about one", lambda: said("good", "Matching") == ("True", "1 Rollout in 1 namespace"))
        own.apply(policy("bad", windows=[{**night, "timeZone": "Europe/Berlin"}]))
        wait_for("it is mended", lambda: said("bad", "Accepted")[0] == "True")
        time.sleep(1)
        before = len(audit(own, config))
        time.sleep(5)  # longer than two resyncs, and than what is waited for before a look
        assert len(audit(own, config)) == before, "writes although nothing changes"
    own.kubectl("delete", "promotionpolicies", f"{shop}-good", f"{shop}-bad")


def test_a_launch_is_one_trace_also_when_the_operator_is_killed(
    own: Cluster, shop: str, config: Path, tmp_path: Path
) -> None:
    promotion = {
        "apiVersion": "slipway.dev/v1alpha1",
        "kind": "Promotion",
        "metadata": {"namespace": shop, "name": "web-1"},
        "spec": {"rollout": "web", "environment": "production", "version": "v1"},
    }
    headers = tmp_path / "headers"
    headers.write_text("Authorization: Bearer hunter2")
    own.apply(rollout(shop), promotion)

    def status() -> dict[str, Any]:
        found = get(own, shop, "promotion/web-1")
        assert found is not None
        return dict(found.get("status") or {})

    with collector() as traces:
        settings = {"tracing": {"endpoint": traces.url, "headersFile": str(headers)}}
        with replicas(config, tmp_path, "one", settings=settings, election=QUICK) as (one,):
            wait_for("it leads", lambda: one.says("leading as"))
            wait_for("it is about a revision", lambda: status().get("target"))
            own.kubectl("-n", shop, "patch", "promotion", "web-1", "--type=merge", '--patch={"spec":{"abort":"no"}}')
            told, *more = wait_for("its span", lambda: list(traces.spans))
            one.end(signal.SIGKILL)
        assert (told.name, more) == ("launch", [])
        assert {entry.key: entry.value.string_value for entry in told.attributes} == {
            "k8s.namespace.name": shop,
            "slipway.rollout": "web",
            "slipway.environment": "production",
            "slipway.promotion": "web-1",
            "slipway.revision": status()["target"]["revision"],
            "slipway.outcome": "Aborted",
            "slipway.version": "v1",
        }
        with replicas(config, tmp_path, "two", settings=settings, election=QUICK) as (two,):
            again = wait_for("it is told again", lambda: traces.spans[1:])
            assert two.end() == 0
        assert again == [told], "another span, or another trace"
        assert set(traces.authorizations) == {"Bearer hunter2"}
        assert not [line for log in (one, two) for line in log.lines() if "hunter2" in json.dumps(line)]


def test_a_killed_leader_is_followed_and_work_goes_on(own: Cluster, shop: str, config: Path, tmp_path: Path) -> None:
    with replicas(config, tmp_path, "one", "two", election=QUICK) as running:
        first = wait_for("a leader", lambda: leader(running))
        (second,) = [one for one in running if one is not first]
        wait_for("a standby is ready", lambda: second.ask("/readyz") == (200, "ok\n"))
        assert second.metric("slipway_leader") == 0
        first.end(signal.SIGKILL)
        own.apply(rollout(shop))
        wait_for("the other one leads", lambda: second.says("leading as"), seconds=20)
        wait_for("it works", lambda: observed(own, shop))


def test_a_leader_that_was_suspended_writes_nothing_when_it_wakes(own: Cluster, shop: str, tmp_path: Path) -> None:
    configs = [support.credentials(own, tmp_path / f"kubeconfig-{name}") for name in ("one", "two")]
    own.apply(rollout(shop))
    with (
        replicas(configs[0], tmp_path, "one", election=QUICK) as (one,),
        replicas(configs[1], tmp_path, "two", election=QUICK) as (two,),
    ):
        first = wait_for("a leader", lambda: leader([one, two]))
        second = two if first is one else one
        wait_for("it works", lambda: observed(own, shop))
        first.process.send_signal(signal.SIGSTOP)
        wait_for("the other one leads", lambda: second.says("leading as"))
        for replicas_wanted in (2, 3):
            own.apply(rollout(shop, replicas=replicas_wanted))
            wait_for("the new leader works", lambda: observed(own, shop))
        until_audited(own, shop)
        before = len(audit(own, first.kubeconfig))
        own.apply(rollout(shop, replicas=4))  # something to do for whoever believes to lead
        first.process.send_signal(signal.SIGCONT)
        assert first.process.wait(30) == 1, "a leader that lost its lease has to exit"
        assert first.says("the lease is lost")
        wait_for("the new leader works", lambda: observed(own, shop))
        until_audited(own, shop)
        asked = [line for line in audit(own, first.kubeconfig)[before:] if "dryRun=All" not in line["requestURI"]]
        # A request that waited for its connection when the process was stopped may still go out. It names the version
        # that it was decided on, which the new leader has written over since: the API server refuses it.
        written = [line["requestURI"] for line in asked if line["responseStatus"]["code"] != HTTPStatus.CONFLICT]
        assert written == [], "the old leader wrote"
        assert audit(own, second.kubeconfig)


def test_a_conflict_storm_delays_and_does_not_break(own: Cluster, shop: str, config: Path, tmp_path: Path) -> None:
    """Somebody writes the same objects all the time: every commit may meet a conflict, and one gets through."""
    own.apply(rollout(shop))
    over = threading.Event()

    def storm() -> None:
        count = 0
        while not over.is_set():
            count += 1
            patch = json.dumps({"metadata": {"annotations": {"storm": str(count)}}})
            own.try_kubectl(f"--namespace={shop}", "annotate", "rollout/web", f"storm={count}", "--overwrite")
            own.try_kubectl(f"--namespace={shop}", "patch", "service/web", "--type=merge", f"--patch={patch}")

    with replicas(config, tmp_path, "only") as (only,):
        storms = [threading.Thread(target=storm) for _ in range(3)]
        for thread in storms:
            thread.start()
        try:
            for count in range(2, 6):
                own.apply(rollout(shop, replicas=count))
                wait_for(f"replicas: {count}, in the storm", lambda: observed(own, shop))
        finally:
            over.set()
            for thread in storms:
                thread.join()
        wait_for("calm", lambda: observed(own, shop))
        assert not [line for line in only.lines() if line["level"] == "error"]
        assert only.process.poll() is None


def test_what_was_deleted_while_the_watches_were_down_is_forgotten(
    own: Cluster, shop: str, config: Path, tmp_path: Path
) -> None:
    """After a restart of the API server the old resourceVersions are gone (410): streams list and go on."""
    own.apply(rollout(shop), rollout(shop, "api"))
    with replicas(config, tmp_path, "only") as (only,):
        wait_for("it has seen both", lambda: observed(own, shop) and observed(own, shop, "api"))
        # Namespaces of earlier tests may still be on their way out, and their Rollouts with them.
        wait_for("these two are all", lambda: only.metric(ROLLOUTS_SEEN) == 2)
        # Suspended, so that it meets the new server only after what is done there.
        only.process.send_signal(signal.SIGSTOP)
        own.parts.restart("kube-apiserver")
        wait_for("the API server", lambda: own.try_kubectl("get", "--raw=/readyz").returncode == 0)
        own.kubectl(f"--namespace={shop}", "delete", "rollout", "api", "--cascade=foreground", "--wait")
        own.apply(rollout(shop, replicas=3))
        only.process.send_signal(signal.SIGCONT)
        wait_for("it sees the change", lambda: observed(own, shop))
        wait_for("it has forgotten the other", lambda: only.metric(ROLLOUTS_SEEN) == 1)
        # For a moment it says that its event loop was late, which is true: it was suspended.
        wait_for("it is well again", lambda: only.ask("/healthz") == (200, "ok\n"))


def test_a_crd_that_is_missing_is_named(own: Cluster, shop: str, config: Path, tmp_path: Path) -> None:
    crd = own.kubectl("get", "crd", "promotions.slipway.dev", "--output=json")
    own.kubectl("delete", "crd", "promotions.slipway.dev", "--wait")
    try:
        with replicas(config, tmp_path, "only") as (only,):
            assert only.process.wait(60) == 1
            said = only.says("CustomResourceDefinition")
            assert said is not None
            assert "promotions.slipway.dev" in said["message"]
            assert "rollouts.slipway.dev" not in said["message"]
            assert "slipway crds" in said["message"]
    finally:
        restored = json.loads(crd)
        restored["metadata"] = {"name": restored["metadata"]["name"]}
        del restored["status"]
        own.apply(restored)
        until_established(own.kubectl, "promotions.slipway.dev")


def test_a_crd_that_is_older_is_named_with_what_it_lacks(own: Cluster, shop: str, config: Path, tmp_path: Path) -> None:
    def published() -> bool:
        document = json.loads(own.kubectl("get", "--raw=/openapi/v3/apis/slipway.dev/v1alpha1"))
        status = document["components"]["schemas"]["dev.slipway.v1alpha1.Rollout"]["properties"]["status"]
        return "planHash" in status["properties"]["candidate"]["properties"]

    def patch(**change: object) -> None:
        own.kubectl("patch", "crd", "rollouts.slipway.dev", "--type=json", f"--patch={json.dumps([change])}")

    at = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/candidate/properties/planHash"
    there: Any = json.loads(own.kubectl("get", "crd", "rollouts.slipway.dev", "--output=json"))
    for part in at.removeprefix("/").split("/"):
        there = there[int(part) if part.isdigit() else part]
    patch(op="remove", path=at)
    try:
        wait_for("the older schema is published", lambda: not published())
        with replicas(config, tmp_path, "older", election=QUICK) as (only,):
            wait_for("it says so", lambda: only.says("is older than this operator"))
            said = only.says("is older than this operator")
            assert said is not None
            assert "of Rollout is older than this operator and lacks status.candidate.planHash; what" in said["message"]
            assert "slipway crds" in said["message"]
            assert "of Promotion" not in said["message"]
    finally:
        patch(op="add", path=at, value=there)
        wait_for("the newer schema is published", published)
    with replicas(config, tmp_path, "newer", election=QUICK) as (only,):
        own.apply(rollout(shop))
        wait_for("it works", lambda: observed(own, shop))
        assert only.says("is older than this operator") is None


def test_a_crd_that_is_removed_while_it_runs_ends_it(own: Cluster, shop: str, config: Path, tmp_path: Path) -> None:
    with replicas(config, tmp_path, "only") as (only,):
        wait_for("it leads", lambda: only.says("leading as"))
        own.kubectl("delete", "crd", "promotions.slipway.dev", "--wait")
        try:
            assert only.process.wait(60) == 1
        finally:
            support.install(own)


def test_without_the_gateway_api_blue_green_works_and_its_arrival_is_noticed(
    own: Cluster, shop: str, config: Path, tmp_path: Path
) -> None:
    with replicas(config, tmp_path, "only") as (only,):
        own.apply(rollout(shop))
        wait_for("it works", lambda: observed(own, shop))
        assert only.says("no HTTPRoutes in this cluster")
        own.apply(_httproutes())
        try:
            assert only.process.wait(60) == 1
            assert only.says("the Gateway API was installed")
        finally:
            own.kubectl("delete", "crd", "httproutes.gateway.networking.k8s.io")


def _httproutes() -> dict[str, Any]:
    """A stand-in for the CRD: what counts here is that the kind is served."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": "httproutes.gateway.networking.k8s.io",
            "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"},
        },
        "spec": {
            "group": "gateway.networking.k8s.io",
            "names": {"kind": "HTTPRoute", "plural": "httproutes", "singular": "httproute"},
            "scope": "Namespaced",
            "versions": [version],
        },
    }


def test_several_namespaces_and_no_others(own: Cluster, shop: str, config: Path, tmp_path: Path) -> None:
    own.apply(rollout(shop), rollout("default", "elsewhere"))
    one = Replica(config, tmp_path, "one", f"--namespace={shop}", "--namespace=kube-public")
    try:
        wait_for("it works", lambda: observed(own, shop))
        assert one.ask("/healthz") == (200, "ok\n")
        assert not observed(own, "default", "elsewhere")
        assert one.end() == 0
    finally:
        if one.process.poll() is None:
            one.end(signal.SIGKILL)
        own.kubectl("--namespace=default", "delete", "rollout", "elsewhere")


def test_without_a_cluster_it_says_so(tmp_path: Path) -> None:
    with replicas(tmp_path / "absent", tmp_path, "only") as (only,):
        assert only.process.wait(60) == 1
        assert only.says("no connection to a cluster") is not None
