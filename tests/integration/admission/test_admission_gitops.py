"""Approving by pull request: a GitOps tool that may approve says what Git says, again and again."""

import json

from tests.integration.admission.impersonation import CLUSTER_ADMIN, OPERATOR, PROMOTION, Answer, Kubernetes, Object
from tests.integration.admission.people import (
    LISTED_ACCOUNT,
    NEXT_PLAN,
    PLAN,
    UNLISTED_ACCOUNT,
    new_promotion,
    promotion,
    show_plan,
)

from slipway.core.approval import identity

TOOL = LISTED_ACCOUNT
WORDS = {"approved": True, "approvals": {TOOL.name: PLAN}}
VOID = {"spec": {"approved": None, "approvals": None}}


def sync(kube: Kubernetes, namespace: str, name: str, words: Object) -> Answer:
    """What a client-side apply sends: the difference, and what was applied."""
    manifest = promotion(name, **words)
    applied = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(manifest)}
    return kube.merge(PROMOTION, namespace, name, {"metadata": {"annotations": applied}, "spec": words}, TOOL)


def test_the_plan_in_git_is_approved_and_delegated(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    answer = sync(kube, namespace, name, WORDS)
    assert answer.spec["approvals"] == {TOOL.name: PLAN}
    assert answer.spec["approved"] is True
    assert identity(TOOL.name, verified=True) == "delegated"
    # Applied again it says nothing new.
    assert sync(kube, namespace, name, WORDS).spec["approvals"] == {TOOL.name: PLAN}


def test_server_side_apply_says_the_same(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    answer = kube.apply(PROMOTION, namespace, promotion(name, **WORDS), TOOL)
    assert answer.spec["approvals"] == {TOOL.name: PLAN}


def test_a_plan_that_changed_is_not_approved_by_the_next_sync(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    sync(kube, namespace, name, WORDS).accepted()
    show_plan(kube, namespace, name, NEXT_PLAN).accepted()
    kube.items(PROMOTION, namespace)
    kube.merge(PROMOTION, namespace, name, VOID, OPERATOR).accepted()
    sync(kube, namespace, name, WORDS).refused("slipway-approval", NEXT_PLAN, code=422)
    assert "approved" not in kube.get(PROMOTION, namespace, name).spec


def test_without_the_plan_the_next_sync_approves_whatever_the_plan_is(kube: Kubernetes, namespace: str) -> None:
    """Why docs/gitops.md asks for the plan beside `approved: true`."""
    name = new_promotion(kube, namespace)
    sync(kube, namespace, name, {"approved": True}).accepted()
    show_plan(kube, namespace, name, NEXT_PLAN).accepted()
    kube.items(PROMOTION, namespace)
    kube.merge(PROMOTION, namespace, name, VOID, OPERATOR).accepted()
    assert sync(kube, namespace, name, {"approved": True}).spec["approvals"] == {TOOL.name: NEXT_PLAN}


def test_a_file_that_is_new_and_approved_is_refused(kube: Kubernetes, namespace: str) -> None:
    kube.apply(PROMOTION, namespace, promotion("web-new", **WORDS), TOOL).refused(
        "slipway-approval", "cannot be created approved", code=422
    )


def test_a_tool_with_every_right_that_is_not_listed_is_refused(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    listed = "must be listed under approvers"
    words = {"approved": True, "approvals": {UNLISTED_ACCOUNT.name: PLAN}}
    kube.merge(PROMOTION, namespace, name, {"spec": words}, UNLISTED_ACCOUNT).refused("slipway-approval", listed)
    # A person's right is not the tool's: nobody writes the entry of another.
    words = {"approved": True, "approvals": {CLUSTER_ADMIN.name: PLAN}}
    kube.merge(PROMOTION, namespace, name, {"spec": words}, TOOL).refused(
        "slipway-approval", "may only write the entry"
    )
