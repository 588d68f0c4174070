"""Stamping, further approvers and withdrawing, with the mutating policies (Kubernetes 1.36 and later)."""

import pytest
from tests.integration.admission.impersonation import (
    CLUSTER_ADMIN,
    OPERATOR,
    PROMOTION,
    Answer,
    Kubernetes,
    Object,
    User,
)
from tests.integration.admission.people import (
    APPROVER,
    DEVELOPER,
    NEXT_PLAN,
    ODD_APPROVER,
    PLAN,
    SECOND_APPROVER,
    new_promotion,
    promotion,
    show_plan,
)


def say(kube: Kubernetes, namespace: str, name: str, user: User, **words: object) -> Answer:
    return kube.merge(PROMOTION, namespace, name, {"spec": words}, user)


def said(answer: Answer) -> Object:
    """Of spec, what people said about the plan."""
    words = ("approved", "approvals", "approvedWeight", "weightApprovals", "acceptNoData")
    return {key: value for key, value in answer.spec.items() if key in words}


def everything_said(kube: Kubernetes, namespace: str) -> str:
    name = new_promotion(kube, namespace)
    words = {"approved": True, "approvedWeight": 50, "acceptNoData": {"weight": 10, "reason": "night"}}
    assert set(said(say(kube, namespace, name, APPROVER, **words))) == {
        "approved", "approvals", "approvedWeight", "weightApprovals", "acceptNoData",
    }  # fmt: skip
    return name


def test_further_approvers_add_their_own_entry(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    say(kube, namespace, name, APPROVER, approved=True).accepted()
    say(kube, namespace, name, SECOND_APPROVER, approvals={SECOND_APPROVER.name: PLAN}).accepted()
    entry = {"op": "add", "path": "/spec/approvals/team~1a~0b@example.com", "value": PLAN}
    answer = kube.json_patch(PROMOTION, namespace, name, [entry], ODD_APPROVER)
    assert answer.spec["approvals"] == dict.fromkeys((APPROVER.name, SECOND_APPROVER.name, ODD_APPROVER.name), PLAN)


def test_an_entry_that_was_there_first_stays_beside_the_stamp(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    say(kube, namespace, name, ODD_APPROVER, approvals={ODD_APPROVER.name: PLAN}).accepted()
    answer = say(kube, namespace, name, APPROVER, approved=True)
    assert answer.spec["approvals"] == {APPROVER.name: PLAN, ODD_APPROVER.name: PLAN}


def test_yes_after_the_plan_changed_renews_ones_own_entry(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    for user in (APPROVER, ODD_APPROVER):
        say(kube, namespace, name, user, approvals={user.name: PLAN}).accepted()
    show_plan(kube, namespace, name, NEXT_PLAN).accepted()
    answer = say(kube, namespace, name, ODD_APPROVER, approved=True)
    assert answer.spec["approvals"] == {APPROVER.name: PLAN, ODD_APPROVER.name: NEXT_PLAN}


def test_a_plan_that_was_typed_is_checked_and_not_corrected(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    say(kube, namespace, name, APPROVER, approved=True, approvals={APPROVER.name: NEXT_PLAN}).refused(
        f"the plan is {PLAN} now", code=422
    )
    answer = say(kube, namespace, name, APPROVER, approved=True, approvals={APPROVER.name: PLAN})
    assert answer.spec["approvals"] == {APPROVER.name: PLAN}


def test_yes_in_place_of_another_entry_is_a_yes(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    say(kube, namespace, name, ODD_APPROVER, approvals={ODD_APPROVER.name: PLAN}).accepted()
    answer = say(kube, namespace, name, APPROVER, approved=True, approvals=None)
    assert said(answer) == {"approved": True, "approvals": {APPROVER.name: PLAN}}


def test_each_raise_of_the_weight_is_stamped(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    answer = say(kube, namespace, name, APPROVER, approvedWeight=20)
    assert said(answer) == {
        "approvedWeight": 20,
        "weightApprovals": {APPROVER.name: {"weight": 20, "plan": PLAN}},
    }
    answer = say(kube, namespace, name, ODD_APPROVER, approvedWeight=50)
    assert answer.spec["weightApprovals"] == {
        APPROVER.name: {"weight": 20, "plan": PLAN},
        ODD_APPROVER.name: {"weight": 50, "plan": PLAN},
    }
    show_plan(kube, namespace, name, NEXT_PLAN).accepted()
    answer = say(kube, namespace, name, APPROVER, approvedWeight=60)
    assert answer.spec["weightApprovals"][APPROVER.name] == {"weight": 60, "plan": NEXT_PLAN}


def test_approving_by_apply_and_applying_again(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    for _ in range(2):
        answer = kube.apply(PROMOTION, namespace, promotion(name, approved=True), APPROVER)
        assert said(answer) == {"approved": True, "approvals": {APPROVER.name: PLAN}}
    # The next apply no longer names `approved`: that withdraws.
    assert said(kube.apply(PROMOTION, namespace, promotion(name), APPROVER)) == {}


@pytest.mark.parametrize("user", [DEVELOPER, APPROVER, CLUSTER_ADMIN], ids=lambda user: user.name)
@pytest.mark.parametrize("value", [False, None], ids=["false", "removed"])
def test_withdrawing_takes_everything_with_it(kube: Kubernetes, namespace: str, user: User, value: bool | None) -> None:
    name = everything_said(kube, namespace)
    assert said(say(kube, namespace, name, user, approved=value)) == ({} if value is None else {"approved": False})
    # The same patch works again.
    assert said(say(kube, namespace, name, APPROVER, approved=True)) == {
        "approved": True,
        "approvals": {APPROVER.name: PLAN},
    }


@pytest.mark.parametrize("entries", [None, {APPROVER.name: None}], ids=["all", "the only one"])
def test_emptying_approvals_withdraws(kube: Kubernetes, namespace: str, entries: Object | None) -> None:
    name = everything_said(kube, namespace)
    assert said(say(kube, namespace, name, DEVELOPER, approvals=entries)) == {}


def test_a_replaced_object_without_the_words_withdraws(kube: Kubernetes, namespace: str) -> None:
    name = everything_said(kube, namespace)
    current = kube.get(PROMOTION, namespace, name).accepted()
    current["spec"] = {key: current["spec"][key] for key in ("rollout", "environment")}
    assert said(kube.replace(PROMOTION, namespace, current, DEVELOPER)) == {}


def test_taking_one_of_several_entries_leaves_the_others(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    say(kube, namespace, name, APPROVER, approved=True).accepted()
    say(kube, namespace, name, SECOND_APPROVER, approvals={SECOND_APPROVER.name: PLAN}).accepted()
    answer = say(kube, namespace, name, DEVELOPER, approvals={APPROVER.name: None})
    assert said(answer) == {"approved": True, "approvals": {SECOND_APPROVER.name: PLAN}}


def test_emptying_weight_approvals_takes_the_weight(kube: Kubernetes, namespace: str) -> None:
    name = everything_said(kube, namespace)
    assert set(said(say(kube, namespace, name, DEVELOPER, weightApprovals=None))) == {
        "approved",
        "approvals",
        "acceptNoData",
    }


def test_an_editor_cannot_bind_an_old_approval_to_a_new_plan(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    say(kube, namespace, name, APPROVER, approved=True).accepted()
    show_plan(kube, namespace, name, NEXT_PLAN).accepted()
    for entries in (
        {APPROVER.name: NEXT_PLAN},
        {DEVELOPER.name: NEXT_PLAN},
        {"unverified": NEXT_PLAN},
        {APPROVER.name: None, "unverified": NEXT_PLAN},
    ):
        say(kube, namespace, name, DEVELOPER, approvals=entries).refused()
    assert said(kube.get(PROMOTION, namespace, name))["approvals"] == {APPROVER.name: PLAN}


def test_the_operator_removes_what_a_changed_plan_voids(kube: Kubernetes, namespace: str) -> None:
    name = everything_said(kube, namespace)
    show_plan(kube, namespace, name, NEXT_PLAN).accepted()
    gone = dict.fromkeys(("approved", "approvals", "approvedWeight", "weightApprovals", "acceptNoData"))
    assert said(say(kube, namespace, name, OPERATOR, **gone)) == {}
