"""Who holds a Promotion, asks for a rollback plan or aborts it, and who lifts that: stamped, put back, never forged."""

from typing import Any

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
    RESTORE,
    SECOND_APPROVER,
    UNLISTED_ACCOUNT,
    new_promotion,
    promotion,
)

WORDS: dict[str, tuple[object, str]] = {
    "hold": ("on Tuesday", "on Tuesday"),
    "rollbackPlanNeeded": (True, "true"),
    "abort": ("users complain", "users complain"),
}


def say(kube: Kubernetes, namespace: str, name: str, user: User, **spec: Any) -> Answer:
    return kube.merge(PROMOTION, namespace, name, {"spec": spec}, user)


def named(user: User, said: str) -> Object:
    return {"by": user.name, "said": said}


@pytest.mark.parametrize("word", WORDS)
def test_whoever_says_it_is_written_down_and_so_is_who_lifts_it(kube: Kubernetes, namespace: str, word: str) -> None:
    value, said = WORDS[word]
    name = new_promotion(kube, namespace)
    for user in (DEVELOPER, UNLISTED_ACCOUNT):
        assert say(kube, namespace, name, user, **{word: value}).spec["saidBy"] == {word: named(user, said)}
        assert say(kube, namespace, name, APPROVER, **{word: None}).spec["saidBy"] == {word: named(APPROVER, "")}


def test_one_that_is_created_with_a_word_says_whose_it_is(kube: Kubernetes, namespace: str) -> None:
    for how in (kube.create, kube.apply):
        made = how(PROMOTION, namespace, promotion(f"held-{how.__name__}", hold="wait"), DEVELOPER)
        assert made.spec["saidBy"] == {"hold": named(DEVELOPER, "wait")}


def test_every_word_has_its_own_name(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    say(kube, namespace, name, DEVELOPER, hold="wait").accepted()
    spec = say(kube, namespace, name, APPROVER, rollbackPlanNeeded=True).spec
    assert spec["saidBy"] == {"hold": named(DEVELOPER, "wait"), "rollbackPlanNeeded": named(APPROVER, "true")}
    spec = say(kube, namespace, name, SECOND_APPROVER, hold="until Friday").spec
    assert spec["saidBy"]["hold"] == named(SECOND_APPROVER, "until Friday")


def test_what_says_nothing_leaves_no_name(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    assert "saidBy" not in say(kube, namespace, name, DEVELOPER, version="2", rollbackPlanNeeded=False).spec


def test_what_was_stamped_is_put_back(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    say(kube, namespace, name, DEVELOPER, hold="wait").accepted()
    stamped = {"hold": named(DEVELOPER, "wait")}
    for gone in ({"saidBy": None}, {"saidBy": {"hold": None}}):
        assert say(kube, namespace, name, APPROVER, **gone).spec["saidBy"] == stamped
    current = kube.get(PROMOTION, namespace, name).accepted()
    del current["spec"]["saidBy"]
    assert kube.replace(PROMOTION, namespace, current, APPROVER).spec["saidBy"] == stamped
    # A manifest that holds, applied again and then without the hold, by somebody else.
    held = promotion("from-git", hold="wait")
    kube.apply(PROMOTION, namespace, held, DEVELOPER).accepted()
    assert kube.apply(PROMOTION, namespace, held, APPROVER).spec["saidBy"] == stamped
    lifted = kube.apply(PROMOTION, namespace, promotion("from-git"), APPROVER)
    assert (lifted.spec.get("hold"), lifted.spec["saidBy"]["hold"]) == (None, named(APPROVER, ""))


@pytest.mark.parametrize("user", [DEVELOPER, APPROVER, CLUSTER_ADMIN, OPERATOR], ids=lambda user: user.name)
def test_nobody_speaks_in_another_name(kube: Kubernetes, namespace: str, user: User) -> None:
    name = new_promotion(kube, namespace)
    forged = {"hold": named(SECOND_APPROVER, "wait")}
    assert say(kube, namespace, name, user, hold="wait", saidBy=forged).code == 403
    say(kube, namespace, name, DEVELOPER, hold="wait").accepted()
    # Neither for a word that stands already, nor as its own.
    assert say(kube, namespace, name, user, saidBy=forged).code in (403, 422)
    if user != DEVELOPER:
        assert say(kube, namespace, name, user, saidBy={"hold": named(user, "wait")}).code in (403, 422)


def test_the_own_name_may_be_given_with_the_word(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    own = {"hold": named(DEVELOPER, "wait")}
    assert say(kube, namespace, name, DEVELOPER, hold="wait", saidBy=own).spec["saidBy"] == own
    wrong = {"abort": named(DEVELOPER, "something else")}
    say(kube, namespace, name, DEVELOPER, abort="broken", saidBy=wrong).refused("together with its word", code=422)
    say(kube, namespace, name, DEVELOPER, saidBy={"abort": named(DEVELOPER, "")}).refused("together with", code=422)


def test_a_restore_brings_the_names_back(kube: Kubernetes, namespace: str) -> None:
    words = {"hold": "wait", "saidBy": {"hold": named(DEVELOPER, "wait")}}
    assert kube.create(PROMOTION, namespace, promotion("restored", **words), RESTORE).spec["saidBy"] == words["saidBy"]
    kube.create(PROMOTION, namespace, promotion("forged", **words), APPROVER).refused("spec.saidBy: approver@example")


@pytest.mark.parametrize(
    "words",
    [
        {"hold": 1},
        {"hold": []},
        {"rollbackPlanNeeded": "yes"},
        {"saidBy": []},
        {"saidBy": "ana"},
        {"saidBy": {"hold": "ana"}},
        {"saidBy": {"hold": {"by": "ana"}}},
        {"hold": "wait", "saidBy": {"hold": []}},
    ],
    ids=str,
)
def test_malformed_words_are_an_error_of_the_user(kube: Kubernetes, namespace: str, words: dict[str, Any]) -> None:
    name = new_promotion(kube, namespace)
    assert say(kube, namespace, name, DEVELOPER, **words).code in (400, 422)
    assert kube.create(PROMOTION, namespace, promotion("malformed", **words), DEVELOPER).code in (400, 422)
