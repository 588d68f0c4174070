"""The same random histories while Promotions migrate data: Jobs end in any way, at any time, and operators die."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule
from tests.unit.core import objects
from tests.unit.core.cluster import Cluster
from tests.unit.core.objects import NAME, Object
from tests.unit.core.oracle import Oracle
from tests.unit.core.test_histories import ANSWERS, Histories

from slipway.core import marks, names
from slipway.core.decision import JobProbe, MarkRevision, Probe, Write
from slipway.core.marks import Marks
from slipway.core.migration.run import Step

STEPS = [("expand",), ("contract",), ("expand", "rollback"), ("expand", "contract", "rollback")]


def job(step: str) -> Object:
    return {"template": {"spec": {"containers": [{"name": step, "image": f"registry.example/{step}:v1"}]}}}


class Migrating(Cluster):
    """Jobs run until somebody says how they end."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.running: JobProbe | None = None
        self.ended: dict[str, bool] = {}
        self.made: set[str] = set()
        self.told: list[tuple[str, str, bool]] = []
        """Promotion, step and end, in the order in which Jobs ended."""
        super().__init__(*args, **kwargs)
        self.probe = self._answer
        self.before_write.append(self._check)

    def run_probes(self, probes: Iterable[Probe]) -> None:
        found = list(probes)
        jobs = [probe for probe in found if isinstance(probe, JobProbe)]
        assert len(jobs) <= 1, [probe.key for probe in jobs]
        for probe in jobs:
            if name_of(probe) not in self.made and (self._another_runs(probe) or not probe.make):
                continue
            if name_of(probe) not in self.ended:
                self._starts(probe)
                self.running = probe
                self.made.add(name_of(probe))
        unmade = {probe.key for probe in jobs if not probe.make and name_of(probe) not in self.made}
        self.unverified = lambda probe: "not made" if probe.key in unmade else ""
        ready = [p for p in found if not isinstance(p, JobProbe) or p.key in unmade or name_of(p) in self.ended]
        super().run_probes(ready)

    def _another_runs(self, probe: JobProbe) -> bool:
        """Only what a Promotion left that was deleted may still run; the shell waits for it then."""
        if self.running is None or name_of(self.running) == name_of(probe):
            return False
        there = {obj["metadata"]["uid"] for obj in self.all("Promotion")}
        assert owner_of(self.running) not in there, "two migrations at once"
        return True

    def end(self, passed: bool) -> None:
        probe = self.running
        assert probe is not None
        self.running = None
        self.ended[name_of(probe)] = passed
        self.told.append((owner_of(probe), step_of(probe), passed))

    def _answer(self, probe: Probe) -> bool:
        return self.ended.get(name_of(probe), False) if isinstance(probe, JobProbe) else True

    def _starts(self, probe: JobProbe) -> None:
        if self.running is not None:
            return
        marked = self._marked(owner_of(probe), Step(step_of(probe)))
        if step_of(probe) == Step.ROLLBACK:
            assert all(self.exposure(name) == 0 for name in marked)
        if step_of(probe) == Step.EXPAND:
            assert all(self.exposure(name) == 0 for name in marked), "expanded behind users"
        if step_of(probe) == Step.CONTRACT:
            assert all(not m.rejected for m in marked.values()), "contracted while traffic goes back"
            assert all(self.size(name) == 0 or name in marked for name in self._served())

    def _marked(self, uid: str, step: Step) -> dict[str, Marks]:
        known = {obj["metadata"]["labels"].get(names.REVISION_LABEL): obj for obj in self.all("ControllerRevision")}
        read = {name: Marks.read(obj["metadata"].get("annotations") or {}) for name, obj in known.items() if name}
        runs = {
            name: [r for r in m.migrations if r.promotion_uid == uid and r.step is step] for name, m in read.items()
        }
        return {name: read[name] for name in read if any(run.running for run in runs[name])}

    def _served(self) -> list[str]:
        """What served and may be gone back to."""
        previous = (self.status.get("previous") or {}).get("revision")
        return [previous] if previous else []

    def _check(self, write: Write) -> None:
        """No traffic under a plan that expands, unless that was the last thing that was done for it."""
        text = write.annotations.get(marks.APPROVED) if isinstance(write, MarkRevision) else None
        if text is None:
            return
        approved = json.loads(text)
        uid = (approved["promotion"] or {}).get("uid", "")
        plan = self.get("ControllerRevision", names.plan_name(NAME, approved["planHash"]))["data"]["plan"]
        jobs = ((plan.get("promotion") or {}).get("migrations") or {}).get("jobs") or {}
        if "expand" in jobs:
            done = [(step, passed) for owner, step, passed in self.told if owner == uid]
            assert done, "traffic before expand"
            assert done[-1] == ("expand", True), done


def name_of(probe: JobProbe) -> str:
    return str(probe.job["metadata"]["name"])


def step_of(probe: JobProbe) -> str:
    return str(probe.job["metadata"]["labels"][names.MIGRATION_LABEL])


def owner_of(probe: JobProbe) -> str:
    return str(probe.job["metadata"]["ownerReferences"][0]["uid"])


class MigrationHistories(Histories):
    """Nearly every Promotion migrates."""

    cluster: Migrating

    @initialize(kind=st.sampled_from(["blueGreen", "canary"]), automatic=st.booleans())
    def begin(self, kind: str, automatic: bool) -> None:
        spec = objects.canary() if kind == "canary" else objects.blue_green()
        self.kind = kind
        self.cluster = Migrating(spec | {"approval": "Automatic" if automatic else "Required"}, automatic=automatic)
        self.oracle = Oracle(self.cluster)
        self.count = 0
        self.answer = "Pass"
        self.cluster.measure = lambda _: ANSWERS[self.answer]

    @rule(steps=st.sampled_from(STEPS), watch=st.sampled_from([[], [{"for": "20s", "interval": "2s"}]]))
    def migrate(self, steps: tuple[str, ...], watch: list[Any]) -> None:
        self.count += 1
        jobs = {step: job(step) for step in steps}
        migrations = {"backwardCompatible": True, "jobs": jobs, "rollback": ["by hand"]}
        self.cluster.promote(f"{NAME}-{self.count:03}", watch=watch, migrations=migrations)

    @precondition(lambda self: self.cluster.running is not None)
    @rule(passed=st.sampled_from([True, True, False]))
    def job_ends(self, passed: bool) -> None:
        running = self.cluster.running
        assert running is not None
        gone = all(p["metadata"]["uid"] != owner_of(running) for p in self.cluster.all("Promotion"))
        self.cluster.end(passed and not gone)

    @rule()
    def restart(self) -> None:
        self.cluster.observations.clear()

    @rule(data=st.data())
    def promotion_status_lost(self, data: st.DataObject) -> None:
        found = [p["metadata"]["name"] for p in self.cluster.all("Promotion")]
        if found:
            name = data.draw(st.sampled_from(found))
            obj = self.cluster.get("Promotion", name)
            self.cluster.put("Promotion", {**obj, "status": {"observedGeneration": -1}})

    @invariant()
    def what_is_told_is_known(self) -> None:
        for obj in self.cluster.all("Promotion"):
            for entry in (obj.get("status") or {}).get("migrations") or []:
                if entry["result"] in ("Succeeded", "Failed") and entry["job"] in self.cluster.ended:
                    assert self.cluster.ended[entry["job"]] is (entry["result"] == "Succeeded")


TestMigrationHistories = MigrationHistories.TestCase
