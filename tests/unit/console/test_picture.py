"""A Rollout that somebody watches: what is well takes one line, and what does not fit is what matters least."""

import asyncio
import copy
from io import StringIO
from typing import Any

import pytest
from rich.console import Console
from rich.live import Live
from tests.unit.console.test_tree import DEPLOYMENT, PROMOTION, ROLLOUT

from slipway.cluster.errors import Forbidden
from slipway.cluster.resources import DEPLOYMENTS, PODS, Resource
from slipway.console import following, picture
from slipway.console.session import Session, Workload
from slipway.console.showing import Plain
from slipway.console.tree import Trace

LABELS = {"slipway.dev/revision": "bbb", "slipway.dev/rollout": "web"}
HEIGHT = 24


def pod(number: int, ready: bool = True, restarts: int = 0, namespace: str = "shop") -> dict[str, Any]:
    state = {"state": {} if ready else {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": restarts}
    return {
        "metadata": {"name": f"web-bbb-{number}", "namespace": namespace, "labels": LABELS},
        "status": {
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "containerStatuses": [state],
        },
    }


def check(name: str, result: str, message: str = "it is so") -> dict[str, Any]:
    return {"name": name, "category": "Quality", "result": result, "message": message}


PASSED = [check(f"c{n}", "Passed") for n in range(11)]
BASKET = check("basket", "Pending", "to be looked at: the basket")
GATES = [{"name": f"gate-{n}", "verdict": "Pass", "value": 0.001, "bound": "< 0.01"} for n in range(3)]


def shown(
    pods: list[dict[str, Any]],
    *,
    checks: list[dict[str, Any]] | None = None,
    rollouts: list[dict[str, Any]] | None = None,
    below: str = "",
    width: int = 100,
    **status: Any,
) -> list[str]:
    rollout, promotion = copy.deepcopy(ROLLOUT), copy.deepcopy(PROMOTION)
    rollout["status"] |= {"gates": GATES} | status
    promotion["status"]["checks"] = [*PASSED, BASKET] if checks is None else checks
    workload = Workload([DEPLOYMENT], pods)
    found = picture.Picture(rollouts or [rollout], [promotion], {("shop", "web"): workload}, Trace(), "nothing")
    console = Plain(height=HEIGHT, width=width, file=StringIO(), force_terminal=True, no_color=True, color_system=None)
    with console.capture() as captured:
        console.print(picture.Fitting(found, below))
    return captured.get().splitlines()


def watched(lines: list[str]) -> bool:
    """Whether all is there that one watches for."""
    text = "\n".join(lines)
    wanted = ("Promotion web-2  Held", "Pending       basket", *(f"gate-{n}" for n in range(3)))
    return len(lines) <= HEIGHT and all(words in text for words in wanted)


def test_what_is_well_takes_one_line_and_the_rest_is_in_full() -> None:
    lines = shown([*map(pod, range(10)), pod(10, ready=False), pod(11, restarts=2)])
    text = "\n".join(lines)
    assert watched(lines)
    assert "11 checks passed" in text
    assert "c3" not in text
    assert "10 pods ready" in text
    assert "Pod web-bbb-3" not in text
    assert "Pod web-bbb-10  CrashLoopBackOff" in text
    assert "Pod web-bbb-11  ready, 2 restarts" in text


def test_what_does_not_apply_is_told_from_what_has_passed() -> None:
    text = "\n".join(shown([], checks=[check("a", "Passed"), check("b", "NotApplicable"), check("c", "NotApplicable")]))
    assert "1 check passed, 2 do not apply" in text


def test_pods_give_way_before_gates_and_the_promotion() -> None:
    lines = shown([pod(n, ready=False) for n in range(30)])
    assert watched(lines)
    assert "30 pods not ready" in "\n".join(lines)


def test_nothing_of_it_is_cut_on_the_screen_on_which_it_is_redrawn() -> None:
    rollout = copy.deepcopy(ROLLOUT)
    rollout["status"]["gates"] = GATES
    promotion = {**PROMOTION, "status": {**PROMOTION["status"], "checks": [*PASSED, BASKET]}}
    workload = Workload([DEPLOYMENT], [pod(n, ready=False) for n in range(30)])
    found = picture.Picture([rollout], [promotion], {("shop", "web"): workload}, Trace(), "nothing")
    console = Console(height=HEIGHT, width=100, file=(shown := StringIO()), force_terminal=True, color_system=None)
    with Live(picture.Fitting(found), console=console, auto_refresh=False) as live:
        live.refresh()
        assert watched(shown.getvalue().rpartition("Rollout shop/web")[2].splitlines())
    assert "…" not in shown.getvalue()


def test_then_the_ends_of_long_lines_do() -> None:
    long = "the gateway has not followed yet, " * 20
    bad = [check(f"bad-{n}", "Failed", long) for n in range(5)]
    lines = shown([pod(n, ready=False) for n in range(30)], checks=[*PASSED, *bad, BASKET], message=long, width=80)
    assert watched(lines)
    assert all(any(f"bad-{n}" in line for line in lines) for n in range(5))


def test_of_many_rollouts_those_at_rest_give_way() -> None:
    busy = copy.deepcopy(ROLLOUT)
    busy["status"]["gates"] = GATES
    resting = []
    for number in range(30):
        one = copy.deepcopy(ROLLOUT)
        one["metadata"]["name"] = f"api-{number}"
        one["status"] = {"phase": "Healthy", "message": "revision aaa serves", "observedGeneration": 2}
        resting.append(one)
    lines = shown([], rollouts=[*resting, busy])
    assert watched(lines)
    assert "30 Rollouts are Healthy" in "\n".join(lines)
    few = shown([], rollouts=[*resting[:2], busy])
    assert any("Rollout shop/api-1  Healthy" in line for line in few)


def test_that_the_cluster_does_not_answer_is_never_cut() -> None:
    bad = [check(f"bad-{n}", "Failed") for n in range(40)]
    lines = shown([], checks=bad, below="not answered: no route")
    assert len(lines) == HEIGHT
    assert lines[-2:] == ["…", "not answered: no route"]


class Client:
    """Two namespaces with a Rollout each; counts what is listed."""

    def __init__(self, everywhere: bool = True) -> None:
        self.everywhere = everywhere
        self.asked: list[tuple[str, str | None, str | None]] = []

    async def list(
        self, kind: Resource, namespace: str | None, selector: str | None = None
    ) -> tuple[list[dict[str, Any]], str]:
        self.asked.append((kind.kind, namespace, selector))
        if kind not in (DEPLOYMENTS, PODS):
            found = [{**ROLLOUT, "metadata": {**ROLLOUT["metadata"], "namespace": one}} for one in ("blog", "shop")]
            return (found if kind.kind == "Rollout" else []), "1"
        if namespace is None and not self.everywhere:
            raise Forbidden("not everywhere", 403)
        pods = [pod(1, namespace="shop"), pod(2, namespace="blog")]
        mine = [one for one in pods if namespace in (None, one["metadata"]["namespace"])]
        return (mine if kind is PODS else []), "1"


@pytest.mark.parametrize("everywhere", [True, False])
def test_what_runs_is_listed_once_for_all_rollouts(everywhere: bool) -> None:
    client = Client(everywhere)
    found = asyncio.run(following.looked(Session(client, None), None, Trace()))  # type: ignore[arg-type]
    listed = [asked for asked in client.asked if asked[0] == "Pod"]
    label = "slipway.dev/rollout"
    there = [] if everywhere else [("Pod", "blog", label), ("Pod", "shop", label)]
    assert listed == [("Pod", None, label), *there]
    names = {key: [one["metadata"]["name"] for one in workload.pods] for key, workload in found.running.items()}
    assert names == {("shop", "web"): ["web-bbb-1"], ("blog", "web"): ["web-bbb-2"]}


def test_of_one_rollout_only_its_own_is_listed() -> None:
    client = Client()
    asyncio.run(Session(client, "shop").workloads("web"))  # type: ignore[arg-type]
    assert client.asked == [(kind, "shop", "slipway.dev/rollout=web") for kind in ("Deployment", "Pod")]
