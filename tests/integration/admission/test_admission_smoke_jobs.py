"""Who writes a smoke test that is a Job may create Jobs; its runs are the operator's, under the guards of the rest."""

import pytest
from tests.integration.admission.guarded_objects import pod_template
from tests.integration.admission.impersonation import (
    CLUSTER_ADMIN,
    JOB,
    OPERATOR,
    ROLLOUT,
    Kubernetes,
    Object,
    User,
    eventually,
)
from tests.integration.admission.people import DEVELOPER, bind, may, rollout

from slipway.api.job_check import JobCheck
from slipway.core import smoke_job
from slipway.core.marks import Marks
from slipway.core.revision import Revision

AUTHOR = User("author@example.com")
"""May write Rollouts, and nothing else."""

JOURNEY: Object = {"name": "journey", "job": {"template": {"spec": {"containers": []}}}}
OTHER: Object = {**JOURNEY, "job": {"template": {"spec": {"containers": [{"name": "a", "image": "b"}]}}}}
HOME: Object = {"name": "home", "http": {"port": 80}}
WORDS = "spec.smokeTests: author@example.com may not write a Job: it needs the verb create on jobs.batch"


@pytest.fixture(scope="module")
def shop(kube: Kubernetes, namespace: str) -> str:
    bind(kube, namespace, "authors", "slipway-editor", (AUTHOR,))
    eventually(lambda: may(kube, AUTHOR, namespace, "create", "rollouts"), "the role is bound")
    denied = rollout("probe", smokeTests=[JOURNEY])
    eventually(lambda: kube.create(ROLLOUT, namespace, denied, AUTHOR, dryRun="All").code == 403, "the policy answers")
    return namespace


def test_who_may_not_create_jobs_writes_no_smoke_test_that_is_one(kube: Kubernetes, shop: str) -> None:
    kube.create(ROLLOUT, shop, rollout("new", smokeTests=[JOURNEY]), AUTHOR).refused(WORDS)
    kube.create(ROLLOUT, shop, rollout("plain", smokeTests=[HOME]), AUTHOR).accepted()
    for answer in (
        kube.merge(ROLLOUT, shop, "plain", {"spec": {"smokeTests": [HOME, JOURNEY]}}, AUTHOR),
        kube.apply(ROLLOUT, shop, rollout("plain", smokeTests=[JOURNEY]), AUTHOR),
    ):
        answer.refused(WORDS)


def test_who_may_create_jobs_writes_one_and_others_leave_it_or_take_it_out(kube: Kubernetes, shop: str) -> None:
    kube.create(ROLLOUT, shop, rollout("tested", smokeTests=[JOURNEY]), DEVELOPER).accepted()
    for tests in ([OTHER], [{**JOURNEY, "name": "again"}]):
        kube.merge(ROLLOUT, shop, "tested", {"spec": {"smokeTests": tests}}, AUTHOR).refused(WORDS)
    image = {"containers": [{"name": "web", "image": "registry.example/web:2"}]}
    kube.merge(ROLLOUT, shop, "tested", {"spec": {"template": {"spec": image}}}, AUTHOR).accepted()
    kube.merge(ROLLOUT, shop, "tested", {"spec": {"smokeTests": [HOME, JOURNEY]}}, AUTHOR).accepted()
    kube.merge(ROLLOUT, shop, "tested", {"spec": {"smokeTests": [HOME]}}, AUTHOR).accepted()


def run(kube: Kubernetes, shop: str, key: str) -> Object:
    """The very Job that the operator makes."""
    name = f"owner-{key}"
    owner = kube.create(ROLLOUT, shop, rollout(name), DEVELOPER).accepted()
    template = {"spec": {**pod_template({})["spec"], "restartPolicy": "Never"}}
    revision = Revision("3f2a9c01de", "3f" * 32, pod_template({"app": "web"}), [], Marks(), 1, "1", None, True)
    asked = JobCheck(template=template)
    return {**smoke_job.run("journey", asked, owner, revision, "web-preview", key), "kind": "Job"}


@pytest.mark.parametrize("user", [DEVELOPER, CLUSTER_ADMIN], ids=lambda user: user.name)
def test_nobody_but_the_operator_makes_its_run(kube: Kubernetes, shop: str, user: User) -> None:
    made = run(kube, shop, f"forged-{len(user.name)}")
    kube.create(JOB, shop, made, user).refused("this Job is the run of a check or smoke test")


def test_the_operators_run_is_accepted_and_left_alone(kube: Kubernetes, shop: str) -> None:
    made = run(kube, shop, "own")
    stored = kube.create(JOB, shop, made, OPERATOR).accepted()
    pod = stored["spec"]["template"]
    assert pod["spec"]["readinessGates"] == [{"conditionType": smoke_job.NEVER_READY}]
    assert pod["metadata"]["labels"]["app"] == "web"
    name = made["metadata"]["name"]
    for change in ({"spec": {"suspend": True}}, {"metadata": {"labels": {"slipway.dev/check-of": None}}}):
        kube.merge(JOB, shop, name, change, DEVELOPER).refused("this Job is the run of a check or smoke test")
    kube.delete(JOB, shop, name, DEVELOPER).accepted()
