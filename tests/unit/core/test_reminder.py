"""Two days after a launch somebody is asked what was learned: once, and never about what is long over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.unit.core.cluster import Cluster, serving, shifting
from tests.unit.core.objects import Object, blue_green, canary, template
from tests.unit.core.test_records import launched

from slipway.core.notice_routes import NoticeRoute, NoticeRoutes
from slipway.core.snapshot import Settings

HOUR = timedelta(hours=1)
NOTICES = Settings(notices=NoticeRoutes(routes=(NoticeRoute(channels=("team",)),), known=frozenset({"team"})))


def asked(cluster: Cluster, name: str = "web-2") -> Object | None:
    conditions = cluster.get("Promotion", name)["status"]["conditions"]
    return next((one for one in conditions if one["type"] == "LearningsDue"), None)


def events(cluster: Cluster) -> list[Any]:
    return [event for event in cluster.events if event.reason == "LearningsDue"]


def later(cluster: Cluster, hours: float) -> None:
    """Nothing happens for a while; the operator has only its own clock."""
    cluster.settle()
    goal = cluster.now + hours * HOUR
    while (again := cluster.decide().look_again) is not None and again <= goal:
        cluster.now = again
        cluster.settle()
    cluster.now = goal
    assert not cluster.decide().writes, "only what look_again foretells changes with time alone"


def test_two_days_after_a_launch_its_figures_and_the_command_are_told() -> None:
    cluster = launched()
    cluster.settings = NOTICES
    later(cluster, 47.5)
    assert asked(cluster) is None
    later(cluster, 1)
    found = asked(cluster)
    assert found is not None
    assert (found["status"], found["reason"]) == ("True", "NotWritten")
    for words in ("outcome Succeeded", "it did not go back", "total ", "error-rate 0.001 < 0.01", " passed"):
        assert words in found["message"]
    assert found["message"].endswith("""-p '{"spec":{"learnings":{"wentWell":"…","improve":"…"}}}'""")
    assert [event.name for event in events(cluster)] == ["web-1", "web-2"]
    [notice] = [n for n in cluster.get("Promotion", "web-2")["status"]["notices"] if n["event"] == "LearningsDue"]
    assert "what was learned?" in notice["text"]
    assert found["message"] in notice["text"]


def test_the_figures_are_told_in_the_order_in_which_it_happened() -> None:
    cluster = launched()
    summary = cluster.get("Promotion", "web-2")["status"]["summary"]
    stored = dict.fromkeys(("held", "shifting", "total", "verifying", "waiting"), "5s")
    cluster.change("Promotion", "web-2", "status", summary={**summary, "durations": stored})
    later(cluster, 49)
    found = asked(cluster)
    assert found is not None
    assert "waiting 5s; held 5s; shifting 5s; verifying 5s; total 5s; checks: " in found["message"]


def test_however_many_figures_there_are_it_ends_with_the_command() -> None:
    cluster = launched()
    summary = cluster.get("Promotion", "web-2")["status"]["summary"]
    cluster.change("Promotion", "web-2", "status", summary={**summary, "verification": ["a gate < 0.01: Pass"] * 100})
    later(cluster, 49)
    [event] = [event for event in events(cluster) if event.name == "web-2"]
    assert len(event.message) < 1000
    assert event.message.endswith("""'{"spec":{"learnings":{"wentWell":"…","improve":"…"}}}'""")


def test_it_is_asked_once_whatever_the_operator_forgets() -> None:
    cluster = launched()
    later(cluster, 49)
    cluster.observations.clear()
    cluster.wipe_status()
    cluster.run(60)
    later(cluster, 100)
    assert [event.name for event in events(cluster)] == ["web-1", "web-2"]


def test_it_is_asked_once_when_the_operator_dies_over_it() -> None:
    cluster = launched()
    cluster.now += 48 * HOUR
    cluster.once(writes=0)
    cluster.once(writes=1)
    later(cluster, 1)
    found = [asked(cluster, name) for name in ("web-1", "web-2")]
    assert all(found)
    # An Event is posted after its write: a death in between costs the Event, never the condition or the notice.
    assert len(events(cluster)) <= 2


def test_a_launch_that_went_back_is_asked_for_the_cause() -> None:
    cluster = shifting(canary())
    cluster.measure = lambda probe: {"value": 0.5}
    assert cluster.run(120, lambda: cluster.phase("web-2") == "RolledBack")
    later(cluster, 49)
    found = asked(cluster)
    assert found is not None
    assert "outcome RolledBack; it went back" in found["message"]
    assert "rootCause" in found["message"]


def test_what_goes_back_after_its_verification_is_said_too() -> None:
    cluster = launched()
    cluster.edit(abort=cluster.live)
    cluster.run(60)
    later(cluster, 49)
    found = asked(cluster)
    assert found is not None
    assert "outcome Succeeded; it went back" in found["message"]


def test_a_launch_under_watch_is_asked_for_while_it_is_watched() -> None:
    cluster = serving(blue_green())
    cluster.edit(template=template(2))
    cluster.promote("web-2", watch=[{"for": "90h", "interval": "1h"}])
    cluster.settle()
    cluster.approve("web-2")
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Watching")
    assert not cluster.run(47 * 3600, lambda: asked(cluster) is not None, stride=3600)
    assert cluster.run(2 * 3600, lambda: asked(cluster) is not None, stride=3600)
    assert cluster.run(60 * 3600, lambda: cluster.phase("web-2") == "Succeeded", stride=3600)
    found = asked(cluster)
    assert found is not None
    assert found["status"] == "True"
    assert len([event for event in events(cluster) if event.name == "web-2"]) == 1


def test_who_has_written_is_not_asked() -> None:
    cluster = launched()
    cluster.say("web-2", learnings={"wentWell": "the rehearsal"})
    later(cluster, 60)
    assert asked(cluster) is None


def test_writing_answers() -> None:
    cluster = launched()
    later(cluster, 49)
    cluster.say("web-2", learnings={"wentWell": "the rehearsal"})
    cluster.settle()
    found = asked(cluster)
    assert found is not None
    assert (found["status"], found["reason"]) == ("False", "Written")
    cluster.say("web-2", learnings=None)
    later(cluster, 1)
    assert len(events(cluster)) == 2


def test_nobody_is_asked_about_what_no_user_reached() -> None:
    cluster = serving(blue_green())
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.settle()
    cluster.say("web-2", abort="changed my mind")
    later(cluster, 60)
    assert "learningsDue" not in cluster.get("Promotion", "web-2")["status"]
    assert asked(cluster) is None


@pytest.mark.parametrize("days", [7.1, 400])
def test_an_operator_that_comes_back_after_a_week_asks_nobody(days: float) -> None:
    cluster = launched()
    cluster.now += timedelta(days=days)
    cluster.settle()
    assert asked(cluster) is None
    later(cluster, 100)
    assert not events(cluster)


def test_promotions_of_an_operator_that_never_asked_are_left_in_peace() -> None:
    cluster = launched()
    for name in ("web-1", "web-2"):
        cluster.change("Promotion", name, "status", learningsDue=None)
    later(cluster, 50)
    assert not events(cluster)
