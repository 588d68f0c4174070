"""Migrations as steps of a launch: what runs when, what undoes it, and that nothing runs twice or without a word."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.core.cluster import Cluster, revision_of, serving
from tests.unit.core.objects import NAME, Object, blue_green, canary, template

from slipway.core import marks
from slipway.core.decision import JobProbe, Probe
from slipway.core.lineage import cleared
from slipway.core.marks import Marks
from slipway.core.migration.run import Run, Step, parse, render

V1, V2, V3 = (revision_of(blue_green(version)) for version in (1, 2, 3))


def job(name: str, **changes: Any) -> Object:
    return {"template": {"spec": {"containers": [{"name": name, "image": f"registry.example/{name}:v1"}]}}} | changes


ALL = {step: job(step) for step in ("expand", "contract", "rollback")}


def migrations(*steps: str, **jobs: Object) -> Object:
    return {"backwardCompatible": True, "jobs": {step: ALL[step] for step in steps} | jobs}


class Shop(Cluster):
    """Jobs run until the test ends them: `jobs` are those that were asked for, in their order."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.jobs: list[str] = []
        self.guarded = True
        self.templates: dict[str, Object] = {}
        self.ends: dict[str, bool] = {}
        super().__init__(*args, **kwargs)

    def run_probes(self, probes: Iterable[Probe]) -> None:
        probes = list(probes)
        asked = [probe for probe in probes if isinstance(probe, JobProbe)]
        assert len(asked) <= 1, "two migrations at once"
        for probe in asked:
            name = probe.job["metadata"]["name"]
            if name not in self.jobs and probe.make and self.guarded:
                self.jobs.append(name)
                self.templates[name] = probe.job["spec"]["template"]
        unmade = {p.key for p in asked if p.job["metadata"]["name"] not in self.jobs}
        self.unverified = lambda probe: "no Job is created" if probe.key in unmade else ""
        waits = [p for p in asked if p.key not in unmade and step_of(p.job["metadata"]["name"]) not in self.ends]
        self.probe = lambda probe: not isinstance(probe, JobProbe) or self.ends[step_of(probe.job["metadata"]["name"])]
        super().run_probes([probe for probe in probes if probe not in waits])

    @property
    def steps(self) -> list[str]:
        return [step_of(name) for name in self.jobs]

    def ends_with(self, **steps: bool) -> None:
        """From now on the Jobs of these steps end so."""
        self.ends |= steps

    def told(self, name: str) -> list[tuple[str, str]]:
        found = (self.get("Promotion", name).get("status") or {}).get("migrations") or []
        return [(entry["step"], entry["result"]) for entry in found]

    def message(self, name: str) -> str:
        return str(self.get("Promotion", name)["status"]["message"])

    def migrated(self, name: str) -> tuple[str, str, str]:
        conditions = self.get("Promotion", name)["status"]["conditions"]
        found = next(c for c in conditions if c["type"] == "Migrated")
        return found["status"], found["reason"], found["message"]


def step_of(job_name: str) -> str:
    return job_name.split("-")[1]


def shop(spec: Object | None = None, **kwargs: Any) -> Shop:
    cluster = Shop(spec or blue_green(), **kwargs)
    cluster.promote("web-1")
    cluster.settle()
    cluster.approve("web-1")
    assert cluster.run(120, lambda: cluster.phase() == "Healthy"), cluster.status
    return cluster


def proposed(*steps: str, cluster: Shop | None = None, version: int = 2, **spec: Any) -> Shop:
    found = cluster or shop()
    found.edit(template=template(version))
    found.promote(f"web-{version}", **{"migrations": migrations(*(steps or ALL)), **spec})
    found.settle()
    return found


def approved(*steps: str, **kwargs: Any) -> Shop:
    cluster = proposed(*steps, **kwargs)
    assert cluster.phase("web-2") == "AwaitingApproval", cluster.message("web-2")
    cluster.approve("web-2")
    cluster.settle()
    return cluster


# --- Expand -----------------------------------------------------------------------------------------------------------


def test_nothing_runs_before_the_approval() -> None:
    cluster = proposed()
    cluster.run(300)
    assert (cluster.jobs, cluster.phase("web-2")) == ([], "AwaitingApproval")


@pytest.mark.parametrize("spec", [blue_green(), canary()], ids=["blue-green", "canary"])
def test_traffic_waits_for_expand_however_long_it_takes(spec: Object) -> None:
    cluster = approved(cluster=shop(spec))
    second = revision_of(cluster.get("Rollout")["spec"])
    assert not cluster.run(1800, lambda: cluster.exposure(second) > 0, stride=120)
    assert (cluster.steps, cluster.told("web-2")) == (["expand"], [("expand", "Running")])
    assert cluster.phase("web-2") == "Approved"
    assert "logs -f job/migration-expand-" in cluster.message("web-2")
    cluster.ends_with(expand=True)
    assert cluster.run(120, lambda: cluster.live == second)
    assert cluster.steps == ["expand"]
    assert cluster.told("web-2")[0] == ("expand", "Succeeded")
    assert cluster.migrated("web-2")[:2] == ("True", "ExpandSucceeded")


def test_what_failed_moves_nothing_until_it_is_tried_again() -> None:
    cluster = approved()
    cluster.ends_with(expand=False)
    assert not cluster.run(600, lambda: cluster.live != V1, stride=60)
    assert cluster.phase("web-2") == "Blocked"
    assert """'{"spec":{"rerun":"2"}}'""" in cluster.message("web-2")
    assert cluster.migrated("web-2")[:2] == ("False", "ExpandFailed")
    assert any(event.reason == "MigrationFailed" and event.type == "Warning" for event in cluster.events)
    cluster.ends_with(expand=True)
    cluster.say("web-2", rerun="2")
    assert cluster.run(120, lambda: cluster.live == V2)
    assert cluster.steps == ["expand", "expand"]
    assert cluster.told("web-2")[:2] == [("expand", "Failed"), ("expand", "Succeeded")]


def test_a_guard_that_is_missing_is_a_failure_that_says_so() -> None:
    cluster = proposed()
    cluster.guarded = False
    cluster.approve("web-2")
    cluster.run(5)
    assert (cluster.phase("web-2"), cluster.live) == ("Blocked", V1)
    assert "no Job is created" in cluster.message("web-2")


def test_a_hold_or_a_closed_window_lets_nothing_begin() -> None:
    cluster = proposed(hold="lunch")
    cluster.approve("web-2")
    cluster.run(60)
    assert (cluster.jobs, cluster.phase("web-2")) == ([], "Held")
    cluster.say("web-2", hold=None)
    cluster.run(5)
    assert cluster.steps == ["expand"]


def test_the_first_revision_is_expanded_for_too() -> None:
    cluster = Shop(blue_green())
    cluster.promote("web-1", migrations=migrations("expand", "rollback"))
    cluster.settle()
    cluster.approve("web-1")
    cluster.run(60)
    assert (cluster.live, cluster.steps) == ("none", ["expand"])
    cluster.ends_with(expand=True)
    assert cluster.run(60, lambda: cluster.live == V1)


def test_a_dry_run_runs_nothing() -> None:
    cluster = proposed(dryRun=True)
    cluster.run(60)
    assert (cluster.phase("web-2"), cluster.jobs) == ("DryRunComplete", [])


def test_automatic_expands_as_soon_as_all_checks_pass() -> None:
    cluster = Shop(blue_green(approval="Automatic"), automatic=True)
    cluster.promote("web-1", migrations=migrations(*ALL))
    cluster.run(60)
    assert (cluster.live, cluster.steps) == ("none", ["expand"])
    cluster.ends_with(expand=True, contract=True)
    assert cluster.run(60, lambda: cluster.live == V1)


def test_a_status_that_is_wiped_runs_nothing_again() -> None:
    cluster = approved()
    cluster.ends_with(expand=True)
    assert cluster.run(60, lambda: cluster.live == V2)
    obj = cluster.get("Promotion", "web-2")
    cluster.put("Promotion", {**obj, "status": {"observedGeneration": -1}})
    cluster.wipe_status()
    cluster.ends_with(contract=True)
    cluster.settle()
    cluster.approve("web-2")
    cluster.run(120)
    assert cluster.steps == ["expand", "contract"]
    assert cluster.told("web-2") == [("expand", "Succeeded"), ("contract", "Succeeded")]


# --- Rollback ---------------------------------------------------------------------------------------------------------


def expanded(**kwargs: Any) -> Shop:
    """Expand has succeeded, and the pods for the first traffic are not there yet."""
    cluster = approved(**kwargs)
    cluster.broken[V2] = "NotReady"
    cluster.ends_with(expand=True)
    cluster.run(3)
    assert cluster.told("web-2") == [("expand", "Succeeded")]
    assert cluster.live == V1
    return cluster


@pytest.mark.parametrize(
    "word",
    [{"approved": False}, {"abort": "no"}, {"version": "9", "approved": None, "approvals": None}],
    ids=["withdrawn", "aborted", "another plan"],
)
def test_what_nobody_stands_for_any_more_is_undone(word: Object) -> None:
    cluster = expanded()
    cluster.say("web-2", **word)
    cluster.run(30)
    assert cluster.steps == ["expand", "rollback"]
    cluster.ends_with(rollback=True)
    cluster.run(30)
    assert cluster.told("web-2") == [("expand", "Succeeded"), ("rollback", "Succeeded")]
    assert cluster.migrated("web-2")[:2] == ("True", "RollbackSucceeded")
    assert cluster.live == V1


def test_a_newer_template_or_promotion_undoes_it_before_it_expands_itself() -> None:
    cluster = expanded()
    proposed(cluster=cluster, version=3)
    assert cluster.phase("web-2") == "Superseded"
    cluster.run(30)
    cluster.approve("web-3")
    cluster.run(60)
    assert cluster.steps == ["expand", "rollback"]
    assert "is undone first" in cluster.message("web-3") or "migration rollback" in cluster.message("web-3")
    cluster.ends_with(rollback=True)
    cluster.run(3)
    assert cluster.steps == ["expand", "rollback", "expand"]
    assert cluster.run(60, lambda: cluster.live == V3)


def test_it_is_expanded_anew_for_the_same_plan_after_it_was_undone() -> None:
    cluster = expanded()
    cluster.say("web-2", approved=False)
    cluster.ends_with(rollback=True)
    cluster.run(30)
    cluster.broken.clear()
    cluster.approve("web-2")
    assert cluster.run(60, lambda: cluster.live == V2)
    assert cluster.steps == ["expand", "rollback", "expand"]
    assert len(set(cluster.jobs)) == 3


def test_a_running_expand_is_never_stopped_and_undone_when_it_has_ended() -> None:
    cluster = approved()
    cluster.say("web-2", approved=False)
    cluster.run(600, stride=60)
    assert cluster.steps == ["expand"]
    cluster.ends_with(expand=False)
    cluster.run(30)
    assert cluster.steps == ["expand", "rollback"]


def test_what_was_approved_undoes_it_whatever_was_edited_since() -> None:
    cluster = expanded()
    evil = job("evil")
    cluster.say("web-2", approved=None, approvals=None, migrations=migrations("expand", "contract", rollback=evil))
    cluster.ends_with(rollback=True)
    cluster.run(30)
    assert [cluster.templates[name]["spec"]["containers"][0]["name"] for name in cluster.jobs] == ["expand", "rollback"]


def test_a_breach_moves_traffic_first_and_undoes_it_after_that() -> None:
    cluster = approved()
    cluster.ends_with(expand=True)
    assert cluster.run(60, lambda: cluster.live == V2)
    cluster.measure = lambda probe: {"value": 0.5 if probe.variables["revision"] == V2 else 0.001}
    assert cluster.run(60, lambda: cluster.live == V1)
    assert cluster.steps == ["expand"]
    cluster.run(30)
    assert cluster.steps == ["expand", "rollback"]
    assert cluster.phase("web-2") == "RolledBack"
    cluster.ends_with(rollback=False)
    cluster.run(30)
    status, reason, words = cluster.migrated("web-2")
    assert (status, reason) == ("False", "RollbackFailed")
    assert '"rerun"' in words
    cluster.ends_with(rollback=True)
    cluster.say("web-2", rerun="2")
    cluster.run(30)
    assert cluster.migrated("web-2")[:2] == ("True", "RollbackSucceeded")
    assert cluster.steps == ["expand", "rollback", "rollback"]


def test_it_is_undone_though_its_revision_and_plan_would_have_been_pruned() -> None:
    cluster = approved(cluster=shop(blue_green(revisionHistoryLimit=0)))
    cluster.ends_with(expand=True)
    assert cluster.run(60, lambda: cluster.live == V2)
    cluster.say("web-2", abort="no")
    cluster.run(8)
    assert cluster.live == V1
    cluster.edit(template=template(3))
    cluster.run(120)
    assert cluster.steps == ["expand", "rollback"]
    cluster.ends_with(rollback=True)
    cluster.run(30)
    assert cluster.told("web-2")[:2] == [("expand", "Succeeded"), ("rollback", "Succeeded")]
    assert f"{NAME}-{V2}" not in {obj["metadata"]["name"] for obj in cluster.all("ControllerRevision")}


def test_without_a_rollback_what_was_expanded_stays_and_is_not_expanded_again() -> None:
    by_hand = migrations("expand") | {"rollback": ["drop-column.sql, run by hand"]}
    cluster = approved(migrations=by_hand)
    cluster.ends_with(expand=True)
    cluster.broken[V2] = "NotReady"
    cluster.run(3)
    cluster.say("web-2", approved=False)
    cluster.run(30)
    cluster.broken.clear()
    cluster.approve("web-2")
    assert cluster.run(60, lambda: cluster.live == V2)
    assert cluster.steps == ["expand"]


def test_what_was_done_last_is_undone_first() -> None:
    cluster = launched(watch=[{"for": "1h", "interval": "10s"}])
    proposed(cluster=cluster, version=3)
    cluster.approve("web-3")
    assert cluster.run(60, lambda: cluster.live == V3)
    cluster.measure = lambda probe: {"value": 0.5 if probe.variables["revision"] == V3 else 0.001}
    assert cluster.run(60, lambda: cluster.live == V2)
    cluster.edit(abort=V2)
    cluster.run(300, stride=5)
    undone = [name for name in cluster.jobs if step_of(name) == "rollback"]
    assert len(undone) == 1
    assert cluster.told("web-3")[:2] == [("expand", "Succeeded"), ("rollback", "Running")]


def test_a_rollback_that_is_tried_over_and_over_leaves_a_small_mark() -> None:
    cluster = expanded()
    cluster.say("web-2", abort="no")
    cluster.ends_with(rollback=False)
    for number in range(30):
        cluster.say("web-2", rerun=str(number))
        cluster.run(15)
    assert cluster.steps == ["expand"] + 30 * ["rollback"]
    assert len(parse(cluster.marks(V2)[marks.MIGRATIONS])) == 2
    assert len(cluster.told("web-2")) == 20


def test_a_promotion_that_is_deleted_leaves_nothing_to_do() -> None:
    cluster = expanded()
    cluster.remove("Promotion", "web-2")
    cluster.run(60)
    assert cluster.steps == ["expand"]
    assert marks.MIGRATIONS not in cluster.marks(V2)


def marked(cluster: Shop, revision: str, step: Step) -> bool:
    """Let the operator die right after it has marked that a step begins."""
    for _ in range(60):
        cluster.once()
        cluster.controllers()
        runs = parse(cluster.marks(revision).get(marks.MIGRATIONS))
        if runs and runs[-1].step is step:
            return step.value not in cluster.steps
        cluster.now += timedelta(seconds=1)
    return False


def test_nothing_is_expanded_after_a_withdrawal_though_it_was_begun_before() -> None:
    cluster = proposed()
    cluster.approve("web-2")
    assert marked(cluster, V2, Step.EXPAND)
    cluster.say("web-2", approved=False)
    cluster.run(30)
    assert (cluster.jobs, cluster.told("web-2")) == ([], [])
    cluster.approve("web-2")
    cluster.ends_with(expand=True)
    assert cluster.run(60, lambda: cluster.live == V2)
    assert cluster.steps == ["expand"]


def test_nothing_is_contracted_once_traffic_goes_back_though_it_was_begun_before() -> None:
    cluster = launched()
    assert marked(cluster, V2, Step.CONTRACT)
    cluster.edit(abort=V2)
    assert cluster.run(60, lambda: cluster.live == V1)
    cluster.run(30)
    assert cluster.steps == ["expand", "rollback"]


# --- Contract ---------------------------------------------------------------------------------------------------------


def launched(**spec: Any) -> Shop:
    cluster = approved(**spec)
    cluster.ends_with(expand=True)
    assert cluster.run(120, lambda: cluster.phase("web-2") in ("Watching", "Succeeded")), cluster.message("web-2")
    return cluster


def test_contract_waits_for_the_watch_and_for_what_may_be_gone_back_to() -> None:
    cluster = launched(watch=[{"for": "1h", "interval": "60s"}])
    cluster.run(3590, stride=60)
    assert cluster.steps == ["expand"]
    assert cluster.told("web-2")[-1] == ("contract", "Pending")
    cluster.run(120)
    assert cluster.steps == ["expand", "contract"]
    assert cluster.phase("web-2") == "Succeeded"
    assert f"revision {V1} may not work with the data any more" in cluster.status["message"]
    cluster.ends_with(contract=True)
    cluster.run(10)
    assert cluster.told("web-2") == [("expand", "Succeeded"), ("contract", "Succeeded")]


def test_without_a_watch_contract_waits_for_keep_previous() -> None:
    cluster = launched()
    assert not cluster.run(10, lambda: "contract" in cluster.steps)
    assert cluster.run(60, lambda: "contract" in cluster.steps)
    assert cluster.size(V1) == 0


def test_contract_waits_for_keep_previous_though_its_pods_are_lost() -> None:
    cluster = launched()
    pods = cluster.pods

    def without_the_previous() -> None:
        pods()
        for pod in cluster.pods_of(V1):
            cluster.remove("Pod", pod["metadata"]["name"])

    cluster.pods = without_the_previous  # type: ignore[method-assign]
    cluster.pods()
    assert cluster.told("web-2")[-1] == ("contract", "Pending")
    cluster.once()
    cluster.once()
    assert cluster.told("web-2")[-1] == ("contract", "Pending")


@pytest.mark.parametrize("word", [{"hold": "wait"}, {"approved": False}])
def test_a_person_may_hold_contract(word: Object) -> None:
    cluster = launched()
    cluster.say("web-2", **word)
    cluster.run(300)
    assert cluster.steps == ["expand"]
    cluster.say("web-2", **dict.fromkeys(word))
    cluster.run(10)
    assert cluster.steps == ["expand", "contract"]


def test_the_next_launch_that_comes_before_passes_contract_over() -> None:
    cluster = launched(watch=[{"for": "24h", "interval": "60s"}])
    proposed("expand", "rollback", cluster=cluster, version=3)
    cluster.approve("web-3")
    assert cluster.run(120, lambda: cluster.live == V3)
    cluster.run(60)
    assert cluster.told("web-2")[-1] == ("contract", "Skipped")
    cluster.run(100000, stride=3000)
    assert cluster.steps == ["expand", "expand"]


def test_after_contract_nothing_is_undone_and_going_back_still_works() -> None:
    cluster = launched()
    cluster.ends_with(contract=True)
    assert cluster.run(120, lambda: cluster.told("web-2")[-1] == ("contract", "Succeeded"))
    cluster.edit(abort=V2)
    assert cluster.run(60, lambda: cluster.live == V1)
    cluster.run(120)
    assert cluster.steps == ["expand", "contract"]
    assert cluster.told("web-2")[-1] == ("rollback", "Skipped")
    assert "look whether revision" in cluster.status["message"]


def test_contract_alone_needs_no_expand() -> None:
    cluster = approved("contract")
    assert cluster.run(60, lambda: cluster.live == V2)
    assert cluster.run(120, lambda: cluster.steps == ["contract"])


# --- In flight --------------------------------------------------------------------------------------------------------


def test_the_migrations_of_a_launch_cannot_change_while_traffic_moves() -> None:
    cluster = approved(cluster=shop(canary()))
    cluster.ends_with(expand=True)
    second = revision_of(cluster.get("Rollout")["spec"])
    assert cluster.run(60, lambda: cluster.exposure(second) == 25)
    other = migrations("expand", "rollback", contract=job("other"))
    cluster.say("web-2", approved=None, approvals=None, migrations=other)
    cluster.settle()
    cluster.approve("web-2")
    cluster.run(60)
    assert (cluster.exposure(second), cluster.phase("web-2")) == (25, "Held")
    assert "migrations" in cluster.message("web-2")


def test_semantics_28_a_crash_after_any_write_runs_nothing_twice() -> None:
    def play(dies_after: int) -> list[str]:
        cluster = approved()
        left = [dies_after]
        cluster.ends_with(expand=True, rollback=True)
        for _ in range(60):
            count = len(cluster.decide().writes)
            if 0 < left[0] <= count:
                cluster.once(left[0] - 1)
                cluster.observations.clear()
            else:
                cluster.once()
            left[0] -= count
            cluster.controllers()
            cluster.now += timedelta(seconds=1)
            if cluster.live == V2 and "abort" not in cluster.get("Promotion", "web-2")["spec"]:
                cluster.say("web-2", abort="no")
        assert cluster.live == V1
        return cluster.jobs

    for number in range(1, 40, 2):
        found = play(number)
        assert [step_of(name) for name in found] == ["expand", "rollback"], (number, found)


def test_marks_survive_being_written_and_cleared() -> None:
    run = Run(Step.EXPAND, "web-2", "uid", "sha256:" + "0" * 64, "2", serving(blue_green()).now)
    assert parse(render([run])) == (run,)
    assert cleared(Marks(migrations=(run,))).migrations == (run,)
    for text in ("", "x", "[1]", '[{"step": []}]', '[{"step": "expand", "begun": 3}]', "{}"):
        assert parse(text) == ()


# --- What is told -----------------------------------------------------------------------------------------------------


def texts(cluster: Shop) -> str:
    return str([obj["data"] for obj in cluster.all("ConfigMap")])


def test_the_report_shows_the_steps_and_the_record_what_came_of_them() -> None:
    secret = {"name": "A", "value": "hunter2"}
    expand = {"template": {"spec": {"containers": [{"name": "m", "image": "registry.example/m:v1", "env": [secret]}]}}}
    cluster = proposed(migrations=migrations("contract", "rollback", expand=expand))
    steps = [line["what"] for line in report(cluster)["plan"]]
    assert steps[1] == "migration expand runs as a Job of registry.example/m:v1"
    assert "migration contract" in steps[-2]
    assert "migration rollback" in steps[-1]
    cluster.approve("web-2")
    cluster.ends_with(expand=True)
    assert cluster.run(60, lambda: cluster.live == V2)
    cluster.say("web-2", abort="no")
    cluster.run(60)
    assert not records(cluster, "rollback")
    cluster.ends_with(rollback=True)
    cluster.run(10)
    (told,) = records(cluster, "rollback")
    assert [(m["step"], m["result"]) for m in told["migrations"]] == [
        ("expand", "Succeeded"),
        ("rollback", "Succeeded"),
    ]
    assert "hunter2" not in texts(cluster)


def test_the_report_has_the_section_for_jobs_alone() -> None:
    stated = migrations("expand", "rollback") | {"estimatedDuration": "2m", "backfill": "Prices, by night."}
    cluster = proposed(migrations=stated)
    text = cluster.get("ConfigMap", "web-2-report")["data"]["report.md"]
    section = text[text.index("## Migrations") :]
    assert "No scripts are named: what Slipway itself runs as Jobs, and when, is in the plan." in section
    for words in ("Backward compatible: yes.", "Expected to take 2m.", "Prices, by night."):
        assert words in section, words
    assert "## Migrations" not in str(proposed(migrations=None).get("ConfigMap", "web-2-report")["data"])


def report(cluster: Shop) -> Object:
    found: Object = json.loads(cluster.get("ConfigMap", "web-2-report")["data"]["report.json"])
    return found


def records(cluster: Shop, kind: str) -> list[Object]:
    found = [json.loads(o["data"]["statement.json"]) for o in cluster.all("ConfigMap") if "statement.json" in o["data"]]
    return [one["predicate"] for one in found if one["predicate"]["kind"] == kind]
