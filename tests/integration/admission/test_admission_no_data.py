"""Who accepts that gates have no data: stamped, never forged, and never taken over from somebody else."""

from typing import Any

import pytest
from tests.integration.admission.impersonation import PROMOTION, Answer, Kubernetes, Object, User
from tests.integration.admission.people import (
    APPROVER,
    DEVELOPER,
    SECOND_APPROVER,
    new_promotion,
)

NIGHT: Object = {"weight": 10, "reason": "night"}


def accept(kube: Kubernetes, namespace: str, name: str, user: User, **said: Any) -> Answer:
    return kube.merge(PROMOTION, namespace, name, {"spec": {"acceptNoData": said}}, user)


def test_whoever_accepts_it_is_written_down(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    assert accept(kube, namespace, name, APPROVER, **NIGHT).spec["acceptNoData"] == {**NIGHT, "by": APPROVER.name}
    # Their own name, in the same words, changes nothing.
    again = accept(kube, namespace, name, APPROVER, **NIGHT, by=APPROVER.name)
    assert again.spec["acceptNoData"]["by"] == APPROVER.name


def test_whoever_accepts_more_takes_it_on_themselves(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    accept(kube, namespace, name, APPROVER, **NIGHT).accepted()
    assert accept(kube, namespace, name, SECOND_APPROVER, weight=50).spec["acceptNoData"] == {
        "weight": 50,
        "reason": "night",
        "by": SECOND_APPROVER.name,
    }


def test_nobody_accepts_it_in_another_name(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    forged = accept(kube, namespace, name, SECOND_APPROVER, **NIGHT, by=APPROVER.name)
    forged.refused("spec.acceptNoData.by: second@example.com says so")
    accept(kube, namespace, name, APPROVER, **NIGHT).accepted()
    for user in (DEVELOPER, SECOND_APPROVER):
        passed_on = accept(kube, namespace, name, APPROVER, by=user.name)
        passed_on.refused("spec.acceptNoData.by: approver@example.com says so")
    assert accept(kube, namespace, name, DEVELOPER, by=DEVELOPER.name).code == 403


def test_a_replacement_without_the_name_leaves_it(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    accept(kube, namespace, name, APPROVER, **NIGHT).accepted()
    current = kube.get(PROMOTION, namespace, name).accepted()
    spec = {**current["spec"], "acceptNoData": NIGHT, "version": "2"}
    replaced = kube.replace(PROMOTION, namespace, {**current, "spec": spec}, DEVELOPER)
    assert (replaced.spec["version"], replaced.spec["acceptNoData"]) == ("2", {**NIGHT, "by": APPROVER.name})


@pytest.mark.parametrize("words", ["text", [], {"weight": "ten"}, {"by": 1}, {"by": ["ada"]}, {"by": {}}])
def test_malformed_words_are_an_error_of_the_user(kube: Kubernetes, namespace: str, words: object) -> None:
    name = new_promotion(kube, namespace)
    for before in (False, True):
        if before:
            accept(kube, namespace, name, APPROVER, **NIGHT).accepted()
        given = {**NIGHT, **words} if isinstance(words, dict) else words
        assert kube.merge(PROMOTION, namespace, name, {"spec": {"acceptNoData": given}}, APPROVER).code == 422
