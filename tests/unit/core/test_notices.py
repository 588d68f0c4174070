"""What people are told, by whom it is decided, and that it is told once and moves nothing."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.core.cluster import Cluster, revision_of, serving
from tests.unit.core.objects import START, Object, blue_green, canary, template

from slipway.api.promotion_status import PromotionStatus, read_status
from slipway.core import notices as notices_of
from slipway.core.conditions import condition
from slipway.core.decision import CommitPromotionStatus, Decision, NoticeProbe, Probe
from slipway.core.marks import Approved, Cause, Marks, Rejected
from slipway.core.notice_routes import NoticeRoute, NoticeRoutes
from slipway.core.notice_words import LONGEST, status_page
from slipway.core.notice_words import text as notice_text
from slipway.core.scene import Scene
from slipway.notifying.templates import PLACEHOLDERS

V1, V2 = (revision_of(blue_green(version)) for version in (1, 2))
TEAM = NoticeRoutes(routes=(NoticeRoute(channels=("team",)),), known=frozenset({"team"}))


def listening(spec: Object, routes: NoticeRoutes = TEAM) -> Cluster:
    """A first revision serves, a second one waits for approval as web-2, and channels are configured."""
    cluster = serving(spec)
    cluster.settings = replace(cluster.settings, notices=routes)
    cluster.edit(template=template(2))
    cluster.promote("web-2", version="v2")
    return cluster


def notices(cluster: Cluster, name: str = "web-2") -> list[Object]:
    return list((cluster.get("Promotion", name).get("status") or {}).get("notices") or [])


def told(cluster: Cluster, name: str = "web-2") -> list[str]:
    return [notice["event"] for notice in notices(cluster, name)]


def notice(cluster: Cluster, event: str) -> Object:
    return next(one for one in notices(cluster) if one["event"] == event)


def deliveries(cluster: Cluster) -> Iterable[Object]:
    return (delivery for one in notices(cluster) for delivery in one["deliveries"])


class Post:
    """Keeps what is sent; `answers` says whether a channel takes it."""

    def __init__(self, cluster: Cluster, answers: bool = True) -> None:
        self.sent: list[NoticeProbe] = []
        self.answers = answers
        cluster.probe = self

    def __call__(self, probe: Probe) -> bool:
        if not isinstance(probe, NoticeProbe):
            return True
        self.sent.append(probe)
        return self.answers

    @property
    def events(self) -> list[str]:
        return [probe.event for probe in self.sent]


@pytest.mark.parametrize("spec", [blue_green(), canary()], ids=["blue/green", "canary"])
def test_a_launch_is_told_from_the_first_question_to_its_end_and_each_thing_once(spec: Object) -> None:
    cluster = listening(spec)
    post = Post(cluster)
    cluster.settle()
    assert told(cluster) == ["AwaitingApproval"]
    cluster.approve("web-2")
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded"), cluster.status
    cluster.run(60)
    assert told(cluster) == ["AwaitingApproval", "Approved", "Shifting", "Launched"]
    assert post.events == told(cluster)
    assert all(delivery["delivered"] for delivery in deliveries(cluster))


def test_the_question_has_the_command_and_where_to_look() -> None:
    cluster = listening(blue_green())
    cluster.settle()
    asked = notice(cluster, "AwaitingApproval")["text"]
    assert "web v2 in production waits for a person" in asked
    assert '\'{"spec":{"approved":true}}\'' in asked
    assert "kubectl -n shop get promotions.slipway.dev web-2" in asked
    assert "The report: kubectl -n shop get configmap web-2-report -o jsonpath='{.data.report\\.md}'\n" in asked
    assert '\'{"spec":{"hold":"REASON"}}\'' in asked


@cache
def asking(canary_step: bool) -> Cluster:
    """A person is waited for: for the start, or for a step of a canary."""
    steps = [{"weight": 25, "hold": "5s"}, {"weight": 50, "hold": "5s", "approval": "Required"}]
    cluster = listening(canary(steps=steps) if canary_step else blue_green())
    cluster.settle()
    if canary_step:
        cluster.approve("web-2")
        assert cluster.run(60, lambda: cluster.phase("web-2") == "AwaitingApproval" and cluster.weight == 25)
    return cluster


def told_from(cluster: Cluster) -> tuple[Scene, PromotionStatus]:
    """What the notices of the next pass are told from."""
    found: list[Scene] = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(notices_of, "tell", lambda scene, decision: found.append(scene) or decision)
        cluster.decide()
    return found[0], read_status(cluster.get("Promotion", "web-2"))


MESSAGES = st.text(max_size=200).flatmap(lambda text: st.integers(0, 4000).map(lambda size: (text * size)[:4000]))


@settings(max_examples=50, deadline=None)
@given(canary_step=st.booleans(), before=MESSAGES, after=MESSAGES, version=st.text(min_size=1, max_size=128))
def test_however_long_the_message_is_every_command_survives(
    canary_step: bool, before: str, after: str, version: str
) -> None:
    scene, status = told_from(asking(canary_step))
    [claim] = [claim for claim in scene.case.claims if claim.name == "web-2"]
    assert claim.spec is not None
    claim = replace(claim, spec=claim.spec.model_copy(update={"version": version}))
    decides = '\'{"spec":{"approvedWeight":50}}\'' if canary_step else '\'{"spec":{"approved":true}}\''
    patch = "kubectl -n shop patch promotions.slipway.dev web-2 --type merge -p"
    said = f"{before}; approve: {patch} {decides}{after}"
    text = notice_text("AwaitingApproval", scene, claim, status.model_copy(update={"message": said}))
    assert len(text) <= LONGEST
    assert text.count(f"{patch} {decides}\n") == 1
    assert f'To hold it: {patch} \'{{"spec":{{"hold":"REASON"}}}}\'\n' in text
    assert "The report: kubectl -n shop get configmap web-2-report -o jsonpath='{.data.report\\.md}'\n" in text
    assert text.endswith("To see all of it: kubectl -n shop get promotions.slipway.dev web-2 -o yaml")


def test_a_short_message_is_told_as_it_is() -> None:
    scene, status = told_from(asking(False))
    [claim] = [claim for claim in scene.case.claims if claim.name == "web-2"]
    lines = notice_text("AwaitingApproval", scene, claim, status).splitlines()
    assert lines[1] == status.message.partition("; approve: ")[0].partition("; report: ")[0]
    assert [line.partition(": ")[0] for line in lines[2:]] == [
        *("To approve it", "The report", "To hold it", "To see all of it")
    ]


@pytest.mark.parametrize("event", ["Held", "Launched", "RolledBack", "ToBeLookedAt"])
def test_a_message_that_is_too_long_keeps_its_end_which_has_the_command(event: str) -> None:
    scene, status = told_from(asking(False))
    [claim] = [claim for claim in scene.case.claims if claim.name == "web-2"]
    command = 'kubectl -n shop patch promotions.slipway.dev web-2 --type merge -p \'{"spec":{"hold":null}}\''
    said = f"the beginning; {'why, ' * 700}; an approver lifts it: {command}"
    text = notice_text(event, scene, claim, status.model_copy(update={"message": said}))
    assert len(text) <= LONGEST
    assert text.endswith(command)
    assert "\nthe beginning; why, " in text


def test_what_is_not_well_after_going_back_is_cut_before_the_command_is() -> None:
    scene, status = told_from(asking(False))
    [claim] = [claim for claim in scene.case.claims if claim.name == "web-2"]
    unwell = condition([], "Restored", False, "NotVerified", "why, " * 700, START, 1)
    text = notice_text("AfterRollback", scene, claim, status.model_copy(update={"conditions": [unwell]}))
    assert len(text) <= LONGEST
    assert text.endswith("To see what serves: kubectl -n shop get rollouts.slipway.dev web -o yaml")


def test_a_template_can_use_what_the_promotion_says_to_users() -> None:
    cluster = listening(blue_green())
    post = Post(cluster)
    cluster.say("web-2", communication={"notify": ["team"], "releaseNotes": "Faster.", "issues": ["SHOP-1", "SHOP-2"]})
    cluster.settle()
    [probe] = post.sent
    assert (probe.values["releaseNotes"], probe.values["issues"], probe.values["changelog"]) == (
        "Faster.",
        "SHOP-1, SHOP-2",
        "",
    )
    assert set(probe.values) <= set(PLACEHOLDERS)


def test_a_further_share_that_asks_is_another_question() -> None:
    steps = [{"weight": 25, "hold": "5s"}, {"weight": 50, "hold": "5s", "approval": "Required"}]
    cluster = listening(canary(steps=steps))
    cluster.settle()
    cluster.approve("web-2")
    assert cluster.run(60, lambda: cluster.phase("web-2") == "AwaitingApproval" and cluster.weight == 25)
    assert told(cluster) == ["AwaitingApproval", "Approved", "Shifting", "AwaitingApproval"]
    assert '"approvedWeight":50' in notices(cluster)[-1]["text"]


def test_a_breach_is_told_with_words_for_users_that_hold_nothing_internal() -> None:
    cluster = listening(canary())
    cluster.settle()
    cluster.approve("web-2")
    assert cluster.run(60, lambda: cluster.weight == 25)
    cluster.measure = lambda _: {"value": 0.5}
    assert cluster.run(60, lambda: cluster.phase("web-2") == "RolledBack"), cluster.status
    back = notice(cluster, "RolledBack")
    assert "error-rate" in back["text"]
    page = back["statusPage"]
    assert "some users of web may have seen errors" in page
    assert "Between 12:" in page
    assert "UTC" in page
    assert not any(word in page for word in ("error-rate", V1, V2, "registry", "ada", "shop", "kubectl"))


def test_a_breach_after_the_switch_concerns_all_users() -> None:
    cluster = listening(blue_green())
    cluster.settle()
    cluster.approve("web-2")
    assert cluster.run(60, lambda: cluster.live == V2)
    cluster.measure = lambda _: {"value": 0.5}
    assert cluster.run(60, lambda: cluster.phase("web-2") == "RolledBack"), cluster.status
    assert ", users of web may have seen" in notice(cluster, "RolledBack")["statusPage"].replace("after a change", "")


def test_a_breach_long_after_the_launch_is_not_blamed_on_the_time_before() -> None:
    at = [START + timedelta(hours=hours) for hours in range(3)]
    approved = Approved("web-2", "uid", "sha256:0", ("ada",), at[0])
    rejected = Rejected("error-rate 0.5", Cause.BREACH, at[2])
    marks = Marks(approved=approved, promoted_at=at[0], verified_at=at[1], rejected=rejected)
    scene: Any = SimpleNamespace(case=SimpleNamespace(name="web", now=at[2] + timedelta(minutes=1)))
    moved: Any = SimpleNamespace(marks=marks)
    page = status_page("RolledBack", scene, moved)
    assert page.startswith("From shortly before 14:00 UTC on 2026-01-01 until 14:01 UTC")


def test_an_abort_before_traffic_is_no_rollback() -> None:
    cluster = listening(blue_green())
    cluster.settle()
    cluster.say("web-2", abort="not today")
    cluster.run(20, lambda: cluster.phase("web-2") == "Aborted")
    assert told(cluster) == ["AwaitingApproval"]


def test_missing_data_and_a_hold_are_told_apart() -> None:
    cluster = listening(canary())
    cluster.settle()
    cluster.approve("web-2")
    assert cluster.run(60, lambda: cluster.weight == 25)
    cluster.say("web-2", hold="lunch")
    cluster.settle()
    assert told(cluster)[-1] == "Held"
    cluster.say("web-2", hold=None)
    cluster.measure = lambda _: {"no_data": "no series"}
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Held"), cluster.status
    assert told(cluster)[-1] == "NoData"


def test_a_freeze_is_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = listening(blue_green())
    cluster.settle()
    cluster.say("web-2", hold="no")
    seen: list[tuple[Scene, Decision]] = []

    def spy(scene: Scene, decision: Decision) -> Decision:
        seen.append((scene, decision))
        return decision

    with monkeypatch.context() as patched:
        patched.setattr(notices_of, "tell", spy)
        cluster.decide()
    [(scene, decision)] = seen
    [commit] = [write for write in decision.writes if isinstance(write, CommitPromotionStatus)]
    frozen = json.loads(json.dumps(commit.status).replace('"reason": "Held"', '"reason": "Window"'))
    [write] = notices_of.tell(scene, replace(decision, writes=(replace(commit, status=frozen),))).writes
    assert isinstance(write, CommitPromotionStatus)
    assert [one["event"] for one in write.status["notices"]] == ["AwaitingApproval", "Frozen"]


def test_the_end_of_a_watch_is_told() -> None:
    cluster = serving(blue_green())
    cluster.settings = replace(cluster.settings, notices=TEAM)
    cluster.change("Promotion", "web-1", "status", phase="Watching")
    cluster.settle()
    assert told(cluster, "web-1") == ["WatchClosed"]


def test_what_flaps_is_told_once_in_a_while() -> None:
    cluster = listening(canary())
    cluster.settle()
    for _ in range(5):
        cluster.say("web-2", hold="lunch")
        cluster.settle()
        cluster.say("web-2", hold=None)
        cluster.settle()
    assert told(cluster) == ["AwaitingApproval", "Held"]
    cluster.now += TEAM.repeat_after + timedelta(seconds=1)
    cluster.say("web-2", hold="lunch")
    cluster.settle()
    assert told(cluster) == ["AwaitingApproval", "Held", "Held"]


def test_nobody_can_make_it_call_without_end_and_the_end_is_told_all_the_same() -> None:
    cluster = listening(canary())
    cluster.settle()
    for number in range(12):
        cluster.say("web-2", hold=f"reason {number}")
        cluster.settle()
        cluster.say("web-2", hold=None)
        cluster.settle()
    assert told(cluster) == ["AwaitingApproval", *["Held"] * 6]
    cluster.approve("web-2")
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded"), cluster.status
    assert told(cluster)[-1] == "Launched"


def test_the_record_is_bounded() -> None:
    cluster = listening(canary(), replace(TEAM, repeat_after=timedelta()))
    cluster.settle()
    for number in range(12):
        cluster.now += timedelta(seconds=1)
        cluster.say("web-2", hold=f"reason {number}")
        cluster.settle()
        cluster.say("web-2", hold=None)
        cluster.settle()
    assert len(notices(cluster)) == 20
    assert notices(cluster)[-2]["occasion"].endswith("reason 11")


def test_what_is_not_delivered_is_recorded_and_not_sent_again() -> None:
    cluster = listening(blue_green())
    post = Post(cluster, answers=False)
    cluster.settle()
    cluster.run(30)
    assert post.events == ["AwaitingApproval"]
    [delivery] = deliveries(cluster)
    assert (delivery["delivered"], delivery["message"]) == (False, "answered 500")
    assert not cluster.decide().writes


def test_a_crash_before_the_delivery_is_recorded_sends_it_again_and_after_that_never() -> None:
    cluster = listening(blue_green())
    post = Post(cluster)
    while not post.sent:
        cluster.once()
        cluster.controllers()
    cluster.observations.clear()
    cluster.settle()
    assert post.events == ["AwaitingApproval"] * 2
    cluster.observations.clear()
    cluster.settle()
    assert post.events == ["AwaitingApproval"] * 2


def test_a_result_is_kept_until_the_status_has_it() -> None:
    """A conflict on the write of the result must not send the notice again."""
    cluster = listening(blue_green())
    post = Post(cluster)
    while not post.sent:
        cluster.once()
        cluster.controllers()
    decision = cluster.decide()
    assert any(isinstance(write, CommitPromotionStatus) for write in decision.writes)
    cluster.run_probes(decision.probes)  # the write was refused
    cluster.settle()
    assert post.events == ["AwaitingApproval"]


def test_nothing_is_sent_that_is_not_recorded() -> None:
    cluster = listening(blue_green())
    for _ in range(20):
        decision = cluster.once()
        recorded = {f"{one['event']}/{d['channel']}" for one in notices(cluster) for d in one["deliveries"]}
        assert {f"{p.event}/{p.channel}" for p in decision.probes if isinstance(p, NoticeProbe)} <= recorded
        cluster.controllers()


def test_a_wiped_status_brings_no_old_news() -> None:
    cluster = listening(blue_green())
    cluster.settle()
    cluster.approve("web-2")
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded"), cluster.status
    post = Post(cluster)
    for name in ("web-1", "web-2"):
        cluster.put("Promotion", {**cluster.get("Promotion", name), "status": {"observedGeneration": -1}})
    cluster.run(30)
    assert post.sent == []


def test_without_channels_nothing_changes() -> None:
    cluster = listening(blue_green(), NoticeRoutes())
    cluster.say("web-2", communication={"notify": ["team"]})
    cluster.settle()
    assert notices(cluster) == []
    assert not any(isinstance(probe, NoticeProbe) for probe in cluster.decide().probes)


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        (NoticeRoute(environments=frozenset({"staging"}), channels=("team",)), []),
        (NoticeRoute(environments=frozenset({"production"}), channels=("team",)), ["AwaitingApproval"]),
        (NoticeRoute(events=frozenset({"RolledBack"}), channels=("team",)), []),
        (NoticeRoute(events=frozenset({"AwaitingApproval"}), channels=("team",)), ["AwaitingApproval"]),
    ],
    ids=["other environment", "environment", "other event", "event"],
)
def test_routes_choose_by_environment_and_event(route: NoticeRoute, expected: list[str]) -> None:
    cluster = listening(blue_green(), NoticeRoutes(routes=(route,), known=frozenset({"team"})))
    cluster.settle()
    assert told(cluster) == expected


def test_a_promotion_adds_open_channels_and_is_told_of_those_that_are_not() -> None:
    routes = NoticeRoutes(known=frozenset({"pager", "shop"}), open=frozenset({"shop"}))
    cluster = listening(blue_green(), routes)
    post = Post(cluster)
    cluster.say("web-2", communication={"notify": ["shop", "pager"]})
    cluster.settle()
    found = {delivery["channel"]: delivery for delivery in deliveries(cluster)}
    assert found["shop"]["delivered"] is True
    assert found["pager"]["delivered"] is False
    assert "spec.communication.notify: no channel pager is open to Promotions" in found["pager"]["message"]
    assert [probe.channel for probe in post.sent] == ["shop"]


def test_a_tracker_is_told_of_each_issue_and_of_nothing_else() -> None:
    routes = replace(TEAM, per_issue=frozenset({"team"}))
    cluster = listening(blue_green(), routes)
    post = Post(cluster)
    cluster.settle()
    assert post.sent == []
    cluster.say("web-2", communication={"notify": ["team"], "issues": ["SHOP-1", "42", "SHOP-1", "../admin", "a/b"]})
    cluster.settle()
    assert sorted(probe.values["issue"] for probe in post.sent) == ["42", "SHOP-1"]
    refused = [delivery for delivery in deliveries(cluster) if not delivery["delivered"]]
    assert [delivery["issue"] for delivery in refused] == ["../admin", "a/b"]
    assert all("spec.communication.issues" in delivery["message"] for delivery in refused)


def test_a_channel_that_never_answers_holds_up_nothing() -> None:
    """The same launch, pass for pass, as without any channel."""
    ends: list[Any] = []
    for routes in (NoticeRoutes(), TEAM):
        cluster = listening(canary(), routes)
        answered = cluster.run_probes

        def mute(probes: Iterable[Probe], answered: Any = answered) -> None:
            answered([probe for probe in probes if not isinstance(probe, NoticeProbe)])

        cluster.run_probes = mute  # type: ignore[method-assign]
        cluster.settle()
        cluster.approve("web-2")
        assert cluster.run(120, lambda c=cluster: c.phase("web-2") == "Succeeded"), cluster.status
        ends.append((cluster.now, cluster.live, cluster.weight))
    assert ends[0] == ends[1]


@cache
def at_rest() -> Cluster:
    cluster = serving(blue_green())
    cluster.settings = replace(cluster.settings, notices=TEAM)
    return cluster


@settings(max_examples=25)
@given(
    st.lists(
        st.fixed_dictionaries(
            {"event": st.text(max_size=9), "at": st.just("2026-01-01T12:00:00Z")},
            optional={
                "deliveries": st.lists(st.fixed_dictionaries({"channel": st.text(max_size=9)}), max_size=3),
                "text": st.text(max_size=9),
            },
        ),
        max_size=30,
    )
)
def test_whatever_stands_in_the_record_comes_to_rest(found: list[Object]) -> None:
    cluster = copy.deepcopy(at_rest())
    cluster.change("Promotion", "web-1", "status", notices=found)
    cluster.settle()
    assert cluster.phase("web-1") == "Succeeded"
    assert all(delivery["delivered"] for one in notices(cluster, "web-1") for delivery in one.get("deliveries", []))


def test_people_are_told_when_it_is_time_to_look_and_once() -> None:
    cluster = serving(blue_green())
    cluster.settings = replace(cluster.settings, notices=TEAM)
    cluster.edit(template=template(2))
    look = {"name": "basket", "category": "Quality", "manual": {"ask": "Does it work?", "when": "after"}}
    cluster.promote("web-2", checks=[look])
    cluster.settle()
    cluster.approve("web-2")
    cluster.run(120)
    assert told(cluster) == ["AwaitingApproval", "Approved", "Shifting", "ToBeLookedAt"]
    text = notice(cluster, "ToBeLookedAt")["text"]
    assert "somebody has to look at it" in text
    assert "Does it work? Confirm it under your own name: kubectl" in text
