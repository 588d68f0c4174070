"""An Application of Argo CD for one tenant: what it was seen to be, and how often it was synced."""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from tests.cluster.argocd import CONTROLLER_USER, NAMESPACE, Repository
from tests.e2e.kube import Object, Person
from tests.e2e.tenant import PATIENCE, Tenant


@dataclass(frozen=True)
class State:
    """What it says of itself. `revision` is the commit that `sync` is about."""

    sync: str
    health: str
    revision: str


class Application:
    """See the module. Use `async with application(…)`."""

    def __init__(self, tenant: Tenant, repository: Repository) -> None:
        self.tenant = tenant
        self.repository = repository
        self.states: list[State] = []
        self.operations: dict[str, Object] = {}
        """What each sync was asked to do, by when it began: for a failure.

        Their number says nothing: one more for the same commit begins where the cache of what is in the cluster
        is behind the sync that has just ended, and it writes nothing.
        """
        self._admin = Person(tenant.cluster.kubeconfig("admin"), NAMESPACE)
        self._last: Object = {}
        self._changed = asyncio.Condition()

    async def until(self, sync: str, health: str, revision: str) -> None:
        """Until it is so for this commit."""
        wanted = State(sync, health, revision)
        await self._until(lambda: self._state() == wanted, f"the Application is {wanted}")

    async def until_resource(self, kind: str, name: str, health: str) -> str:
        """Until one of its resources has this health; what is said of it."""
        await self._until(lambda: self._health_of(kind, name)[0] == health, f"{kind} {name} is {health}")
        return self._health_of(kind, name)[1]

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        async def awaited() -> None:
            async with self._changed:
                while not condition():
                    await self._changed.wait()

        try:
            await asyncio.wait_for(awaited(), PATIENCE)
        except TimeoutError:
            raise AssertionError(f"not seen within {PATIENCE:.0f} s: {what}") from None

    async def refresh(self) -> None:
        """Have it look at Git and at the cluster now, and wait until it has."""
        annotation = "argocd.argoproj.io/refresh"
        patch = {"metadata": {"annotations": {annotation: "normal"}}}
        asked = await self._admin.merge("applications", self.tenant.namespace, patch)
        if _version(asked) > _version(self._last):
            self._last = asked  # or it would look as if it had been refreshed already

        def done() -> bool:
            return annotation not in (self._last["metadata"].get("annotations") or {})

        await self._until(done, "the Application was refreshed")

    async def commit(self, message: str, files: dict[str, str | None]) -> str:
        """Commit, and have Argo CD look."""
        revision = self.repository.commit(message, files)
        await self.refresh()
        return revision

    def _health_of(self, kind: str, name: str) -> tuple[str, str]:
        """Status and message of one of its resources."""
        for found in (self._last.get("status") or {}).get("resources") or []:
            if (found["kind"], found["name"]) == (kind, name):
                health = found.get("health") or {}
                return str(health.get("status", "")), str(health.get("message", ""))
        return "", ""

    def since(self, revision: str) -> list[State]:
        """What it was seen to be of one commit, in order."""
        return [state for state in self.states if state.revision == revision]

    def writes(self) -> Counter[tuple[str, str, str]]:
        """(verb, resource, name) of what Argo CD wrote in the tenant's namespace, and how often."""
        found: Counter[tuple[str, str, str]] = Counter()
        log = self.tenant.cluster.audit_log
        for part in log.parent.glob(f"{log.stem}*{log.suffix}"):
            for line in part.read_text().splitlines():
                if CONTROLLER_USER not in line or self.tenant.namespace not in line:
                    continue
                event = json.loads(line)
                about = event.get("objectRef") or {}
                by = event["user"]["username"] == CONTROLLER_USER and about.get("namespace") == self.tenant.namespace
                if by and "dryRun=" not in event["requestURI"] and event["responseStatus"]["code"] < 300:
                    found[event["verb"], about["resource"], about["name"]] += 1
        return found

    def account(self) -> str:
        """For a failure."""
        status = self._last.get("status") or {}
        shown = {key: status.get(key) for key in ("sync", "health", "resources", "operationState", "conditions")}
        operations = (f"{began} {json.dumps(asked)}" for began, asked in self.operations.items())
        seen = [
            *(str(state) for state in self.states),
            *operations,
            *(f"{n} {what}" for what, n in self.writes().items()),
        ]
        return "\n".join([*seen, json.dumps(shown, indent=1)[:12000]])

    def _state(self) -> State:
        status: Any = self._last.get("status") or {}
        sync = status.get("sync") or {}
        return State(
            str(sync.get("status", "")),
            str((status.get("health") or {}).get("status", "")),
            str(sync.get("revision", "")),
        )

    async def _watch(self) -> None:
        async for _, obj in self._admin.watch("applications"):
            if obj["metadata"]["name"] != self.tenant.namespace:
                continue
            async with self._changed:
                self._last = obj
                state = self._state()
                if not self.states or self.states[-1] != state:
                    self.states.append(state)
                if operation := (obj.get("status") or {}).get("operationState"):
                    self.operations[operation["startedAt"]] = operation["operation"]
                self._changed.notify_all()

    async def _create(self) -> None:
        server = "https://kubernetes.default.svc"
        await self._admin.create(
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Application",
                "metadata": {"name": self.tenant.namespace},
                "spec": {
                    "project": "default",
                    "source": {"repoURL": self.repository.url, "path": "shop", "targetRevision": "main"},
                    "destination": {"server": server, "namespace": self.tenant.namespace},
                    "syncPolicy": {
                        "automated": {"prune": True, "selfHeal": True},
                        "syncOptions": ["ApplyOutOfSyncOnly=true"],
                    },
                },
            }
        )


def _version(obj: Object) -> int:
    return int((obj.get("metadata") or {}).get("resourceVersion", 0))


@contextlib.asynccontextmanager
async def application(tenant: Tenant, repository: Repository) -> AsyncIterator[Application]:
    """One whose source is the folder `shop`, synced and healed by Argo CD itself. What it made stays."""
    created = Application(tenant, repository)
    watch = asyncio.create_task(created._watch())
    try:
        await created._create()
        yield created
    except BaseException as error:
        error.add_note(created.account())
        raise
    finally:
        watch.cancel()
        with contextlib.suppress(Exception):
            await created._admin.delete("applications", tenant.namespace)
        await asyncio.gather(watch, return_exceptions=True)
        await created._admin.close()
