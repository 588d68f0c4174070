"""`slipway approve`: what is read before being asked, and one question for each confirmation."""

import asyncio
import json
import signal
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from slipway.api.argument import Assessment
from slipway.api.overrides import BrokenGlass
from slipway.api.report import CONFIRMATIONS, Answer, ApprovalsNeeded, Change, Configuration, Report, WayBack
from slipway.cli import app
from slipway.cluster.errors import Forbidden, NotFound
from slipway.console import commands
from slipway.core.report.needed import headline

RUNNER = CliRunner()
PLAN = "sha256:1"
REPORT = Report(
    promotion="web-2",
    namespace="shop",
    environment="production",
    rollout="web",
    revision="bbb",
    serving="aaa",
    plan_hash=PLAN,
    version="v1.2.3",
    answer=Answer(go=True),
    assessment=Assessment(risk="High", recommendation="Proceed"),
    configuration=Configuration(),
    changes=[Change(what="web: image", before="web:1", after="web:2"), Change(what="web: variable [X]", after="set")],
    way_back=WayBack(to="aaa"),
)


class Cluster:
    """A Promotion that asks for an approval."""

    def __init__(self, report: Report | Exception, written: bool = True) -> None:
        self.told: list[Any] = []
        self.approvals: list[Any] = []
        self._report = report
        self._written = written

    async def promotion(self, name: str) -> Any:
        status: dict[str, Any] = {
            "phase": "AwaitingApproval",
            "message": "all 1 checks passed",
            "planHash": PLAN,
            "approvals": self.approvals,
            "target": {"rollout": "web", "uid": "u", "revision": "bbb", "digest": "d", "images": ["web:2@sha256:5"]},
            "checks": [{"name": "tests", "category": "Quality", "result": "Passed", "message": "185/185"}],
        }
        if self._written:
            status["report"] = {"configMap": "web-2-report", "digest": "sha256:0"}
        meta = {"name": "web-2", "namespace": "shop", "uid": "p"}
        return {"metadata": meta, "spec": {"rollout": "web", "environment": "production"}, "status": status}

    async def rollout(self, name: str) -> Any:
        return {"metadata": {"name": name, "namespace": "shop"}, "spec": {}, "status": {}}

    async def me(self) -> str:
        return "ada"

    async def text(self, namespace: str, name: str, key: str) -> str:
        assert (namespace, name, key) == ("shop", "web-2-report", "report.json")
        if isinstance(self._report, Exception):
            raise self._report
        return json.dumps(self._report.model_dump(mode="json", by_alias=True) | {"ofANewerOperator": 1})

    async def tell(self, promotion: Any, spec: Any) -> None:
        self.told.append(spec)


def approve(monkeypatch: pytest.MonkeyPatch, cluster: Cluster, answers: str = "", *options: str) -> Result:
    monkeypatch.setattr(commands, "with_session", lambda where, ask: asyncio.run(ask(cluster)))
    return RUNNER.invoke(app, ["approve", "web-2", *options], input=answers)


def test_an_approver_reads_what_the_report_begins_with(monkeypatch: pytest.MonkeyPatch) -> None:
    said = approve(monkeypatch, Cluster(REPORT), "", "--yes").stdout
    for words in (
        "GO – nothing stands in the way but a person's approval.\n",
        "version v1.2.3",
        "risk High, recommendation Proceed",
        "web-2: revision aaa of web → bbb",
        "  web: image: web:1 → web:2",
        "  web: variable [X]: - → set",
        "image web:2@sha256:5",
        "Passed        tests: 185/185",
        f"plan {PLAN}",
        "You approve revision bbb as ada",
        "the whole report: slipway report web-2 -n shop",
    ):
        assert words in said, said
    assert "another plan" not in said


def test_what_stands_in_the_way_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    against = REPORT.model_copy(
        update={"answer": Answer(go=False, blockers=["check tests failed"]), "assessment": None}
    )
    said = approve(monkeypatch, Cluster(against), "", "--yes").stdout
    assert "NO-GO – in the way:\n  check tests failed\n" in said
    assert "risk not stated" in said


def test_closed_windows_and_further_people_are_said_as_in_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    demanded = ApprovalsNeeded(count=2, four_eyes=True, author="dev", policies=["org"], further="kubectl patch …")
    glass = BrokenGlass(by="ops", reason="checkout is *down*", policies=["org"])
    now = REPORT.model_copy(update={"approvals": demanded, "closed": "inventory; opens at 14:00", "break_glass": glass})
    cluster = Cluster(now)
    said = approve(monkeypatch, cluster, "", "--yes").stdout
    for words in (
        "GO – approvals can be given, the approval of 2 people is needed, and nothing moves before it opens.\n",
        "It is closed now: inventory; opens at 14:00. An approval that is given now is acted on when it opens.\n",
        "Four eyes: dev, who created it, may not approve.\n",
        "2 different people have to approve.\n0 of 2 approvals are given\n",
        "Glass is broken by ops: what policies demand is lifted (org). The reason: checkout is *down*\n",
    ):
        assert words in said, said
    assert headline(now) == ("GO", said.partition("GO – ")[2].splitlines()[0])
    cluster.approvals = [{"by": "bob", "at": "2026-01-01T00:00:00Z", "planHash": PLAN, "identity": "verified"}]
    assert "1 of 2 approvals are given: bob\n" in approve(monkeypatch, cluster, "", "--yes").stdout


def test_a_report_of_another_plan_is_not_taken_for_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    said = approve(monkeypatch, Cluster(REPORT.model_copy(update={"plan_hash": "sha256:0"})), "", "--yes").stdout
    assert "The report is of another plan than the one that you are asked about (sha256:0)" in said


@pytest.mark.parametrize("lacking", [NotFound("ConfigMap web-2-report not found"), Forbidden("not you")])
def test_without_a_report_that_is_said_and_asked_all_the_same(
    monkeypatch: pytest.MonkeyPatch, lacking: Exception
) -> None:
    cluster = Cluster(lacking)
    said = approve(monkeypatch, cluster, "y\ny\ny\n").stdout
    assert f"WITHOUT A REPORT: {lacking}" in said
    assert "image web:2@sha256:5" in said
    assert cluster.told == [{"approved": True, "approvals": {"ada": PLAN}}]
    unwritten = approve(monkeypatch, Cluster(REPORT, written=False), "", "--yes").stdout
    assert "WITHOUT A REPORT: it is not written yet" in unwritten


def test_each_confirmation_is_a_question_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(REPORT)
    done = approve(monkeypatch, cluster, "y\ny\ny\n")
    assert done.exit_code == 0
    assert [done.stdout.count(f"{one} [y/N]") for one in CONFIRMATIONS] == [1, 1, 1]
    assert cluster.told == [{"approved": True, "approvals": {"ada": PLAN}}]


@pytest.mark.parametrize("answers", ["n\n", "y\nn\n", "y\ny\nn\n", "y\ny\n\n", "y\ny\n", ""])
def test_nothing_is_approved_without_all_three(monkeypatch: pytest.MonkeyPatch, answers: str) -> None:
    cluster = Cluster(REPORT)
    assert approve(monkeypatch, cluster, answers).exit_code == 1
    assert cluster.told == []


def test_a_script_is_not_asked_and_approves_the_plan_that_it_read(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(REPORT)
    done = approve(monkeypatch, cluster, "", "--yes")
    assert (done.exit_code, "[y/N]" in done.stdout) == (0, False)
    assert all(f"  - {one}" in done.stdout for one in CONFIRMATIONS)
    assert cluster.told == [{"approved": True, "approvals": {"ada": PLAN}}]


def test_an_interrupt_at_a_question_ends_it_and_nothing_is_approved(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, asked = Cluster(REPORT), []

    def interrupted(question: str) -> bool:
        asked.append(question)
        signal.raise_signal(signal.SIGINT)
        return True

    monkeypatch.setattr(typer, "confirm", interrupted)
    # As in a terminal: what runs in the background of a script ignores the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        done = approve(monkeypatch, cluster)
    finally:
        signal.signal(signal.SIGINT, before)
    assert done.exit_code in (1, 130)
    assert len(asked) == 1
    assert cluster.told == []
