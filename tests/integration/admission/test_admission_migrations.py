"""Who writes a migration may create Jobs; and nobody but the operator makes or changes the Job of one."""

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
from tests.integration.admission.people import APPROVER, bind, may, new_promotion, promotion

from slipway.runtime.job_checks import MIGRATIONS_GUARD

AUTHOR = User("author@example.com")
"""May write Promotions, and nothing else."""

RUN: Object = {"template": {"spec": {"containers": []}}}
OTHER: Object = {"template": {"spec": {"containers": [{"name": "a", "image": "b"}]}}}
WORDS = "spec.migrations.jobs: author@example.com may not write a migration: it needs the verb create on jobs.batch"


def migrations(**jobs: Object) -> Object:
    return {"backwardCompatible": True, "jobs": jobs}


@pytest.fixture(scope="module")
def shop(kube: Kubernetes, namespace: str) -> str:
    bind(kube, namespace, "authors", "slipway-editor", (AUTHOR,))
    eventually(lambda: may(kube, AUTHOR, namespace, "create", "promotions"), "the role is bound")
    denied = promotion("probe", migrations=migrations(expand=RUN))
    eventually(
        lambda: kube.create(PROMOTION, namespace, denied, AUTHOR, dryRun="All").code == 403, "the policy answers"
    )
    return namespace


@pytest.mark.parametrize("jobs", [{"expand": RUN}, {"contract": RUN}, {"expand": RUN, "rollback": RUN}])
def test_who_may_not_create_jobs_writes_no_migration(kube: Kubernetes, shop: str, jobs: Object) -> None:
    asked = migrations(**jobs)
    kube.create(PROMOTION, shop, promotion("new", migrations=asked), AUTHOR).refused(WORDS)
    name = new_promotion(kube, shop, migrations={"scripts": ["001.sql"]})
    for answer in (
        kube.merge(PROMOTION, shop, name, {"spec": {"migrations": asked}}, AUTHOR),
        kube.apply(PROMOTION, shop, promotion(name, migrations=asked), AUTHOR),
    ):
        answer.refused(WORDS)


def test_migrations_without_jobs_are_everybodys(kube: Kubernetes, shop: str) -> None:
    kube.create(PROMOTION, shop, promotion("plain", migrations={"scripts": ["001.sql"]}), AUTHOR).accepted()


def test_others_leave_it_as_it_is_or_take_it_out(kube: Kubernetes, shop: str) -> None:
    name = new_promotion(kube, shop, migrations=migrations(expand=RUN, rollback=RUN))
    for jobs in ({"expand": OTHER}, {"contract": RUN}, {"rollback": OTHER}):
        kube.merge(PROMOTION, shop, name, {"spec": {"migrations": {"jobs": jobs}}}, AUTHOR).refused(WORDS)
    kube.merge(PROMOTION, shop, name, {"spec": {"rerun": "2"}}, AUTHOR).accepted()
    kube.merge(PROMOTION, shop, name, {"spec": {"migrations": {"jobs": {"rollback": None}}}}, AUTHOR).accepted()
    kube.merge(PROMOTION, shop, name, {"spec": {"approved": True}}, APPROVER).accepted()
    gone = {"spec": {"approved": None, "approvals": None}}
    kube.merge(PROMOTION, shop, name, gone, OPERATOR).accepted()
    kube.merge(PROMOTION, shop, name, {"spec": {"migrations": None}}, AUTHOR).accepted()


def test_nobody_forges_the_run_of_a_migration(kube: Kubernetes, shop: str) -> None:
    template = {"metadata": {}, "spec": {**pod_template({})["spec"], "restartPolicy": "Never"}}
    labels = {"slipway.dev/check-of": "web", "slipway.dev/check": "Migration", "slipway.dev/migration": "expand"}
    spec = {"template": template, "suspend": True}
    made = JOB.manifest("migration-expand-0123456789ab", metadata={"labels": labels}, spec=spec)
    kube.create(JOB, shop, made, CLUSTER_ADMIN).refused("and is Slipway's")
    kube.create(JOB, shop, made, OPERATOR).accepted()


def test_the_operator_sees_whether_the_policy_is_bound(kube: Kubernetes, shop: str) -> None:
    assert kube.get(VALIDATING_BINDING, None, MIGRATIONS_GUARD, OPERATOR).code == 200
