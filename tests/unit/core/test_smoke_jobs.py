"""Smoke tests that are Jobs: what their pod is given, when they run, and what their end means."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core.cluster import Cluster, revision_of, serving
from tests.unit.core.objects import NAME, Object, blue_green, canary, rollout, template

from slipway.api.job_check import JobCheck
from slipway.core import marks, smoke_job
from slipway.core.decision import JobProbe, Probe
from slipway.core.marks import Marks
from slipway.core.revision import Revision

V1, V2 = (revision_of(blue_green(version)) for version in (1, 2))
OURS = {"SLIPWAY_ROLLOUT": "web", "SLIPWAY_REVISION": V1, "SLIPWAY_SERVICE": "web-preview"}
TEST: Object = {"template": {"spec": {"containers": [{"name": "journey", "image": "journey:v1"}]}}}


def journey(**asked: Any) -> Object:
    return {"name": "journey", "job": TEST | asked}


def made(own: Object, tested: Object, key: str = "k", **asked: Any) -> Object:
    """The Job of a test with the pod template `own` on a revision with the template `tested`."""
    revision = Revision(V1, "d" * 64, tested, [], Marks(), 1, "1", None, True)
    job = JobCheck(template=own, **asked)
    return smoke_job.run("journey", job, rollout(blue_green()), revision, "web-preview", key)


def variables(container: Object) -> dict[str, Any]:
    listed = [(one["name"], one.get("value", one.get("valueFrom"))) for one in container["env"]]
    assert len(dict(listed)) == len(listed)
    return dict(listed)


# --- The pod ------------------------------------------------------------------------------------------------------


def test_each_container_has_the_variables_of_its_namesake_or_of_the_first_one() -> None:
    secret = {"secretKeyRef": {"name": "db", "key": "url"}}
    tested = {
        "spec": {
            "containers": [
                {
                    "name": "web",
                    "env": [{"name": "DB", "valueFrom": secret}, {"name": "LEVEL", "value": "info"}],
                    "envFrom": [{"configMapRef": {"name": "shared"}}],
                },
                {"name": "proxy", "env": [{"name": "UPSTREAM", "value": "web"}]},
            ]
        }
    }
    own = {
        "spec": {
            "initContainers": [{"name": "wait"}],
            "containers": [
                {"name": "journey", "env": [{"name": "LEVEL", "value": "debug"}, {"name": "USER", "value": "ada"}]},
                {"name": "proxy", "envFrom": [{"configMapRef": {"name": "own"}}]},
            ],
        }
    }
    spec = made(own, tested)["spec"]["template"]["spec"]
    (wait,), (first, proxy) = spec["initContainers"], spec["containers"]
    assert variables(wait) == OURS | {"DB": secret, "LEVEL": "info"}
    assert variables(first) == OURS | {"DB": secret, "LEVEL": "debug", "USER": "ada"}
    assert first["envFrom"] == [{"configMapRef": {"name": "shared"}}]
    assert variables(proxy) == OURS | {"UPSTREAM": "web"}
    assert proxy["envFrom"] == [{"configMapRef": {"name": "own"}}]
    assert own["spec"]["containers"][1] == {"name": "proxy", "envFrom": [{"configMapRef": {"name": "own"}}]}


def test_a_variable_of_ones_own_stands_where_later_ones_can_refer_to_it() -> None:
    given = [{"name": "HOST", "value": "db"}, {"name": "URL", "value": "db://$(HOST)"}]
    own = {"spec": {"containers": [{"name": "j", "env": [{"name": "HOST", "value": "test"}]}]}}
    (container,) = made(own, {"spec": {"containers": [{"name": "web", "env": given}]}})["spec"]["template"]["spec"][
        "containers"
    ]
    assert [one["name"] for one in container["env"]][-2:] == ["HOST", "URL"]
    assert variables(container)["HOST"] == "test"


def test_only_the_tests_own_word_goes_before_where_it_runs() -> None:
    tested = {"spec": {"containers": [{"name": "web", "env": [{"name": "SLIPWAY_SERVICE", "value": "elsewhere"}]}]}}
    job = made({"spec": {"containers": [{"name": "j"}]}}, tested)
    assert variables(job["spec"]["template"]["spec"]["containers"][0]) == OURS
    own = {"spec": {"containers": [{"name": "j", "env": [{"name": "SLIPWAY_SERVICE", "value": "mine"}]}]}}
    job = made(own, tested)
    assert variables(job["spec"]["template"]["spec"]["containers"][0]) == OURS | {"SLIPWAY_SERVICE": "mine"}


def test_limits_of_another_container_are_those_of_the_container_that_asks() -> None:
    about = {"resourceFieldRef": {"containerName": "web", "resource": "limits.memory"}}
    tested = {"spec": {"containers": [{"name": "web", "env": [{"name": "MEMORY", "valueFrom": about}]}]}}
    job = made({"spec": {"containers": [{"name": "j"}]}}, tested)
    found = variables(job["spec"]["template"]["spec"]["containers"][0])
    assert found["MEMORY"] == {"resourceFieldRef": {"resource": "limits.memory"}}


def test_the_network_takes_it_for_the_revision_and_no_service_for_an_endpoint() -> None:
    labels = {"app": "web", "tier": "front", "slipway.dev/rollout": "web", "slipway.dev/revision": V1}
    tested = {"metadata": {"labels": labels, "annotations": {"a": "b"}}, "spec": {"serviceAccountName": "shop"}}
    own = {"metadata": {"labels": {"tier": "test"}}, "spec": {"containers": []}}
    pod = made(own, tested)["spec"]["template"]
    assert pod["metadata"]["labels"] == {"app": "web", "tier": "test", "app.kubernetes.io/managed-by": "slipway"}
    assert pod["spec"]["readinessGates"] == [{"conditionType": "slipway.dev/takes-no-traffic"}]
    assert pod["spec"]["serviceAccountName"] == "shop"
    assert "automountServiceAccountToken" not in pod["spec"]


@pytest.mark.parametrize(
    ("own", "tested", "account", "token"),
    [
        ({}, {}, None, False),
        ({}, {"serviceAccount": "shop", "automountServiceAccountToken": False}, "shop", False),
        ({"serviceAccountName": "tester"}, {"serviceAccountName": "shop"}, "tester", None),
    ],
)
def test_its_account_is_its_own_or_the_revisions(
    own: Object, tested: Object, account: str | None, token: bool | None
) -> None:
    spec = made({"spec": own}, {"spec": tested})["spec"]["template"]["spec"]
    assert (spec.get("serviceAccountName"), spec.get("automountServiceAccountToken")) == (account, token)


def test_it_belongs_to_the_rollout_and_is_cleared_away() -> None:
    job = made(TEST["template"], template(), timeout=timedelta(seconds=30), retries=2)
    meta, spec = job["metadata"], job["spec"]
    assert (meta["ownerReferences"][0]["kind"], meta["ownerReferences"][0]["name"]) == ("Rollout", "web")
    assert meta["labels"]["slipway.dev/check-of"] == "web"
    assert meta["labels"]["slipway.dev/smoke-test"] == "journey"
    assert not set(meta["labels"]) & {"slipway.dev/rollout", "slipway.dev/revision", "slipway.dev/check"}
    assert (spec["activeDeadlineSeconds"], spec["backoffLimit"]) == (30, 2)
    assert spec["ttlSecondsAfterFinished"] == smoke_job.KEPT_SECONDS
    assert made(TEST["template"], template())["metadata"]["name"] == meta["name"]
    assert made(TEST["template"], template(), key="other")["metadata"]["name"] != meta["name"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["spec", "metadata", "labels", "containers", "env", "envFrom", "name", "valueFrom", "readinessGates"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@given(JSON, JSON)
def test_whatever_the_templates_hold_there_is_a_job_without_traffic(own: Any, tested: Any) -> None:
    job = made({"spec": own if isinstance(own, dict) else {}}, tested if isinstance(tested, dict) else {})
    assert job["spec"]["template"]["spec"]["readinessGates"][-1] == {"conditionType": smoke_job.NEVER_READY}


# --- When it runs -------------------------------------------------------------------------------------------------


def proposed(test: Object | None = None, spec: Object | None = None, **kwargs: Any) -> Cluster:
    """Version 2 waits, with a smoke test that is a Job, under web-2."""
    cluster = serving(spec or blue_green(smokeTests=[test or journey()]), **kwargs)
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    return cluster


def jobs(cluster: Cluster, revision: str = V2) -> list[JobProbe]:
    found = [probe for probe in cluster.decide().probes if isinstance(probe, JobProbe)]
    return [probe for probe in found if f"/{revision}/" in probe.key]


def service(probe: JobProbe) -> Any:
    return variables(probe.job["spec"]["template"]["spec"]["containers"][0])["SLIPWAY_SERVICE"]


def ran(cluster: Cluster) -> dict[str, str]:
    """The Service that every Job of version 2 was given, by the occasion; probes are noted as they run."""
    seen: dict[str, str] = {}
    before = cluster.probe

    def note(probe: Probe) -> bool:
        if isinstance(probe, JobProbe) and f"/{V2}/" in probe.key:
            occasion = next(part for part in ("preview", "verify", "watch") if f"/{part}" in probe.key)
            assert seen.setdefault(occasion, service(probe)) == service(probe)
        return before(probe)

    cluster.probe = note
    return seen


@pytest.mark.parametrize("make", [blue_green, canary])
def test_it_finds_the_candidate_by_the_service_that_selects_it(make: Any) -> None:
    cluster = proposed(spec=make(smokeTests=[journey()]))
    seen = ran(cluster)
    cluster.settle()
    assert seen == {"preview": f"{NAME}-preview"}
    assert cluster.selected(f"{NAME}-preview") == V2
    cluster.approve("web-2")
    assert cluster.run(90, lambda: cluster.phase() == "Watching")
    cluster.run(10)
    assert seen == {"preview": f"{NAME}-preview", "verify": NAME, "watch": NAME}
    assert cluster.live == V2


def test_without_an_end_nobody_is_asked_and_nothing_moves() -> None:
    cluster = proposed()
    answers = cluster.run_probes
    cluster.run_probes = lambda probes: answers([p for p in probes if not isinstance(p, JobProbe)])  # type: ignore[method-assign]
    cluster.run(30)
    assert cluster.phase("web-2") == "Checking"
    (probe,) = jobs(cluster)
    check = next(c for c in cluster.get("Promotion", "web-2")["status"]["checks"] if c["name"] == "smoke/journey")
    assert check["result"] == "Pending"
    assert "kubectl describe job -l slipway.dev/smoke-test=journey" in check["message"]
    cluster.edit(smokeTests=[journey(timeout="1m")])
    cluster.settle()
    (other,) = jobs(cluster)
    assert other.job["metadata"]["name"] != probe.job["metadata"]["name"]


def test_a_failure_before_traffic_blocks_until_rerun() -> None:
    cluster = proposed()
    failing = True
    cluster.probe = lambda probe: not (failing and isinstance(probe, JobProbe))
    cluster.run(30)
    assert cluster.phase("web-2") == "Blocked"
    assert jobs(cluster) == []
    assert "smoke/journey Failed" in cluster.get("Promotion", "web-2")["status"]["message"]
    failing = False
    cluster.run(60)
    assert cluster.phase("web-2") == "Blocked"
    cluster.say("web-2", rerun="2")
    cluster.settle()
    assert cluster.phase("web-2") == "AwaitingApproval"


def test_a_job_that_cannot_be_made_before_traffic_blocks_until_it_can() -> None:
    cluster = proposed()
    full = True
    cluster.unverified = lambda probe: "the quota is full" if full and isinstance(probe, JobProbe) else ""
    cluster.run(30)
    assert cluster.phase("web-2") == "Blocked"
    assert "smoke/journey Unverifiable" in cluster.get("Promotion", "web-2")["status"]["message"]
    full = False
    assert cluster.run(60, lambda: cluster.phase("web-2") == "AwaitingApproval")


def after_the_switch() -> Cluster:
    cluster = proposed()
    cluster.settle()
    cluster.approve("web-2")
    assert cluster.run(60, lambda: cluster.phase() == "Verifying")
    return cluster


def of_second(probe: Probe) -> bool:
    return isinstance(probe, JobProbe) and f"/{V2}/" in probe.key


def test_two_failures_in_a_row_after_the_switch_send_it_back() -> None:
    cluster = after_the_switch()
    cluster.probe = lambda probe: not of_second(probe)
    assert cluster.run(60, lambda: cluster.live == V1)
    assert marks.REJECTED in cluster.marks(V2)
    assert cluster.run(60, lambda: cluster.phase("web-2") == "RolledBack")
    assert "smoke test journey failed 2 times in a row" in cluster.get("Promotion", "web-2")["status"]["message"]


def test_semantics_16_a_job_that_cannot_be_made_after_the_switch_sends_nothing_back_and_passes_nothing() -> None:
    cluster = after_the_switch()
    full = True
    cluster.unverified = lambda probe: "the quota is full" if full and of_second(probe) else ""
    cluster.run(60)
    assert (cluster.phase(), cluster.live) == ("Verifying", V2)
    full = False
    assert cluster.run(60, lambda: cluster.phase("web-2") in ("Watching", "Succeeded"))


def test_another_promotion_and_a_rerun_are_other_runs() -> None:
    cluster = proposed()
    cluster.unverified = lambda probe: "no" if isinstance(probe, JobProbe) else ""
    names = set()

    def note(probe: Probe) -> str:
        if isinstance(probe, JobProbe) and f"/{V2}/" in probe.key:
            names.add(probe.job["metadata"]["name"])
            return "no"
        return ""

    cluster.unverified = note
    cluster.settle()
    cluster.say("web-2", rerun="1")
    cluster.settle()
    assert len(names) == 2
    cluster.now += timedelta(seconds=1)
    cluster.promote("web-3")
    cluster.settle()
    cluster.say("web-3", rerun="1")
    cluster.settle()
    assert len(names) == 3


@pytest.mark.parametrize("kind", ["http", "job"])
def test_a_test_that_was_edited_before_traffic_has_not_passed(kind: str) -> None:
    """What passed was another test: nobody may approve on its word."""
    first, second = {
        "http": ({"http": {"port": "http", "path": "/"}}, {"http": {"port": "http", "path": "/new"}}),
        "job": ({"job": TEST}, {"job": TEST | {"timeout": "1m"}}),
    }[kind]
    cluster = proposed({"name": "journey", **first})
    cluster.settle()
    assert cluster.phase("web-2") == "AwaitingApproval"
    cluster.probe = lambda probe: "smoke/" not in probe.key
    cluster.edit(smokeTests=[{"name": "journey", **second}])
    cluster.settle()
    assert cluster.phase("web-2") == "Blocked"


def test_a_test_that_could_not_run_yet_keeps_everybody_waiting() -> None:
    cluster = proposed()
    cluster.settle()
    tests = [journey(), {"name": "second", "job": TEST}]
    cluster.edit(smokeTests=tests)
    answers = cluster.run_probes
    cluster.run_probes = lambda probes: answers([p for p in probes if "smoke/second" not in p.key])  # type: ignore[method-assign]
    cluster.settle()
    assert cluster.phase("web-2") == "Checking"
