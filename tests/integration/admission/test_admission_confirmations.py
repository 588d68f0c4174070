"""A manual check is confirmed by a person, under the own name, for the plan in status."""

from tests.integration.admission.impersonation import OPERATOR, PROMOTION, Kubernetes, Object, User, eventually
from tests.integration.admission.people import (
    APPROVER,
    DEVELOPER,
    NEXT_PLAN,
    PLAN,
    UNLISTED_ACCOUNT,
    new_promotion,
    promotion,
    show_plan,
)


def by(user: User, plan: str = PLAN) -> Object:
    return {"spec": {"confirmed": {"basket": {"by": user.name, "plan": plan}}}}


def answers(kube: Kubernetes, namespace: str, name: str) -> None:
    eventually(
        lambda: kube.merge(PROMOTION, namespace, name, by(APPROVER), DEVELOPER, dryRun="All").code == 403,
        "the policy answers",
    )


def test_semantics_22_only_under_the_own_name_and_for_the_plan_of_now(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    answers(kube, namespace, name)
    own = f"spec.confirmed: {DEVELOPER.name} may only confirm as {DEVELOPER.name}"
    kube.merge(PROMOTION, namespace, name, by(APPROVER), DEVELOPER).refused(own)
    kube.merge(PROMOTION, namespace, name, by(DEVELOPER, NEXT_PLAN), DEVELOPER).refused("names the plan", code=422)
    kube.merge(PROMOTION, namespace, name, by(DEVELOPER), DEVELOPER).accepted()
    # What stands stays, whoever writes and whatever the plan is by then; another's word is nobody's to change.
    show_plan(kube, namespace, name, NEXT_PLAN).accepted()
    kube.merge(PROMOTION, namespace, name, {"spec": {"rerun": "2"}}, APPROVER).accepted()
    kube.merge(PROMOTION, namespace, name, by(DEVELOPER, NEXT_PLAN), APPROVER).refused("may only confirm as")
    kube.merge(PROMOTION, namespace, name, {"spec": {"confirmed": None}}, APPROVER).accepted()


def test_no_confirmation_before_there_is_a_plan(kube: Kubernetes, namespace: str) -> None:
    answers(kube, namespace, new_promotion(kube, namespace))
    made = promotion("early", confirmed=by(DEVELOPER)["spec"]["confirmed"])
    kube.create(PROMOTION, namespace, made, DEVELOPER).refused("not there yet", code=422)
    name = new_promotion(kube, namespace, plan="")
    kube.merge(PROMOTION, namespace, name, by(DEVELOPER), DEVELOPER).refused("not there yet", code=422)


def test_no_machine_confirms(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    answers(kube, namespace, name)
    kube.merge(PROMOTION, namespace, name, by(UNLISTED_ACCOUNT), UNLISTED_ACCOUNT).refused("not by a service account")
    kube.merge(PROMOTION, namespace, name, by(OPERATOR), OPERATOR).refused()


def test_what_is_looked_at_after_the_switch_is_confirmed_after_it(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    answers(kube, namespace, name)
    check = {"name": "basket", "category": "Quality", "manual": {"ask": "Does it work?", "when": "after"}}
    kube.merge(PROMOTION, namespace, name, {"spec": {"checks": [check]}}, DEVELOPER).accepted()
    kube.merge(PROMOTION, namespace, name, {"spec": {"approved": True}}, APPROVER).accepted()
    kube.merge(PROMOTION, namespace, name, by(DEVELOPER), DEVELOPER).refused("after the switch", code=422)
    kube.state(PROMOTION, namespace, name, {"shiftedAt": "2026-01-01T12:00:00Z"}).accepted()
    # The case is frozen by now, the word of who looks is not.
    kube.merge(PROMOTION, namespace, name, {"spec": {"checks": None}}, DEVELOPER).refused("frozen while", code=422)
    kube.merge(PROMOTION, namespace, name, by(DEVELOPER), DEVELOPER).accepted()
