"""The resource modifiers of docs/operations.md, applied by Velero's own code.

tests/integration/admission/test_admission_velero.py gives a real API server what they leave.
"""

import copy
from typing import Any

import pytest
import yaml
from tests.integration.velero import PROMOTIONS, ROLLOUTS, config_map, modify, stripped, without_words
from tests.unit.api.objects import ACCEPTED, rollout

Object = dict[str, Any]
CASES = {name: made for name, made in ACCEPTED.items() if made["kind"] == "Promotion"}
STATUS = {"phase": "AwaitingApproval", "planHash": "sha256:" + "0" * 64, "approvals": [{"by": "ada@example.com"}]}


def said_nothing(made: Object) -> Object:
    spec = {field: value for field, value in made["spec"].items() if field not in stripped()}
    return {**made, "spec": spec}


@pytest.mark.parametrize("name", CASES)
def test_what_was_said_goes_and_all_else_stays(name: str) -> None:
    made = {**CASES[name], "status": STATUS}
    assert modify(config_map(), (PROMOTIONS, made)) == ([said_nothing(made)], [])
    assert without_words(made) == [said_nothing(made)], "kubectl and Velero leave the same"


@pytest.mark.parametrize("field", sorted(stripped()))
def test_each_word_goes_alone_and_its_absence_is_no_error(field: str) -> None:
    full = CASES["a full Promotion"] | {"spec": CASES["a full Promotion"]["spec"] | CASES["broken glass"]["spec"]}
    alone, others = copy.deepcopy(full), copy.deepcopy(full)
    alone["spec"] = said_nothing(full)["spec"] | {field: full["spec"][field]}
    del others["spec"][field]
    expected = [said_nothing(full)] * 2
    assert modify(config_map(), (PROMOTIONS, alone), (PROMOTIONS, others)) == (expected, [])
    assert without_words(alone, others) == expected


def test_other_kinds_stay_as_they_are() -> None:
    # With a field of that name, so that the rule would show.
    others = [
        (ROLLOUTS, rollout(approved=True, abort="3f2a9c01de")),
        ("promotionpolicies.slipway.dev", {**ACCEPTED["a policy with all of it"]}),
        ("promotions.example.com", {**CASES["a full Promotion"], "apiVersion": "example.com/v1"}),
        ("configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"spec": "x"}}),
    ]
    assert modify(config_map(), *others) == ([made for _, made in others], [])


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("version: v1", "version: v2", "unsupported resource modifier version"),
        ("mergePatches", "mergePatch", 'unknown field "mergePatch"'),
        ("groupResource", "groupKind", 'unknown field "groupKind"'),
    ],
)
def test_velero_would_say_what_is_wrong_with_the_rules(old: str, new: str, says: str) -> None:
    wrong = config_map()
    ((key, rules),) = wrong["data"].items()
    wrong["data"] = {key: rules.replace(old, new)}
    assert yaml.safe_load(wrong["data"][key]) != yaml.safe_load(rules)
    _, errors = modify(wrong, (PROMOTIONS, CASES["a full Promotion"]))
    assert [says in error for error in errors] == [True], errors
