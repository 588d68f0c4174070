"""The client against a real API server, with the operator's own rights: what each refusal becomes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.cluster import Cluster
from tests.integration import shell_support as support

from slipway.cluster.client import Client
from slipway.cluster.errors import AlreadyExists, Conflict, Forbidden, Invalid, NotFound, Unauthorized, Unavailable
from slipway.cluster.resources import CONFIG_MAPS, CONTROLLER_REVISIONS, ROLLOUTS, SERVICES, Resource

SECRETS = Resource("", "v1", "secrets", "Secret")


@pytest.fixture(scope="module")
def config(control_plane: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    support.install(control_plane)
    return support.credentials(control_plane, tmp_path_factory.mktemp("client") / "kubeconfig")


@pytest.fixture
async def api(config: Path) -> AsyncIterator[Client]:
    client = Client(config)
    yield client
    await client.close()


def changed(config: Path, to: Path, old: str = "", new: str = "") -> Path:
    to.write_text(config.read_text().replace(old, new) if old else config.read_text())
    return to


def service(namespace: str, selects: str = "1", **metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {"namespace": namespace, "name": "web", **metadata},
        "spec": {"selector": {"version": selects}, "ports": [{"port": 80}]},
    }


async def test_apply_creates_updates_and_is_refused_on_an_old_version(api: Client, namespace: str) -> None:
    first = await api.apply(SERVICES, service(namespace))
    second = await api.apply(SERVICES, service(namespace, "2"))
    assert second["spec"]["selector"] == {"version": "2"}
    assert second["metadata"]["managedFields"][0]["manager"] == "slipway"
    old = first["metadata"]["resourceVersion"]
    with pytest.raises(Conflict):
        await api.apply(SERVICES, service(namespace, "3", resourceVersion=old))
    assert (await api.get(SERVICES, namespace, "web"))["spec"]["selector"] == {"version": "2"}


async def test_apply_with_a_uid_does_not_bring_back_what_was_deleted(api: Client, namespace: str) -> None:
    made = await api.apply(SERVICES, service(namespace))
    uid, version = made["metadata"]["uid"], made["metadata"]["resourceVersion"]
    await api.delete(SERVICES, namespace, "web", uid=uid)
    with pytest.raises(Conflict):
        await api.apply(SERVICES, service(namespace, uid=uid, resourceVersion=version))
    with pytest.raises(NotFound):
        await api.get(SERVICES, namespace, "web")


async def test_apply_without_force_leaves_a_strangers_field(
    api: Client, control_plane: Cluster, namespace: str
) -> None:
    control_plane.apply({"apiVersion": "v1", "kind": "Service", **service(namespace, "theirs")})
    with pytest.raises(Conflict):
        await api.apply(SERVICES, service(namespace, "ours"), force=False)
    taken = await api.apply(SERVICES, service(namespace, "ours"), force=True)
    assert taken["spec"]["selector"] == {"version": "ours"}


async def test_json_patch_tells_an_old_version_from_a_refused_object(api: Client, namespace: str) -> None:
    made = await api.apply(SERVICES, service(namespace))
    at = {"op": "test", "path": "/metadata/resourceVersion", "value": made["metadata"]["resourceVersion"]}
    port = {"op": "replace", "path": "/spec/ports/0/port"}
    with pytest.raises(Invalid, match="must be between 1 and 65535"):
        await api.json_patch(SERVICES, namespace, "web", [at, {**port, "value": 99999}])
    with pytest.raises(Conflict):
        await api.json_patch(SERVICES, namespace, "web", [{**at, "value": "1"}, {**port, "value": 81}])
    changed = await api.json_patch(SERVICES, namespace, "web", [at, {**port, "value": 81}])
    assert changed["spec"]["ports"][0]["port"] == 81


async def test_dry_run_answers_and_writes_nothing(api: Client, namespace: str) -> None:
    dry = await api.apply(SERVICES, service(namespace), dry_run=True)
    assert dry["metadata"]["name"] == "web"
    with pytest.raises(NotFound):
        await api.get(SERVICES, namespace, "web")
    with pytest.raises(Invalid):
        await api.apply(SERVICES, {**service(namespace), "spec": {"ports": [{"port": 0}]}}, dry_run=True)


async def test_refusals_have_types(api: Client, namespace: str) -> None:
    made = await api.create(SERVICES, service(namespace))
    version = made["metadata"]["resourceVersion"]
    await api.merge_patch(SERVICES, namespace, "web", {"metadata": {"annotations": {"a": "1"}}})
    with pytest.raises(AlreadyExists):
        await api.create(SERVICES, service(namespace))
    with pytest.raises(Invalid, match="unknown field"):
        await api.create(SERVICES, {"metadata": {"namespace": namespace, "name": "x"}, "spec": {"prots": []}})
    stale = {"metadata": {"resourceVersion": version, "annotations": {"a": "2"}}}
    with pytest.raises(Conflict):
        await api.merge_patch(SERVICES, namespace, "web", stale)
    with pytest.raises(Conflict):
        await api.delete(SERVICES, namespace, "web", resource_version=version)
    with pytest.raises(Forbidden, match="system:serviceaccount:slipway-system:slipway"):
        await api.get(SECRETS, namespace, "any")


async def test_status_is_replaced_as_a_whole_and_only_on_its_version(
    api: Client, control_plane: Cluster, namespace: str
) -> None:
    control_plane.apply(support.rollout(namespace))
    found = await api.get(ROLLOUTS, namespace, "web")
    head = {key: found["metadata"][key] for key in ("namespace", "name", "resourceVersion", "uid")}
    status = {"observedGeneration": 1, "phase": "Deploying", "message": "first"}
    await api.replace(ROLLOUTS, {"metadata": head, "status": status}, "status")
    with pytest.raises(Conflict):
        await api.replace(ROLLOUTS, {"metadata": head, "status": status}, "status")
    found = await api.get(ROLLOUTS, namespace, "web")
    head["resourceVersion"] = found["metadata"]["resourceVersion"]
    replaced = await api.replace(ROLLOUTS, {"metadata": head, "status": {"observedGeneration": 2}}, "status")
    assert replaced["status"] == {"observedGeneration": 2}
    assert replaced["spec"] == found["spec"]


async def test_a_revision_with_any_text_in_it_can_be_marked_later(api: Client, namespace: str) -> None:
    """ControllerRevisions compare the bytes of their data, so that creation has to write them as Go does."""
    data = {"z": 'a <b> & "c" \u2028 \u00e9 \U0001f600 \t', "a": [1, 0.5, {"y": None, "x": True}]}
    made = await api.create(
        CONTROLLER_REVISIONS,
        {"metadata": {"namespace": namespace, "name": "web-1"}, "data": data, "revision": 1},
    )
    assert made["data"] == data
    mark = {"metadata": {"annotations": {"slipway.dev/approved": "{}"}}}
    marked = await api.merge_patch(CONTROLLER_REVISIONS, namespace, "web-1", mark)
    assert marked["metadata"]["annotations"] == {"slipway.dev/approved": "{}"}
    with pytest.raises(Invalid, match="immutable"):
        await api.merge_patch(CONTROLLER_REVISIONS, namespace, "web-1", {"data": {"z": "other"}})


async def test_list_is_whole_across_pages(
    api: Client, control_plane: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slipway.cluster.client.PAGE", 2)
    labels = {"labels": {"slipway.dev/rollout": "web"}}
    for number in range(5):
        made = service(namespace, **labels)
        made["metadata"]["name"] = f"web-{number}"
        await api.create(SERVICES, made)
    control_plane.apply({"apiVersion": "v1", "kind": "Service", **service(namespace)})
    items, version = await api.list(SERVICES, namespace, "slipway.dev/rollout=web")
    assert [item["metadata"]["name"] for item in items] == [f"web-{number}" for number in range(5)]
    assert {(item["apiVersion"], item["kind"]) for item in items} == {("v1", "Service")}
    assert all(int(item["metadata"]["resourceVersion"]) <= int(version) for item in items)


async def test_replaced_credentials_are_read_again(config: Path, tmp_path: Path, namespace: str) -> None:
    rotating = changed(config, tmp_path / "kubeconfig")
    api = Client(rotating)
    try:
        await api.list(SERVICES, namespace)
        current = await api.configuration()
        current.api_key["BearerToken"] = "Bearer expired"
        await api.list(SERVICES, namespace)
        changed(config, rotating, '"token": "', '"token": "x')
        (await api.configuration()).api_key["BearerToken"] = "Bearer expired"
        with pytest.raises(Unauthorized):
            await api.list(SERVICES, namespace)
    finally:
        await api.close()


async def test_no_server_is_unavailable_and_not_an_answer(config: Path, tmp_path: Path) -> None:
    api = Client(changed(config, tmp_path / "kubeconfig", "https://127.0.0.1:", "https://127.0.0.1:1/"))
    try:
        with pytest.raises(Unavailable):
            await api.get(SERVICES, "default", "kubernetes")
    finally:
        await api.close()


async def test_served_kinds(api: Client) -> None:
    assert {"rollouts", "rollouts/status", "promotions"} <= await api.served("slipway.dev", "v1alpha1")
    assert await api.served("slipway.dev", "v9") == set()


async def test_metadata_comes_without_what_the_objects_hold(api: Client, namespace: str) -> None:
    for name in ("one", "two"):
        labels = {"slipway.dev/launch-of": "web"} if name == "one" else {}
        metadata = {"namespace": namespace, "name": name, "labels": labels, "annotations": {"a": "b"}}
        await api.create(CONFIG_MAPS, {"metadata": metadata, "data": {"text": "x"}})
    [found] = await api.list_metadata(CONFIG_MAPS, namespace, "slipway.dev/launch-of=web")
    assert found["metadata"]["name"] == "one"
    assert found["metadata"]["annotations"] == {"a": "b"}
    assert found["metadata"]["namespace"] == namespace
    assert "data" not in found
