"""Who may say what about a Promotion, by every way of writing it, and in which words others are refused."""

import json
from typing import Any

import pytest
from tests.cluster.cluster import Cluster
from tests.integration.admission.impersonation import (
    CLUSTER_ADMIN,
    OPERATOR,
    PROMOTION,
    Answer,
    Kubernetes,
    Object,
    User,
    eventually,
)
from tests.integration.admission.people import (
    APPROVER,
    DEVELOPER,
    LISTED_ACCOUNT,
    NAMESPACE_ADMIN,
    NEXT_PLAN,
    ODD_APPROVER,
    PLAN,
    RESTORE,
    SECOND_APPROVER,
    SYSTEM_ADMIN,
    UNLISTED_ACCOUNT,
    new_promotion,
    promotion,
    show_plan,
)


def write_by(path: str, kube: Kubernetes, namespace: str, name: str, spec: Object, user: User) -> Answer:
    """Sets fields of spec by one of the four ways in which the API server takes a change."""
    match path:
        case "update":
            current = kube.get(PROMOTION, namespace, name).accepted()
            return kube.replace(PROMOTION, namespace, {**current, "spec": {**current["spec"], **spec}}, user)
        case "merge patch":
            return kube.merge(PROMOTION, namespace, name, {"spec": spec}, user)
        case "JSON patch":
            operations = [{"op": "add", "path": f"/spec/{key}", "value": value} for key, value in spec.items()]
            return kube.json_patch(PROMOTION, namespace, name, operations, user)
        case _:
            return kube.apply(PROMOTION, namespace, promotion(name, **spec), user)


PATHS = ["update", "merge patch", "JSON patch", "server-side apply"]

NOT_LISTED = "must be listed under approvers in ConfigMap slipway-system/slipway-admission"
NO_RIGHT = "it needs the verb approve on rollouts.slipway.dev/web in namespace"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("user", [APPROVER, ODD_APPROVER, CLUSTER_ADMIN, LISTED_ACCOUNT], ids=lambda user: user.name)
def test_who_may_approve_is_stamped(kube: Kubernetes, namespace: str, path: str, user: User) -> None:
    name = new_promotion(kube, namespace)
    assert write_by(path, kube, namespace, name, {"approved": True}, user).spec["approvals"] == {user.name: PLAN}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("user", "words"),
    [
        (DEVELOPER, f"developer@example.com may not approve: {NO_RIGHT}"),
        (NAMESPACE_ADMIN, f"lead@example.com may not approve: {NO_RIGHT}"),
        (UNLISTED_ACCOUNT, NOT_LISTED),
        (RESTORE, NOT_LISTED),
        (SYSTEM_ADMIN, "system:admin may not approve: service accounts and other system users"),
    ],
    ids=lambda value: value.name if isinstance(value, User) else "",
)
def test_semantics_24_who_may_not_approve(kube: Kubernetes, namespace: str, path: str, user: User, words: str) -> None:
    name = new_promotion(kube, namespace)
    write_by(path, kube, namespace, name, {"approved": True}, user).refused("slipway-approval", words)
    # Their own entry says the same as `approved: true`, and needs the same.
    entry = {"approved": True, "approvals": {user.name: PLAN}}
    write_by(path, kube, namespace, name, entry, user).refused(words)
    assert "approved" not in kube.get(PROMOTION, namespace, name).spec


@pytest.mark.parametrize("path", PATHS)
def test_the_operator_never_approves_even_if_listed_and_bound(kube: Kubernetes, namespace: str, path: str) -> None:
    name = new_promotion(kube, namespace)
    write_by(path, kube, namespace, name, {"approved": True}, OPERATOR).refused("the operator never approves")


def test_a_role_for_one_rollout_is_no_role_for_another(guarded: Cluster, kube: Kubernetes, namespace: str) -> None:
    guarded.kubectl(
        "-n",
        namespace,
        "create",
        "role",
        "approve-api",
        "--verb=approve",
        "--resource=rollouts.slipway.dev",
        "--resource-name=api",
    )
    guarded.kubectl(
        "-n",
        namespace,
        "create",
        "rolebinding",
        "approve-api",
        "--role=approve-api",
        f"--user={NAMESPACE_ADMIN.name}",
    )
    words = {"spec": {"approved": True}}
    theirs = new_promotion(kube, namespace, rollout="api")
    assert kube.merge(PROMOTION, namespace, theirs, words, NAMESPACE_ADMIN).spec["approvals"]
    other = new_promotion(kube, namespace)
    kube.merge(PROMOTION, namespace, other, words, NAMESPACE_ADMIN).refused(NO_RIGHT)
    # Naming the Rollout that one may approve, in the same write, does not help: the stored name counts.
    both = {"spec": {"approved": True, "rollout": "api"}}
    answer = kube.merge(PROMOTION, namespace, other, both, NAMESPACE_ADMIN)
    assert answer.code in (403, 422), answer
    assert kube.get(PROMOTION, namespace, other).spec["rollout"] == "web"


# What needs the right: spec before, the change, and what the refused are told that they tried.
NEEDS_RIGHT: dict[str, tuple[Object, Object, str]] = {
    "own entry": ({}, {"approvals": {DEVELOPER.name: PLAN}}, "write into spec.approvals"),
    "set approvedWeight": ({}, {"approvedWeight": 50}, "set spec.approvedWeight"),
    "accept no data": ({}, {"acceptNoData": {"weight": 10, "reason": "night"}}, "set spec.acceptNoData"),
    "lift hold": ({"hold": "wait"}, {"hold": None}, "lift spec.hold"),
    "lift doubt": (
        {"rollbackPlanNeeded": True},
        {"rollbackPlanNeeded": None},
        "lift spec.rollbackPlanNeeded",
    ),
    "deny doubt": (
        {"rollbackPlanNeeded": True},
        {"rollbackPlanNeeded": False},
        "lift spec.rollbackPlanNeeded",
    ),
}


@pytest.mark.parametrize("case", NEEDS_RIGHT)
def test_acts_that_need_the_right(kube: Kubernetes, namespace: str, case: str) -> None:
    before, change, act = NEEDS_RIGHT[case]
    name = new_promotion(kube, namespace, **before)
    for user in (DEVELOPER, NAMESPACE_ADMIN):
        kube.merge(PROMOTION, namespace, name, {"spec": change}, user).refused(
            f"{user.name} may not {act}: {NO_RIGHT} {namespace}"
        )
    kube.merge(PROMOTION, namespace, name, {"spec": change}, UNLISTED_ACCOUNT).refused(NOT_LISTED)
    kube.merge(PROMOTION, namespace, name, {"spec": change}, OPERATOR).refused("the operator never approves")
    if case == "own entry":
        change = {"approvals": {APPROVER.name: PLAN}}
    kube.merge(PROMOTION, namespace, name, {"spec": change}, APPROVER).accepted()


def test_raising_and_changing_what_an_approver_set_needs_the_right(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    words = {"approvedWeight": 20, "acceptNoData": {"weight": 20, "reason": "night"}}
    kube.merge(PROMOTION, namespace, name, {"spec": words}, APPROVER).accepted()
    for change in (
        {"approvedWeight": 21},
        {"acceptNoData": {"weight": 21}},
        {"acceptNoData": {"reason": "day"}},
        {"weightApprovals": {APPROVER.name: {"weight": 90}}},
    ):
        kube.merge(PROMOTION, namespace, name, {"spec": change}, DEVELOPER).refused(NO_RIGHT)


FREE: dict[str, tuple[Object, Object]] = {
    "hold": ({}, {"hold": "the shop is on television"}),
    "say why it is held": ({"hold": "wait"}, {"hold": "wait for the call at ten"}),
    "abort": ({}, {"abort": "wrong version"}),
    "rerun": ({}, {"rerun": "2"}),
    "doubt": ({}, {"rollbackPlanNeeded": True}),
    "complete the case": ({}, {"version": "v1.2.3", "commit": "abc1234"}),
}


@pytest.mark.parametrize("case", FREE)
def test_acts_that_every_editor_has(kube: Kubernetes, namespace: str, case: str) -> None:
    before, change = FREE[case]
    name = new_promotion(kube, namespace, **before)
    spec = kube.merge(PROMOTION, namespace, name, {"spec": change}, DEVELOPER).spec
    assert {key: spec[key] for key in change} == change


def test_lowering_and_taking_back_is_everybodys(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    words = {"approvedWeight": 20, "acceptNoData": {"weight": 20, "reason": "night"}}
    kube.merge(PROMOTION, namespace, name, {"spec": words}, APPROVER).accepted()
    kube.merge(PROMOTION, namespace, name, {"spec": {"approvedWeight": 10}}, DEVELOPER).accepted()
    kube.merge(PROMOTION, namespace, name, {"spec": {"approvedWeight": 20}}, DEVELOPER).refused(NO_RIGHT)
    spec = kube.merge(PROMOTION, namespace, name, {"spec": {"acceptNoData": None}}, DEVELOPER).spec
    assert spec["approvedWeight"] == 10
    spec = kube.merge(PROMOTION, namespace, name, {"spec": {"approvedWeight": None}}, DEVELOPER).spec
    assert "weightApprovals" not in spec


@pytest.mark.parametrize(
    "words",
    [
        {"approved": True},
        {"approvals": {APPROVER.name: PLAN}},
        {"approvedWeight": 50},
        {"weightApprovals": {APPROVER.name: {"weight": 50, "plan": PLAN}}},
        {"acceptNoData": {"weight": 10, "reason": "night"}},
    ],
    ids=lambda words: next(iter(words)),
)
@pytest.mark.parametrize("user", [DEVELOPER, APPROVER, CLUSTER_ADMIN, RESTORE], ids=lambda user: user.name)
def test_semantics_23_nothing_is_created_approved(kube: Kubernetes, namespace: str, words: Object, user: User) -> None:
    answers = [
        kube.create(PROMOTION, namespace, promotion("born-approved", **words), user),
        kube.apply(PROMOTION, namespace, promotion("born-approved", **words), user),
    ]
    for answer in answers:
        answer.refused("a Promotion cannot be created approved", code=422)


def test_an_approval_does_not_survive_delete_and_create(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    kept = kube.merge(PROMOTION, namespace, name, {"spec": {"approved": True}}, APPROVER).accepted()
    kube.delete(PROMOTION, namespace, name, DEVELOPER).accepted()
    again = {**promotion(name), "spec": kept["spec"]}
    kube.create(PROMOTION, namespace, again, DEVELOPER).refused("cannot be created approved", code=422)


@pytest.mark.parametrize(
    "words",
    [
        {"approved": True},
        {"approvals": {APPROVER.name: PLAN}},
        {"approvedWeight": 50},
        {"acceptNoData": {"weight": 10, "reason": "night"}},
    ],
    ids=lambda words: next(iter(words)),
)
def test_without_a_plan_there_is_nothing_to_approve(kube: Kubernetes, namespace: str, words: Object) -> None:
    name = new_promotion(kube, namespace, plan="")
    kube.merge(PROMOTION, namespace, name, {"spec": words}, APPROVER).refused(
        "there is no plan to approve yet", code=422
    )


def test_approving_under_a_hold_and_lifting_it_are_two_acts(kube: Kubernetes, namespace: str) -> None:
    """APPROVE and DEPLOY: both need the right, and may be two people's words at two times."""
    name = new_promotion(kube, namespace, hold="on Tuesday")
    given = kube.merge(PROMOTION, namespace, name, {"spec": {"approved": True}}, APPROVER).spec
    assert (given["hold"], given["approvals"]) == ("on Tuesday", {APPROVER.name: PLAN})
    # Who may only edit may say why it is held, and neither lift it nor put it into an edit of something else.
    kube.merge(PROMOTION, namespace, name, {"spec": {"hold": "on Wednesday"}}, DEVELOPER).accepted()
    for change in ({"hold": None}, {"hold": None, "rerun": "2"}, {"hold": None, "rollbackPlanNeeded": True}):
        kube.merge(PROMOTION, namespace, name, {"spec": change}, DEVELOPER).refused("may not lift spec.hold")
    lifted = kube.merge(PROMOTION, namespace, name, {"spec": {"hold": None}}, SECOND_APPROVER).spec
    assert "hold" not in lifted
    assert (lifted["approved"], lifted["approvals"]) == (True, {APPROVER.name: PLAN})


def test_a_hold_is_lifted_without_a_plan(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace, plan="", hold="wait")
    assert "hold" not in kube.merge(PROMOTION, namespace, name, {"spec": {"hold": None}}, APPROVER).spec


def test_entries_are_ones_own_and_for_the_plan_that_is_shown(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)

    def write(entries: Any) -> Answer:
        return kube.merge(PROMOTION, namespace, name, {"spec": {"approvals": entries}}, APPROVER)

    write({SECOND_APPROVER.name: PLAN}).refused(f"{APPROVER.name} may only write the entry {APPROVER.name}")
    write({APPROVER.name: PLAN, SECOND_APPROVER.name: PLAN}).refused("may only write the entry")
    write({"unverified": PLAN}).refused("may only write the entry")
    write({APPROVER.name: NEXT_PLAN}).refused(f"the plan is {PLAN} now", code=422)
    assert write({APPROVER.name: PLAN}).spec["approvals"] == {APPROVER.name: PLAN}


def test_weight_entries_are_ones_own_and_repeat_weight_and_plan(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)

    def write(user: str, weight: int, plan: str) -> Answer:
        words = {"approvedWeight": 50, "weightApprovals": {user: {"weight": weight, "plan": plan}}}
        return kube.merge(PROMOTION, namespace, name, {"spec": words}, APPROVER)

    write(SECOND_APPROVER.name, 50, PLAN).refused("may only write the entry")
    write(APPROVER.name, 60, PLAN).refused("repeats spec.approvedWeight and the plan", code=422)
    write(APPROVER.name, 50, NEXT_PLAN).refused("repeats spec.approvedWeight and the plan", code=422)
    assert write(APPROVER.name, 50, PLAN).spec["weightApprovals"] == {APPROVER.name: {"weight": 50, "plan": PLAN}}


def test_what_was_approved_is_frozen_on_every_path(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace, version="v1")
    kube.merge(PROMOTION, namespace, name, {"spec": {"approved": True}}, APPROVER).accepted()
    for path in PATHS:
        for change in ({"version": "v2"}, {"rollout": "api"}):
            answer = write_by(path, kube, namespace, name, {"version": "v1", **change}, CLUSTER_ADMIN)
            assert answer.code == 422, (path, answer)
    spec = {**kube.get(PROMOTION, namespace, name).spec, "version": "v2"}
    kube.state(PROMOTION, namespace, name, {"planHash": NEXT_PLAN}, spec=spec).accepted()
    assert kube.get(PROMOTION, namespace, name).spec["version"] == "v1"


def test_kubectl_says_it_in_the_users_words(guarded: Cluster, kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    patch = [
        "-n",
        namespace,
        "patch",
        "promotions.slipway.dev",
        name,
        "--type",
        "merge",
        "-p",
        '{"spec":{"approved":true}}',
    ]
    refused = guarded.try_kubectl(*patch, "--as", DEVELOPER.name)
    assert refused.returncode == 1
    assert refused.stderr == (
        f'Error from server (Forbidden): promotions.slipway.dev "{name}" is forbidden: '
        "ValidatingAdmissionPolicy 'slipway-approval' with binding 'slipway-approval' denied request: "
        "developer@example.com may not approve: "
        f"it needs the verb approve on rollouts.slipway.dev/web in namespace {namespace}\n"
    )
    done = guarded.kubectl(*patch, "--as", ODD_APPROVER.name)
    assert done == f"promotion.slipway.dev/{name} patched\n"
    assert kube.get(PROMOTION, namespace, name).spec["approvals"] == {ODD_APPROVER.name: PLAN}


def test_semantics_23_approved_in_a_manifest_is_warned_about(kube: Kubernetes, namespace: str) -> None:
    answer = kube.create(PROMOTION, namespace, promotion("from-git", approved=False), DEVELOPER)
    assert any("leave it out of the manifest" in warning for warning in answer.warnings), answer
    show_plan(kube, namespace, "from-git").accepted()
    applied = {"kubectl.kubernetes.io/last-applied-configuration": '{"spec":{"approved":false}}'}
    answer = kube.merge(PROMOTION, namespace, "from-git", {"metadata": {"annotations": applied}}, DEVELOPER)
    assert any("leave it out of the manifest" in warning for warning in answer.warnings), answer
    quiet = kube.create(PROMOTION, namespace, promotion("from-git-without"), DEVELOPER)
    assert quiet.accepted()
    assert quiet.warnings == ()


def test_the_audit_log_says_who_judged_which_plan(guarded: Cluster, kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace, hold="wait")
    kube.merge(PROMOTION, namespace, name, {"spec": {"approved": True}}, APPROVER).accepted()
    kube.merge(PROMOTION, namespace, name, {"spec": {"hold": None}}, SECOND_APPROVER).accepted()

    def judged() -> list[str]:
        events = (json.loads(line) for line in guarded.audit_log.read_text().splitlines())
        ours = (event for event in events if event.get("objectRef", {}).get("name") == name)
        noted = (event.get("annotations", {}).get("slipway-approval/approver") for event in ours)
        return [words for words in noted if words]

    eventually(lambda: len(judged()) == 2, "the audit log is written")
    assert judged() == [
        f"{APPROVER.name}: approve under {PLAN}",
        f"{SECOND_APPROVER.name}: lift spec.hold under {PLAN}",
    ]
