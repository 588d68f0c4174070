"""Services, Deployments and ControllerRevisions as they should be, and the one write that makes them so."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.core.cluster import Cluster, revision_of, serving, shifting
from tests.unit.core.objects import NAME, NAMESPACE, PORTS, UID, Object, blue_green, canary, rollout, template

from slipway.core import names
from slipway.core.children import deployment, deployment_write, service, service_write, template_touched
from slipway.core.decision import Apply, Replace
from slipway.core.revision import Revision, of_spec, to_object

V1, V2, V3 = (revision_of(blue_green(version)) for version in (1, 2, 3))
CANDIDATE, PREVIEW = f"{NAME}-candidate", f"{NAME}-preview"
LABELS = {"app.kubernetes.io/managed-by": "slipway", "slipway.dev/rollout": NAME}
OWNER = {
    "apiVersion": "slipway.dev/v1alpha1",
    "kind": "Rollout",
    "name": NAME,
    "uid": UID,
    "controller": True,
    "blockOwnerDeletion": True,
}
ROLLOUT = rollout(blue_green())
MINUTE = timedelta(minutes=1)


def selector(revision: str) -> dict[str, str]:
    return {"slipway.dev/rollout": NAME, "slipway.dev/revision": revision}


def revision(of: Object | None = None) -> Revision:
    found = of_spec(blue_green(template=of or template()))
    assert found is not None
    return found


def made(of: Object | None = None, replicas: int = 2, seconds: int = 0, deadline: timedelta = MINUTE) -> Object:
    return deployment(ROLLOUT, revision(of), replicas, seconds, deadline)


def stored(obj: Object, **spec: Any) -> Object:
    """An object as the API server has it, with other fields in its spec."""
    return copy.deepcopy(
        {**obj, "metadata": {**obj["metadata"], "resourceVersion": "7"}, "spec": {**obj["spec"], **spec}}
    )


def edited(obj: Object, **metadata: Any) -> Object:
    return {**obj, "metadata": {**obj["metadata"], **metadata}}


# --- Whose they are


def test_a_service_selects_one_revision_and_belongs_to_its_rollout() -> None:
    assert service(ROLLOUT, NAME, selector(V1), PORTS) == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": LABELS, "ownerReferences": [OWNER]},
        "spec": {"selector": selector(V1), "ports": PORTS},
    }


def test_a_deployment_is_named_after_its_revision_and_selects_only_its_own_pods() -> None:
    obj = made()
    assert (obj["apiVersion"], obj["kind"]) == ("apps/v1", "Deployment")
    assert obj["metadata"] == {
        "name": f"{NAME}-{V1}",
        "namespace": NAMESPACE,
        "labels": LABELS | {"slipway.dev/revision": V1},
        "ownerReferences": [OWNER],
    }
    assert obj["spec"]["selector"] == {"matchLabels": selector(V1)}
    assert obj["spec"]["template"]["metadata"]["labels"] == template()["metadata"]["labels"] | selector(V1)


def test_a_controller_revision_keeps_template_ports_and_the_whole_digest() -> None:
    found = revision()
    obj = to_object(found, ROLLOUT, 4)
    assert obj["metadata"] == made()["metadata"], "found by the same labels, deleted with the same Rollout"
    assert (obj["kind"], obj["apiVersion"], obj["revision"]) == ("ControllerRevision", "apps/v1", 4)
    assert obj["data"] == {"digest": found.digest, "template": template(), "service": {"ports": PORTS}}


def test_all_that_is_made_carries_the_label_and_the_owner() -> None:
    cluster = shifting(canary())
    kinds = {kind: cluster.all(kind) for kind in ("Service", "Deployment", "ControllerRevision")}
    assert {kind: len(found) for kind, found in kinds.items()} == {
        "Service": 3,
        "Deployment": 2,
        "ControllerRevision": 4,  # two revisions, two plans
    }
    for obj in (obj for found in kinds.values() for obj in found):
        assert LABELS.items() <= obj["metadata"]["labels"].items(), obj["metadata"]["name"]
        assert obj["metadata"]["ownerReferences"] == [OWNER], obj["metadata"]["name"]


# --- What Services select


@pytest.mark.parametrize("spec", [blue_green(), canary()])
def test_before_the_first_approval_the_live_service_selects_none(spec: Object) -> None:
    """Never an empty selector: the endpoints of a Service without one are not cleaned up."""
    cluster = Cluster(spec)
    cluster.promote("web-1")
    cluster.run(30)
    assert cluster.get("Service")["spec"]["selector"] == selector("none")
    assert cluster.get("Service")["spec"]["ports"] == PORTS
    if "traffic" in spec:
        assert cluster.get("Service", CANDIDATE)["spec"]["selector"] == selector("none")
    assert cluster.get("Service", PREVIEW)["spec"]["selector"] == selector(V1)


def test_an_aborted_first_revision_leaves_a_live_service_that_selects_none() -> None:
    cluster = serving(blue_green())
    cluster.edit(abort=V1)
    cluster.run(60)
    assert cluster.get("Service")["spec"]["selector"] == selector("none")
    assert cluster.size(V1) == 0


@pytest.mark.parametrize("spec", [blue_green(), canary()])
def test_no_service_ever_has_an_empty_or_a_wider_selector(spec: Object) -> None:
    cluster = Cluster(spec)

    def exact(_: Any) -> None:
        for obj in cluster.all("Service"):
            assert obj["spec"]["selector"] in [selector(name) for name in ("none", V1, V2, V3)]

    cluster.after_write.append(exact)
    for version, end in ((1, "Succeeded"), (2, "Succeeded"), (3, "Aborted")):
        cluster.edit(template=template(version))
        cluster.promote(f"web-{version}")
        cluster.settle()
        cluster.approve(f"web-{version}")
        assert cluster.run(60, lambda v=version: cluster.exposure(revision_of(blue_green(v))) > 0)  # type: ignore[misc]
        if end == "Aborted":
            cluster.say(f"web-{version}", abort="no")
        assert cluster.run(120, lambda v=version, e=end: cluster.phase(f"web-{v}") == e)  # type: ignore[misc]
    cluster.edit(template=template(2))
    cluster.run(60)


def test_the_candidate_service_points_at_stable_outside_an_approved_shift() -> None:
    """A route that a hand has given weight to it serves users with what was approved."""
    cluster = serving(canary())
    assert cluster.selected(CANDIDATE) == V1
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.run(30)
    assert (cluster.phase("web-2"), cluster.selected(CANDIDATE)) == ("AwaitingApproval", V1)
    cluster.approve("web-2")
    assert cluster.run(60, lambda: cluster.weight == 25)
    assert cluster.selected(CANDIDATE) == V2
    cluster.say("web-2", abort="no")
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Aborted")
    cluster.run(30)
    assert cluster.selected(CANDIDATE) == V1


def test_after_a_canary_the_candidate_service_points_at_the_new_stable() -> None:
    cluster = serving(canary())
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.settle()
    cluster.approve("web-2")
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded")
    cluster.run(10)
    assert (cluster.live, cluster.selected(CANDIDATE), cluster.weight) == (V2, V2, 0)


def test_without_routes_there_is_no_candidate_service() -> None:
    cluster = serving(blue_green())
    assert {obj["metadata"]["name"] for obj in cluster.all("Service")} == {NAME, PREVIEW}


def test_the_preview_service_selects_the_candidate_and_nothing_when_there_is_none() -> None:
    cluster = serving(blue_green())
    assert cluster.get("Service", PREVIEW)["spec"]["selector"] == selector("none")
    cluster.edit(template=template(2))
    cluster.settle()
    assert cluster.get("Service", PREVIEW)["spec"]["selector"] == selector(V2)


def test_the_live_service_gets_new_ports_at_the_switch_and_the_old_ones_on_the_way_back() -> None:
    """Ports are part of the revision: nothing of the spec reaches what serves."""
    ports = [{"name": "http", "port": 80, "targetPort": 9999}]
    cluster = serving(blue_green())
    cluster.edit(service={"ports": ports})
    cluster.promote("web-2")
    cluster.settle()
    assert cluster.get("Service")["spec"]["ports"] == PORTS
    assert cluster.get("Service", PREVIEW)["spec"]["ports"] == ports
    cluster.approve("web-2")
    assert cluster.run(60, lambda: cluster.live != V1)
    assert cluster.get("Service")["spec"]["ports"] == ports
    cluster.say("web-2", abort="no")
    assert cluster.run(60, lambda: cluster.live == V1)
    assert cluster.get("Service")["spec"]["ports"] == PORTS


# --- What Deployments run


def test_a_deployment_runs_the_stored_template_with_nothing_but_two_labels_added() -> None:
    rich = template(env=[{"name": "A", "value": "1"}])
    rich["metadata"] |= {
        "annotations": {"a": "b"},
        "finalizers": ["example.com/f"],
        "name": "x",
        "creationTimestamp": None,
    }
    rich["spec"]["tolerations"] = [{"key": "spot"}]
    before = copy.deepcopy(rich)
    obj = made(rich)
    assert obj["spec"]["template"] == {
        "metadata": {
            "labels": rich["metadata"]["labels"] | selector(revision(rich).name),
            "annotations": {"a": "b"},
            "finalizers": ["example.com/f"],
        },
        "spec": rich["spec"],
    }
    assert rich == before, "the stored template is never changed in place"


@pytest.mark.parametrize("metadata", [None, {}, {"labels": None}, {"annotations": {}}])
def test_a_template_without_labels_gets_ours(metadata: Object | None) -> None:
    bare = {k: v for k, v in template().items() if k != "metadata"}
    obj = made(bare if metadata is None else bare | {"metadata": metadata})
    assert obj["spec"]["template"]["metadata"] == {"labels": obj["spec"]["selector"]["matchLabels"]}


@pytest.mark.parametrize(("seconds", "deadline", "expected"), [(0, 60, 60), (30, 60, 60), (60, 60, 61), (90, 60, 91)])
def test_a_deployments_own_deadline_is_longer_than_its_min_ready_seconds(
    seconds: int, deadline: int, expected: int
) -> None:
    """The API server refuses a Deployment whose progressDeadlineSeconds are not more."""
    spec = made(seconds=seconds, deadline=timedelta(seconds=deadline))["spec"]
    assert (spec["minReadySeconds"], spec["progressDeadlineSeconds"]) == (seconds, expected)


def test_what_was_tested_is_what_serves() -> None:
    """From its first pod to the end of its time a Deployment changes in nothing but replicas."""
    cluster = serving(canary())
    cluster.edit(template=template(2), minReadySeconds=1)
    cluster.promote("web-2")
    cluster.settle()

    def run_by(name: str) -> Object:
        obj = cluster.get("Deployment", f"{NAME}-{name}")
        return copy.deepcopy({k: v for k, v in obj["spec"].items() if k != "replicas"})

    first, second = run_by(V1), run_by(V2)
    assert (first["minReadySeconds"], second["minReadySeconds"]) == (0, 1)

    def same(_: Any) -> None:
        assert run_by(V1) == first
        assert run_by(V2) == second

    cluster.after_write.append(same)
    cluster.approve("web-2")
    assert cluster.run(60, lambda: cluster.weight == 25)
    cluster.edit(minReadySeconds=5, progressDeadline="9m", template=template(3), replicas=6)
    cluster.settle()
    cluster.edit(minReadySeconds=1, progressDeadline="2m", template=template(2))
    assert cluster.run(120, lambda: cluster.phase() == "Healthy"), cluster.status
    assert cluster.live == V2


def test_the_spec_of_a_waiting_candidate_is_its_own_until_it_takes_traffic() -> None:
    cluster = serving(blue_green())
    cluster.edit(template=template(2))
    cluster.settle()
    cluster.edit(minReadySeconds=7)
    cluster.settle()
    assert cluster.get("Deployment", f"{NAME}-{V2}")["spec"]["minReadySeconds"] == 7
    assert cluster.get("Deployment", f"{NAME}-{V1}")["spec"]["minReadySeconds"] == 0


def test_an_edited_template_is_put_back_whole() -> None:
    cluster = serving(blue_green())
    obj = copy.deepcopy(cluster.get("Deployment", f"{NAME}-{V1}"))
    before = copy.deepcopy(obj["spec"])
    obj["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example/web:backdoor"
    cluster.put("Deployment", obj)
    (write,) = [write for write in cluster.decide().writes if isinstance(write, Replace)]
    assert (write.kind, write.resource_version) == ("Deployment", str(cluster.version))
    cluster.settle()
    assert cluster.get("Deployment", f"{NAME}-{V1}")["spec"] == before


# --- Which write, if any


def test_what_is_not_there_is_made_without_force() -> None:
    for write in (
        service_write(service(ROLLOUT, NAME, selector(V1), PORTS), None, UID),
        deployment_write(made(), None, UID),
    ):
        assert isinstance(write, Apply)
        assert write.resource_version is None


def test_semantics_31_a_service_is_as_wanted_with_all_that_the_api_server_adds() -> None:
    wanted = service(ROLLOUT, NAME, selector(V1), [*PORTS, {"name": "plain", "port": 90}])
    ports = [
        {"name": "plain", "port": 90, "targetPort": 90, "protocol": "TCP", "nodePort": 30001},
        {**PORTS[0], "protocol": "TCP"},
    ]
    there = stored(wanted, ports=ports, clusterIP="10.1.2.3", type="ClusterIP", sessionAffinity="None")
    there["metadata"]["labels"]["team"] = "shop"
    assert service_write(wanted, there, UID) is None


@pytest.mark.parametrize(
    "spec",
    [
        {"selector": selector(V2)},
        {"selector": {}},
        {"selector": None},
        {"selector": selector(V1) | {"app": "web"}},
        {"selector": {"slipway.dev/rollout": NAME}},
        {"ports": []},
        {"ports": [{**PORTS[0], "targetPort": 1}]},
        {"ports": [{**PORTS[0], "name": "other"}]},
        {"ports": [{**PORTS[0], "protocol": "UDP"}]},
        {"ports": [{**PORTS[0], "appProtocol": "http"}]},
    ],
)
def test_semantics_01_whatever_differs_in_a_service_is_written_at_the_version_that_was_read(spec: Object) -> None:
    wanted = service(ROLLOUT, NAME, selector(V1), PORTS)
    write = service_write(wanted, stored(wanted, **spec), UID)
    assert isinstance(write, Apply | Replace)
    assert (write.kind, write.resource_version, write.object["spec"]) == ("Service", "7", wanted["spec"])


@pytest.mark.parametrize("ports", [[*PORTS, {"name": "admin", "port": 1}], [*PORTS, {**PORTS[0], "protocol": "UDP"}]])
def test_ports_that_others_added_go_and_their_labels_stay(ports: list[Object]) -> None:
    """An apply takes away nothing that another manager owns."""
    wanted = service(ROLLOUT, NAME, selector(V1), PORTS)
    there = edited(stored(wanted, ports=ports), labels=LABELS | {"team": "shop"})
    write = service_write(wanted, there, UID)
    assert isinstance(write, Replace)
    assert (write.kind, write.resource_version, write.object["spec"]) == ("Service", "7", wanted["spec"])
    assert write.object["metadata"]["labels"] == LABELS | {"team": "shop"}


@pytest.mark.parametrize(
    "metadata",
    [
        {"labels": {"slipway.dev/rollout": NAME}},
        {"labels": LABELS | {"slipway.dev/rollout": "other"}},
        {"ownerReferences": []},
        {"ownerReferences": None},
        {"ownerReferences": [OWNER | {"controller": False}]},
        {"ownerReferences": [OWNER | {"uid": "uid-of-the-one-before"}]},
    ],
)
@pytest.mark.parametrize("kind", ["Service", "Deployment"])
def test_semantics_33_an_orphan_gets_its_label_and_its_owner_back(kind: str, metadata: Object) -> None:
    wanted = made() if kind == "Deployment" else service(ROLLOUT, NAME, selector(V1), PORTS)
    there = edited(stored(wanted), **metadata)
    write = (deployment_write if kind == "Deployment" else service_write)(wanted, there, UID)
    assert isinstance(write, Apply)
    assert (write.kind, write.resource_version, write.object) == (kind, "7", wanted)


# As the API server gives back what test_children wrote: defaults beside it, numbers in their shortest form.
DEFAULTED = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "securityContext": {},
    "schedulerName": "default-scheduler",
}


def answered(obj: Object, **container: Any) -> Object:
    there = stored(obj, strategy={"type": "RollingUpdate"}, revisionHistoryLimit=10)
    pod = there["spec"]["template"]["spec"]
    pod |= DEFAULTED | {k: v for k, v in pod.items() if k in DEFAULTED}
    pod["containers"][0] |= {
        "imagePullPolicy": "IfNotPresent",
        "terminationMessagePath": "/dev/termination-log",
    } | container
    return there


@pytest.mark.parametrize(
    ("written", "given"),
    [
        ({}, {}),
        ({"resources": {"limits": {"cpu": "1000m"}}}, {"resources": {"limits": {"cpu": "1"}}}),
        ({"resources": {"limits": {"cpu": 0.5}}}, {"resources": {"limits": {"cpu": "500m"}}}),
        ({"resources": {"limits": {"cpu": 2}}}, {"resources": {"limits": {"cpu": "2"}}}),
        ({"resources": {"limits": {"memory": "1.5Gi"}}}, {"resources": {"limits": {"memory": "1536Mi"}}}),
        ({"resources": {"limits": {"memory": "1024Ki"}}}, {"resources": {"limits": {"memory": "1Mi"}}}),
        ({"resources": {}}, {"resources": {}}),
        ({"env": []}, {"env": None}),
        ({"args": None, "tty": False, "workingDir": ""}, {"args": None, "tty": None, "workingDir": None}),
        ({"env": [{"name": "A", "value": ""}]}, {"env": [{"name": "A"}]}),
        ({"securityContext": None}, {"securityContext": None}),
    ],
)
def test_semantics_32_what_the_api_server_makes_of_a_template_is_no_difference(written: Object, given: Object) -> None:
    wanted = made(template(**written))
    there = answered(wanted, **given)
    container = there["spec"]["template"]["spec"]["containers"][0]
    for key in [key for key, value in container.items() if value is None]:
        del container[key]
    assert deployment_write(wanted, there, UID) is None


@pytest.mark.parametrize(
    "given",
    [
        {"image": "registry.example/web:v2"},
        {"ports": []},
        {"ports": [{"name": "http", "containerPort": 9898}, {"containerPort": 1}]},
        {"readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 10} | {"httpGet": None}},
        {"args": ["--open"]},
        {"args": []},
        {"env": [{"name": "A"}]},
        {"resources": {"limits": {"cpu": "2"}}},
        {"resources": {"limits": {"cpu": "1Ki"}}},
        {"resources": None},
        {"tty": True},
    ],
)
def test_a_template_without_what_was_written_was_touched(given: Object) -> None:
    wanted = made(template(args=["--safe"], env=[], resources={"limits": {"cpu": 1}}, tty=False))
    there = answered(wanted, **given)
    assert template_touched(wanted, there)
    write = deployment_write(wanted, there, UID)
    assert isinstance(write, Replace)
    assert (write.kind, write.resource_version, write.object) == ("Deployment", "7", wanted)


@pytest.mark.parametrize(
    ("entry", "touched"),
    [
        ({"manager": "kubectl-edit", "fieldsV1": {"f:spec": {"f:template": {"f:spec": {}}}}}, True),
        ({"manager": "kubectl-rollout", "fieldsV1": {"f:spec": {"f:template": {"f:metadata": {}}}}}, True),
        ({"manager": "slipway", "fieldsV1": {"f:spec": {"f:template": {"f:spec": {}}}}}, False),
        ({"manager": "kubectl-scale", "fieldsV1": {"f:spec": {"f:replicas": {}}}}, False),
        ({"manager": "x", "subresource": "scale", "fieldsV1": {"f:spec": {"f:template": {"f:spec": {}}}}}, False),
        ({"manager": "kube-controller-manager", "subresource": "status", "fieldsV1": {"f:status": {}}}, False),
        ({"manager": "kubectl-annotate", "fieldsV1": {"f:metadata": {"f:annotations": {}}}}, False),
        ({"manager": "broken"}, False),
    ],
)
def test_a_field_that_another_manager_owns_in_the_template_was_touched(entry: Object, touched: bool) -> None:
    """What others have added is in no field of ours: only managedFields tell."""
    wanted = made()
    there = edited(answered(wanted), managedFields=[{"manager": "slipway", "fieldsV1": {}}, entry])
    assert template_touched(wanted, there) is touched


@pytest.mark.parametrize("spec", [{"replicas": 9}, {"minReadySeconds": 9}])
def test_a_difference_outside_the_template_is_applied_and_rolls_no_pod(spec: Object) -> None:
    wanted = made(replicas=2, seconds=1)
    write = deployment_write(wanted, {**answered(wanted), "spec": {**answered(wanted)["spec"], **spec}}, UID)
    assert isinstance(write, Apply)
    assert (write.kind, write.resource_version, write.object) == ("Deployment", "7", wanted)


def test_a_deployment_keeps_what_it_does_not_say() -> None:
    """Absent replicas are one, absent minReadySeconds none: the API server leaves out what is zero."""
    wanted = made(replicas=1)
    there = answered(wanted)
    del there["spec"]["replicas"], there["spec"]["minReadySeconds"]
    assert deployment_write(wanted, there, UID) is None


# --- revisionHistoryLimit


QUICK = {"blueGreen": {"verify": "1s", "keepPrevious": "1s"}}


@pytest.mark.parametrize("limit", [0, 2])
def test_old_revisions_go_beyond_the_limit_and_never_what_may_be_gone_back_to(limit: int) -> None:
    cluster = serving(blue_green(revisionHistoryLimit=limit, replicas=1, strategy=QUICK))
    every = [revision_of(blue_green(version)) for version in range(1, 6)]
    for version in range(2, 6):
        cluster.edit(template=template(version))
        cluster.promote(f"web-{version}")
        cluster.settle()
        cluster.approve(f"web-{version}")
        assert cluster.run(60, lambda v=version: cluster.phase(f"web-{v}") == "Succeeded")  # type: ignore[misc]
    cluster.run(15)
    kept = [name for name in every if ("ControllerRevision", f"{NAME}-{name}") in cluster.objects]
    # Stable and the one before it are no history: going back needs no approval.
    assert kept == every[-2 - limit :]
    assert {obj["metadata"]["name"] for obj in cluster.all("Deployment")} <= {f"{NAME}-{name}" for name in kept}
    plans = [obj for obj in cluster.all("ControllerRevision") if names.PLAN_LABEL in obj["metadata"]["labels"]]
    assert len(plans) == len(kept), "the plan goes with its revision"


def test_a_deployment_that_nobody_keeps_is_ours_to_delete_only_if_it_is_ours() -> None:
    cluster = serving(blue_green(revisionHistoryLimit=0, replicas=1))
    other = {"kind": "Rollout", "name": "other", "uid": "uid-other", "controller": True}
    for version in (2, 3):
        cluster.edit(template=template(version))
        cluster.settle()
    assert ("Deployment", f"{NAME}-{V2}") not in cluster.objects
    cluster.edit(revisionHistoryLimit=1)
    cluster.edit(template=template(2))
    cluster.settle()
    obj = cluster.get("Deployment", f"{NAME}-{V3}")
    cluster.put("Deployment", edited(obj, ownerReferences=[other]))
    cluster.edit(revisionHistoryLimit=0)
    for _ in range(3):
        cluster.once()
    assert ("Deployment", f"{NAME}-{V3}") in cluster.objects


@pytest.mark.parametrize(
    ("written", "given"),
    [
        ({"imagePullPolicy": ""}, {"imagePullPolicy": "IfNotPresent"}),
        ({"imagePullPolicy": None}, {"imagePullPolicy": "IfNotPresent"}),
        ({"livenessProbe": {"periodSeconds": 0}}, {"livenessProbe": {"periodSeconds": 10}}),
    ],
    ids=["empty", "null", "zero"],
)
def test_semantics_31_an_empty_value_that_the_server_fills_in_is_not_drift(
    written: dict[str, Any], given: dict[str, Any]
) -> None:
    """As Helm charts render them; else the Deployment would be replaced in every pass."""
    found = of_spec(blue_green(template=template(**written)))
    assert found is not None
    wanted = deployment(ROLLOUT, found, 2, 0, MINUTE)
    there = copy.deepcopy(wanted)
    there["metadata"]["resourceVersion"] = "7"
    there["spec"]["template"]["spec"]["containers"][0].update(given)
    assert deployment_write(wanted, there, UID) is None
