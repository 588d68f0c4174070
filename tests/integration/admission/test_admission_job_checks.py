"""Who writes a check that is a Job may create Jobs; and nobody but the operator makes or changes the Job of a check."""

import pytest
from tests.integration.admission.guarded_objects import pod_template
from tests.integration.admission.impersonation import (
    CLUSTER_ADMIN,
    JOB,
    OPERATOR,
    PROMOTION,
    VALIDATING_BINDING,
    Kubernetes,
    Object,
    User,
    eventually,
)
from tests.integration.admission.people import APPROVER, DEVELOPER, bind, may, new_promotion, promotion

from slipway.runtime.job_checks import GUARDS

AUTHOR = User("author@example.com")
"""May write Promotions, and nothing else."""

JOB_CHECK: Object = {"name": "migrations", "category": "Operations", "job": {"template": {"spec": {"containers": []}}}}
FACT: Object = {"name": "tests-passed", "attest": {"passed": True, "summary": "185/185"}}
WORDS = "spec.checks: author@example.com may not write a job check: it needs the verb create on jobs.batch"


@pytest.fixture(scope="module")
def shop(kube: Kubernetes, namespace: str) -> str:
    bind(kube, namespace, "authors", "slipway-editor", (AUTHOR,))
    eventually(lambda: may(kube, AUTHOR, namespace, "create", "promotions"), "the role is bound")
    denied = promotion("probe", checks=[JOB_CHECK])
    eventually(
        lambda: kube.create(PROMOTION, namespace, denied, AUTHOR, dryRun="All").code == 403, "the policy answers"
    )
    return namespace


def test_who_may_not_create_jobs_writes_no_job_check(kube: Kubernetes, shop: str) -> None:
    kube.create(PROMOTION, shop, promotion("new", checks=[JOB_CHECK]), AUTHOR).refused(WORDS)
    name = new_promotion(kube, shop, checks=[FACT])
    for answer in (
        kube.merge(PROMOTION, shop, name, {"spec": {"checks": [FACT, JOB_CHECK]}}, AUTHOR),
        kube.apply(PROMOTION, shop, promotion(name, checks=[JOB_CHECK]), AUTHOR),
    ):
        answer.refused(WORDS)


def test_who_may_create_jobs_writes_one(kube: Kubernetes, shop: str) -> None:
    new_promotion(kube, shop, checks=[FACT, JOB_CHECK])


def test_others_leave_it_as_it_is_or_take_it_out(kube: Kubernetes, shop: str) -> None:
    name = new_promotion(kube, shop, checks=[JOB_CHECK])
    other = {**JOB_CHECK, "job": {"template": {"spec": {"containers": [{"name": "a", "image": "b"}]}}}}
    kube.merge(PROMOTION, shop, name, {"spec": {"checks": [other]}}, AUTHOR).refused(WORDS)
    kube.merge(PROMOTION, shop, name, {"spec": {"checks": [FACT, {**JOB_CHECK, "name": "again"}]}}, AUTHOR).refused(
        WORDS
    )
    kube.merge(PROMOTION, shop, name, {"spec": {"rerun": "2"}}, AUTHOR).accepted()
    kube.merge(PROMOTION, shop, name, {"spec": {"checks": [FACT, JOB_CHECK]}}, AUTHOR).accepted()
    kube.merge(PROMOTION, shop, name, {"spec": {"approved": True}}, APPROVER).accepted()
    gone = {"spec": {"approved": None, "approvals": None}}
    kube.merge(PROMOTION, shop, name, gone, OPERATOR).accepted()
    kube.merge(PROMOTION, shop, name, {"spec": {"checks": [FACT]}}, AUTHOR).accepted()


def run(name: str = "check-migrations-0123456789ab", **labels: str) -> Object:
    template = {"metadata": {}, "spec": {**pod_template({})["spec"], "restartPolicy": "Never"}}
    return JOB.manifest(name, metadata={"labels": labels}, spec={"template": template, "suspend": True})


CHECK = {"slipway.dev/check-of": "web", "slipway.dev/check": "migrations"}


@pytest.mark.parametrize("user", [DEVELOPER, CLUSTER_ADMIN], ids=lambda user: user.name)
def test_nobody_forges_the_run_of_a_check(kube: Kubernetes, shop: str, user: User) -> None:
    words = "this Job is the run of a check or smoke test"
    kube.create(JOB, shop, run(**CHECK), user).refused(words)
    name = f"mine-{len(user.name)}"
    kube.create(JOB, shop, run(name), user).accepted()
    kube.merge(JOB, shop, name, {"metadata": {"labels": CHECK}}, user).refused(words)


def test_the_operators_run_is_left_alone_but_may_be_deleted(kube: Kubernetes, shop: str) -> None:
    name = run()["metadata"]["name"]
    kube.create(JOB, shop, run(**CHECK), OPERATOR).accepted()
    for change in ({"spec": {"suspend": False}}, {"metadata": {"labels": dict.fromkeys(CHECK)}}):
        kube.merge(JOB, shop, name, change, DEVELOPER).refused("this Job is the run of a check or smoke test")
    kube.delete(JOB, shop, name, DEVELOPER).accepted()


def test_the_operator_has_the_rights_that_job_checks_need(kube: Kubernetes, shop: str) -> None:
    for verb in ("get", "list", "create", "delete"):
        assert may(kube, OPERATOR, shop, verb, "jobs", "batch")
    assert may(kube, OPERATOR, shop, "get", "pods/log", "")
    for guard in GUARDS.values():
        assert kube.get(VALIDATING_BINDING, None, guard, OPERATOR).code == 200


def test_what_is_asked_after_going_back_takes_the_same_right(kube: Kubernetes, shop: str) -> None:
    words = "spec.afterRollback: author@example.com may not write a Job: it needs the verb create on jobs.batch"
    asked: Object = {"name": "orders", "job": JOB_CHECK["job"]}
    reached: Object = {"name": "home", "tcp": {"service": "web", "port": 80}}
    kube.create(PROMOTION, shop, promotion("after", afterRollback=[asked]), AUTHOR).refused(words)
    kube.create(PROMOTION, shop, promotion("after", afterRollback=[reached]), AUTHOR).accepted()
    kube.merge(PROMOTION, shop, "after", {"spec": {"afterRollback": [reached, asked]}}, AUTHOR).refused(words)
    name = new_promotion(kube, shop, afterRollback=[asked])
    kube.merge(PROMOTION, shop, name, {"spec": {"rerun": "2"}}, AUTHOR).accepted()
    other = {**asked, "job": {"template": {"spec": {"containers": [{"name": "a", "image": "b"}]}}}}
    kube.merge(PROMOTION, shop, name, {"spec": {"afterRollback": [other]}}, AUTHOR).refused(words)
    kube.merge(PROMOTION, shop, name, {"spec": {"afterRollback": [reached]}}, AUTHOR).accepted()
