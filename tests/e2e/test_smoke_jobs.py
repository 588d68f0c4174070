"""Smoke tests that are Jobs: with the candidate's variables before any traffic, and never an endpoint of a Service."""

from tests.e2e.arena import scenario
from tests.e2e.kube import Object
from tests.e2e.manifests import image, template
from tests.e2e.tenant import Tenant

LABEL = {"journey": "runs"}


def _journey(*arguments: str, **job: object) -> Object:
    container = {
        "name": "journey",
        "image": image("v1"),
        "imagePullPolicy": "Never",
        "command": ["/podinfo", *arguments],
    }
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
    return {"name": "journey", "job": {"template": {"metadata": {"labels": LABEL}, "spec": spec}, **job}}


def _version(tag: str, argument: str) -> Object:
    return template(tag, env=[{"name": "JOURNEY", "value": argument}])


def _service(name: str, **spec: object) -> Object:
    wanted = {"selector": LABEL, "ports": [{"port": 80, "targetPort": 9898}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": wanted}


@scenario
async def test_a_job_passes_before_traffic_and_another_blocks_its_revision(tenant: Tenant) -> None:
    def journeys() -> list[Object]:
        return [pod for pod in tenant.all("pods") if (pod["metadata"].get("labels") or {}).get("journey")]

    # podinfo ends with 0 or not by what the revision under test was given.
    await tenant.serve(smoke_tests=[_journey("$(JOURNEY)")], template=_version("v1", "--version"), gates=[])
    ran = tenant.status()["smokeTests"][0]
    assert ran["verdict"] == "Pass", ran
    given = {
        variable["name"]: variable.get("value")
        for job in await tenant.developer.list("jobs", "slipway.dev/smoke-test=journey")
        for variable in job["spec"]["template"]["spec"]["containers"][0]["env"]
    }
    assert given["SLIPWAY_ROLLOUT"] == "web"
    assert f"web-{given['SLIPWAY_REVISION']}" == tenant.stable()

    await tenant.edit({"template": _version("v2", "--no-such-flag")})
    promotion = await tenant.promote()
    status = await tenant.until_promotion(promotion, "Blocked")
    assert "check smoke/journey Failed: Job smoke-journey-" in status["message"]
    assert "exit code 2" in status["message"], status["message"]
    assert '"rerun":' in status["message"]

    # One that is a server, and would be ready: no Service gets it as an endpoint, not even one that selects it.
    await tenant.developer.create(_service("journeys"))
    await tenant.edit({"smokeTests": [_journey("--port=9898", timeout="20s")]})

    def running() -> bool:
        statuses = [s for pod in journeys() for s in (pod.get("status") or {}).get("containerStatuses") or []]
        return any("running" in status["state"] and status["ready"] for status in statuses)

    await tenant.until(running, "the test's container is ready")
    async for _, endpoint_slice in tenant.admin.watch("endpointslices"):
        if endpoint_slice["metadata"]["labels"].get("kubernetes.io/service-name") != "journeys":
            continue
        if endpoints := endpoint_slice.get("endpoints") or []:
            assert [endpoint["conditions"]["ready"] for endpoint in endpoints] == [False]
            break
    labels = journeys()[-1]["metadata"]["labels"]
    assert labels["app.kubernetes.io/name"] == "web"
    assert not {"slipway.dev/rollout", "slipway.dev/revision"} & set(labels)
    await tenant.until(
        lambda: "had not finished after 20 s" in tenant.status(promotion, "promotions").get("message", ""),
        "what hangs has failed",
    )

    # A Service that does not ask whether pods are ready would send requests to the test: then there is none.
    await tenant.developer.create(_service("unready", publishNotReadyAddresses=True))
    await tenant.edit({"smokeTests": [_journey("--version", timeout="30s")]})
    words = "Service unready publishes pods that are not ready"
    await tenant.until(
        lambda: words in tenant.status(promotion, "promotions").get("message", ""), "no test under such a Service"
    )
    await tenant.developer.delete("services", "unready")
    await tenant.tell(promotion, rerun="2")
    second = await tenant.approve(promotion)
    async with tenant.users() as users:
        await tenant.until_promotion(promotion, "Succeeded")
        await tenant.all_served_by(users, second)
