"""Checks of what never answers, or only refuses: each has an end, says why, and takes nothing else with it."""

import asyncio
import contextlib
import json
import subprocess
from collections.abc import AsyncIterator, Iterator

from tests.cluster.kubectl import until_established
from tests.e2e.arena import scenario
from tests.e2e.faulty_metrics import HEALTHY
from tests.e2e.installation import FAULTY_SOURCE
from tests.e2e.kube import Object
from tests.e2e.manifests import template
from tests.e2e.tenant import Tenant

DEAF, DEAF_WEBHOOK = 9099, 9199
"""Ports to which the node drops every packet: whoever dials one hears nothing, not even a refusal."""


@contextlib.contextmanager
def _dropped(port: int) -> Iterator[None]:
    table = ("inet", f"deaf-{port}")
    chain = "{ type filter hook output priority 0; }"
    for rule in (
        ("table", *table),
        ("chain", *table, "output", chain),
        ("rule", *table, "output", f"tcp dport {port} drop"),
    ):
        subprocess.run(["nft", "add", *rule], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["nft", "delete", "table", *table], check=True, capture_output=True)


def _found(tenant: Tenant, promotion: str, name: str) -> Object:
    listed = tenant.status(promotion, "promotions").get("checks") or []
    return {check["name"]: check for check in listed}[name]


@scenario
async def test_services_that_refuse_or_never_answer_fail(tenant: Tenant) -> None:
    await tenant.serve("v1")
    ports = [{"name": "deaf", "port": 80, "targetPort": DEAF}, {"name": "closed", "port": 81, "targetPort": DEAF + 1}]
    labels = {"app": "others"}
    pods = {**template("v1"), "metadata": {"labels": labels}}
    workload: Object = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "others"}}
    service: Object = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "others"}}
    await tenant.developer.create({**workload, "spec": {"selector": {"matchLabels": labels}, "template": pods}})
    await tenant.developer.create({**service, "spec": {"selector": labels, "ports": ports}})
    checks: list[Object] = [
        {"name": "slow", "http": {"service": "web", "port": "http", "path": "/delay/30", "timeout": "2s"}},
        {"name": "deaf", "tcp": {"service": "others", "port": 80}},
        {"name": "closed", "tcp": {"service": "others", "port": 81}},
    ]
    names = {check["name"] for check in checks}

    with _dropped(DEAF):
        await tenant.change_image("v2")
        await tenant.until(
            lambda: tenant.status("others", "deployments").get("readyReplicas"), "the other workload is ready"
        )
        promotion = await tenant.promote(checks=[{**check, "category": "Operations"} for check in checks])
        failed = dict.fromkeys(names, "Failed")
        await tenant.until(
            lambda: {name: _found(tenant, promotion, name)["result"] for name in names} == failed, "all have failed"
        )
    assert tenant.status(promotion, "promotions")["phase"] == "Blocked"
    for name, words in (("slow", "2 s"), ("deaf", "5 s"), ("closed", "refused")):
        found = _found(tenant, promotion, name)
        assert words in found["message"], found


@scenario
async def test_a_metrics_server_that_hangs_leaves_a_check_open_until_it_answers(tenant: Tenant) -> None:
    await tenant.serve("v1", source=FAULTY_SOURCE)
    tenant.metrics.misbehave(tenant.namespace, "slow")
    await tenant.change_image("v2")
    orders = {"query": 'sum(orders_failed{namespace="$(namespace)"})', "below": 1}
    promotion = await tenant.promote(checks=[{"name": "orders", "category": "Operations", "prometheus": orders}])

    def unverifiable() -> Object | None:
        found = _found(tenant, promotion, "orders")
        return found if found["result"] == "Unverifiable" else None

    said = await tenant.until(unverifiable, "it says that there is no answer")
    assert "no answer" in said["message"], said
    assert "orders" in (await tenant.until_promotion(promotion, "Blocked"))["message"]
    # Nobody has to ask again.
    tenant.metrics.misbehave(tenant.namespace, HEALTHY)
    second = await tenant.approve(promotion)
    async with tenant.users() as users:
        await tenant.until_promotion(promotion, "Succeeded")
        await tenant.all_served_by(users, second)
    assert _found(tenant, promotion, "orders")["result"] == "Passed"
    assert not users.report().failures, users.report().summary()


LEDGERS = "ledgers.books.example.com"


@contextlib.asynccontextmanager
async def _ledgers(tenant: Tenant) -> AsyncIterator[None]:
    """A kind that is served in two versions, and for one of them the API server asks a webhook that never answers."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    webhook = {"conversionReviewVersions": ["v1"], "clientConfig": {"url": f"https://127.0.0.1:{DEAF_WEBHOOK}/convert"}}
    plural, _, group = LEDGERS.partition(".")
    names = {"plural": plural, "singular": "ledger", "kind": "Ledger", "listKind": "LedgerList"}
    versions = [{"name": name, "served": True, "storage": name == "v1", "schema": schema} for name in ("v1", "v1beta1")]
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": LEDGERS},
        "spec": {
            "group": group,
            "names": names,
            "scope": "Namespaced",
            "versions": versions,
            "conversion": {"strategy": "Webhook", "webhook": webhook},
        },
    }
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "checks-ledgers", "labels": {"slipway.dev/aggregate-to-operator-checks": "true"}},
        "rules": [{"apiGroups": [group], "resources": [plural], "verbs": ["get"]}],
    }
    ledger = {
        "apiVersion": f"{group}/v1",
        "kind": "Ledger",
        "metadata": {"name": "sales", "namespace": tenant.namespace},
        "spec": {"balanced": True},
    }

    async def do(*argv: str, **given: str) -> None:
        await asyncio.to_thread(tenant.cluster.kubectl, *argv, **given)

    try:
        await do("apply", "--server-side", "--filename=-", stdin=json.dumps(_list(definition, role)))
        await asyncio.to_thread(until_established, tenant.cluster.kubectl)
        await do("apply", "--server-side", "--filename=-", stdin=json.dumps(ledger))
        yield
    finally:
        await do("delete", f"crd/{LEDGERS}", "clusterrole/checks-ledgers", "--timeout=60s")


def _list(*items: Object) -> Object:
    return {"apiVersion": "v1", "kind": "List", "items": list(items)}


def _ledger(version: str) -> Object:
    asked = {"apiVersion": f"books.example.com/{version}", "kind": "Ledger", "name": "sales"}
    return {
        "name": "ledger",
        "category": "Operations",
        "object": {**asked, "expression": "object.spec.balanced"},
    }


@scenario
async def test_an_object_that_nobody_converts_is_said_and_holds_up_nothing_else(tenant: Tenant) -> None:
    await tenant.serve("v1")
    has_port: Object = {"apiVersion": "v1", "kind": "Service", "name": "web", "expression": "has(object.spec.ports)"}
    beside: Object = {"name": "port", "category": "Operations", "object": has_port}
    with _dropped(DEAF_WEBHOOK):
        async with _ledgers(tenant):
            await tenant.change_image("v2")
            promotion = await tenant.promote(checks=[_ledger("v1beta1"), beside])
            await tenant.until(
                lambda: _found(tenant, promotion, "port")["result"] == "Passed", "the other one has passed"
            )
            await tenant.until(
                lambda: _found(tenant, promotion, "ledger")["result"] == "Unverifiable", "it says that nobody answers"
            )
            assert "Ledger sales could not be read: " in _found(tenant, promotion, "ledger")["message"]
            assert tenant.status(promotion, "promotions")["phase"] == "Blocked"

            await tenant.tell(promotion, checks=[_ledger("v1"), beside])
            second = await tenant.approve(promotion)
            async with tenant.users() as users:
                await tenant.until_promotion(promotion, "Succeeded")
                await tenant.all_served_by(users, second)
            assert _found(tenant, promotion, "ledger")["result"] == "Passed"
            assert not users.report().failures, users.report().summary()
