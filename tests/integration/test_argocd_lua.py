"""What Argo CD is told by the Lua files of manifests/argocd, run by the engine that it embeds.

The tests are data, in the layout of Argo CD's own: health_test.yaml and actions/action_test.yaml beside the scripts.
"""

import copy
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cluster.paths import REPOSITORY
from tests.cluster.toolchain import program

from slipway.core.charge import FINAL

FOLDER = REPOSITORY / "manifests" / "argocd"
STATUSES = ("Healthy", "Progressing", "Degraded", "Suspended")

Object = dict[str, Any]


class Lua:
    """The engine, kept running: one question and one answer at a time."""

    def __init__(self, engine: Path) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([engine], stdin=pipe, stdout=pipe, text=True)

    def run(self, script: Path, obj: object, parameters: dict[str, str] | None = None) -> Object:
        asked = {"script": script.read_text(), "object": obj, "parameters": parameters or {}}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        answer: Object = json.loads(self.process.stdout.readline())
        return answer


@pytest.fixture(scope="module")
def lua() -> Any:
    engine = Lua(program("lua", "lua"))
    with engine.process:
        yield engine
        assert engine.process.stdin is not None
        engine.process.stdin.close()


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def cases(pattern: str, key: str) -> list[Any]:
    """Every test of every file, with the folder of its scripts."""
    found = []
    for path in sorted(FOLDER.rglob(pattern)):
        for number, case in enumerate(read(path)[key]):
            place = path.parent.relative_to(FOLDER)
            found.append(pytest.param(path.parent, case, id=f"{place}-{number}-{Path(case['inputPath']).stem}"))
    return found


def phases(plural: str) -> set[str]:
    """The phases that the API says there are."""
    crd = read(REPOSITORY / "crds" / f"slipway.dev_{plural}.yaml")
    status = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]
    return set(re.findall(r"[A-Z]\w+", status["properties"]["phase"]["description"]))


@pytest.mark.parametrize(("folder", "case"), cases("health_test.yaml", "tests"))
def test_health(lua: Lua, folder: Path, case: Object) -> None:
    answer = lua.run(folder / "health.lua", read(folder / case["inputPath"]))
    assert answer == {"result": case["healthStatus"]}


@pytest.mark.parametrize(("kind", "plural"), [("Rollout", "rollouts"), ("Promotion", "promotions")])
def test_every_phase_of_the_api_has_a_health(lua: Lua, kind: str, plural: str) -> None:
    known = phases(plural)
    assert len(known) > 10, "the phases are looked for in the wrong place"
    tested = set()
    for path in (FOLDER / "slipway.dev" / kind / "testdata").glob("*.yaml"):
        status = read(path).get("status")
        tested.add(status.get("phase") if isinstance(status, dict) else None)
    assert known <= tested
    for phase in known:
        seen = {"observedGeneration": 1, "phase": phase, "message": "words"}
        answer = lua.run(FOLDER / "slipway.dev" / kind / "health.lua", {"metadata": {"generation": 1}, "status": seen})
        assert answer["result"]["status"] in STATUSES
        assert answer["result"]["message"] == f"{phase}: words"


def test_only_final_phases_are_believed_after_another_change(lua: Lua) -> None:
    script = FOLDER / "slipway.dev" / "Promotion" / "health.lua"
    believed = set()
    for phase in phases("promotions"):
        obj = {"metadata": {"generation": 2}, "status": {"observedGeneration": 1, "phase": phase}}
        if "last change" not in lua.run(script, obj)["result"]["message"]:
            believed.add(phase)
    assert believed == FINAL


JUNK = [None, True, 0, -1, 1.5, "", "text", [], {}, [None], [[]], {"type": "Stalled"}, [{"type": 1, "reason": []}]]


@pytest.mark.parametrize("script", sorted(FOLDER.rglob("health.lua")), ids=lambda path: path.parent.name)
def test_no_status_is_an_error(lua: Lua, script: Path) -> None:
    fields = ("phase", "message", "observedGeneration", "conditions")
    statuses: list[Any] = [*JUNK]
    for phase in sorted(phases("rollouts") | phases("promotions")):
        good = {"phase": phase, "observedGeneration": 1, "conditions": []}
        statuses += [{**good, field: junk} for field in fields for junk in JUNK]
    for status in statuses:
        answer = lua.run(script, {"metadata": {"generation": 1}, "spec": {}, "status": status})
        assert answer["result"]["status"] in STATUSES, (status, answer)
        assert isinstance(answer["result"]["message"], str), (status, answer)


@pytest.mark.parametrize(("folder", "case"), cases("action_test.yaml", "discoveryTests"))
def test_which_actions_are_offered(lua: Lua, folder: Path, case: Object) -> None:
    answer = lua.run(folder / "discovery.lua", read(folder / case["inputPath"]))
    assert answer == {"result": {action.pop("name"): action for action in copy.deepcopy(case["result"])}}


@pytest.mark.parametrize(("folder", "case"), cases("action_test.yaml", "actionTests"))
def test_what_actions_do(lua: Lua, folder: Path, case: Object) -> None:
    script = folder / case["action"] / "action.lua"
    answer = lua.run(script, read(folder / case["inputPath"]), case.get("parameters"))
    if "expectedErrorMessage" in case:
        assert case["expectedErrorMessage"] in answer["error"]
    else:
        assert answer == {"result": read(folder / case["expectedOutputPath"])}


@pytest.mark.parametrize("folder", ["", "delegated"])
def test_every_action_is_offered_and_tested(folder: str) -> None:
    for discovery in (FOLDER / folder / "slipway.dev").rglob("discovery.lua"):
        place = discovery.parent
        tests = read(place / "action_test.yaml")
        offered = {action["name"] for case in tests["discoveryTests"] for action in case["result"]}
        scripts = {script.parent.name for script in place.glob("*/action.lua")}
        inherited = {script.parent.name for script in (FOLDER / "slipway.dev/Promotion/actions").glob("*/action.lua")}
        assert offered == (scripts | inherited if folder else scripts)
        assert scripts == {case["action"] for case in tests["actionTests"]}


def test_only_a_delegated_argo_cd_is_offered_what_approvers_say() -> None:
    plain = yaml.safe_load((FOLDER / "argocd-cm.yaml").read_text())["data"]
    delegated = yaml.safe_load((FOLDER / "argocd-cm-delegated.yaml").read_text())["data"]
    key = "resource.customizations.actions.slipway.dev_Promotion"
    said = {
        name: {entry["name"] for entry in yaml.safe_load(data[key])["definitions"]}
        for name, data in {"plain": plain, "delegated": delegated}.items()
    }
    assert said == {"plain": {"hold", "abort", "retry"}, "delegated": {"hold", "abort", "retry", "approve", "resume"}}
    assert set(delegated) == {key}
    words = ("spec.approved", "hold = nil", "acceptNoData", "approvals")
    assert not [
        word for word in words if word in json.dumps({name: plain[name] for name in plain if "actions" in name})
    ]
