"""One namespace of the cluster with its people, its load and its rule: nobody unapproved serves users.

A tenant watches its namespace, so that a test awaits conditions and never sleeps, and it remembers when each
revision was approved. At the end every request of every load is held against that.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import yaml
from tests.cluster.cluster import Cluster
from tests.cluster.load import Load, Report, Request, load
from tests.e2e import manifests
from tests.e2e.faulty_metrics import FaultyMetrics
from tests.e2e.installation import Operator
from tests.e2e.kube import Object, Person, Refused
from tests.e2e.receiver import Receiver

WATCHED = ("rollouts", "promotions", "services", "httproutes", "deployments", "pods", "controllerrevisions")
RATE = 30.0
PATIENCE = 120.0
FOLLOWS = 10.0
"""Seconds in which the gateway has followed for sure, with time for as many requests as are looked at."""


@dataclass
class Seen:
    """One status of one object, and when it was seen (Unix time)."""

    at: float
    kind: str
    name: str
    phase: str
    message: str


@dataclass
class Sums:
    """What the summary says of one test."""

    seconds: float = 0.0
    requests: int = 0
    failures: int = 0
    notes: list[str] = field(default_factory=list)
    account: str = ""
    """After a failure: all that is known."""


@dataclass(frozen=True)
class Shared:
    """What all tenants have in common."""

    cluster: Cluster
    operator: Operator
    metrics: FaultyMetrics
    receiver: Receiver


class Tenant:
    """See the module. Use `async with Tenant.create(…)`."""

    def __init__(self, shared: Shared, namespace: str, sums: Sums) -> None:
        self.cluster = cluster = shared.cluster
        self.operator = shared.operator
        self.metrics = shared.metrics
        self.receiver = shared.receiver
        self.namespace = namespace
        self.sums = sums
        self.admin = Person(cluster.kubeconfig("admin"), namespace)
        self.developer = Person(cluster.kubeconfig("developer"), namespace)
        self.approver = Person(cluster.kubeconfig("approver"), namespace)
        self.approved: dict[str, float] = {}
        """Deployment of a revision → when its approval was sent."""
        self.automatic = False
        """Whether the namespace is one where nobody approves."""
        self.history: list[Seen] = []
        self.requests: list[Request] = []
        self._objects: dict[str, dict[str, Object]] = {plural: {} for plural in WATCHED}
        self._changed = asyncio.Condition()
        self._generations: dict[tuple[str, str], int] = {}
        self._promotions = 0

    # Life

    @classmethod
    @contextlib.asynccontextmanager
    async def create(
        cls, shared: Shared, namespace: str, sums: Sums, labels: Mapping[str, str] | None = None
    ) -> AsyncIterator["Tenant"]:
        tenant = cls(shared, namespace, sums)
        async with AsyncExitStack() as stack:
            for person in (tenant.admin, tenant.developer, tenant.approver):
                stack.push_async_callback(person.close)
            await tenant._furnish(labels or {})
            stack.push_async_callback(tenant._remove)
            watches = [asyncio.create_task(tenant._watch(plural)) for plural in WATCHED]
            stack.push_async_callback(_cancelled, watches)
            try:
                yield tenant
                tenant.check_approvals()
            except BaseException as error:
                tenant.sums.account = await tenant.account()
                error.add_note(tenant.summary(error))
                raise

    async def _furnish(self, labels: Mapping[str, str]) -> None:
        """The namespace and who may do what in it: the shipped roles, beside Kubernetes' own `edit`."""
        meta = {"name": self.namespace, "labels": dict(labels)}
        await self.admin.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
        rights = {"apiGroups": ["gateway.networking.k8s.io"], "resources": ["httproutes"], "verbs": ["*"]}
        await self.admin.create({**_RBAC, "kind": "Role", "metadata": {"name": "routes"}, "rules": [rights]})
        for name, kind, role, group in (
            ("edit", "ClusterRole", "edit", "developers"),
            ("editor", "ClusterRole", "slipway-editor", "developers"),
            ("routes", "Role", "routes", "developers"),
            ("approvers", "ClusterRole", "slipway-approver", "approvers"),
        ):
            await self.admin.create(
                {
                    **_RBAC,
                    "kind": "RoleBinding",
                    "metadata": {"name": name},
                    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
                    "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}],
                }
            )

    async def _remove(self) -> None:
        await self.admin.delete("namespaces", self.namespace)

    async def _watch(self, plural: str) -> None:
        async for kind, obj in self.admin.watch(plural):
            name = obj["metadata"]["name"]
            async with self._changed:
                if kind == "DELETED":
                    self._objects[plural].pop(name, None)
                else:
                    self._objects[plural][name] = obj
                    self._remember(plural, obj)
                self._changed.notify_all()

    def _remember(self, plural: str, obj: Object) -> None:
        status = obj.get("status") or {}
        if plural not in ("rollouts", "promotions") or "phase" not in status:
            return
        name = obj["metadata"]["name"]
        seen = Seen(time.time(), obj["kind"], name, status["phase"], status.get("message", ""))
        before = next((s for s in reversed(self.history) if (s.kind, s.name) == (seen.kind, name)), None)
        if before is None or (before.phase, before.message) != (seen.phase, seen.message):
            self.history.append(seen)

    # What is there

    def all(self, plural: str) -> list[Object]:
        return list(self._objects[plural].values())

    def seen(self, plural: str, name: str) -> Object | None:
        return self._objects[plural].get(name)

    def status(self, name: str = "web", plural: str = "rollouts") -> Any:
        """The status as it was last seen; empty when it is not of the generation that was written last."""
        obj = self.seen(plural, name) or {}
        status = obj.get("status") or {}
        current = status.get("observedGeneration", -1) >= self._generations.get((plural, name), 0)
        return status if current else {}

    def phase(self, name: str = "web") -> str:
        return str(self.status(name).get("phase", ""))

    def phases(self, name: str = "web", kind: str = "Rollout") -> list[str]:
        """Every phase that was seen, in order, each once in a row."""
        found: list[str] = []
        for seen in self.history:
            if (seen.kind, seen.name) == (kind, name) and (not found or found[-1] != seen.phase):
                found.append(seen.phase)
        return found

    def selected(self, service: str = "web") -> str:
        """The revision that a Service selects."""
        found = self.seen("services", service) or {}
        return str(((found.get("spec") or {}).get("selector") or {}).get("slipway.dev/revision", ""))

    def weight(self, route: str = "web") -> int:
        """The weight of the candidate Service in the route."""
        backends = (self.seen("httproutes", route) or {})["spec"]["rules"][0]["backendRefs"]
        return int(next((b.get("weight", 1) for b in backends if b["name"].endswith("-candidate")), 0))

    def condition(self, kind: str, name: str = "web", plural: str = "rollouts") -> Any:
        return next((c for c in self.status(name, plural).get("conditions", []) if c["type"] == kind), {})

    def stable(self, name: str = "web") -> str:
        """The Deployment of the stable revision."""
        return str((self.status(name).get("stable") or {}).get("deployment", ""))

    def candidate(self, name: str = "web") -> str:
        """The Deployment of the candidate."""
        return str((self.status(name).get("candidate") or {}).get("deployment", ""))

    def deployment_of(self, tag: str) -> str:
        """The Deployment that runs an image."""
        for found in self.all("deployments"):
            if found["spec"]["template"]["spec"]["containers"][0]["image"] == manifests.image(tag):
                return str(found["metadata"]["name"])
        return ""

    def pods(self, tag: str) -> int:
        """How many pods of an image there are."""
        return sum(pod["spec"]["containers"][0]["image"] == manifests.image(tag) for pod in self.all("pods"))

    # Waiting

    async def until(self, condition: Callable[[], Any], what: str, within: float = PATIENCE) -> Any:
        """Await that `condition` is true of what is seen, and return its value."""

        async def awaited() -> Any:
            async with self._changed:
                while not (found := _asked(condition)):
                    await self._changed.wait()
                return found

        try:
            return await asyncio.wait_for(awaited(), within)
        except TimeoutError:
            raise AssertionError(f"not seen within {within:.0f} s: {what}") from None

    async def until_phase(self, *phases: str, name: str = "web", within: float = PATIENCE) -> Any:
        await self.until(lambda: self.phase(name) in phases, f"Rollout {name} is {' or '.join(phases)}", within)
        return self.status(name)

    async def until_promotion(self, name: str, *phases: str, within: float = PATIENCE) -> Any:
        def there() -> bool:
            return self.status(name, "promotions").get("phase") in phases

        await self.until(there, f"Promotion {name} is {' or '.join(phases)}", within)
        return self.status(name, "promotions")

    async def kubectl_waits(self, condition: str, name: str) -> None:
        """As a pipeline does, and Flux by the same conditions. It does not believe one that is older than the spec."""
        argv = ("wait", f"--namespace={self.namespace}", f"--for=condition={condition}", name, "--timeout=20s")
        await asyncio.to_thread(self.cluster.kubectl, *argv)

    async def until_weight(self, weight: int, name: str = "web", within: float = PATIENCE) -> None:
        """Until the candidate has a share, and the gateway was seen to follow."""

        def there() -> bool:
            step = (self.status(name).get("candidate") or {}).get("step") or {}
            return bool(step.get("weight") == weight and step.get("convergedAt"))

        await self.until(there, f"Rollout {name} has converged at {weight} %", within)

    async def until_metric(self, name: str, value: float, within: float = PATIENCE, **labels: str) -> None:
        """Until the operator's metric for this namespace has a value."""
        labels = {"namespace": self.namespace, **labels}
        async with asyncio.timeout(within):
            while (found := await asyncio.to_thread(self.operator.sample, name, **labels)) != value:
                assert found < value, f"{name}{labels} is {found}, more than {value}"
                await asyncio.sleep(0.2)

    async def holds(self, condition: Callable[[], Any], what: str, seconds: float) -> None:
        """`condition` stays true for so long."""
        with contextlib.suppress(AssertionError):
            await self.until(lambda: not condition(), "", within=seconds)
        assert condition(), f"did not stay so for {seconds} s: {what}"

    # Writing, each as the person whose job it is

    async def deploy(self, tag: str = "v1", name: str = "web", **options: Any) -> None:
        """Create a Rollout and its HTTPRoute."""
        obj = manifests.rollout(tag, name, **options)
        canary = "canary" in obj["spec"]["strategy"]
        await self.developer.create(manifests.route(self.host(name), name, canary=canary))
        self._wrote("rollouts", await self.developer.create(obj))

    async def edit(self, spec: Mapping[str, Any], name: str = "web") -> None:
        """Merge into a Rollout's spec."""
        self._wrote("rollouts", await self.developer.merge("rollouts", name, {"spec": spec}))

    async def scale(self, replicas: int, name: str = "web") -> None:
        """As `kubectl scale` and autoscalers do it."""
        await self.developer.merge("rollouts", name, {"spec": {"replicas": replicas}}, subresource="scale")

    async def change_image(self, tag: str, name: str = "web", **container: object) -> None:
        await self.edit({"template": manifests.template(tag, name, **container)}, name)

    async def promote(self, rollout: str = "web", author: Person | None = None, **spec: Any) -> str:
        """Create a Promotion, as the developer if nobody else; its name."""
        self._promotions += 1
        name = f"{rollout}-{self._promotions}"
        made = await (author or self.developer).create(manifests.promotion(name, rollout, **spec))
        self._wrote("promotions", made)
        return name

    async def approve(self, promotion: str) -> str:
        """Wait for the plan, and approve it; the approved revision's Deployment."""
        status = await self.until_promotion(promotion, "AwaitingApproval")
        target = status["target"]
        deployment = f"{target['rollout']}-{target['revision']}"
        self.approved.setdefault(deployment, time.time())
        written = await self.approver.merge("promotions", promotion, {"spec": {"approved": True}})
        self._wrote("promotions", written)
        return deployment

    async def tell(self, promotion: str, person: Person | None = None, **spec: Any) -> None:
        """Merge into a Promotion's spec, as the developer if nobody else."""
        written = await (person or self.developer).merge("promotions", promotion, {"spec": spec})
        self._wrote("promotions", written)

    async def launch(self, tag: str, name: str = "web", **promotion: Any) -> tuple[str, str]:
        """A new version with its Promotion, approved: the Promotion's name, and the revision's Deployment."""
        await self.change_image(tag, name)
        created = await self.promote(name, **promotion)
        return created, await self.approve(created)

    async def serve(self, tag: str = "v1", name: str = "web", **options: Any) -> str:
        """Deploy, approve and wait until it serves and is verified; the Deployment of the first revision."""
        await self.deploy(tag, name, **options)
        deployment = await self.approve(await self.promote(name))
        await self.until_phase("Healthy", name=name)
        return deployment

    def _wrote(self, plural: str, obj: Object) -> None:
        self._generations[plural, obj["metadata"]["name"]] = obj["metadata"]["generation"]

    # Users

    def host(self, name: str = "web") -> str:
        return f"{name}.{self.namespace}.example.test"

    @contextlib.asynccontextmanager
    async def users(self, name: str = "web", rate: float = RATE) -> AsyncIterator[Load]:
        """Constant load through the gateway. All of its requests are counted and held against the approvals."""
        running: Load | None = None
        try:
            async with load(self.cluster.gateway_url, host=self.host(name), rate=rate) as running:
                yield running
        finally:
            if running is not None:
                report = running.report()
                self.requests += report.requests
                self.sums.requests += len(report)
                self.sums.failures += len(report.failures)

    async def served(self, running: Load, deployment: str, within: float = PATIENCE) -> None:
        """Await that users of this load have been answered by a revision."""
        deadline = time.monotonic() + within
        while not running.report().served_by(deployment):
            assert time.monotonic() < deadline, f"no user was served by {deployment} within {within:.0f} s"
            await asyncio.sleep(0.05)

    async def requests_more(self, running: Load, count: int) -> Report:
        """Await so many further requests; the report on those alone."""
        start = time.time()
        while len(report := running.report().between(start)) < count:  # noqa: ASYNC110 - a load notifies nobody
            await asyncio.sleep(0.05)
        return report

    async def all_served_by(self, running: Load, deployment: str, count: int = 40) -> Report:
        """Await that one revision answers all of so many requests in a row; the gateway gets its time to follow."""
        deadline = time.monotonic() + FOLLOWS
        while True:
            last = Report(sorted(running.report().requests, key=lambda one: one.at)[-count:])
            fresh = [one for one in last.requests if one.revision == deployment and not one.failed]
            if len(fresh) == count:
                return last
            assert time.monotonic() < deadline, f"not all users get {deployment} after {FOLLOWS} s: {last.summary()}"
            await asyncio.sleep(0.1)

    def check_approvals(self) -> None:
        """No request was answered by a revision before its approval was sent."""
        if self.automatic:
            return
        for one in self.requests:
            if not one.revision:
                continue
            approved = self.approved.get(one.revision)
            assert approved is not None, f"a user was served by {one.revision}, which nobody approved: {one}"
            assert one.at + one.latency >= approved, f"served {approved - one.at:.3f} s before its approval: {one}"

    def note(self, text: str) -> None:
        """A line for the summary and the output."""
        self.sums.notes.append(text)

    # After a failure

    def summary(self, error: BaseException) -> str:
        """The last that happened, and what went wrong once more: short enough to be read whole where logs are cut."""
        began = self.history[0].at if self.history else 0.0
        lines = [f"{s.at - began:7.2f} {s.kind} {s.name}: {s.phase}: {s.message[:120]}" for s in self.history[-24:]]
        report = Report(self.requests)
        lines.append(f"users: {report.summary()}")
        lines += [f"failed: {one.at - began:7.2f} {one}" for one in report.failures[:12]]
        return "\n".join([*lines, f"{type(error).__name__}: {error}"[:2000]])

    async def account(self) -> str:
        """What was going on, whole: phases, status, operator log."""
        began = self.history[0].at if self.history else 0.0
        lines = [f"{s.at - began:7.2f} {s.kind} {s.name}: {s.phase}: {s.message}" for s in self.history]
        for plural in ("rollouts", "promotions"):
            for obj in self.all(plural):
                shown = {key: obj.get(key) for key in ("spec", "status") if key == "status" or plural == "promotions"}
                lines += [f"--- {obj['kind']} {obj['metadata']['name']}", yaml.safe_dump(shown)]
        for service in self.all("services"):
            lines.append(f"Service {service['metadata']['name']} selects {service['spec'].get('selector')}")
        for found in self.all("httproutes"):
            rules = found["spec"].get("rules", [])
            lines.append(f"HTTPRoute {found['metadata']['name']}: {json.dumps(rules)}")
        for found in self.all("deployments"):
            counts = (found["spec"].get("replicas"), (found.get("status") or {}).get("readyReplicas"))
            lines.append(f"Deployment {found['metadata']['name']}: {counts[0]} wanted, {counts[1]} ready")
        lines += ["--- operator", *self.operator.lines(self.namespace, 40), "--- its last lines"]
        return "\n".join([*lines, *self.operator.lines("", 15)])


_RBAC = {"apiVersion": "rbac.authorization.k8s.io/v1"}


def _asked(condition: Callable[[], Any]) -> Any:
    """The condition's value; an object that is not there yet is an unmet condition."""
    try:
        return condition()
    except (KeyError, IndexError, TypeError):
        return None


async def _cancelled(tasks: list["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


__all__ = ["Refused", "Sums", "Tenant"]
