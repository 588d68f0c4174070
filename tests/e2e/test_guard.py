"""With the admission policies: whatever an editor of the namespace tries, no unapproved version reaches a user."""

import copy
from collections.abc import Awaitable, Callable

from tests.e2e import manifests
from tests.e2e.arena import scenario
from tests.e2e.kube import Object, Refused
from tests.e2e.tenant import Tenant

Attempt = Callable[[], Awaitable[object]]


@scenario
async def test_an_editor_cannot_bring_an_unapproved_version_to_users(tenant: Tenant) -> None:
    first = await tenant.serve("v1", strategy=manifests.CANARY)
    async with tenant.users() as users:
        await tenant.change_image("v2")
        promotion = await tenant.promote()
        await tenant.until_promotion(promotion, "AwaitingApproval")
        second = tenant.candidate()
        attempts = {
            **await _on_services(tenant, second),
            **await _on_workloads(tenant, first, second),
            **await _on_routes(tenant),
            **_on_marks(tenant, promotion, first, second),
        }
        words: list[str] = []
        for what, attempt in attempts.items():
            refusal = await _refusal(attempt)
            assert refusal is not None, f"the developer was allowed to: {what}"
            assert refusal.status in (403, 422), f"{what}: {refusal}"
            words.append(f"{what}: {refusal.message.rpartition('denied request: ')[2][:150]}")
        tenant.note(f"{len(words)} attempts refused")
        print("\n".join(words))
        # Nothing of it has changed what users get, and the launch goes on as if nothing had been.
        report = await tenant.requests_more(users, 60)
        assert report.share(first) == 1.0, report.summary()
        await tenant.approve(promotion)
        await tenant.until_promotion(promotion, "Succeeded")
        await tenant.all_served_by(users, second)
    assert not users.report().failures, users.report().summary()


async def _refusal(attempt: Attempt) -> Refused | None:
    try:
        await attempt()
    except Refused as refusal:
        return refusal
    return None


async def _on_services(tenant: Tenant, second: str) -> dict[str, Attempt]:
    me = tenant.developer
    revision = second.removeprefix("web-")
    ours = {"slipway.dev/rollout": "web", "slipway.dev/revision": revision}
    live = await me.get("services", "web")
    disowned = copy.deepcopy(live)
    del disowned["metadata"]["labels"]["slipway.dev/rollout"]
    disowned["spec"]["selector"] = ours

    def service(name: str, **spec: object) -> Object:
        meta = {"name": name}
        return {"kind": "Service", "apiVersion": "v1", "metadata": meta, "spec": {"ports": [{"port": 80}], **spec}}

    preview = f"web-preview.{tenant.namespace}.svc.cluster.local"
    return {
        "point the live Service at the candidate": lambda: me.merge("services", "web", {"spec": {"selector": ours}}),
        "the same by server-side apply": lambda: me.apply({**service("web", selector=ours)}),
        "widen the live Service's selector": lambda: me.merge(
            "services", "web", {"spec": {"selector": {"slipway.dev/revision": None}}}
        ),
        "take the label off the Service and point it elsewhere": lambda: me.replace(disowned),
        "point the candidate Service at the candidate": lambda: me.merge(
            "services", "web-candidate", {"spec": {"selector": ours}}
        ),
        "delete the live Service": lambda: me.delete("services", "web"),
        "a new Service with our labels": lambda: me.create(service("mine", selector=ours)),
        "a new Service with the template's labels": lambda: me.create(
            service("mine", selector={"app.kubernetes.io/name": "web"})
        ),
        "an alias of the preview Service": lambda: me.create(
            service("mine", type="ExternalName", externalName=preview)
        ),
    }


async def _on_workloads(tenant: Tenant, first: str, second: str) -> dict[str, Attempt]:
    me = tenant.developer
    labels = {"slipway.dev/rollout": "web", "slipway.dev/revision": first.removeprefix("web-"), "app": "mine"}
    pod = {"metadata": {"labels": labels}, "spec": manifests.template("v2")["spec"]}
    once = {"metadata": pod["metadata"], "spec": {**pod["spec"], "restartPolicy": "Never"}}
    selector = {"matchLabels": {"app": "mine"}}

    def workload(kind: str, version: str, spec: Object, name: str = "mine") -> Object:
        return {"kind": kind, "apiVersion": version, "metadata": {"name": name}, "spec": spec}

    image = {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": manifests.image("v2")}
    stable_pod = next(p for p in tenant.all("pods") if p["metadata"]["name"].startswith(first))
    candidates_pod = next(p for p in tenant.all("pods") if p["metadata"]["name"].startswith(second))
    relabel = {"metadata": {"labels": {"slipway.dev/revision": first.removeprefix("web-")}}}
    job = {"template": once}
    return {
        "a pod with stable's labels": lambda: me.create(
            {"kind": "Pod", "apiVersion": "v1", **pod, "metadata": {"name": "mine", "labels": labels}}
        ),
        "relabel the candidate's pod as stable": lambda: me.merge("pods", candidates_pod["metadata"]["name"], relabel),
        "change the image of a running pod of stable": lambda: me.patch(
            "pods",
            stable_pod["metadata"]["name"],
            {"op": "replace", "path": "/spec/containers/0/image", "value": manifests.image("v2")},
        ),
        "change the image of stable's Deployment": lambda: me.patch("deployments", first, image),
        "delete stable's Deployment": lambda: me.delete("deployments", first),
        "scale stable's Deployment to 0": lambda: me.merge(
            "deployments", first, {"spec": {"replicas": 0}}, subresource="scale"
        ),
        "a Deployment of such pods": lambda: me.create(
            workload("Deployment", "apps/v1", {"selector": selector, "template": pod})
        ),
        "a ReplicaSet of such pods": lambda: me.create(
            workload("ReplicaSet", "apps/v1", {"selector": selector, "template": pod})
        ),
        "a StatefulSet of such pods": lambda: me.create(
            workload("StatefulSet", "apps/v1", {"selector": selector, "template": pod, "serviceName": "mine"})
        ),
        "a DaemonSet of such pods": lambda: me.create(
            workload("DaemonSet", "apps/v1", {"selector": selector, "template": pod})
        ),
        "a Job of such pods": lambda: me.create(workload("Job", "batch/v1", job)),
        "a CronJob of such pods": lambda: me.create(
            workload("CronJob", "batch/v1", {"schedule": "* * * * *", "jobTemplate": {"spec": job}})
        ),
        "a ReplicationController of such pods": lambda: me.create(
            workload("ReplicationController", "v1", {"selector": {"app": "mine"}, "template": pod})
        ),
    }


async def _on_routes(tenant: Tenant) -> dict[str, Attempt]:
    me = tenant.developer
    preview = manifests.route(f"preview.{tenant.namespace}.example.test", "web", canary=False)
    preview["metadata"]["name"] = "mine"
    preview["spec"]["rules"][0]["backendRefs"][0]["name"] = "web-preview"
    mirror = copy.deepcopy(preview)
    mirror["spec"]["rules"][0]["backendRefs"][0]["name"] = "web"
    mirror["spec"]["rules"][0]["filters"] = [
        {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "web-preview", "port": 80}}}
    ]
    swap = {"op": "replace", "path": "/spec/rules/0/backendRefs/0/name", "value": "web-preview"}
    ingress = {
        "kind": "Ingress",
        "apiVersion": "networking.k8s.io/v1",
        "metadata": {"name": "mine"},
        "spec": {"defaultBackend": {"service": {"name": "web-preview", "port": {"number": 80}}}},
    }
    return {
        "an HTTPRoute that names web-preview": lambda: me.create(preview),
        "an HTTPRoute that mirrors to web-preview": lambda: me.create(mirror),
        "the users' HTTPRoute edited to name web-preview": lambda: me.patch("httproutes", "web", swap),
        "an Ingress that names web-preview": lambda: me.create(ingress),
    }


def _on_marks(tenant: Tenant, promotion: str, first: str, second: str) -> dict[str, Attempt]:
    me = tenant.developer
    plan = tenant.status(promotion, "promotions")["planHash"]
    mark = {"promotion": None, "planHash": plan, "by": "automatic", "at": "2026-01-01T00:00:00Z"}
    annotation = {"metadata": {"annotations": {"slipway.dev/approved": str(mark)}}}
    status = {"status": {"phase": "Approved"}}
    return {
        "approve without the right": lambda: me.merge("promotions", promotion, {"spec": {"approved": True}}),
        "approve in the approver's name": lambda: me.merge(
            "promotions", promotion, {"spec": {"approved": True, "approvals": {"approver": plan}}}
        ),
        "create a Promotion that is approved": lambda: me.create(manifests.promotion("mine", approved=True)),
        "mark the candidate as approved": lambda: me.merge("controllerrevisions", second, annotation),
        "delete stable's ControllerRevision": lambda: me.delete("controllerrevisions", first),
        "write the Rollout's status": lambda: me.merge("rollouts", "web", status, subresource="status"),
        "write the Promotion's status": lambda: me.merge("promotions", promotion, status, subresource="status"),
        "switch to Automatic": lambda: me.merge("rollouts", "web", {"spec": {"approval": "Automatic"}}),
    }


@scenario(labels={"slipway.dev/approval": "automatic"})
async def test_automatic_needs_no_person_where_an_administrator_said_so(tenant: Tenant) -> None:
    tenant.automatic = True
    await tenant.deploy("v1", strategy=manifests.CANARY, approval="Automatic")
    await tenant.until_phase("Healthy")
    async with tenant.users() as users:
        await tenant.change_image("v2")
        await tenant.until(lambda: tenant.candidate(), "v2 is the candidate")
        second = tenant.candidate()
        await tenant.until_phase("Healthy")
        await tenant.all_served_by(users, second)
        assert not users.report().failures, users.report().summary()
        # The gates protect as ever.
        await tenant.change_image("v4")
        status = await tenant.until_phase("RolledBack")
        assert "error-rate" in status["message"], status["message"]
        await tenant.all_served_by(users, second)
