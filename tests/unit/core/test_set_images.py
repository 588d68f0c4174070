"""`setImages`: a Promotion brings its images into the template, once, at rest, where nobody else keeps them."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from tests.unit.core.cluster import Cluster, revision_of, serving, shifting
from tests.unit.core.environments import FROM, automatic, image, launch, message, promoted_from, result, status
from tests.unit.core.objects import NAME, Object, blue_green, canary, template

from slipway.core.decision import PatchRolloutImages

V1, V2, V3 = (revision_of(blue_green(version)) for version in (1, 2, 3))


def images(version: int) -> list[Object]:
    return [{"name": "web", "image": f"registry.example/web:v{version}"}]


def proposed(version: int = 2, cluster: Cluster | None = None, **spec: Any) -> Cluster:
    cluster = cluster or serving(blue_green())
    cluster.promote("web-2", images=images(version), setImages=True, **spec)
    cluster.settle()
    return cluster


def writes(cluster: Cluster) -> list[Object]:
    """The images that the operator writes from here on."""
    found: list[Object] = []
    cluster.before_write.append(
        lambda write: found.append(dict(write.images)) if isinstance(write, PatchRolloutImages) else None
    )
    return found


def test_the_images_are_written_and_wait_for_approval_like_any() -> None:
    cluster = proposed()
    assert image(cluster) == "registry.example/web:v2"
    assert cluster.phase("web-2") == "AwaitingApproval", message(cluster, "web-2")
    assert status(cluster, "web-2")["target"]["revision"] == V2
    assert result(cluster, "web-2", "images-set")["result"] == "Passed"
    cluster.run(30)
    assert cluster.exposure(V2) == 0
    cluster.approve("web-2")
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Succeeded")
    assert cluster.live == V2
    assert [event.reason for event in cluster.events if event.name == "web-2"].count("ImagesSet") == 1


def test_nothing_but_images_changes() -> None:
    cluster = serving(blue_green())
    before = cluster.get("Rollout")["spec"]
    proposed(cluster=cluster)
    assert cluster.get("Rollout")["spec"] == {**before, "template": template(2)}


def test_no_image_is_written_without_being_asked() -> None:
    cluster = serving(blue_green())
    wrote = writes(cluster)
    cluster.promote("web-2", images=images(2))
    cluster.settle()
    assert (wrote, image(cluster), cluster.phase("web-2")) == ([], "registry.example/web:v1", "Checking")


def test_before_the_first_revision() -> None:
    cluster = Cluster(blue_green(1))
    cluster.settle()
    proposed(cluster=cluster)
    assert status(cluster, "web-2")["target"]["revision"] == V2
    cluster.approve("web-2")
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Succeeded")


def test_a_template_without_an_image_gets_one() -> None:
    pods = template(1)
    del pods["spec"]["containers"][0]["image"]
    cluster = Cluster(blue_green(1, template=pods))
    cluster.probe = lambda probe: "image" in str(getattr(probe, "writes", "image"))
    cluster.settle()
    assert cluster.phase() == "Invalid"
    proposed(cluster=cluster)
    assert status(cluster, "web-2")["phase"] == "AwaitingApproval", message(cluster, "web-2")


def test_never_while_traffic_moves() -> None:
    cluster = shifting(canary())
    wrote = writes(cluster)
    cluster.promote("web-3", images=images(3), setImages=True)
    cluster.settle()
    assert (wrote, cluster.phase("web-3")) == ([], "Blocked")
    assert cluster.run(120, lambda: bool(wrote))
    assert cluster.phase("web-2") == "Succeeded"
    assert wrote == [{("containers", 0): "registry.example/web:v3"}]


def test_never_while_traffic_goes_back() -> None:
    cluster = shifting(canary())
    wrote = writes(cluster)
    cluster.promote("web-3", images=images(3), setImages=True)
    cluster.say("web-2", abort="no")
    assert cluster.run(60, lambda: bool(wrote))
    assert cluster.phase("web-2") == "Aborted"
    assert cluster.exposure(revision_of(canary(2))) == 0


@pytest.mark.parametrize("said", [{"hold": "lunch"}, {"rollbackPlanNeeded": True}, {"abort": "no"}])
def test_nothing_is_written_for_one_that_is_held(said: Object) -> None:
    cluster = serving(blue_green())
    wrote = writes(cluster)
    proposed(cluster=cluster, **said)
    assert wrote == []
    assert image(cluster) == "registry.example/web:v1"


def test_a_newer_promotion_leads() -> None:
    cluster = serving(blue_green())
    wrote = writes(cluster)
    cluster.promote("web-2", images=images(2), setImages=True, hold="wait")
    cluster.promote("web-3", images=images(3), setImages=True)
    cluster.say("web-2", hold=None)
    cluster.settle()
    assert wrote == [{("containers", 0): "registry.example/web:v3"}]
    assert (cluster.phase("web-2"), cluster.phase("web-3")) == ("Superseded", "AwaitingApproval")


def test_another_environment_writes_nothing() -> None:
    cluster = serving(blue_green())
    wrote = writes(cluster)
    cluster.promote("web-2", environment="staging", images=images(2), setImages=True)
    cluster.settle()
    assert wrote == []


def test_what_a_person_changes_after_it_stays_and_blocks_until_asked_again() -> None:
    cluster = proposed()
    wrote = writes(cluster)
    cluster.edit(template=template(3))
    cluster.settle()
    assert (wrote, image(cluster)) == ([], "registry.example/web:v3")
    assert cluster.phase("web-2") == "Blocked"
    assert "somebody has changed the images" in message(cluster, "web-2")
    cluster.approve("web-2")
    cluster.run(20)
    assert cluster.exposure(V3) == 0
    cluster.say("web-2", approved=False, rerun="2")
    cluster.settle()
    assert image(cluster) == "registry.example/web:v2"
    assert cluster.phase("web-2") == "AwaitingApproval", message(cluster, "web-2")


def test_a_revert_by_hand_is_not_fought() -> None:
    cluster = proposed()
    wrote = writes(cluster)
    cluster.edit(template=template(1))
    cluster.run(20)
    assert (wrote, cluster.phase("web-2")) == ([], "Blocked")
    assert "somebody has changed the images" in message(cluster, "web-2")


def test_the_images_that_served_before_are_no_launch() -> None:
    """Written, they would be a way back, which asks nobody."""
    cluster = proposed()
    cluster.approve("web-2")
    assert cluster.run(90, lambda: cluster.phase() == "Healthy")
    wrote = writes(cluster)
    cluster.promote("web-1b", images=images(1), setImages=True)
    cluster.run(20)
    assert (wrote, cluster.live, cluster.phase("web-1b")) == ([], V2, "Blocked")
    assert f'"abort":"{V2}"' in message(cluster, "web-1b")


def test_images_that_serve_already_are_nothing_to_launch() -> None:
    cluster = proposed(1)
    assert cluster.phase("web-2") == "Checking"
    assert message(cluster, "web-2") == f"revision {V1} with these images serves already"


def test_the_images_that_serve_are_not_written_over_a_candidate() -> None:
    cluster = serving(blue_green())
    cluster.edit(template=template(3))
    wrote = writes(cluster)
    proposed(1, cluster)
    assert (wrote, cluster.phase("web-2")) == ([], "Blocked")
    assert "serves already" in message(cluster, "web-2")


def test_images_of_containers_that_are_not_there_or_not_all_of_them() -> None:
    cluster = serving(blue_green())
    cluster.promote("web-2", images=[{"name": "api", "image": "a:1"}], setImages=True)
    cluster.settle()
    assert "there is no container api" in message(cluster, "web-2")
    pods = template(1)
    proxy = {"name": "proxy", "image": "proxy:1"}
    pods["spec"]["containers"].append(copy.deepcopy(pods["spec"]["containers"][0]) | proxy)
    cluster = serving(blue_green(template=pods))
    proposed(cluster=cluster)
    assert "does not list container proxy (proxy:1)" in message(cluster, "web-2")
    assert cluster.phase("web-2") == "Blocked"


# --- From staging -----------------------------------------------------------------------------------------------------


def from_staging(staging: Cluster, allowed: str | None = "shop", cluster: Cluster | None = None) -> Cluster:
    cluster = cluster or serving(blue_green())
    promoted_from(cluster, staging, allowed)
    cluster.now = max(cluster.now, staging.now)
    cluster.promote("web-2", setImages=True, **{"from": FROM})
    cluster.settle()
    return cluster


def test_the_images_are_those_of_staging() -> None:
    cluster = from_staging(automatic(2))
    assert image(cluster) == "registry.example/web:v2"
    assert cluster.phase("web-2") == "AwaitingApproval", message(cluster, "web-2")
    cluster.approve("web-2")
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Succeeded")


def test_init_containers_come_along() -> None:
    def pods(version: int, **container: Any) -> Object:
        made = template(version, **container)
        made["spec"]["initContainers"] = [{"name": "setup", "image": f"registry.example/setup:v{version}"}]
        return made

    staging = automatic(2, template=pods(2))
    cluster = from_staging(staging, cluster=serving(blue_green(template=pods(1, env=[{"name": "A", "value": "b"}]))))
    assert cluster.get("Rollout")["spec"]["template"] == pods(2, env=[{"name": "A", "value": "b"}])
    assert cluster.phase("web-2") == "AwaitingApproval", message(cluster, "web-2")


def test_nothing_is_taken_from_where_it_is_not_allowed() -> None:
    cluster = from_staging(automatic(2), allowed=None)
    assert image(cluster) == "registry.example/web:v1"
    assert cluster.phase("web-2") == "Blocked"
    assert "kubectl annotate namespace shop-staging" in message(cluster, "web-2")


def test_own_images_have_to_be_those_of_staging() -> None:
    cluster = serving(blue_green())
    promoted_from(cluster, automatic(2))
    proposed(3, cluster, **{"from": FROM})
    assert image(cluster) == "registry.example/web:v1"
    assert "web is registry.example/web:v3 here, registry.example/web:v2 there" in message(cluster, "web-2")


def test_it_follows_staging_until_a_person_has_approved() -> None:
    staging = automatic(2)
    cluster = from_staging(staging)
    launch(staging, 3)
    cluster.settle()
    assert image(cluster) == "registry.example/web:v3"
    cluster.say("web-2", hold="lunch")
    cluster.settle()
    cluster.approve("web-2")
    cluster.settle()
    launch(staging, 4)
    cluster.say("web-2", hold=None)
    cluster.run(20)
    assert image(cluster) == "registry.example/web:v3"
    assert cluster.phase("web-2") == "Blocked"
    assert "withdraw it" in message(cluster, "web-2")
    assert cluster.live == V1
    cluster.say("web-2", approved=False)
    cluster.run(20)
    assert image(cluster) == "registry.example/web:v4"
    assert cluster.phase("web-2") == "AwaitingApproval", message(cluster, "web-2")


def test_staging_that_went_back_does_not_take_production_back() -> None:
    staging = automatic(1)
    launch(staging, 2)
    cluster = from_staging(staging)
    cluster.approve("web-2")
    assert cluster.run(90, lambda: cluster.phase() == "Healthy")
    staging.edit(abort=V2)
    staging.settle()
    cluster.promote("web-3", setImages=True, **{"from": FROM})
    cluster.run(20)
    assert (image(cluster), cluster.live) == ("registry.example/web:v2", V2)
    assert cluster.phase("web-3") == "Blocked"


# --- Who else writes them ---------------------------------------------------------------------------------------------

CONTAINERS = {"f:spec": {"f:template": {"f:spec": {"f:containers": {}}}}}
LABELS = {"f:spec": {"f:template": {"f:metadata": {"f:labels": {"f:app": {}}}}}}
WHOLE = {"f:spec": {"f:template": {}}}


def manages(cluster: Cluster, manager: str, operation: str, fields: Object = CONTAINERS, **more: Any) -> Cluster:
    obj = cluster.get("Rollout")
    entry = {"manager": manager, "operation": operation, "fieldsV1": fields} | more
    cluster.put("Rollout", {**obj, "metadata": {**obj["metadata"], "managedFields": [entry]}})
    return cluster


def applied(cluster: Cluster, version: int) -> Cluster:
    obj = cluster.get("Rollout")
    said = json.dumps({"spec": {"template": template(version)}})
    noted = {"kubectl.kubernetes.io/last-applied-configuration": said}
    cluster.put("Rollout", {**obj, "metadata": {**obj["metadata"], "annotations": noted}})
    return cluster


@pytest.mark.parametrize(
    ("manager", "operation", "fields"),
    [
        ("argocd-controller", "Apply", CONTAINERS),
        ("argocd-controller", "Update", CONTAINERS),
        ("kustomize-controller", "Apply", CONTAINERS),
        ("helm", "Update", CONTAINERS),
        ("kubectl", "Apply", CONTAINERS),
        ("kubectl", "Apply", WHOLE),
        ("Terraform", "Apply", CONTAINERS),
    ],
)
def test_who_keeps_the_containers_is_not_fought(manager: str, operation: str, fields: Object) -> None:
    cluster = manages(serving(blue_green()), manager, operation, fields)
    wrote = writes(cluster)
    proposed(cluster=cluster)
    assert (wrote, cluster.phase("web-2")) == ([], "Blocked")
    assert f"field manager {manager} owns the containers" in message(cluster, "web-2")


@pytest.mark.parametrize(
    ("manager", "operation", "fields"),
    [
        ("slipway", "Update", CONTAINERS),
        ("kubectl-create", "Update", CONTAINERS),
        ("kubectl-edit", "Update", CONTAINERS),
        ("kubectl-client-side-apply", "Update", CONTAINERS),
        ("OpenAPI-Generator", "Update", CONTAINERS),
        ("argocd-controller", "Apply", LABELS),
    ],
)
def test_who_said_it_once_is_followed(manager: str, operation: str, fields: Object) -> None:
    cluster = manages(serving(blue_green()), manager, operation, fields)
    proposed(cluster=cluster)
    assert cluster.phase("web-2") == "AwaitingApproval", message(cluster, "web-2")


def test_another_tools_client_side_apply_keeps_them_too() -> None:
    cluster = proposed(cluster=applied(manages(serving(blue_green()), "deployer", "Update"), 1))
    assert "field manager deployer owns" in message(cluster, "web-2")


def test_a_persons_kubectl_apply_is_followed_with_a_warning() -> None:
    cluster = proposed(cluster=applied(manages(serving(blue_green()), "kubectl-client-side-apply", "Update"), 1))
    assert "its next apply brings them back" in result(cluster, "web-2", "images-set")["message"]
    assert cluster.phase("web-2") == "AwaitingApproval"


def test_semantics_31_at_rest_nothing_is_written() -> None:
    for cluster in (proposed(), proposed(cluster=manages(serving(blue_green()), "helm", "Update"))):
        assert cluster.decide().writes == ()


def test_a_write_names_the_version_that_it_was_decided_on() -> None:
    cluster = serving(blue_green())
    cluster.promote("web-2", images=images(2), setImages=True)
    decision = cluster.decide()
    (write,) = [one for one in decision.writes if isinstance(one, PatchRolloutImages)]
    assert write is decision.writes[-1]
    assert write.resource_version == cluster.get("Rollout", NAME)["metadata"]["resourceVersion"]
