"""Random histories of edits, approvals, verdicts, pods, gateways, time and crashes. What must hold is in oracle.py."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.unit.core import objects
from tests.unit.core.cluster import Cluster
from tests.unit.core.objects import GATE, NAME
from tests.unit.core.oracle import Oracle

from slipway.core.charge import FINAL

STEPS = [
    [{"weight": 25, "hold": "5s"}, {"weight": 50, "hold": "3s"}],
    [{"weight": 10, "hold": "2s"}, {"weight": 30, "hold": "2s", "approval": "Required"}],
    [{"weight": 50, "hold": "1s", "gates": []}],
    [{"weight": 40, "hold": "0s"}, {"weight": 100, "hold": "4s"}],
]
WATCHES = [
    [],
    [{"for": "20s", "interval": "2s"}],
    [{"for": "10s", "interval": "1s"}, {"for": "5m", "interval": "5s"}],
]
ANSWERS: dict[str, dict[str, Any]] = {
    "Pass": {"value": 0.001},
    "Fail": {"value": 0.9},
    "NoData": {"no_data": "no series"},
    "Error": {"error": "connection refused"},
}


class Histories(RuleBasedStateMachine):
    """One Rollout and what people, pods, gateway, metrics and time may do to it."""

    @initialize(kind=st.sampled_from(["blueGreen", "canary"]), automatic=st.booleans(), steps=st.sampled_from(STEPS))
    def begin(self, kind: str, automatic: bool, steps: list[Any]) -> None:
        spec = objects.canary(steps=steps) if kind == "canary" else objects.blue_green()
        self.kind = kind
        self.cluster = Cluster(spec | {"approval": "Automatic" if automatic else "Required"}, automatic=automatic)
        self.oracle = Oracle(self.cluster)
        self.count = 0
        self.answer = "Pass"
        self.cluster.measure = lambda _: ANSWERS[self.answer]

    # --- The developer --------------------------------------------------------------------------------------------

    @rule(version=st.integers(1, 4))
    def template(self, version: int) -> None:
        self.cluster.edit(template=objects.template(version))

    @rule(replicas=st.integers(0, 5))
    def replicas(self, replicas: int) -> None:
        self.cluster.edit(replicas=replicas)

    @rule(below=st.sampled_from([0.01, 0.02, 0.5]))
    def threshold(self, below: float) -> None:
        self.cluster.edit(analysis=objects.ANALYSIS | {"gates": [GATE | {"below": below}]})

    @rule(most=st.sampled_from(["10%", "0.5"]))
    def comparison(self, most: str) -> None:
        self.cluster.edit(analysis=objects.ANALYSIS | {"gates": [GATE | {"baseline": {"maxIncrease": most}}]})

    @precondition(lambda self: self.kind == "canary")
    @rule(steps=st.sampled_from(STEPS))
    def steps(self, steps: list[Any]) -> None:
        self.cluster.edit(strategy={"canary": {"steps": steps, "verify": "10s", "keepPrevious": "30s"}})

    @rule(data=st.data())
    def abort_of_spec(self, data: st.DataObject) -> None:
        names = [None, *sorted(self.oracle.revisions())]
        self.cluster.edit(abort=data.draw(st.sampled_from(names)))

    # --- Promotions -----------------------------------------------------------------------------------------------

    def unfinished(self) -> list[str]:
        found = self.cluster.all("Promotion")
        return [p["metadata"]["name"] for p in found if (p.get("status") or {}).get("phase") not in FINAL]

    @rule(watch=st.sampled_from(WATCHES))
    def promote(self, watch: list[Any]) -> None:
        self.count += 1
        self.cluster.promote(f"{NAME}-{self.count:03}", watch=watch)

    @precondition(lambda self: self.unfinished())
    @rule(data=st.data())
    def approve(self, data: st.DataObject) -> None:
        self.oracle.approve(data.draw(st.sampled_from(self.unfinished())))

    @precondition(lambda self: self.unfinished())
    @rule(data=st.data(), weight=st.sampled_from([10, 30, 100]))
    def approve_weight(self, data: st.DataObject, weight: int) -> None:
        name = data.draw(st.sampled_from(self.unfinished()))
        plan = (self.cluster.get("Promotion", name).get("status") or {}).get("planHash")
        if plan:
            self.cluster.say(name, approvedWeight=weight, weightApprovals={"ada": {"weight": weight, "plan": plan}})

    @precondition(lambda self: self.unfinished())
    @rule(data=st.data(), word=st.sampled_from(["withdraw", "hold", "lift", "abort", "delete", "rerun"]))
    def word(self, data: st.DataObject, word: str) -> None:
        name = data.draw(st.sampled_from(self.unfinished()))
        if word == "withdraw":
            self.cluster.say(name, approved=False)
        elif word == "hold":
            self.cluster.say(name, hold="wait")
        elif word == "lift":
            self.cluster.say(name, hold=None)
        elif word == "abort":
            self.cluster.say(name, abort="it must not be")
        elif word == "rerun":
            self.cluster.say(name, rerun=str(self.count))
        else:
            self.cluster.remove("Promotion", name)

    # --- The world ------------------------------------------------------------------------------------------------

    @rule(answer=st.sampled_from(sorted(ANSWERS)))
    def metrics(self, answer: str) -> None:
        self.answer = answer

    @rule(data=st.data(), reason=st.sampled_from(["", "NotReady", "CrashLoopBackOff", "ImagePullBackOff"]))
    def kubelet(self, data: st.DataObject, reason: str) -> None:
        known = sorted(self.oracle.revisions())
        if known:
            self.cluster.broken[data.draw(st.sampled_from(known))] = reason

    @rule(who=st.sampled_from(["pods", "endpoints", "gateway", "controllers"]))
    def follow(self, who: str) -> None:
        getattr(self.cluster, who)()

    @rule(to=st.sampled_from(["none", "candidate", "elsewhere"]))
    def selector_by_hand(self, to: str) -> None:
        service = self.cluster.objects.get(("Service", NAME))
        if service is None:
            return
        selector = {"app": "another"} if to == "elsewhere" else dict(service["spec"]["selector"])
        if to != "elsewhere":
            selector["slipway.dev/revision"] = self.oracle.in_flight() or "none" if to == "candidate" else "none"
        self.cluster.change("Service", NAME, "spec", selector=selector)
        self.oracle.moved()

    @rule(by=st.sampled_from([0.5, 1, 2, 5, 12, 40]))
    def time(self, by: float) -> None:
        self.cluster.now += timedelta(seconds=by)

    @rule()
    def status_lost(self) -> None:
        self.cluster.wipe_status()

    # --- The operator ---------------------------------------------------------------------------------------------

    @rule()
    def work(self) -> None:
        self.cluster.once()

    @rule(writes=st.integers(0, 4))
    def crash(self, writes: int) -> None:
        self.cluster.once(writes)

    @rule(seconds=st.sampled_from([0, 3, 8, 20]))
    def run(self, seconds: int) -> None:
        """Undisturbed for a while, and at rest at the end: deciding again writes nothing."""
        self.cluster.run(seconds)

    @precondition(lambda self: self.unfinished())
    @rule(data=st.data(), seconds=st.sampled_from([3, 8, 20]))
    def go(self, data: st.DataObject, seconds: int) -> None:
        """The usual way: what can be approved is approved, and time passes."""
        self.cluster.settle()
        for name in self.unfinished():
            self.oracle.approve(name)
        self.cluster.run(seconds)

    # --- What holds -----------------------------------------------------------------------------------------------

    @invariant()
    def deterministic(self) -> None:
        assert self.cluster.decide() == self.cluster.decide()

    @invariant()
    def one_in_flight(self) -> None:
        self.oracle.in_flight()

    @invariant()
    def back_in_one_decision(self) -> None:
        self.oracle.back_is_reachable()


TestHistories = Histories.TestCase
