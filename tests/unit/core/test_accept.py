"""Accepted=False: every reason, with its words and the path of the field to mend (SEMANTICS 10, 30)."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from tests.unit.core.cluster import Cluster, revision_of, serving, shifting
from tests.unit.core.objects import NAME, NAMESPACE, PORTS, Object, backend, blue_green, canary, route, template

from slipway.core import names
from slipway.core.accept import Acceptance, accept
from slipway.core.case import read
from slipway.core.decision import DryRun
from slipway.core.snapshot import Settings, Snapshot

V1, V2 = revision_of(blue_green()), revision_of(blue_green(2))
CANDIDATE, PREVIEW = f"{NAME}-candidate", f"{NAME}-preview"
OURS = names.child_labels(NAME)
OTHER = {"apiVersion": "slipway.dev/v1alpha1", "kind": "Rollout", "name": "api", "uid": "uid-api", "controller": True}


def acceptance(cluster: Cluster) -> Acceptance:
    snapshot = cluster.snapshot()
    assert snapshot.rollout is not None
    return accept(read(snapshot, snapshot.rollout, cluster.now))


def service(name: str, selector: dict[str, str] | None = None, **metadata: Any) -> Object:
    return {"metadata": {"name": name, **metadata}, "spec": {"selector": selector or {"app": "theirs"}, "ports": PORTS}}


def deployment(name: str, **metadata: Any) -> Object:
    labels = {names.REVISION_LABEL: V1} | metadata.pop("labels", {})
    inner = {"metadata": {"labels": dict(labels)}, "spec": {"containers": []}}
    return {"metadata": {"name": name, "labels": labels, **metadata}, "spec": {"replicas": 1, "template": inner}}


def elsewhere(obj: Object) -> Object:
    return {**obj, "metadata": {**obj["metadata"], "namespace": "elsewhere"}}


class Wide(Cluster):
    """A cluster with routes of other namespaces."""

    far: tuple[Object, ...] = ()

    def snapshot(self) -> Snapshot:
        near = super().snapshot()
        return replace(near, routes=(*near.routes, *copy.deepcopy(self.far)))


@dataclass(frozen=True)
class Wrong:
    """One thing that stands in the way: what is there, and what is said of it."""

    reason: str
    words: str
    spec: Object
    there: tuple[tuple[str, Object], ...] = ()
    routes: tuple[Object, ...] | None = None
    far: tuple[Object, ...] = ()
    settings: Settings = field(default_factory=Settings)
    pods: bool = True
    automatic: bool = False

    def cluster(self) -> Cluster:
        found = Wide(self.spec, routes=self.routes, automatic=self.automatic)
        found.far = self.far
        found.settings = self.settings
        for kind, obj in self.there:
            found.put(kind, obj)
        return found


def invalid(words: str, spec: Object) -> Wrong:
    return Wrong("InvalidSpec", words, spec, pods=False)


def taken(words: str, kind: str, obj: Object, spec: Object | None = None) -> Wrong:
    return Wrong("NameTaken", words, spec or blue_green(), ((kind, obj),), pods=False)


def without(spec: Object, key: str) -> Object:
    return {k: v for k, v in spec.items() if k != key}


SPLIT = {"backendRefs": [backend(NAME, 100), backend(CANDIDATE, 0)]}
MIRROR = {"type": "RequestMirror", "requestMirror": {"backendRef": backend(PREVIEW, namespace=NAMESPACE)}}
LISTED = {"httpRoutes": [{"name": NAME}, {"name": "second"}]}
BY_GATE = {"steps": [{"weight": 10}, {"weight": 20, "gates": ["speed"]}]}
BOTH = {"blueGreen": {}, "canary": {"steps": [{"weight": 10}]}}

WRONG = {
    # A spec that the CRD's schema should have refused: an older CRD, or a rule that only the operator knows.
    "environment": invalid("spec.environment: missing (it is required)", without(blue_green(), "environment")),
    "replicas": invalid("spec.replicas: -1 is too small (at least 0)", blue_green(replicas=-1)),
    "unknown field": invalid("spec.replica: unknown field (did you mean replicas?)", blue_green(replica=3)),
    "no template": invalid("spec.template: missing", without(blue_green(), "template")),
    "template's label": invalid(
        "spec.template.metadata.labels[slipway.dev/revision]: set by the operator",
        blue_green(template=template() | {"metadata": {"labels": {"slipway.dev/revision": "none"}}}),
    ),
    "no ports": invalid("spec.service.ports: too short", blue_green(service={"ports": []})),
    "duration": invalid("spec.progressDeadline: ", blue_green(progressDeadline="soon")),
    "falling steps": invalid(
        "spec.strategy.canary.steps[1].weight: 10 follows 50", canary(steps=[{"weight": 50}, {"weight": 10}])
    ),
    "step's gate": invalid(
        "spec.strategy.canary.steps[1].gates[0]: there is no gate 'speed' (one of analysis.gates: error-rate)",
        canary(strategy={"canary": BY_GATE}),
    ),
    "no strategy": invalid("spec.strategy: neither blueGreen nor canary is set", blue_green(strategy={})),
    "two strategies": invalid("spec.strategy: both strategies are set", canary(strategy=BOTH)),
    "canary without routes": invalid(
        "spec.strategy.canary: a canary without HTTPRoutes (at least one in traffic.httpRoutes)",
        without(canary(), "traffic"),
    ),
    "abort": invalid("spec.abort: 'all' has not the right form", blue_green(abort="all")),
    # Names that others have (10).
    "live Service": taken(
        f"Service {NAME} exists and is not this Rollout's: rename the Rollout, or remove the Service",
        "Service",
        service(NAME),
    ),
    "preview Service": taken(f"Service {PREVIEW} exists and is not this Rollout's", "Service", service(PREVIEW)),
    "candidate Service": taken(
        f"Service {CANDIDATE} exists and is not this Rollout's", "Service", service(CANDIDATE), canary()
    ),
    "Service of another Rollout": taken(
        f"Service {NAME} exists and belongs to Rollout api: rename the Rollout, or remove the Service",
        "Service",
        service(NAME, labels=OURS, ownerReferences=[OTHER]),
    ),
    "Service with the labels of another Rollout": taken(
        f"Service {PREVIEW} exists and is not", "Service", service(PREVIEW, labels=names.child_labels(PREVIEW))
    ),
    "Service that nobody manages": taken(
        f"Service {NAME} exists and is not", "Service", service(NAME, labels={names.ROLLOUT_LABEL: NAME})
    ),
    "Deployment": taken(
        f"Deployment {NAME}-{V1} exists and is not this Rollout's: rename the Rollout, or remove the Deployment",
        "Deployment",
        deployment(f"{NAME}-{V1}"),
    ),
    "Deployment of another Rollout": taken(
        f"Deployment {NAME}-{V1} exists and belongs to Rollout api",
        "Deployment",
        deployment(f"{NAME}-{V1}", labels=OURS, ownerReferences=[OTHER]),
    ),
    # A Service of others that would bring users to the unapproved candidate.
    "overlap": Wrong(
        "SelectorOverlap",
        f"Service legacy (selector app=web) would send its users to the unapproved pods of revision {V1}: "
        "narrow its selector, or use other labels in spec.template",
        blue_green(),
        (("Service", service("legacy", {"app": "web"})),),
        pods=False,
    ),
    "overlap by our own label": Wrong(
        "SelectorOverlap",
        "Service all (selector slipway.dev/rollout=web) would send",
        blue_green(),
        (("Service", service("all", {names.ROLLOUT_LABEL: NAME})),),
        pods=False,
    ),
    # What an administrator has to say first.
    "automatic": Wrong(
        "AutomaticNotAllowed",
        "spec.approval: Automatic needs the label slipway.dev/approval=automatic on namespace shop; "
        "an administrator sets it, or use approval: Required",
        blue_green(approval="Automatic"),
    ),
    "source": Wrong(
        "UnknownSource",
        "spec.analysis.source: there is no metrics source 'mine'; known: default; "
        "an administrator adds it under `sources` of the operator's configuration",
        blue_green(analysis={"source": "mine", "gates": [{"name": "errors", "preset": "error-rate", "below": 1}]}),
    ),
    "no source at all": Wrong(
        "UnknownSource",
        "spec.analysis.source: there is no metrics source 'default'; known: none is configured; "
        "an administrator adds it under `sources` of the operator's configuration",
        blue_green(),
        settings=Settings(sources=frozenset()),
    ),
    # Routes.
    "preview as a backend": Wrong(
        "PreviewRouted",
        f"HTTPRoute shop/back-door names {PREVIEW}, which serves the unapproved candidate: remove that backend",
        blue_green(),
        routes=(route("back-door", {"backendRefs": [backend("docs"), backend(PREVIEW, 0)]}),),
        pods=False,
    ),
    "preview as a mirror, from another namespace": Wrong(
        "PreviewRouted",
        f"HTTPRoute elsewhere/mirror names {PREVIEW}",
        blue_green(),
        far=(elsewhere(route("mirror", {"filters": [MIRROR], "backendRefs": [backend("docs")]})),),
        pods=False,
    ),
    "route that is not listed": Wrong(
        "RouteConflict",
        f"HTTPRoute shop/stray names {CANDIDATE} but is not in spec.traffic.httpRoutes: list it there or remove it",
        canary(),
        routes=(route(), route("stray", {"backendRefs": [backend(CANDIDATE, 1)]})),
    ),
    "route of the same name in another namespace": Wrong(
        "RouteConflict",
        f"HTTPRoute elsewhere/{NAME} names {CANDIDATE}",
        canary(),
        far=(elsewhere(route(NAME, {"backendRefs": [backend(CANDIDATE, 1, namespace=NAMESPACE)]})),),
    ),
    "no such route": Wrong(
        "RouteNotFound",
        "spec.traffic.httpRoutes[1]: there is no HTTPRoute second in namespace shop",
        canary(traffic=LISTED),
    ),
    "route without the candidate": Wrong(
        "RouteNotUsable",
        f"spec.traffic.httpRoutes[0]: HTTPRoute {NAME}: spec.rules[1].backendRefs must list {NAME} and {CANDIDATE}",
        canary(),
        routes=(route(NAME, SPLIT, {"backendRefs": [backend(NAME, 100)]}),),
    ),
    "second route with others beside ours": Wrong(
        "RouteNotUsable",
        "spec.traffic.httpRoutes[1]: HTTPRoute second: spec.rules[0].backendRefs has weighted backends beside",
        canary(traffic=LISTED),
        routes=(route(), route("second", {"backendRefs": [backend(NAME), backend(CANDIDATE, 0), backend("docs")]})),
    ),
    "session persistence": Wrong(
        "RouteNotUsable",
        "spec.traffic.httpRoutes[0]: HTTPRoute web: spec.rules[0].sessionPersistence overrides weights",
        canary(),
        routes=(
            route(
                NAME, {"sessionPersistence": {"type": "Cookie"}, "backendRefs": [backend(NAME), backend(CANDIDATE, 0)]}
            ),
        ),
    ),
    "port": Wrong(
        "PortRouted",
        f"spec.service.ports: HTTPRoute {NAME} sends to port 8080, which this revision lacks",
        canary(),
        routes=(route(NAME, {"backendRefs": [backend(NAME, port=8080), backend(CANDIDATE, 0)]}),),
    ),
}


def arranged(wrong: Wrong) -> Cluster:
    """The cluster one pass on: its revision is stored."""
    cluster = wrong.cluster()
    cluster.once()
    return cluster


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_semantics_30_what_stands_in_the_way_is_named_with_the_path_of_the_field(wrong: Wrong) -> None:
    found = acceptance(arranged(wrong))
    assert (found.accepted, found.reason, found.pods) == (False, wrong.reason, wrong.pods)
    assert found.message.startswith(wrong.words)


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_semantics_30_it_is_said_in_the_condition_and_no_request_is_sent_anywhere(wrong: Wrong) -> None:
    cluster = arranged(wrong)
    cluster.promote("web-1")
    cluster.run(10)
    cluster.approve("web-1")
    cluster.run(10)
    condition = cluster.condition("Accepted")
    assert (condition["status"], condition["reason"]) == ("False", wrong.reason)
    assert condition["message"].startswith(wrong.words)
    assert cluster.condition("Ready")["status"] != "True"
    assert (cluster.phase(), cluster.status["message"]) == ("Invalid", condition["message"])
    assert cluster.live in (None, "none")
    assert cluster.selected(CANDIDATE) in (None, "none")
    there = {obj["metadata"]["name"] for _, obj in wrong.there}
    mine = {obj["metadata"]["name"] for obj in cluster.all("Deployment")} - there
    assert wrong.pods or not mine, "not even pods may be made"


@pytest.mark.parametrize("wrong", [w for w in WRONG.values() if w.reason == "NameTaken"])
def test_semantics_10_what_others_have_is_left_as_it_is(wrong: Wrong) -> None:
    cluster = wrong.cluster()
    kind, obj = wrong.there[0]
    name = obj["metadata"]["name"]
    before = copy.deepcopy(cluster.get(kind, name))
    for _ in range(5):
        cluster.once()
    assert cluster.get(kind, name) == before
    assert not [obj for obj in cluster.all("Deployment") if obj["metadata"]["name"] != name]
    if kind == "Service":
        assert [obj["metadata"]["name"] for obj in cluster.all("Service")] == [name], "nothing is made beside it"


def test_every_reason_that_accept_gives_is_in_the_table() -> None:
    reasons = {wrong.reason for wrong in WRONG.values()}
    assert reasons == {
        "InvalidSpec",
        "NameTaken",
        "SelectorOverlap",
        "AutomaticNotAllowed",
        "UnknownSource",
        "PreviewRouted",
        "RouteConflict",
        "RouteNotFound",
        "RouteNotUsable",
        "PortRouted",
    }, "and these have a test of their own below: DigestCollision, TemplateRejected, UnknownHistory"


def test_all_that_is_wrong_with_a_spec_is_said_at_once() -> None:
    found = acceptance(Cluster(blue_green(replicas=-1, abort="all")))
    assert found.message.split("; ")[0].startswith("spec.replicas: ")
    assert found.message.split("; ")[1].startswith("spec.abort: ")


def test_another_revision_with_the_same_first_digits_is_refused() -> None:
    """Ten digits name a revision, the whole digest is what was approved."""
    cluster = serving(blue_green())
    snapshot = cluster.snapshot()
    assert snapshot.rollout is not None
    case = read(snapshot, snapshot.rollout, cluster.now)
    assert case.lineage.desired is not None
    stored = replace(case.lineage.desired, digest=V1 + "0" * 54)
    lineage = replace(case.lineage, desired=stored, revisions={V1: stored})
    found = accept(replace(case, lineage=lineage))
    assert (found.accepted, found.reason, found.pods) == (False, "DigestCollision", False)
    assert found.message.startswith(f"spec.template: digest {V1}")
    assert stored.digest in found.message


def test_a_template_that_the_api_server_refuses_is_said_in_its_words() -> None:
    cluster = Cluster(blue_green())
    cluster.probe = lambda probe: not isinstance(probe, DryRun)
    cluster.promote("web-1")
    cluster.run(10)
    condition = cluster.condition("Accepted")
    assert (condition["status"], condition["reason"]) == ("False", "TemplateRejected")
    assert condition["message"] == "spec.template: refused"
    assert not cluster.all("Deployment")


def test_semantics_02_under_automatic_a_service_without_marks_waits_for_a_person() -> None:
    cluster = Cluster(blue_green(approval="Automatic"), automatic=True)
    assert cluster.run(60, lambda: cluster.phase() == "Healthy")
    obj = cluster.get("ControllerRevision", f"{NAME}-{V1}")
    cluster.put("ControllerRevision", {**obj, "metadata": {**obj["metadata"], "annotations": {}}})
    cluster.wipe_status()
    cluster.edit(template=template(2))
    cluster.run(60)
    condition = cluster.condition("Accepted")
    assert (condition["status"], condition["reason"]) == ("False", "UnknownHistory")
    assert condition["message"].endswith("set spec.approval: Required for that")
    assert cluster.live == V1


# --- What does not stand in the way

FINE: dict[str, Callable[[], Cluster]] = {
    "blue/green": lambda: Cluster(blue_green()),
    "canary": lambda: Cluster(canary()),
    "automatic where it is allowed": lambda: Cluster(blue_green(approval="Automatic"), automatic=True),
    "a Service of others where no approval is asked for": lambda: Wrong(
        "", "", blue_green(approval="Automatic"), (("Service", service("legacy", {"app": "web"})),), automatic=True
    ).cluster(),
    "no gates, no source": lambda: Wrong("", "", blue_green(analysis={"source": "mine", "gates": []})).cluster(),
    "a candidate Service of others, without routes": lambda: Wrong(
        "", "", blue_green(), (("Service", service(CANDIDATE)),)
    ).cluster(),
    "Services of others that select others": lambda: Wrong(
        "", "", blue_green(), (("Service", service("a", {"app": "web", "tier": "front"})), ("Service", service("b")))
    ).cluster(),
    "a Service without a selector": lambda: Wrong(
        "", "", blue_green(), (("Service", {"metadata": {"name": "external"}, "spec": {}}),)
    ).cluster(),
    "a route of others to the live Service": lambda: Cluster(
        canary(), routes=[route(), route("other", {"backendRefs": [backend(NAME)]})]
    ),
    "a port that only a blue/green route names": lambda: Cluster(
        blue_green(traffic={"httpRoutes": [{"name": NAME}]}),
        routes=[route(NAME, {"backendRefs": [backend(NAME, port=8080), backend(CANDIDATE, 0)]})],
    ),
}


@pytest.mark.parametrize("make", FINE.values(), ids=FINE)
def test_what_is_nobody_elses_is_accepted(make: Callable[[], Cluster]) -> None:
    cluster = make()
    cluster.once()
    assert acceptance(cluster) == Acceptance(True)


@pytest.mark.parametrize("owners", [[], [{"kind": "ConfigMap", "name": "x", "uid": "uid-x"}]])
def test_semantics_33_orphans_with_our_labels_are_ours(owners: list[Object]) -> None:
    """`--cascade=orphan` takes the ownerReference and leaves the labels; an owner that controls nothing is none."""
    cluster = serving(canary())
    for kind in ("Service", "Deployment"):
        for obj in cluster.all(kind):
            cluster.put(kind, {**obj, "metadata": {**obj["metadata"], "ownerReferences": owners}})
    assert acceptance(cluster).accepted


def test_an_overlap_with_what_was_approved_is_the_users_own_business() -> None:
    cluster = serving(blue_green())
    cluster.put("Service", service("legacy", {"app": "web"}))
    assert acceptance(cluster).accepted
    cluster.edit(template=template(2))
    cluster.settle()
    assert acceptance(cluster).reason == "SelectorOverlap"
    assert cluster.size(V2) == 0


def test_an_overlap_with_what_was_sent_back_is_one_again() -> None:
    cluster = shifting(blue_green(), 100)
    cluster.put("Service", service("legacy", {"app": "web"}))
    assert acceptance(cluster).accepted
    cluster.say("web-2", abort="no")
    cluster.run(60)
    assert acceptance(cluster).reason == "SelectorOverlap"


def test_the_first_obstacle_is_the_one_that_is_named() -> None:
    """A name that is taken before a route that is missing: nothing may be written at all."""
    cluster = Cluster(canary(approval="Automatic"), routes=[])
    assert acceptance(cluster).reason == "AutomaticNotAllowed"
    cluster.put("Service", service("legacy", {"app": "web"}))
    cluster.edit(approval=None)
    assert acceptance(cluster).reason == "SelectorOverlap"
    cluster.put("Service", service(NAME))
    assert acceptance(cluster).reason == "NameTaken"


@pytest.mark.parametrize(
    "edit", [{"progressDeadline": "soon"}, {"environment": None}, {"template": None}, {"approval": "Automatic"}]
)
def test_semantics_12_what_is_refused_in_flight_holds_and_can_still_go_back(edit: Object) -> None:
    cluster = shifting(canary())
    cluster.edit(**edit)
    cluster.run(60)
    assert (cluster.phase(), cluster.live, cluster.weight) == ("Invalid", V1, 25)
    cluster.say("web-2", abort="no")
    cluster.once()
    assert (cluster.live, cluster.weight) == (V1, 0)
