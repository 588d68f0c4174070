"""A word that holds or ends a launch carries the name of whoever says it, and nobody else's."""

from typing import Any

import pytest

from slipway.console import decisions, own_name


def promotion(**spec: Any) -> dict[str, Any]:
    status = {"phase": "Shifting"}
    return {"metadata": {"name": "web-1", "namespace": "shop"}, "spec": {"rollout": "web", **spec}, "status": status}


@pytest.mark.parametrize(
    ("patch", "word", "said"),
    [
        (decisions.hold("lunch"), "hold", "lunch"),
        (decisions.doubt(), "rollbackPlanNeeded", "true"),
        (decisions.abort(promotion(), "slow")[1], "abort", "slow"),
    ],
)
def test_the_name_is_beside_the_word_and_repeats_it(patch: dict[str, Any], word: str, said: str) -> None:
    assert own_name.beside(patch, promotion(), "ada") == {**patch, "saidBy": {word: {"by": "ada", "said": said}}}


def test_whoever_lifts_says_so_for_all_that_is_lifted() -> None:
    held = promotion(hold="lunch", rollbackPlanNeeded=True, saidBy={"hold": {"by": "bob", "said": "lunch"}})
    names = own_name.beside(decisions.resume(held), held, "ada")["saidBy"]
    assert names == {"hold": {"by": "ada", "said": ""}, "rollbackPlanNeeded": {"by": "ada", "said": ""}}


def test_a_word_that_stands_stays_its_owners() -> None:
    held = promotion(hold="lunch", rollbackPlanNeeded=True)
    for patch in (decisions.hold("lunch"), decisions.doubt()):
        assert own_name.beside(patch, held, "ada") == patch
    assert own_name.beside(decisions.hold("dinner"), held, "ada")["saidBy"]["hold"]["by"] == "ada"


@pytest.mark.parametrize("who", ["", "x" * 257])
def test_without_a_name_the_word_goes_through_and_no_other_name_stays_beside_it(who: str) -> None:
    assert own_name.beside(decisions.hold("lunch"), promotion(), who) == {"hold": "lunch"}
    before = promotion(saidBy={"hold": {"by": "bob", "said": ""}, "abort": {"by": "eve", "said": ""}})
    assert own_name.beside(decisions.hold("lunch"), before, who) == {"hold": "lunch", "saidBy": {"hold": None}}


@pytest.mark.parametrize("patch", [decisions.withdrawal(), {"rerun": "2"}, {}])
def test_other_words_have_no_name_there(patch: dict[str, Any]) -> None:
    assert own_name.beside(patch, promotion(), "ada") == patch


@pytest.mark.parametrize("spec", [{"saidBy": None}, {"hold": 1}, {"hold": []}])
def test_whatever_the_spec_holds_there_is_a_patch(spec: dict[str, Any]) -> None:
    assert own_name.beside(decisions.hold("lunch"), promotion(**spec), "ada")["hold"] == "lunch"
