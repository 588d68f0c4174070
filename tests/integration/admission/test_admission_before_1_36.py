"""Kubernetes 1.30 to 1.35 do not serve MutatingAdmissionPolicy in v1: the same policies without stamping.

A plain `approved: true` then carries no name; the operator binds it, once, to the plan in status. A person's
own entry is verified as ever.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.cluster.capabilities import Level
from tests.cluster.cluster import Cluster
from tests.cluster.helm import Helm
from tests.cluster.paths import REPOSITORY
from tests.integration.admission.attempts import ATTEMPTS, BELONGS, WEB, with_foreigners
from tests.integration.admission.conftest import allow, guard_answers, install, plan_shown
from tests.integration.admission.guarded_objects import service, with_children
from tests.integration.admission.impersonation import (
    DEPLOYMENT,
    OPERATOR,
    PROMOTION,
    ROLLOUT,
    SERVICE,
    Answer,
    Kubernetes,
    Object,
    User,
    eventually,
)
from tests.integration.admission.people import (
    APPROVER,
    BREAKER,
    DEVELOPER,
    LISTED_ACCOUNT,
    NAMESPACE_ADMIN,
    NEXT_PLAN,
    ODD_APPROVER,
    PLAN,
    UNLISTED_ACCOUNT,
    new_namespace,
    new_promotion,
    promotion,
    rollout,
    show_plan,
)

from slipway.console import decisions, own_name


def command(cluster: Cluster, part: str) -> list[str]:
    """How a part of the control plane was started."""
    return Path(f"/proc/{cluster.parts[part].identity.pid}/cmdline").read_text().split("\0")[:-1]


@pytest.fixture(scope="module")
def older() -> Iterator[Cluster]:
    """A control plane whose API server behaves as Kubernetes 1.33, with what is applied there."""
    with Cluster.start(Level.CONTROL_PLANE) as cluster:
        manages, serves = "kube-controller-manager", "kube-apiserver"
        commands = {name: command(cluster, name) for name in (manages, serves)}
        # The one that manages first: it ends by itself where it waits for an API server that is stopped.
        for name in commands:
            cluster.parts[name].stop()
        api_server = cluster.parts.start(serves, [*commands[serves], "--emulated-version=1.33"])
        ready = "get", "--raw", "/readyz"
        api_server.wait_ready(lambda: cluster.try_kubectl(*ready).returncode == 0, 240, "/readyz")
        cluster.parts.start(manages, commands[manages])
        install(cluster, "install-1.30")
        yield cluster


def test_what_the_chart_makes_for_that_version_is_taken(older: Cluster, tmp_path: Path) -> None:
    """Helm would ask the server, which names the version that it is and not the one that it plays: hence by hand."""
    chart, place = REPOSITORY / "charts" / "slipway", "--namespace=slipway-system"
    more = "--set=networkPolicy.enabled=true,dashboards.enabled=true,rbac.recordRetention=true"
    rendered = Helm(tmp_path)("template", "slipway", str(chart), place, "--kube-version=1.33.0", more)
    apply = "apply", "--server-side", "--dry-run=server", "--force-conflicts", "--filename=-"
    done = older.try_kubectl(*apply, stdin=rendered)
    assert (done.returncode, done.stderr) == (0, "")
    newer = Helm(tmp_path)("template", "slipway", str(chart), place, "--kube-version=1.36.0")
    refused = older.try_kubectl(*apply, stdin=newer)
    assert 'no matches for kind "MutatingAdmissionPolicy"' in refused.stderr


@pytest.fixture(scope="module")
def kube(older: Cluster) -> Iterator[Kubernetes]:
    kube = Kubernetes(older.kubeconfig())
    allow(kube)
    scratch = new_namespace(kube, "ready")
    name = new_promotion(kube, scratch, plan="")
    eventually(lambda: plan_shown(kube, scratch, name), "the operator may write status")
    eventually(lambda: rights_answer(kube, scratch, name), "the right to approve is checked")
    eventually(lambda: guard_answers(kube, scratch), "the guard refuses")
    yield kube
    kube.close()


def rights_answer(kube: Kubernetes, namespace: str, name: str) -> bool:
    words = {"spec": {"approved": True}}
    users = DEVELOPER, LISTED_ACCOUNT
    return [kube.merge(PROMOTION, namespace, name, words, user, dryRun="All").code for user in users] == [403, 200]


def test_it_is_an_older_kubernetes(older: Cluster) -> None:
    served = older.kubectl("api-resources", "--api-group=admissionregistration.k8s.io", "--output=name").split()
    assert "validatingadmissionpolicies.admissionregistration.k8s.io" in served
    assert "mutatingadmissionpolicies.admissionregistration.k8s.io" not in served


def say(kube: Kubernetes, namespace: str, name: str, user: User, **words: object) -> Answer:
    return kube.merge(PROMOTION, namespace, name, {"spec": words}, user)


def approved(kube: Kubernetes, namespace: str) -> str:
    name = new_promotion(kube, namespace, hold="wait")
    answer = say(kube, namespace, name, APPROVER, approved=True, approvedWeight=50)
    assert "approvals" not in answer.spec
    assert "weightApprovals" not in answer.spec
    return name


def test_who_may_approve_is_checked_all_the_same(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    for user in (DEVELOPER, NAMESPACE_ADMIN, UNLISTED_ACCOUNT, OPERATOR):
        say(kube, namespace, name, user, approved=True).refused("slipway-approval")
    for user in (APPROVER, LISTED_ACCOUNT):
        assert say(kube, namespace, name, user, approved=True).spec["approved"] is True
        say(kube, namespace, name, user, approved=None).accepted()


def test_ones_own_entry_is_verified(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    say(kube, namespace, name, ODD_APPROVER, approved=True, approvals={APPROVER.name: PLAN}).refused("may only write")
    answer = say(kube, namespace, name, ODD_APPROVER, approved=True, approvals={ODD_APPROVER.name: PLAN})
    assert answer.spec["approvals"] == {ODD_APPROVER.name: PLAN}


def test_the_operator_binds_an_unnamed_approval_once(kube: Kubernetes, namespace: str) -> None:
    name = approved(kube, namespace)
    answer = say(kube, namespace, name, OPERATOR, approvals={"unverified": PLAN})
    assert answer.spec["approvals"] == {"unverified": PLAN}
    show_plan(kube, namespace, name, NEXT_PLAN).accepted()
    say(kube, namespace, name, OPERATOR, approvals={"unverified": NEXT_PLAN}).refused("the operator never approves")


def test_the_operator_binds_an_unnamed_weight_once(kube: Kubernetes, namespace: str) -> None:
    name = approved(kube, namespace)
    entry = {"unverified": {"weight": 50, "plan": PLAN}}
    assert say(kube, namespace, name, OPERATOR, weightApprovals=entry).spec["weightApprovals"] == entry
    show_plan(kube, namespace, name, NEXT_PLAN).accepted()
    entry = {"unverified": {"weight": 50, "plan": NEXT_PLAN}}
    say(kube, namespace, name, OPERATOR, weightApprovals=entry).refused("the operator never approves")


def test_missing_data_is_accepted_under_the_own_name_or_under_none(kube: Kubernetes, namespace: str) -> None:
    name, night = new_promotion(kube, namespace), {"weight": 10, "reason": "night"}
    say(kube, namespace, name, APPROVER, acceptNoData={**night, "by": ODD_APPROVER.name}).refused("acceptNoData.by")
    assert say(kube, namespace, name, APPROVER, acceptNoData=night).spec["acceptNoData"] == night
    say(kube, namespace, name, APPROVER, acceptNoData={"by": APPROVER.name}).accepted()
    # Nothing stamps here: who accepts more says whose word it is.
    say(kube, namespace, name, ODD_APPROVER, acceptNoData={"weight": 50}).refused("name yourself, or nobody (by: null)")
    later = show_plan(kube, namespace, name, PLAN).accepted()
    patch = decisions.accept_no_data(later, 50, "night", ODD_APPROVER.name)
    accepted = say(kube, namespace, name, ODD_APPROVER, **patch).spec["acceptNoData"]
    assert accepted == {"weight": 50, "reason": "night", "by": ODD_APPROVER.name}
    nameless = decisions.accept_no_data(later, 60, "night", "")
    assert "by" not in say(kube, namespace, name, APPROVER, **nameless).spec["acceptNoData"]


NOT_THE_OPERATORS: dict[str, Object] = {
    "a name": {"approvals": {APPROVER.name: PLAN}},
    "its own name": {"approvals": {OPERATOR.name: PLAN}},
    "another plan": {"approvals": {"unverified": NEXT_PLAN}},
    "a name beside": {"approvals": {"unverified": PLAN, APPROVER.name: PLAN}},
    "another weight": {"weightApprovals": {"unverified": {"weight": 100, "plan": PLAN}}},
    "a weight under another plan": {"weightApprovals": {"unverified": {"weight": 50, "plan": NEXT_PLAN}}},
    "a weight with a name": {"weightApprovals": {APPROVER.name: {"weight": 50, "plan": PLAN}}},
    "a higher weight": {"approvedWeight": 100},
    "a lower weight": {"approvedWeight": 10},
    "no data accepted": {"acceptNoData": {"weight": 10, "reason": "night"}},
    "a hold lifted": {"hold": None},
    "a hold": {"hold": "other words"},
    "an abort": {"abort": "no"},
    "the case": {"version": "v2"},
    "approved: false": {"approved": False},
}


@pytest.mark.parametrize("case", NOT_THE_OPERATORS)
def test_what_the_operator_may_not_write(kube: Kubernetes, namespace: str, case: str) -> None:
    name = approved(kube, namespace)
    answer = say(kube, namespace, name, OPERATOR, **NOT_THE_OPERATORS[case])
    assert answer.code in (403, 422), answer
    before = new_promotion(kube, namespace)
    say(kube, namespace, before, OPERATOR, approvals={"unverified": PLAN}).refused("the operator never approves")


def test_the_operator_removes_words_one_by_one_or_together(kube: Kubernetes, namespace: str) -> None:
    name = approved(kube, namespace)
    assert "approvedWeight" not in say(kube, namespace, name, OPERATOR, approvedWeight=None).spec
    spec = say(kube, namespace, name, OPERATOR, approved=None).spec
    assert "approved" not in spec
    assert spec["hold"] == "wait"


@pytest.mark.parametrize("user", [DEVELOPER, OPERATOR], ids=lambda user: user.name)
def test_a_bound_approval_cannot_be_made_to_look_unbound(kube: Kubernetes, namespace: str, user: User) -> None:
    name = approved(kube, namespace)
    say(kube, namespace, name, OPERATOR, approvals={"unverified": PLAN}).accepted()
    entry = {"unverified": {"weight": 50, "plan": PLAN}}
    say(kube, namespace, name, OPERATOR, weightApprovals=entry).accepted()
    for empty in (None, {"unverified": None}):
        say(kube, namespace, name, user, approvals=empty).refused("cannot be emptied alone", code=422)
        say(kube, namespace, name, user, weightApprovals=empty).refused("cannot be emptied alone", code=422)
    spec = say(
        kube, namespace, name, user, approved=None, approvals=None, approvedWeight=None, weightApprovals=None
    ).spec
    assert "approved" not in spec


def test_an_author_is_only_known_by_the_own_word_and_never_forged(kube: Kubernetes, namespace: str) -> None:
    own = promotion("own", requestedBy=DEVELOPER.name)
    assert kube.create(PROMOTION, namespace, own, DEVELOPER).spec["requestedBy"] == DEVELOPER.name
    forged = promotion("forged", requestedBy=APPROVER.name)
    kube.create(PROMOTION, namespace, forged, DEVELOPER).refused("spec.requestedBy: developer@example.com creates")
    name = new_promotion(kube, namespace)
    say(kube, namespace, name, DEVELOPER, requestedBy=DEVELOPER.name).refused("stamped at creation", code=422)


def test_the_glass_needs_the_same_right(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    glass = {"reason": "the shop is down"}
    say(kube, namespace, name, APPROVER, breakGlass=glass).refused("it needs the verb break-glass")
    assert say(kube, namespace, name, BREAKER, breakGlass=glass).spec["breakGlass"] == glass
    named = {**glass, "by": BREAKER.name}
    assert say(kube, namespace, name, BREAKER, breakGlass=named).spec["breakGlass"] == named


def test_a_word_has_a_name_only_by_the_own_hand_and_none_that_was_left_behind(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    assert "saidBy" not in say(kube, namespace, name, DEVELOPER, hold="wait").spec
    own = {"hold": {"by": DEVELOPER.name, "said": "longer"}}
    say(kube, namespace, name, APPROVER, hold="longer", saidBy=own).refused("spec.saidBy: approver@example.com says so")
    assert say(kube, namespace, name, DEVELOPER, hold="longer", saidBy=own).spec["saidBy"] == own
    # Lifted without a name, the old one stays beside it and says another word; the same word again needs it away.
    say(kube, namespace, name, APPROVER, hold=None).accepted()
    say(kube, namespace, name, APPROVER, hold="longer").refused("another name is still beside this word")
    assert say(kube, namespace, name, APPROVER, hold="longer", saidBy=None).spec["hold"] == "longer"


def test_the_program_names_whoever_says_a_word(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)

    def said(user: User, decide: Callable[[Object], Object]) -> Object:
        current = kube.get(PROMOTION, namespace, name).accepted()
        patch = own_name.beside(decide(current), current, user.name)
        names: Object = say(kube, namespace, name, user, **patch).spec["saidBy"]
        return names

    lunch, doubt = (lambda _: decisions.hold("lunch")), (lambda _: decisions.doubt())
    assert said(DEVELOPER, lunch) == {"hold": {"by": DEVELOPER.name, "said": "lunch"}}
    assert said(APPROVER, lunch)["hold"]["by"] == DEVELOPER.name, "the word that stands stays its owner's"
    assert said(APPROVER, doubt)["rollbackPlanNeeded"] == {"by": APPROVER.name, "said": "true"}
    lifted = {"by": APPROVER.name, "said": ""}
    assert said(APPROVER, decisions.resume) == {"hold": lifted, "rollbackPlanNeeded": lifted}
    assert said(NAMESPACE_ADMIN, lunch)["hold"] == {"by": NAMESPACE_ADMIN.name, "said": "lunch"}
    ended = said(DEVELOPER, lambda current: decisions.abort(current, "slow")[1])
    assert ended["abort"] == {"by": DEVELOPER.name, "said": "slow"}
    # Whoever cannot be named says the same without a name, over a name that somebody else has left.
    say(kube, namespace, name, APPROVER, hold=None).accepted()
    nameless = own_name.beside(decisions.hold("lunch"), kube.get(PROMOTION, namespace, name).accepted(), "")
    assert "hold" not in say(kube, namespace, name, APPROVER, **nameless).spec["saidBy"]


def test_withdrawing_is_everybodys(kube: Kubernetes, namespace: str) -> None:
    name = approved(kube, namespace)
    assert say(kube, namespace, name, DEVELOPER, approved=False).spec["approved"] is False


def test_the_guard_refuses_the_same(kube: Kubernetes, namespace: str) -> None:
    with_children(kube, namespace)
    with_foreigners(kube, namespace)
    for attempt in ATTEMPTS.values():
        attempt(kube, namespace, DEVELOPER).refused(BELONGS.format(DEVELOPER.name))
    scaled = {"spec": {"replicas": 0}}
    kube.merge(DEPLOYMENT, namespace, WEB, scaled, DEVELOPER, "scale").refused("scale the Rollout instead")
    overlapping = service("web-2", {"app": "web"})
    eventually(
        lambda: kube.create(SERVICE, namespace, overlapping, DEVELOPER, dryRun="All").code == 403,
        "no Service selects the pods of a Rollout",
    )
    kube.create(ROLLOUT, namespace, rollout("api", approval="Automatic"), DEVELOPER).refused(
        "is not allowed in namespace"
    )
