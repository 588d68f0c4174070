"""A cluster with one application: its server and controllers, its users, the people who act on it."""

from __future__ import annotations

from typing import Any

from tests.sim.apiserver import Server
from tests.sim.clock import VirtualLoop
from tests.sim.controllers import Controllers, Lags
from tests.sim.dataplane import DataPlane, Shares
from tests.sim.images import behaviour, image
from tests.sim.invariants import Invariants
from tests.sim.jobs import Jobs
from tests.sim.patches import clone, merge_patch
from tests.sim.post import Post

from slipway.cluster.resources import (
    ADMISSION_BINDINGS,
    CONTROLLER_REVISIONS,
    DEPLOYMENTS,
    HTTP_ROUTES,
    NAMESPACES,
    PROMOTION_POLICIES,
    PROMOTIONS,
    REVISION_LABEL,
    ROLLOUTS,
    SERVICES,
)
from slipway.runtime.job_checks import GUARDS as JOB_GUARDS
from slipway.runtime.job_checks import MIGRATIONS_GUARD

Object = dict[str, Any]

NAMESPACE = "shop"
NAME = "web"
STAGING = "shop-staging"
APPROVER = "ada"
SECOND_APPROVER = "bob"
DEVELOPER = "dev"


def template(behaviour: str, version: int) -> Object:
    """A pod template of an image that behaves so."""
    return {
        "metadata": {"labels": {"app": NAME}},
        "spec": {
            "securityContext": {"runAsNonRoot": True},
            "containers": [
                {
                    "name": NAME,
                    "image": image(behaviour, version),
                    "ports": [{"name": "http", "containerPort": 9898}],
                    "resources": {"limits": {"memory": "64Mi"}},
                    "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}},
                }
            ],
        },
    }


GATES = [{"name": "error-rate", "preset": "error-rate", "below": 0.01, "window": "2s"}]

BLUE_GREEN: Object = {
    "environment": "production",
    "replicas": 2,
    "progressDeadline": "2m",
    "revisionHistoryLimit": 3,
    "service": {"ports": [{"name": "http", "port": 80, "targetPort": 9898}]},
    "strategy": {"blueGreen": {"previewReplicas": 1, "verify": "10s", "keepPrevious": "20s"}},
    "analysis": {"interval": "2s", "noDataTimeout": "20s", "gates": GATES},
    "smokeTests": [{"name": "home", "http": {"path": "/", "port": "http"}}],
}

CANARY: Object = merge_patch(
    BLUE_GREEN,
    {
        "replicas": 4,
        "traffic": {"httpRoutes": [{"name": NAME}]},
        "strategy": {
            "blueGreen": None,
            "canary": {
                "previewReplicas": 1,
                "steps": [{"weight": 25, "hold": "5s"}, {"weight": 50, "hold": "5s"}],
                "verify": "10s",
                "keepPrevious": "20s",
            },
        },
    },
)


class World:
    """Time moves by `step`, once a second."""

    def __init__(self, loop: VirtualLoop, lags: Lags | None = None, automatic: bool = False) -> None:
        self.loop = loop
        self.server = Server(loop.now)
        self.server.approvers = {APPROVER, SECOND_APPROVER}
        lags = lags or Lags()
        self.controllers = Controllers(self.server, lags)
        self.plane = DataPlane(self.server, lags, (f"Service/{NAME}", f"HTTPRoute/{NAME}"), NAMESPACE)
        self.invariants = Invariants(self.server, NAMESPACE, NAME, loop.time, automatic=automatic)
        self.turned: dict[str, str] = {}
        self.wiped: set[str] = set()
        self.post = Post()
        admin = self.server.session("admin")
        labels = {"slipway.dev/approval": "automatic"} if automatic else {}
        admin.create(NAMESPACES, {"metadata": {"name": NAMESPACE, "labels": labels}})
        self.jobs = Jobs(self.server, self._passes)
        for guard in JOB_GUARDS.values():
            admin.create(ADMISSION_BINDINGS, {"metadata": {"name": guard}})

    def step(self) -> None:
        self.controllers.step()
        self.jobs.step()
        self.invariants.check(self.plane.step(self.loop.time()))
        if self.invariants.broken:
            raise self.invariants.broken[0]

    # --- People ---------------------------------------------------------------------------------------------

    def create_rollout(self, spec: Object, behaviour: str = "good", version: int = 1) -> None:
        """A developer applies the manifest, and for a canary the HTTPRoute that it names."""
        session = self.server.session("developer")
        if (spec.get("traffic") or {}).get("httpRoutes") and not self.server.find(HTTP_ROUTES, NAMESPACE, NAME):
            session.create(HTTP_ROUTES, route())
        obj = {"metadata": _meta(NAME), "spec": {**spec, "template": template(behaviour, version)}}
        session.create(ROLLOUTS, obj)

    def stage(self, version: int) -> None:
        """The same application in staging, where nobody has to approve, and whose images may come here."""
        admin, current = self.server.session("admin"), self.server.find(ROLLOUTS, STAGING, NAME)
        if current is not None:
            patch = {"spec": {"template": template("good", version)}}
            admin.merge_patch(ROLLOUTS, STAGING, NAME, patch)
            return
        labels, notes = {"slipway.dev/approval": "automatic"}, {"slipway.dev/promote-to": NAMESPACE}
        admin.create(NAMESPACES, {"metadata": {"name": STAGING, "labels": labels, "annotations": notes}})
        spec = merge_patch(
            BLUE_GREEN,
            {
                "environment": "staging",
                "approval": "Automatic",
                "strategy": {"blueGreen": {"verify": "2s", "keepPrevious": "0s"}},
                "analysis": {"gates": []},
                "smokeTests": None,
            },
        )
        meta = {"name": NAME, "namespace": STAGING}
        admin.create(ROLLOUTS, {"metadata": meta, "spec": {**spec, "template": template("good", version)}})

    def staged(self, version: int) -> bool:
        """Whether a version is stable in staging, and staging is at rest."""
        status = (self.server.find(ROLLOUTS, STAGING, NAME) or {}).get("status") or {}
        return status.get("phase") == "Healthy" and status["stable"]["images"] == [image("good", version)]

    def asks_for(self) -> str:
        """The version that the Rollout's template has."""
        found = self.rollout["spec"]["template"]["spec"]["containers"][0]["image"]
        return str(found.rpartition(":")[2].partition("-")[0])

    def serve_already(self, annotations: Object | None = None) -> None:
        """What was there before Slipway: a Deployment and its Service, with users."""
        session = self.server.session("admin")
        labels = {"app": "legacy"}
        pods = merge_patch(template("good", 0), {"metadata": {"labels": labels}})
        spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": pods}
        session.create(DEPLOYMENTS, {"metadata": {**_meta("legacy"), "labels": labels}, "spec": spec})
        ports = [{"name": "old", "port": 80, "targetPort": 9898}]
        meta = {**_meta(NAME), "annotations": {"example.com/team": "shop", **(annotations or {})}}
        session.create(SERVICES, {"metadata": meta, "spec": {"selector": labels, "ports": ports}})
        self.invariants.allowed.add("foreign")

    def serves_as_before(self) -> bool:
        """All users reach what was there before Slipway, by a Service that says what it said."""
        found = self.server.session("admin").get(SERVICES, NAMESPACE, NAME)
        own = found["spec"]["selector"] == {"app": "legacy"} and found["spec"]["ports"][0]["name"] == "old"
        team = (found["metadata"].get("annotations") or {}).get("example.com/team")
        return own and team == "shop" and self.shares() == {"foreign": 1}

    def left_alone(self) -> bool:
        """Nothing of Slipway is on the Service that was there before, but the word that it may be taken over."""
        meta = self.server.session("admin").get(SERVICES, NAMESPACE, NAME)["metadata"]
        keys = set(meta.get("labels") or {}) | set(meta.get("annotations") or {})
        return keys == {"example.com/team", "slipway.dev/adopt"} and not meta.get("ownerReferences")

    def may_go_back_to_before(self) -> bool:
        """Whether the live Service still keeps what it selected before Slipway."""
        found = self.server.session("admin").get(SERVICES, NAMESPACE, NAME)
        return "slipway.dev/adopted" in (found["metadata"].get("annotations") or {})

    def edit(self, patch: Object) -> None:
        """A developer edits the Rollout's spec with a merge patch."""
        self.server.session("developer").merge_patch(ROLLOUTS, NAMESPACE, NAME, {"spec": patch})

    def deploy(self, behaviour: str, version: int) -> None:
        """A developer puts another image into the template."""
        current = self.rollout["spec"]
        self.server.session("developer").replace(
            ROLLOUTS,
            {"metadata": _meta(NAME), "spec": {**current, "template": template(behaviour, version)}},
        )

    def promote(self, name: str, **spec: Any) -> None:
        """A developer creates a Promotion; without a watch, unless `spec` has one."""
        self.server.session("developer").create(
            PROMOTIONS,
            {"metadata": _meta(name), "spec": {"rollout": NAME, "environment": "production", "watch": [], **spec}},
        )

    def patch_promotion(self, name: str, user: str = "developer", **spec: Any) -> None:
        """Somebody patches a Promotion's spec; None removes a field."""
        self.server.session(user).merge_patch(PROMOTIONS, NAMESPACE, name, {"spec": spec})

    def said(self, name: str) -> tuple[tuple[str, ...], ...]:
        """The decisions in a Promotion's status: what, by whom, how sure that is, and who lifted it."""
        found = self.promotion(name).get("status", {}).get("decisions", [])
        return tuple((d["decision"], d["by"], d["identity"], d.get("liftedBy", "")) for d in found)

    def approve(self, name: str) -> None:
        """The approver's one patch."""
        self.patch_promotion(name, APPROVER, approved=True)

    def sign(self, name: str, user: str) -> None:
        """A further approver adds an own entry for the plan that status shows."""
        plan = self.promotion(name)["status"]["planHash"]
        self.patch_promotion(name, user, approvals={user: plan})

    def confirm(self, name: str, check: str, user: str = APPROVER) -> None:
        """Somebody has looked at what a manual check asks for."""
        plan = self.promotion(name)["status"]["planHash"]
        self.patch_promotion(name, user, confirmed={check: {"by": user, "plan": plan}})

    def demand(self, name: str, **spec: Any) -> None:
        """An administrator writes a policy for all environments."""
        admin = self.server.session("admin")
        admin.create(PROMOTION_POLICIES, {"metadata": {"name": name}, "spec": {"match": {}, **spec}})

    def lift(self, name: str) -> None:
        """An administrator deletes a policy."""
        self.server.session("admin").delete(PROMOTION_POLICIES, None, name)

    def withdraw(self, name: str) -> None:
        """Anybody takes the approval back."""
        self.patch_promotion(name, approved=False)

    def delete(self, kind: Any, name: str, propagation: str = "Background") -> None:
        """Somebody with all rights deletes an object."""
        self.server.session("admin").delete(kind, NAMESPACE, name, propagation=propagation)

    def wipe_status(self) -> None:
        """A restore from a backup: the Rollout comes back without its status."""
        self.server.session("admin").merge_patch(ROLLOUTS, NAMESPACE, NAME, {"status": None}, "status")

    def wipe_promotion(self, name: str) -> None:
        """The same of a Promotion: which records there are of it is forgotten with it."""
        self.wiped.add(name)
        self.server.session("admin").merge_patch(PROMOTIONS, NAMESPACE, name, {"status": None}, "status")

    def patch_service(self, name: str, spec: Object) -> None:
        """An administrator's hand on a Service."""
        self.server.session("admin").merge_patch(SERVICES, NAMESPACE, name, {"spec": spec})

    def ports(self) -> list[int]:
        """The live Service's ports."""
        spec = self.server.session("admin").get(SERVICES, NAMESPACE, NAME)["spec"]
        return [port["port"] for port in spec["ports"]]

    def delete_service(self, name: str) -> None:
        """Somebody deletes a Service."""
        self.server.session("admin").delete(SERVICES, NAMESPACE, name)

    def without_guard_of_jobs(self) -> None:
        """An administrator takes away the policies that say who may ask for Jobs."""
        for guard in JOB_GUARDS.values():
            self.server.session("admin").delete(ADMISSION_BINDINGS, None, guard)

    def without_guard_of_migrations(self) -> None:
        """The same of the policy that says who may write migrations."""
        self.server.session("admin").delete(ADMISSION_BINDINGS, None, MIGRATIONS_GUARD)

    def set_weights(self, live: int, candidate: int) -> None:
        """Somebody edits the weights of the route by hand."""
        base = "/spec/rules/0/backendRefs"
        self.server.session("admin").json_patch(
            HTTP_ROUTES,
            NAMESPACE,
            NAME,
            [
                {"op": "replace", "path": f"{base}/0/weight", "value": live},
                {"op": "replace", "path": f"{base}/1/weight", "value": candidate},
            ],
        )

    def add_environment(self, version: str) -> None:
        """Somebody adds a variable to the containers of a version's Deployment."""
        for deployment in self._deployments(version):
            template = clone(deployment["spec"]["template"])
            template["spec"]["containers"][0]["env"] = [{"name": "DEBUG", "value": "1"}]
            patch = {"spec": {"template": template}}
            name = deployment["metadata"]["name"]
            self.server.session("admin").merge_patch(DEPLOYMENTS, NAMESPACE, name, patch)

    def has_environment(self, version: str) -> bool:
        """Whether that variable is still there."""
        found = self._deployments(version)
        return any(d["spec"]["template"]["spec"]["containers"][0].get("env") for d in found)

    def gateway_accepts(self, accepts: bool) -> None:
        """The gateway begins to refuse routes, or to accept them again."""
        self.controllers.gateway_accepts = accepts

    def crash_pods(self, version: str) -> None:
        """From now on the pods of a version end by themselves, as soon as they have started."""
        self.controllers.crashing.add(version)

    def turn(self, behaviour: str, version: int, into: str) -> None:
        """From now on an image answers probes as another one would."""
        self.turned[image(behaviour, version)] = image(into, version)

    # --- Reading --------------------------------------------------------------------------------------------

    @property
    def rollout(self) -> Object:
        found = self.server.find(ROLLOUTS, NAMESPACE, NAME)
        if found is None:
            raise KeyError("the Rollout does not exist")
        return found

    @property
    def status(self) -> Object:
        found = self.server.find(ROLLOUTS, NAMESPACE, NAME)
        status: Object = (found or {}).get("status") or {}
        # An operator that has not seen the last edit yet speaks of something else.
        current = found and status.get("observedGeneration") == found["metadata"]["generation"]
        return status if current else {}

    @property
    def phase(self) -> str:
        return str(self.status.get("phase", ""))

    def promotion(self, name: str) -> Object:
        found = self.server.find(PROMOTIONS, NAMESPACE, name)
        return found or {}

    def promotion_phase(self, name: str) -> str:
        return str((self.promotion(name).get("status") or {}).get("phase", ""))

    def revision(self, behaviour: str, version: int) -> str:
        """The name of the stored revision with this image."""
        wanted = image(behaviour, version)
        for obj in self.server.peek(CONTROLLER_REVISIONS, NAMESPACE):
            containers = ((obj["data"].get("template") or {}).get("spec") or {}).get("containers", [])
            if containers and containers[0]["image"] == wanted:
                return str(obj["metadata"]["labels"][REVISION_LABEL])
        return ""

    def version(self, revision: str | None) -> str:
        """`v2` for the revision whose image says so: names of revisions are digests and say nothing."""
        for obj in self.server.peek(CONTROLLER_REVISIONS, NAMESPACE):
            if revision and obj["metadata"].get("labels", {}).get(REVISION_LABEL) == revision:
                found = obj["data"]["template"]["spec"]["containers"][0]["image"]
                return str(found.rpartition(":")[2].partition("-")[0])
        return revision or ""

    def shares(self, entry: str = f"Service/{NAME}") -> Shares:
        return self.plane.history[-1].entries.get(entry, {}) if self.plane.history else {}

    def weight(self) -> int:
        """Percent that the route gives to the candidate Service."""
        moves = self.invariants.moves
        return moves[-1][2][0] if moves and moves[-1][2] else 0

    def live(self) -> str:
        """The version that the live Service selects."""
        return self.version(self.invariants.moves[-1][0]) if self.invariants.moves else ""

    def _passes(self, revision: str) -> bool:
        """Whether the pods of a revision answer a smoke test as they should."""
        found = self.server.find(DEPLOYMENTS, NAMESPACE, f"{NAME}-{revision}")
        if found is None:
            return False
        name = found["spec"]["template"]["spec"]["containers"][0]["image"]
        return behaviour(self.turned.get(name, name)).smoke

    def _deployments(self, version: str) -> list[Object]:
        return [
            d
            for d in self.server.peek(DEPLOYMENTS, NAMESPACE)
            if self.version(d["metadata"]["labels"].get(REVISION_LABEL)) == version
        ]

    def replicas(self) -> dict[str, int]:
        """Replicas by version of all Deployments."""
        return {
            self.version(d["metadata"]["labels"].get(REVISION_LABEL)): d["spec"]["replicas"]
            for d in self.server.peek(DEPLOYMENTS, NAMESPACE)
        }


def route() -> Object:
    """An HTTPRoute as the contract wants it: both Services as backends, with a filter of the user's."""
    return {
        "metadata": _meta(NAME),
        "spec": {
            "parentRefs": [{"name": "gateway"}],
            "hostnames": ["shop.example"],
            "rules": [
                {
                    "filters": [
                        {
                            "type": "RequestHeaderModifier",
                            "requestHeaderModifier": {"set": [{"name": "x-team", "value": "shop"}]},
                        }
                    ],
                    "backendRefs": [
                        {"name": NAME, "port": 80, "weight": 100},
                        {"name": f"{NAME}-candidate", "port": 80, "weight": 0},
                    ],
                }
            ],
        },
    }


def _meta(name: str) -> Object:
    return {"name": name, "namespace": NAMESPACE}
