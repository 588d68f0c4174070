"""The CRDs on a real API server: what it takes, what it refuses and with which words, what it fills in."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cluster.capabilities import Level
from tests.cluster.cluster import Cluster
from tests.cluster.kubectl import until_established
from tests.unit.api import objects
from tests.unit.api.objects import ACCEPTED, OTHER_PLAN, PLAN, REFUSED, REFUSED_NAMES, Refused

from slipway.api.model import dump
from slipway.api.rollout import RolloutStatus, read_rollout, read_status

REPOSITORY = Path(__file__).parents[2]
SAMPLES = sorted(
    path for path in (REPOSITORY / "manifests" / "samples").glob("*.yaml") if "slipway.dev/v1alpha1" in path.read_text()
)


class Shop:
    """A namespace, spoken to as a user does: with kubectl."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace

    def run(self, *arguments: str, made: dict[str, Any] | None = None) -> subprocess.CompletedProcess[str]:
        stdin = None if made is None else json.dumps(made)
        return self.cluster.try_kubectl(*arguments, f"--namespace={self.namespace}", stdin=stdin)

    def must(self, *arguments: str, made: dict[str, Any] | None = None) -> str:
        done = self.run(*arguments, made=made)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refusal(self, *arguments: str, made: dict[str, Any] | None = None) -> str:
        done = self.run(*arguments, made=made)
        assert done.returncode != 0, f"was accepted: {done.stdout}"
        return done.stderr

    def create(self, made: dict[str, Any]) -> None:
        self.must("create", "--filename=-", made=made)

    def get(self, resource: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.must("get", resource, name, "--output=json"))
        return found

    def apply(self, made: dict[str, Any], *how: str) -> None:
        self.must("apply", *how, "--filename=-", made=made)


def spec(**fields: Any) -> tuple[str, ...]:
    return "--type=merge", f"--patch={json.dumps({'spec': fields})}"


@pytest.fixture(scope="module")
def crds() -> Iterator[Cluster]:
    """A control plane of its own: no admission policy speaks before the schema does."""
    with Cluster.start(Level.CONTROL_PLANE) as cluster:
        cluster.kubectl("apply", "--server-side", f"--filename={REPOSITORY / 'crds'}")
        until_established(cluster.kubectl)
        yield cluster


@pytest.fixture
def shop(crds: Cluster, request: pytest.FixtureRequest) -> Iterator[Shop]:
    name = f"shop-{abs(hash(request.node.nodeid)):x}"
    crds.kubectl("create", "namespace", name)
    yield Shop(crds, name)
    crds.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="module")
def empty(crds: Cluster) -> Shop:
    """A namespace for dry runs, which leave nothing behind."""
    crds.kubectl("create", "namespace", "empty")
    return Shop(crds, "empty")


@pytest.mark.parametrize("made", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_good_objects_are_accepted(empty: Shop, made: dict[str, Any]) -> None:
    empty.must("create", "--dry-run=server", "--filename=-", made=made)


CASES = [*REFUSED_NAMES, *REFUSED]


@pytest.mark.parametrize("case", CASES, ids=[case.what for case in CASES])
def test_bad_objects_are_refused_in_words(empty: Shop, case: Refused) -> None:
    said = empty.refusal("create", "--dry-run=server", "--filename=-", made=case.made)
    assert case.says in said
    if "regular expression" not in case.says:  # only the error itself can say what is wrong with one
        assert "evaluating rule" not in said, "a rule that breaks on bad input hides what is wrong with it"


@pytest.mark.parametrize("path", SAMPLES, ids=[path.name for path in SAMPLES])
def test_samples_are_accepted(shop: Shop, path: Path) -> None:
    ours = [each for each in yaml.safe_load_all(path.read_text()) if each["apiVersion"].startswith("slipway.dev/")]
    for made in ours:
        made["metadata"].pop("namespace", None)  # a policy has none
        shop.apply(made, "--server-side")


def test_unknown_fields_are_pruned_with_a_warning_where_a_client_does_not_ask_for_errors(shop: Shop) -> None:
    made = objects.rollout(replica=3)
    done = shop.run("create", "--validate=warn", "--filename=-", made=made)
    assert (done.returncode, 'Warning: unknown field "spec.replica"' in done.stderr) == (0, True)
    assert "replica" not in shop.get("rollouts.slipway.dev", "web")["spec"]


# What the API server fills in


def test_a_minimal_rollout_gets_its_defaults_and_reads_the_same(shop: Shop) -> None:
    made = objects.rollout()
    shop.apply(made, "--server-side")
    stored = shop.get("rollout", "web")
    assert stored["spec"] == made["spec"] | {
        "replicas": 1,
        "minReadySeconds": 0,
        "progressDeadline": "10m",
        "revisionHistoryLimit": 3,
        "approval": "Required",
        "analysis": {"source": "default", "interval": "30s", "noDataTimeout": "10m", "onNoData": "Hold"},
    }
    assert read_rollout(stored).spec == read_rollout(made).spec


@pytest.mark.parametrize(("made", "resource"), [(objects.rollout(), "rollout"), (objects.promotion(), "promotion")])
def test_nothing_counts_as_observed_before_the_operator_has_seen_it(
    shop: Shop, made: dict[str, Any], resource: str
) -> None:
    shop.create(made)
    assert shop.get(resource, made["metadata"]["name"])["status"] == {"observedGeneration": -1}


def test_template_and_ports_are_stored_as_they_were_written(shop: Shop) -> None:
    template = {
        "metadata": {"labels": {"a": "b"}, "creationTimestamp": None},
        "spec": {"containers": [{"name": "web", "image": "registry.example/web:1", "ports": [{"containerPort": 1}]}]},
    }
    ports = [
        {"name": "http", "port": 80},
        {"name": "admin", "port": 81, "targetPort": "admin", "protocol": "TCP"},
    ]
    shop.create(objects.rollout(template=template, service={"ports": ports}))
    stored = shop.get("rollout", "web")["spec"]
    assert (stored["template"], stored["service"]["ports"]) == (template, ports)


def test_nobody_approves_by_default(shop: Shop) -> None:
    shop.create(objects.promotion())
    assert shop.get("promotion", "web-1")["spec"] == {"rollout": "web", "environment": "production"}


# What may change


def test_the_environment_of_a_rollout_is_immutable(shop: Shop) -> None:
    shop.create(objects.rollout())
    said = shop.refusal("patch", "rollout", "web", *spec(environment="staging"))
    assert 'spec.environment: Invalid value: "staging": environment is immutable' in said


@pytest.mark.parametrize(
    ("field", "before", "after"),
    [
        ("rollout", "web", "api"),
        ("environment", "production", "staging"),
        ("revision", "3f2a9c01de", "0000000000"),
        ("revision", "3f2a9c01de", None),
        ("revision", None, "3f2a9c01de"),
        ("from", {"rollout": "web-staging"}, {"rollout": "web-qa"}),
        ("from", {"rollout": "web-staging"}, None),
        ("from", None, {"rollout": "web-staging"}),
        ("dryRun", True, False),
        ("dryRun", True, None),
        ("dryRun", None, True),
    ],
)
def test_what_a_promotion_is_about_is_immutable(shop: Shop, field: str, before: object, after: object) -> None:
    shop.create(objects.promotion(**{field: before} if before else {}))
    said = shop.refusal("patch", "promotion", "web-1", *spec(**{field: after}))
    assert f"spec.{field}: Invalid value" in said
    assert f"{field} is immutable: another one is another Promotion" in said


CASE = {
    "images": [{"name": "web", "image": "registry.example/web:1"}],
    "setImages": True,
    "version": "v1",
    "commit": "abc1234",
    "idea": {"id": "IDEA-1", "summary": "pay later", "journey": [{"stage": "SPARK", "at": "2024-03-15"}]},
    "readiness": {"stage": "REFINE", "status": "approved", "score": 8, "criticalIssues": [{"id": "BUG-1"}]},
    "assessment": {"dataClassification": "INTERNAL", "risk": "Medium", "recommendation": "Proceed"},
    "checks": [{"name": "tests", "category": "Quality", "attest": {"passed": True, "summary": "185/185"}}],
    "rollbackPlan": {"steps": ["kubectl -n shop get rollouts.slipway.dev web"]},
    "migrations": {"scripts": ["001.sql"], "backwardCompatible": True, "estimatedDuration": "5m"},
    "operations": {"logging": "Loki", "links": {"runbook": "https://runbooks.example/web"}},
    "communication": {"changelog": "faster", "notify": ["support"]},
    "watch": [{"for": "1h", "interval": "30s"}],
}
OTHER_CASE = {
    "images": [{"name": "web", "image": "registry.example/web:2"}],
    "setImages": False,
    "version": "v2",
    "commit": "def5678",
    "idea": {"id": "IDEA-2"},
    "readiness": {"stage": "REFINE", "status": "approved", "score": 7.5},
    "assessment": {"risk": "High"},
    "checks": [{"name": "tests", "category": "Quality", "attest": {"passed": False, "summary": "184/185"}}],
    "rollbackPlan": {"steps": ["kubectl -n shop get pods"]},
    "migrations": {"scripts": ["001.sql"], "backwardCompatible": False},
    "operations": {"logging": "files"},
    "communication": {"changelog": "slower"},
    "watch": [],
}


def test_the_pod_of_a_migration_is_frozen_too(shop: Shop) -> None:
    patch = ("patch", "promotion", "web-1")
    shop.create(objects.promotion(migrations={"backwardCompatible": True, "jobs": {"expand": objects.JOB}}))
    shop.must(*patch, *spec(approved=True))
    other = {"spec": {"containers": [{"name": "a", "image": "b"}]}}
    said = shop.refusal(*patch, *spec(migrations={"jobs": {"expand": {"template": other}}}))
    assert "frozen while the Promotion is approved: withdraw first" in said


@pytest.mark.parametrize("field", CASE)
@pytest.mark.parametrize("said_yes", [{"approved": True}, {"approvals": {"someone@example.com": PLAN}}])
def test_the_case_is_frozen_while_approved(shop: Shop, field: str, said_yes: dict[str, Any]) -> None:
    patch = ("patch", "promotion", "web-1")
    shop.create(objects.promotion(**CASE))
    shop.must(*patch, *spec(**{field: OTHER_CASE[field]}))
    shop.must(*patch, *spec(**said_yes))
    for change in (CASE[field], None):
        said = shop.refusal(*patch, *spec(**{field: change}))
        assert f"spec.{field}: Invalid value" in said
        assert "frozen while the Promotion is approved: withdraw first" in said
    shop.must(*patch, *spec(**dict.fromkeys(said_yes), **{field: CASE[field]}))
    assert shop.get("promotion", "web-1")["spec"][field] == CASE[field]


@pytest.mark.parametrize("field", CASE)
def test_nobody_approves_and_changes_the_case_at_once(shop: Shop, field: str) -> None:
    shop.create(objects.promotion())
    said = shop.refusal("patch", "promotion", "web-1", *spec(approved=True, **{field: CASE[field]}))
    assert "frozen while the Promotion is approved" in said


def test_a_case_may_not_be_completed_after_the_approval(shop: Shop) -> None:
    shop.create(objects.promotion())
    shop.must("patch", "promotion", "web-1", *spec(approved=True))
    assert "frozen" in shop.refusal("patch", "promotion", "web-1", *spec(commit="abc1234"))


def test_withdrawing_thaws_the_case(shop: Shop) -> None:
    shop.create(objects.promotion(**CASE))
    shop.must("patch", "promotion", "web-1", *spec(approved=True))
    shop.must("patch", "promotion", "web-1", *spec(approved=False))
    shop.must("patch", "promotion", "web-1", *spec(**OTHER_CASE))


def test_what_people_say_may_change_while_approved(shop: Shop) -> None:
    shop.create(objects.promotion(**CASE))
    patch = ("patch", "promotion", "web-1")
    shop.must(*patch, *spec(approved=True, approvals={"someone@example.com": PLAN}))
    shop.must(*patch, *spec(approvals={"oidc:https://id.example/some.one": OTHER_PLAN}))
    shop.must(*patch, *spec(approvedWeight=50, hold="lunch", rollbackPlanNeeded=True, rerun="2"))
    shop.must(*patch, *spec(hold=None, acceptNoData={"weight": 10, "reason": "no users at night"}, abort="enough"))
    assert shop.get("promotion", "web-1")["spec"]["approvals"] == {
        "someone@example.com": PLAN,
        "oidc:https://id.example/some.one": OTHER_PLAN,
    }


def test_two_people_approve_side_by_side_with_server_side_apply(shop: Shop) -> None:
    shop.create(objects.promotion())
    for who in ("one@example.com", "other@example.com"):
        shop.apply(objects.promotion(approvals={who: PLAN}), "--server-side", f"--field-manager={who}")
    assert shop.get("promotion", "web-1")["spec"]["approvals"] == {
        "one@example.com": PLAN,
        "other@example.com": PLAN,
    }


def test_the_largest_promotion_that_is_allowed_may_be_changed(shop: Shop) -> None:
    made = ACCEPTED["the largest Promotion"]
    shop.create(made)
    shop.must("patch", "promotion", "web-1", *spec(hold="lunch"))


# Changing one's mind with kubectl apply


@pytest.mark.parametrize("how", [("--server-side",), ()], ids=["server-side", "client-side"])
def test_a_strategy_takes_the_place_of_the_other(shop: Shop, how: tuple[str, ...]) -> None:
    steps = {"weight": 10}
    for made in (
        objects.rollout(),
        objects.canary(steps),
        objects.rollout(strategy={"blueGreen": {}}),
        objects.rollout(),
    ):
        shop.apply(made, *how)
        wanted = made["spec"].get("strategy", {})
        assert shop.get("rollout", "web")["spec"].get("strategy", {}).keys() == wanted.keys()


@pytest.mark.parametrize("how", [("--server-side",), ()], ids=["server-side", "client-side"])
def test_gates_are_exactly_those_that_were_applied_last(shop: Shop, how: tuple[str, ...]) -> None:
    load, errors = {"name": "g", "query": "up", "below": 1}, {"name": "g", "preset": "error-rate", "below": 1}
    for made in (
        objects.rollout(),
        objects.gates(load),
        objects.gates(errors),
        objects.gates(),
        objects.rollout(),
    ):
        shop.apply(made, *how)
        assert read_rollout(shop.get("rollout", "web")).spec.analysis == read_rollout(made).spec.analysis


@pytest.mark.parametrize("how", [("--server-side",), ()], ids=["server-side", "client-side"])
def test_a_smoke_test_takes_the_place_of_the_other(shop: Shop, how: tuple[str, ...]) -> None:
    http, tcp = {"name": "t", "http": {"port": 80}}, {"name": "t", "tcp": {"service": "db", "port": 1}}
    for made in (
        objects.smoke_tests(http),
        objects.smoke_tests(tcp),
        objects.smoke_tests(http),
        objects.smoke_tests(),
    ):
        shop.apply(made, *how)
        assert read_rollout(shop.get("rollout", "web")).spec.smoke_tests == read_rollout(made).spec.smoke_tests


# Subresources, and what kubectl shows


STATUS: dict[str, Any] = {
    "observedGeneration": 1,
    "replicas": 3,
    "selector": "slipway.dev/rollout=web,slipway.dev/revision=3f2a9c01de",
    "strategy": "Canary",
    "phase": "Shifting",
    "message": "candidate 77e0b1aa32 at 10 %",
    "stable": {
        "revision": "3f2a9c01de",
        "deployment": "web-3f2a9c01de",
        "images": ["registry.example/web:1"],
    },
    "candidate": {
        "revision": "77e0b1aa32",
        "readyReplicas": 1,
        "weight": 10,
        "step": {"index": 0, "weight": 10, "startedAt": "2026-03-01T12:00:00.500Z"},
    },
    "gates": [
        {
            "name": "error-rate",
            "verdict": "Pass",
            "value": 0.0,
            "bound": "< 0.01",
            "passes": 1,
            "failures": 0,
            "recent": [{"at": "2026-03-01T12:00:30Z", "value": 0.0, "verdict": "Pass"}],
        }
    ],
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "reason": "Serving",
            "message": "3f2a9c01de serves",
            "lastTransitionTime": "2026-03-01T12:00:00Z",
            "observedGeneration": 1,
        }
    ],
}


def write_status(shop: Shop, resource: str, name: str, status: dict[str, Any]) -> None:
    made = shop.get(resource, name) | {"status": status}
    shop.must("replace", "--subresource=status", "--filename=-", made=made)


def test_status_is_written_by_its_subresource_only_and_reads_as_it_was_written(shop: Shop) -> None:
    status = read_status({"status": STATUS})
    assert dump(status) == STATUS
    shop.create(objects.rollout() | {"status": STATUS})
    assert shop.get("rollout", "web")["status"] == {"observedGeneration": -1}
    write_status(shop, "rollout", "web", dump(status))
    shop.must("patch", "rollout", "web", "--type=merge", '--patch={"status": {"phase": "Healthy"}}')
    assert shop.get("rollout", "web")["status"] == STATUS


def test_an_empty_status_may_be_written(shop: Shop) -> None:
    shop.create(objects.rollout())
    write_status(shop, "rollout", "web", dump(RolloutStatus()))
    assert shop.get("rollout", "web")["status"] == {"observedGeneration": -1, "replicas": 0}


def test_a_wiped_status_comes_back_as_not_observed(shop: Shop) -> None:
    shop.create(objects.rollout())
    write_status(shop, "rollout", "web", STATUS)
    shop.must("patch", "rollout", "web", "--subresource=status", "--type=merge", '--patch={"status": null}')
    assert read_status(shop.get("rollout", "web")) == RolloutStatus()


def test_kubectl_scale_and_autoscalers_find_replicas_and_selector(shop: Shop) -> None:
    shop.create(objects.rollout(replicas=2))
    write_status(shop, "rollout", "web", STATUS)
    shop.must("scale", "rollout", "web", "--replicas=5")
    path = f"/apis/slipway.dev/v1alpha1/namespaces/{shop.namespace}/rollouts/web/scale"
    scale = json.loads(shop.must("get", "--raw", path))
    assert (scale["spec"], scale["status"]) == (
        {"replicas": 5},
        {"replicas": 3, "selector": "slipway.dev/rollout=web,slipway.dev/revision=3f2a9c01de"},
    )
    assert shop.get("rollout", "web")["spec"]["replicas"] == 5


def table(printed: str) -> list[list[str]]:
    header, *rows = printed.splitlines()
    starts = [index for index, char in enumerate(header) if char != " " and (index == 0 or header[index - 1] == " ")]
    return [
        [line[begin:end].strip() for begin, end in zip(starts, [*starts[1:], None], strict=True)]
        for line in (header, *rows)
    ]


def test_kubectl_get_shows_a_rollout_at_a_glance(shop: Shop) -> None:
    shop.create(objects.rollout())
    write_status(shop, "rollout", "web", STATUS)
    header, row = table(shop.must("get", "slro"))
    assert header == ["NAME", "STRATEGY", "PHASE", "WEIGHT", "STABLE", "CANDIDATE", "READY", "AGE"]
    assert row[:-1] == ["web", "Canary", "Shifting", "10", "3f2a9c01de", "77e0b1aa32", "True"]


def test_kubectl_get_shows_a_promotion_at_a_glance(shop: Shop) -> None:
    shop.create(objects.promotion(version="v2"))
    approved = {**STATUS["conditions"][0], "type": "Approved", "status": "False", "reason": "Awaited"}
    write_status(shop, "promotion", "web-1", {"phase": "Blocked", "message": "no", "conditions": [approved]})
    header, row = table(shop.must("get", "slpr"))
    assert header == ["NAME", "ROLLOUT", "VERSION", "PHASE", "APPROVED", "MESSAGE", "AGE"]
    assert row[:-1] == ["web-1", "web", "v2", "Blocked", "False", "no"]


def test_promotions_are_found_by_the_id_of_their_idea(shop: Shop) -> None:
    for name, idea in (("first", "IDEA-7"), ("second", "IDEA-8"), ("third", None)):
        stated = objects.promotion(**({"idea": {"id": idea}} if idea else {}))
        shop.create({**stated, "metadata": {"name": name}})
    found = shop.must("get", "promotions.slipway.dev", "--field-selector=spec.idea.id=IDEA-7", "--output=name")
    assert found.split() == ["promotion.slipway.dev/first"]


def test_the_category_lists_all_kinds(shop: Shop) -> None:
    shop.create(objects.rollout())
    shop.create(objects.promotion())
    listed = shop.must("get", "slipway", "--output=name").split()
    # Policies are the cluster's: those of other tests may be there too.
    assert [name for name in listed if not name.startswith("promotionpolicy.")] == [
        "promotion.slipway.dev/web-1",
        "rollout.slipway.dev/web",
    ]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("rollouts.slipway.dev", "What runs, how a new revision takes traffic"),
        (
            "rollouts.slipway.dev.spec.strategy.canary.steps.weight",
            "Percent of the traffic for the candidate",
        ),
        ("rollouts.slipway.dev.spec.template.spec", "The pod, as in a Deployment's template."),
        ("promotions.slipway.dev.spec.approved", "true: puts it before users"),
    ],
)
def test_kubectl_explain_explains(crds: Cluster, path: str, says: str) -> None:
    assert says in " ".join(crds.kubectl("explain", path).split())


def test_the_api_server_has_no_reservations(crds: Cluster) -> None:
    for name in ("rollouts.slipway.dev", "promotions.slipway.dev"):
        found = json.loads(crds.kubectl("get", "crd", name, "--output=json"))
        conditions = {each["type"]: each["status"] for each in found["status"]["conditions"]}
        assert conditions == {"NamesAccepted": "True", "Established": "True"}
