"""The report says what was learned from the launches before."""

from __future__ import annotations

from tests.unit.core.objects import template
from tests.unit.core.test_records import launched
from tests.unit.core.test_report import report, text, waiting


def test_nothing_yet_is_said_plainly() -> None:
    cluster = waiting()
    assert "## What was learned before\n\nNothing yet: no earlier launch of web has learnings." in text(cluster)


def test_learnings_of_earlier_launches_are_there_those_of_the_same_idea_first() -> None:
    cluster = launched(idea={"id": "IDEA-7"}, version="v2")
    cluster.say("web-1", learnings={"rootCause": "# a heading", "followUps": ["alert on it", "a limit"]})
    cluster.say("web-2", learnings={"wentWell": "the rehearsal", "fix": "a longer timeout"})
    cluster.run(5)
    cluster.edit(template=template(3))
    cluster.promote("web-3", idea={"id": "IDEA-7"})
    cluster.settle()
    found = report(cluster, "web-3")["earlier"]
    assert [(one["promotion"], one.get("idea", "")) for one in found] == [("web-2", "IDEA-7"), ("web-1", "")]
    page = text(cluster, "web-3")
    assert (
        "Promotion web-2 (v2), Succeeded, idea IDEA-7:\n\n- Went well: the rehearsal\n- Fix: a longer timeout" in page
    )
    assert "- Root cause: \\# a heading\n- Follow-up: alert on it\n- Follow-up: a limit" in page
    assert "web-3" not in [one["promotion"] for one in found]


def test_long_words_are_cut_so_that_the_report_fits() -> None:
    cluster = launched()
    cluster.say("web-2", learnings={"fix": "x" * 4096, "followUps": ["y" * 4096] * 20})
    cluster.edit(template=template(3))
    cluster.promote("web-3")
    cluster.settle()
    [found] = report(cluster, "web-3")["earlier"]
    assert (len(found["learnings"]["fix"]), len(found["learnings"]["followUps"])) == (500, 10)


def test_what_is_learned_while_it_waits_is_there_before_anybody_approves_and_not_after() -> None:
    cluster = waiting()
    cluster.say("web-1", learnings={"fix": "a limit"})
    cluster.run(5)
    assert "- Fix: a limit" in text(cluster)
    digest = cluster.get("Promotion", "web-2")["status"]["report"]["digest"]
    cluster.approve("web-2")
    cluster.settle()
    cluster.say("web-1", learnings={"fix": "another"})
    cluster.run(60, lambda: cluster.phase("web-2") == "Succeeded")
    assert cluster.get("Promotion", "web-2")["status"]["report"]["digest"] == digest
