"""The watch after a launch: how long, how closely, what ends it, and that it writes next to nothing."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core.cluster import Cluster, revision_of, serving
from tests.unit.core.objects import ANALYSIS, GATE, NAME, Object, blue_green, canary, template

from slipway.api.rollout_status import RECENT
from slipway.api.watch import WatchPeriod, default_watch, watched_for
from slipway.core import marks, watch
from slipway.core.decision import CommitPromotionStatus, CommitRolloutStatus, MetricProbe, Probe
from slipway.core.notice_routes import NoticeRoute, NoticeRoutes
from slipway.core.snapshot import Settings

V1, V2, V3 = (revision_of(blue_green(version)) for version in (1, 2, 3))
SECONDS = timedelta(seconds=1)
SHORT = [{"for": "10m", "interval": "10s"}, {"for": "1h", "interval": "60s"}]
BAD = {"value": 0.5}
GOOD = {"value": 0.001}


def condition(cluster: Cluster, name: str, kind: str) -> tuple[str, str]:
    found = (cluster.get("Promotion", name).get("status") or {}).get("conditions", [])
    return next(((c["status"], c["reason"]) for c in found if c["type"] == kind), ("", ""))


def launched(spec: Object | None = None, **promotion: Any) -> Cluster:
    """Version 2 has been verified under web-2, which watches over it."""
    cluster = serving(spec or blue_green())
    cluster.edit(template=template(2))
    cluster.promote("web-2", **{"watch": SHORT, **promotion})
    cluster.settle()
    cluster.approve("web-2")
    assert cluster.run(60, lambda: condition(cluster, "web-2", "Succeeded")[0] == "True"), cluster.status
    return cluster


def fails(cluster: Cluster, revision: str) -> None:
    """From now on the numbers of one revision are bad."""
    cluster.measure = lambda probe: BAD if probe.variables["revision"] == revision else GOOD


def hours(cluster: Cluster, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
    """Let a long time pass."""
    return cluster.run(seconds, until, stride=300)


def propose(cluster: Cluster, version: int = 3, **spec: Any) -> str:
    name = f"web-{version}"
    cluster.edit(template=template(version))
    cluster.promote(name, **spec)
    cluster.settle()
    return name


# --- How long, how closely --------------------------------------------------------------------------------------


def test_the_default_is_an_hour_closely_and_a_day_from_time_to_time() -> None:
    periods = default_watch()
    assert watched_for(periods) == timedelta(hours=24)
    other = timedelta(minutes=1)
    assert watch.interval(periods, timedelta(minutes=59), other) == timedelta(seconds=30)
    assert watch.interval(periods, timedelta(hours=1), other) == timedelta(minutes=5)
    assert watch.interval(periods, timedelta(hours=24), other) == other
    assert watched_for([]) == timedelta()


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=10, unique=True), st.integers(0, 2 * 10**6))
def test_at_every_instant_one_period_speaks(ends: list[int], elapsed: int) -> None:
    periods = [WatchPeriod(for_=end * SECONDS, interval=SECONDS) for end in sorted(ends)]
    assert watched_for(periods) == max(ends) * SECONDS
    over = elapsed >= max(ends)
    assert (watch.interval(periods, elapsed * SECONDS, 7 * SECONDS) == 7 * SECONDS) is over


def test_a_promotion_has_succeeded_as_soon_as_it_is_verified_and_is_final_when_its_watch_is_over() -> None:
    cluster = launched()
    assert cluster.phase("web-2") == "Watching"
    assert condition(cluster, "web-2", "Watched") == ("Unknown", "Running")
    assert cluster.phase() == "Watching"
    cluster.run(15)
    assert "watched for" in cluster.status["message"]
    assert "error-rate 0.001 < 0.01" in cluster.status["message"]
    assert not hours(cluster, 3500, lambda: cluster.phase("web-2") != "Watching")
    assert condition(cluster, "web-2", "Succeeded")[0] == "True"
    assert cluster.size(V1) == 0
    assert hours(cluster, 120, lambda: cluster.phase("web-2") == "Succeeded")
    assert condition(cluster, "web-2", "Watched") == ("True", "Completed")
    assert cluster.phase() == "Healthy"
    assert "watch" not in cluster.status
    assert cluster.get("Promotion", "web-2")["status"]["planHash"]
    assert cluster.get("Promotion", "web-2")["status"]["target"]["revision"] == V2


def test_an_empty_list_asks_for_no_watch() -> None:
    cluster = launched(watch=[])
    assert cluster.phase("web-2") == "Succeeded"
    assert condition(cluster, "web-2", "Watched") == ("True", "NotAsked")


def test_each_period_measures_at_its_own_interval_and_none_after_the_last() -> None:
    cluster = launched()
    start = cluster.now
    cluster.measured.clear()
    hours(cluster, 3700)
    at = [when - start for when, probe, _ in cluster.measured if "error-rate" in probe.key and "watch" in probe.key]
    gaps = {(after - before).total_seconds() for before, after in itertools.pairwise(at) if before > 20 * SECONDS}
    assert gaps <= {10, 60}
    assert sum(when < timedelta(minutes=10) for when in at) in range(58, 64)
    assert sum(when >= timedelta(minutes=10) for when in at) in range(48, 52)
    assert max(at) < timedelta(hours=1)


def test_semantics_31_a_watch_that_sees_nothing_new_writes_next_to_nothing() -> None:
    cluster = launched()
    cluster.run(60)
    count: dict[str, int] = {}

    def counted(write: Any) -> None:
        count[type(write).__name__] = count.get(type(write).__name__, 0) + 1

    cluster.after_write.append(counted)
    before = len(cluster.measured)
    hours(cluster, 3000)
    assert len(cluster.measured) - before > 90
    assert set(count) <= {"CommitRolloutStatus", "CommitPromotionStatus"}
    assert all(number <= 16 for number in count.values()), count


def test_the_figures_stay_fresh_enough() -> None:
    cluster = launched()
    hours(cluster, 2000)
    values = iter(range(1, 10**6))
    cluster.measure = lambda _: {"value": next(values) / 10**9}
    first = cluster.status["watch"]["gates"][0]["value"]
    assert hours(cluster, 1000, lambda: cluster.status["watch"]["gates"][0]["value"] != first)


def test_the_course_of_a_gate_is_never_a_reason_to_write() -> None:
    cluster = serving(canary())
    kept, values, lengths = [without_course(cluster.status)], itertools.count(1), set()
    cluster.measure = lambda _: {"value": next(values) / 10**9}

    def told_more(write: Any) -> None:
        if isinstance(write, CommitRolloutStatus):
            now = without_course(cluster.status)
            assert now != kept[-1], "nothing but the course is new"
            kept.append(now)
            lengths.update(len(gate.get("recent", [])) for gate in cluster.status.get("gates", []))

    cluster.after_write.append(told_more)
    cluster.edit(template=template(2))
    cluster.promote("web-2", watch=SHORT)
    cluster.settle()
    cluster.approve("web-2")
    assert cluster.run(300, lambda: condition(cluster, "web-2", "Succeeded")[0] == "True"), cluster.status
    hours(cluster, 2000)
    assert max(lengths) == RECENT
    [first, *rest] = [one["value"] for one in cluster.status["watch"]["gates"][0]["recent"]]
    assert rest == sorted(rest)
    assert first < rest[0]


def without_course(status: Any) -> Any:
    """A status but for the measurements that are kept for people to look at."""
    gates = [*status.get("gates", []), *(status.get("watch") or {}).get("gates", [])]
    return [{key: value for key, value in gate.items() if key != "recent"} for gate in gates], {
        key: value for key, value in status.items() if key not in ("gates", "watch")
    }


# --- A breach ---------------------------------------------------------------------------------------------------


def test_a_breach_40_minutes_after_the_launch_starts_the_previous_revision_and_goes_back() -> None:
    cluster = launched()
    assert not hours(cluster, 2400, lambda: cluster.phase("web-2") != "Watching")
    assert cluster.size(V1) == 0

    def never_nobody(_: Any) -> None:
        if cluster.live == V1:
            assert cluster.ready(V1) == 2

    cluster.after_write.append(never_nobody)
    fails(cluster, V2)
    assert hours(cluster, 300, lambda: cluster.phase("web-2") == "RolledBack"), cluster.status
    assert cluster.live == V1
    assert condition(cluster, "web-2", "Succeeded") == ("False", "RolledBack")
    assert condition(cluster, "web-2", "Watched") == ("False", "RolledBack")
    message = cluster.get("Promotion", "web-2")["status"]["message"]
    assert "gate error-rate" in message
    assert "cause" in message
    assert cluster.run(60, lambda: cluster.size(V2) == 0)
    assert cluster.phase() == "RolledBack"
    assert [entry["outcome"] for entry in cluster.status["history"]][-1] == "RolledBack"


def test_one_failure_is_written_at_once_and_a_pass_takes_it_back() -> None:
    cluster = launched()
    hours(cluster, 700)
    fails(cluster, V2)
    assert cluster.run(61, lambda: cluster.status["watch"]["gates"][0].get("failures", 0) == 1)
    cluster.measure = lambda _: GOOD
    hours(cluster, 120)
    assert cluster.status["watch"]["gates"][0]["failures"] == 0
    assert cluster.phase("web-2") == "Watching"


def test_a_failure_counts_on_when_the_operator_has_lost_its_memory() -> None:
    cluster = launched()
    hours(cluster, 700)
    fails(cluster, V2)
    assert cluster.run(61, lambda: cluster.status["watch"]["gates"][0].get("failures", 0) == 1)
    cluster.observations.clear()
    assert hours(cluster, 120, lambda: marks.REJECTED in cluster.marks(V2))


def test_after_an_operator_was_away_it_measures_at_once() -> None:
    cluster = launched()
    hours(cluster, 700)
    cluster.observations.clear()
    cluster.now += timedelta(minutes=20)
    cluster.measured.clear()
    cluster.settle()
    assert [probe.key for _, probe, _ in cluster.measured]


def test_after_a_wipe_of_all_status_the_watch_has_its_old_end() -> None:
    cluster = launched()
    hours(cluster, 900)
    until = cluster.status["watch"]["until"]
    cluster.wipe_status()
    obj = cluster.get("Promotion", "web-2")
    cluster.put("Promotion", {**obj, "status": {"observedGeneration": -1}})
    cluster.settle()
    assert cluster.phase("web-2") == "Watching"
    assert cluster.status["watch"]["until"] >= until
    assert condition(cluster, "web-2", "Succeeded")[0] == "True"
    assert hours(cluster, 3600, lambda: cluster.phase("web-2") == "Succeeded")


def test_failing_smoke_tests_send_it_back_too() -> None:
    smoke = [{"name": "home", "http": {"path": "/", "port": "http"}}]
    cluster = launched(blue_green(smokeTests=smoke))
    hours(cluster, 700)
    failing = [True]

    def answer(probe: Probe) -> bool:
        return not (f"/{V2}/" in probe.key and failing)

    cluster.probe = answer
    cluster.run(61)
    assert marks.REJECTED not in cluster.marks(V2)
    assert hours(cluster, 130, lambda: cluster.phase("web-2") == "RolledBack"), cluster.status
    assert "smoke test home failed 2 times" in cluster.get("Promotion", "web-2")["status"]["message"]


def test_missing_data_never_sends_back_in_the_watch() -> None:
    spec = blue_green()
    cluster = launched(spec | {"analysis": spec["analysis"] | {"noDataTimeout": "5s", "onNoData": "Rollback"}})
    hours(cluster, 120)
    cluster.measure = lambda _: {"no_data": "no series"}
    hours(cluster, 1200)
    assert cluster.phase("web-2") == "Watching"
    assert "no series" in cluster.status["message"]


def test_without_a_previous_revision_it_keeps_serving_degraded_and_says_so() -> None:
    cluster = Cluster(blue_green())
    cluster.promote("web-1", watch=SHORT)
    cluster.settle()
    cluster.approve("web-1")
    assert cluster.run(60, lambda: cluster.phase("web-1") == "Watching")
    assert "no revision to go back to" in cluster.status["message"]
    fails(cluster, V1)
    assert cluster.run(60, lambda: cluster.phase() == "Degraded"), cluster.status
    assert cluster.live == V1
    assert "nothing to go back to" in cluster.status["message"]
    assert cluster.phase("web-1") == "Failed"
    assert condition(cluster, "web-1", "Succeeded") == ("False", "Failed")
    propose(cluster, 2)
    cluster.approve("web-2")
    cluster.measure = lambda _: GOOD
    assert hours(cluster, 120, lambda: cluster.phase("web-2") == "Succeeded"), cluster.status


def test_a_pruned_history_keeps_what_a_watch_may_go_back_to() -> None:
    cluster = launched(blue_green(revisionHistoryLimit=0))
    hours(cluster, 1200)
    assert cluster.size(V1) == 0
    assert cluster.marks(V1)
    fails(cluster, V2)
    assert hours(cluster, 300, lambda: cluster.live == V1)


# --- People -----------------------------------------------------------------------------------------------------


def test_an_abort_on_the_promotion_that_watches_brings_the_previous_revision_back() -> None:
    cluster = launched()
    hours(cluster, 900)
    assert cluster.size(V1) == 0
    cluster.say("web-2", abort="users complain")
    assert hours(cluster, 120, lambda: cluster.phase("web-2") == "Aborted")
    assert cluster.live == V1


def test_after_the_watch_the_word_of_its_promotion_counts_no_more() -> None:
    cluster = launched()
    assert hours(cluster, 4000, lambda: cluster.phase("web-2") == "Succeeded")
    cluster.say("web-2", abort="too late")
    cluster.run(60)
    assert cluster.live == V2


def test_deleting_the_promotion_that_watches_only_ends_the_watch() -> None:
    cluster = launched()
    hours(cluster, 900)
    cluster.remove("Promotion", "web-2")
    cluster.settle()
    assert (cluster.live, cluster.phase()) == (V2, "Healthy")
    fails(cluster, V2)
    hours(cluster, 300)
    assert cluster.live == V2


@pytest.mark.parametrize("change", [{"approved": False, "approvals": None}, {"hold": "wait"}])
def test_withdrawing_and_holding_mean_nothing_any_more(change: Object) -> None:
    cluster = launched()
    cluster.say("web-2", **change)
    hours(cluster, 120)
    assert cluster.phase("web-2") == "Watching"
    assert cluster.live == V2


def test_an_edit_of_the_watch_after_a_withdrawal_changes_nothing() -> None:
    cluster = launched()
    cluster.say("web-2", approved=None, approvals=None, watch=[])
    hours(cluster, 120)
    assert cluster.phase("web-2") == "Watching"


def test_deleting_the_rollout_ends_the_watch() -> None:
    cluster = launched()
    cluster.remove("Rollout", NAME)
    for write in cluster.decide().writes:
        cluster.write(write)
    assert cluster.phase("web-2") == "Succeeded"
    assert condition(cluster, "web-2", "Watched") == ("False", "RolloutGone")
    assert cluster.decide().writes == ()


# --- The next launch --------------------------------------------------------------------------------------------


def test_a_promotion_that_watches_leads_no_other_revision_and_blocks_none() -> None:
    cluster = launched()
    cluster.edit(template=template(3))
    cluster.settle()
    assert cluster.phase() == "AwaitingPromotion"
    assert cluster.phase("web-2") == "Watching"
    propose(cluster)
    assert cluster.phase("web-3") == "AwaitingApproval"
    assert cluster.phase("web-2") == "Watching"


def test_the_next_launch_that_reaches_100_percent_closes_the_watch_as_replaced() -> None:
    cluster = launched()
    hours(cluster, 900)
    name = propose(cluster)
    cluster.approve(name)
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Succeeded"), cluster.status
    assert cluster.live == V3
    assert condition(cluster, "web-2", "Watched") == ("True", "Replaced")
    assert condition(cluster, "web-2", "Succeeded")[0] == "True"


def test_a_launch_that_goes_back_before_100_percent_leaves_the_watch_as_it_was() -> None:
    cluster = launched(canary())
    name = propose(cluster)
    cluster.approve(name)
    assert cluster.run(60, lambda: cluster.weight == 25)
    assert cluster.phase("web-2") == "Watching"
    fails(cluster, V3)
    assert cluster.run(60, lambda: cluster.phase(name) == "RolledBack")
    assert cluster.phase("web-2") == "Watching"
    cluster.measure = lambda _: GOOD
    assert hours(cluster, 4000, lambda: cluster.phase("web-2") == "Succeeded")
    assert condition(cluster, "web-2", "Watched") == ("True", "Completed")


def test_a_breach_of_stable_sends_the_candidate_in_flight_back_first() -> None:
    cluster = launched(canary())
    cluster.edit(strategy={"canary": {"steps": [{"weight": 25, "hold": "10m"}], "verify": "10s"}})
    hours(cluster, 700)
    name = propose(cluster)
    cluster.approve(name)
    assert cluster.run(60, lambda: cluster.weight == 25)
    cluster.run(5)
    order: list[str] = []

    def seen(_: Any) -> None:
        for revision in (V2, V3):
            if marks.REJECTED in cluster.marks(revision) and revision not in order:
                order.append(revision)

    cluster.after_write.append(seen)
    fails(cluster, V2)
    assert hours(cluster, 300, lambda: cluster.phase("web-2") == "RolledBack"), cluster.status
    assert order == [V3, V2]
    assert cluster.phase(name) == "RolledBack"
    assert "first" in cluster.get("Promotion", name)["status"]["message"]
    assert cluster.live == V1


def test_a_breach_of_stable_without_a_previous_one_leaves_the_way_forward_open() -> None:
    cluster = Cluster(canary())
    cluster.promote("web-1", watch=SHORT)
    cluster.settle()
    cluster.approve("web-1")
    assert cluster.run(60, lambda: cluster.phase("web-1") == "Watching")
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.settle()
    cluster.approve("web-2")
    assert cluster.run(60, lambda: cluster.weight == 25)
    fails(cluster, V1)
    assert hours(cluster, 120, lambda: cluster.phase("web-2") == "Succeeded"), cluster.status
    assert cluster.live == V2


def test_a_breach_of_stable_while_a_candidate_waits_sends_stable_back_alone() -> None:
    cluster = launched()
    hours(cluster, 900)
    propose(cluster)
    fails(cluster, V2)
    assert hours(cluster, 120, lambda: cluster.phase("web-2") == "RolledBack"), cluster.status
    assert cluster.live == V1
    assert marks.REJECTED not in cluster.marks(V3)


def test_stable_and_candidate_are_measured_each_for_itself_while_traffic_moves() -> None:
    cluster = launched(canary())
    cluster.edit(strategy={"canary": {"steps": [{"weight": 25, "hold": "10m"}], "verify": "10s"}})
    name = propose(cluster)
    cluster.approve(name)
    assert cluster.run(60, lambda: cluster.weight == 25)
    cluster.measured.clear()
    cluster.run(60)
    seen = {(p.variables["revision"], p.variables["service"]) for _, p, _ in cluster.measured}
    assert seen == {(V2, NAME), (V3, f"{NAME}-candidate")}
    assert {gate["revision"] for gate in cluster.status["gates"]} == {V3}
    assert {gate["revision"] for gate in cluster.status["watch"]["gates"]} == {V2}


def test_automatic_rollouts_without_a_promotion_are_watched_while_the_previous_one_is_kept() -> None:
    cluster = Cluster(blue_green(approval="Automatic"), automatic=True)
    assert cluster.run(60, lambda: cluster.phase() == "Healthy"), cluster.status
    cluster.edit(template=template(2))
    assert cluster.run(60, lambda: cluster.phase() == "Watching"), cluster.status
    assert "watched for" not in cluster.status["message"]
    assert cluster.run(60, lambda: cluster.phase() == "Healthy")


def test_statuses_that_lag_behind_take_no_success_back() -> None:
    """Another replica takes over: it sees the Promotion's status before the mark of the revision."""
    cluster = launched()
    obj = cluster.get("ControllerRevision", f"{NAME}-{V2}")
    annotations = {k: v for k, v in obj["metadata"]["annotations"].items() if k != marks.VERIFIED}
    cluster.put("ControllerRevision", {**obj, "metadata": {**obj["metadata"], "annotations": annotations}})
    decision = cluster.decide()
    written = [w for w in decision.writes if isinstance(w, CommitPromotionStatus) and w.name == "web-2"]
    assert all(w.status["phase"] == "Watching" for w in written)


def test_probes_of_a_watch_are_those_of_the_approved_plan() -> None:
    cluster = launched()
    cluster.edit(analysis={"interval": "1s", "gates": []})
    cluster.settle()
    assert any(isinstance(probe, MetricProbe) and "/watch/" in probe.key for probe in cluster.decide().probes)
    assert not [w for w in cluster.decide().writes if isinstance(w, CommitRolloutStatus)]


def test_two_revisions_on_their_way_back_do_not_stand_in_each_others_way() -> None:
    cluster = launched(canary())
    cluster.edit(strategy={"canary": {"steps": [{"weight": 25, "hold": "10m"}], "verify": "10s"}})
    name = propose(cluster)
    cluster.approve(name)
    assert cluster.run(60, lambda: cluster.weight == 25)
    cluster.say(name, abort="no")
    cluster.once()
    cluster.edit(abort=V2)
    assert hours(cluster, 120, lambda: cluster.phase() == "RolledBack"), cluster.status
    assert (cluster.live, cluster.size(V2), cluster.size(V3)) == (V1, 0, 0)


# --- After going back -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("numbers", "verdict"),
    [(GOOD, ("True", "Verified")), (BAD, ("False", "NotVerified")), ({"no_data": "none"}, ("False", "NotVerified"))],
)
def test_what_traffic_came_back_to_is_measured_and_the_promotion_says_so(
    numbers: Any, verdict: tuple[str, str]
) -> None:
    cluster = launched()
    hours(cluster, 900)
    cluster.measure = lambda probe: numbers if probe.variables["revision"] == V1 else BAD
    assert hours(cluster, 300, lambda: cluster.phase("web-2") == "RolledBack"), cluster.status
    assert hours(cluster, 600, lambda: condition(cluster, "web-2", "Restored") == verdict), cluster.status
    hours(cluster, 600)
    assert condition(cluster, "web-2", "Restored") == verdict
    assert cluster.condition("Restored")["status"] == verdict[0]
    assert "after going back" in cluster.status["message"]
    assert cluster.live == V1
    assert cluster.phase() == "RolledBack"
    assert not cluster.decide().probes
    cluster.promote("web-3", retry={"fix": "the cache is warm now"})
    cluster.measure = lambda _: GOOD
    cluster.settle()
    cluster.approve("web-3")
    assert hours(cluster, 120, lambda: cluster.phase("web-3") == "Succeeded"), cluster.status
    cluster.settle()
    assert not [c for c in cluster.status["conditions"] if c["type"] == "Restored"]


def goes_back(numbers: Any, **settings: Any) -> Cluster:
    """Version 2 is taken back in its watch, and version 1 is measured from then on; channels are configured."""
    cluster = launched()
    cluster.settings = Settings(
        notices=NoticeRoutes(routes=(NoticeRoute(channels=("team",)),), known=frozenset({"team"})), **settings
    )
    hours(cluster, 900)
    cluster.measure = lambda probe: numbers if probe.variables["revision"] == V1 else BAD
    assert hours(cluster, 300, lambda: cluster.phase("web-2") == "RolledBack"), cluster.status
    return cluster


def told_after(cluster: Cluster) -> tuple[list[tuple[str, str]], list[Object]]:
    """The Events and the notices about what is wrong after going back."""
    events = [(event.kind, event.message) for event in cluster.events if event.reason == "AfterRollback"]
    assert {event.type for event in cluster.events if event.reason == "AfterRollback"} <= {"Warning"}
    known = cluster.get("Promotion", "web-2")["status"].get("notices", [])
    return events, [one for one in known if one["event"] == "AfterRollback"]


def test_that_what_serves_again_is_not_well_is_told_once_by_an_event_and_a_notice() -> None:
    cluster = goes_back(BAD)
    assert told_after(cluster) == ([], [])
    assert hours(cluster, 600, lambda: condition(cluster, "web-2", "Restored") == ("False", "NotVerified"))
    events, notices = told_after(cluster)
    assert sorted(kind for kind, _ in events) == ["Promotion", "Rollout"]
    assert all(f"revision {V1} does not pass after going back: gate error-rate" in words for _, words in events)
    assert len(notices) == 1
    assert f"revision {V1} does not pass after going back: gate error-rate" in notices[0]["text"]
    assert "kubectl -n shop get rollouts.slipway.dev web" in notices[0]["text"]
    assert "was taken back" in notices[0]["text"]
    cluster.observations.clear()
    hours(cluster, 7200)
    assert told_after(cluster) == (events, notices)
    assert (cluster.live, cluster.phase("web-2")) == (V1, "RolledBack")


def test_what_is_well_after_going_back_is_told_to_nobody() -> None:
    cluster = goes_back(GOOD)
    assert hours(cluster, 600, lambda: condition(cluster, "web-2", "Restored") == ("True", "Verified"))
    assert told_after(cluster) == ([], [])


def test_a_lost_status_tells_nobody_again_that_what_serves_is_not_well() -> None:
    cluster = goes_back(BAD)
    assert hours(cluster, 600, lambda: condition(cluster, "web-2", "Restored") == ("False", "NotVerified"))
    hours(cluster, 3600)
    events, _ = told_after(cluster)
    cluster.put("Promotion", {**cluster.get("Promotion", "web-2"), "status": {"observedGeneration": -1}})
    hours(cluster, 600)
    assert condition(cluster, "web-2", "Restored") == ("False", "NotVerified")
    assert told_after(cluster) == (events, [])


def test_a_lost_status_of_the_rollout_measures_again_and_sends_no_second_notice() -> None:
    cluster = goes_back(BAD)
    assert hours(cluster, 600, lambda: condition(cluster, "web-2", "Restored") == ("False", "NotVerified"))
    hours(cluster, 3600)
    _, notices = told_after(cluster)
    cluster.wipe_status()
    assert hours(cluster, 600, lambda: condition(cluster, "web-2", "Restored")[0] == "Unknown")
    assert hours(cluster, 600, lambda: condition(cluster, "web-2", "Restored") == ("False", "NotVerified"))
    assert told_after(cluster)[1] == notices


def test_without_a_promotion_the_rollout_has_the_event() -> None:
    cluster = goes_back(BAD)
    cluster.remove("Promotion", "web-2")
    assert hours(cluster, 600, lambda: cluster.condition("Restored")["status"] == "False")
    assert [event.kind for event in cluster.events if event.reason == "AfterRollback"] == ["Rollout"]


def test_what_the_next_launch_overtakes_was_not_measured_and_that_is_no_warning() -> None:
    cluster = goes_back({"no_data": "none"}, gateway_settle=timedelta())
    assert hours(cluster, 60, lambda: condition(cluster, "web-2", "Restored")[0] == "Unknown")
    name = propose(cluster)
    cluster.measure = lambda _: GOOD
    cluster.approve(name)
    assert hours(cluster, 300, lambda: cluster.phase(name) == "Succeeded"), cluster.status
    hours(cluster, 600)
    assert condition(cluster, "web-2", "Restored") == ("False", "Overtaken")
    assert told_after(cluster) == ([], [])


def retreated(
    numbers: Any = GOOD,
    until: Callable[[Cluster], bool] = lambda cluster: cluster.phase("web-2") == "RolledBack",
    **changes: Any,
) -> Cluster:
    """A canary of version 2 is at 25 %, and breaks its gates there; version 1 has these numbers from then on."""
    cluster = serving(canary(analysis=ANALYSIS | {"gates": [GATE | {"window": "30s"}]}, **changes))
    cluster.settings = Settings(
        notices=NoticeRoutes(routes=(NoticeRoute(channels=("team",)),), known=frozenset({"team"}))
    )
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    hours(cluster, 3600)
    cluster.approve("web-2")
    assert cluster.run(60, lambda: cluster.weight == 25)
    cluster.measure = lambda probe: numbers if probe.variables["revision"] == V1 else BAD
    assert hours(cluster, 300, lambda: until(cluster)), cluster.status
    assert (cluster.live, cluster.weight) == (V1, 0)
    return cluster


@pytest.mark.parametrize(("numbers", "verdict"), [(GOOD, ("True", "Verified")), (BAD, ("False", "NotVerified"))])
def test_a_canary_that_went_back_has_stable_measured_and_nothing_moves_because_of_it(
    numbers: Any, verdict: tuple[str, str]
) -> None:
    cluster = retreated(numbers)
    cluster.settle()
    assert condition(cluster, "web-2", "Restored") == ("Unknown", "Verifying")
    before = cluster.marks(V1), cluster.marks(V2), cluster.status.get("previous")
    assert hours(cluster, 600, lambda: condition(cluster, "web-2", "Restored") == verdict), cluster.status
    assert (cluster.condition("Restored")["status"], cluster.condition("Restored")["reason"]) == verdict
    assert "after going back" in cluster.status["message"]
    events, notices = told_after(cluster)
    assert len(notices) == (0 if verdict[0] == "True" else 1)
    assert len(events) == (0 if verdict[0] == "True" else 2)
    hours(cluster, 7200)
    assert told_after(cluster) == (events, notices)
    assert condition(cluster, "web-2", "Restored") == verdict
    assert not cluster.decide().probes
    assert (cluster.marks(V1), cluster.marks(V2), cluster.status.get("previous")) == before
    assert (cluster.live, cluster.weight, cluster.size(V2), cluster.phase("web-2")) == (V1, 0, 0, "RolledBack")


def test_smoke_tests_of_stable_run_after_a_canary_went_back() -> None:
    cluster = retreated(smokeTests=[{"name": "home", "http": {"path": "/", "port": "http"}}])
    cluster.probe = lambda probe: "/restored/" not in probe.key
    assert hours(cluster, 600, lambda: condition(cluster, "web-2", "Restored") == ("False", "NotVerified"))
    assert "smoke test" in cluster.condition("Restored")["message"]


def test_an_operator_that_was_away_meanwhile_measures_before_it_judges() -> None:
    cluster = retreated()
    assert cluster.condition("Restored")["status"] == "Unknown"
    cluster.now += timedelta(hours=5)
    cluster.observations.clear()
    cluster.settle()
    assert condition(cluster, "web-2", "Restored") == ("Unknown", "Verifying")
    assert hours(cluster, 60, lambda: condition(cluster, "web-2", "Restored") == ("True", "Verified"))
    assert told_after(cluster) == ([], [])
    cluster.wipe_status()
    hours(cluster, 600)
    assert cluster.condition("Restored")["status"] == "True"
    assert told_after(cluster) == ([], [])


def test_an_operator_that_was_away_from_the_retreat_on_begins_to_measure_when_it_is_back() -> None:
    cluster = retreated(numbers=BAD, until=lambda cluster: cluster.weight == 0)
    cluster.now += timedelta(hours=5)
    cluster.observations.clear()
    cluster.measure = lambda probe: GOOD if probe.variables["revision"] == V1 else BAD
    cluster.run(10)
    assert cluster.condition("Restored")["status"] == "Unknown"
    assert hours(cluster, 600, lambda: condition(cluster, "web-2", "Restored") == ("True", "Verified"))
    assert told_after(cluster) == ([], [])


def test_an_abort_of_a_canary_has_stable_measured_too_and_a_further_one_anew() -> None:
    cluster = retreated()
    assert hours(cluster, 600, lambda: condition(cluster, "web-2", "Restored") == ("True", "Verified"))
    name = propose(cluster)
    assert condition(cluster, "web-2", "Restored") == ("True", "Verified")
    cluster.measure = lambda _: GOOD
    cluster.approve(name)
    assert cluster.run(60, lambda: cluster.weight == 25)
    cluster.measure = lambda probe: BAD if probe.variables["revision"] == V1 else GOOD
    cluster.say(name, abort="no")
    assert hours(cluster, 900, lambda: condition(cluster, name, "Restored") == ("False", "NotVerified"))
    assert condition(cluster, "web-2", "Restored") == ("True", "Verified")


def test_the_next_candidate_does_not_wait_for_what_is_measured_after_a_canary_went_back() -> None:
    cluster = retreated({"no_data": "none"})
    assert condition(cluster, "web-2", "Restored")[0] in ("", "Unknown")
    name = propose(cluster)
    assert cluster.phase(name) == "AwaitingApproval"
    cluster.measure = lambda probe: {"no_data": "none"} if "/restored/" in probe.key else GOOD
    cluster.approve(name)
    assert cluster.run(15, lambda: cluster.weight == 25), cluster.status
    assert hours(cluster, 300, lambda: cluster.phase(name) == "Succeeded"), cluster.status
    cluster.settle()
    assert condition(cluster, "web-2", "Restored") == ("False", "Overtaken")
    assert not [c for c in cluster.status["conditions"] if c["type"] == "Restored"]
    assert told_after(cluster) == ([], [])


def test_a_new_template_ends_no_measurement_after_a_canary_went_back() -> None:
    cluster = retreated()
    cluster.settle()
    cluster.edit(template=template(3))
    assert hours(cluster, 600, lambda: condition(cluster, "web-2", "Restored") == ("True", "Verified"))


@pytest.mark.parametrize("watched", [True, False])
def test_where_stable_is_still_watched_the_watch_says_whether_it_is_well(watched: bool) -> None:
    cluster = launched(canary())
    if not watched:
        cluster.run(60)
        cluster.remove("Promotion", "web-2")
        cluster.settle()
    cluster.edit(template=template(3))
    cluster.promote("web-3")
    cluster.settle()
    cluster.approve("web-3")
    assert cluster.run(60, lambda: cluster.weight == 25)
    cluster.say("web-3", abort="no")
    assert hours(cluster, 120, lambda: cluster.phase("web-3") == "Aborted")
    hours(cluster, 4600)
    assert condition(cluster, "web-3", "Restored") == (("", "") if watched else ("True", "Verified"))
    found = [c["status"] for c in cluster.status["conditions"] if c["type"] == "Restored"]
    assert found == ([] if watched else ["True"])
    assert not watched or cluster.phase("web-2") == "Succeeded"


def test_what_has_no_pod_is_not_well_though_nothing_measures_it() -> None:
    cluster = launched(blue_green(analysis=ANALYSIS | {"gates": []}))
    hours(cluster, 60)
    cluster.say("web-2", abort="no")
    assert hours(cluster, 60, lambda: cluster.live == V1)
    cluster.broken[V1] = "NotReady"
    cluster.controllers()
    hours(cluster, 30)
    assert (cluster.condition("Restored")["status"], cluster.condition("Restored")["reason"]) == (
        "False",
        "NotVerified",
    )
    assert "does not pass after going back: it has no ready pod" in cluster.condition("Restored")["message"]
    assert "has no ready pod" in cluster.condition("TrafficConverged")["message"]


@pytest.mark.parametrize(("trouble", "goes_back"), [("OOMKilled", False), ("CrashLoopBackOff", True)])
def test_semantics_03_in_a_watch_pods_that_keep_crashing_send_it_back_and_one_end_does_not(
    trouble: str, goes_back: bool
) -> None:
    cluster = launched()
    hours(cluster, 900)
    cluster.broken[V2] = trouble
    cluster.controllers()
    cluster.settle()
    assert (marks.REJECTED in cluster.marks(V2)) is goes_back


def test_a_new_template_while_it_is_measured_after_going_back_leaves_no_open_question() -> None:
    cluster = launched()
    hours(cluster, 900)
    cluster.measure = lambda _: {"no_data": "none"}
    cluster.say("web-2", abort="no")
    assert hours(cluster, 300, lambda: cluster.phase("web-2") == "Aborted"), cluster.status
    cluster.settle()
    assert condition(cluster, "web-2", "Restored")[0] == "Unknown"
    propose(cluster)
    assert hours(cluster, 900, lambda: condition(cluster, "web-2", "Restored") == ("False", "NotVerified"))
    assert not [w for w in cluster.decide().writes if isinstance(w, CommitPromotionStatus)]
