"""Records as files and on the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fsspec
import pytest
from tests.unit.core.record_chains import DAY, Object, T, follow, promotions, records, statement
from typer.testing import CliRunner

from slipway.api.record import RecordedPlan, RecordedRevision
from slipway.archive import commands
from slipway.archive.export import files, write
from slipway.archive.reading import Chain
from slipway.cli import app
from slipway.cluster.errors import Forbidden

RUNNER = CliRunner()
STATUS = "environments/production/status.md"


def chain_of(*statements: Any, report: str | None = None, **promotion: str) -> Chain:
    found: list[Object] = []
    for one in statements:
        found.append(follow(found, one, report))
    named = [{"metadata": {"name": "p"}, "status": promotion}] if promotion else []
    return Chain("shop", "web", found, named)


def status(chain: Chain) -> dict[str, str]:
    rows = [line.strip("| ").split(" | ") for line in files([chain])[STATUS].splitlines() if " | " in line]
    return {row[0]: row[1] for row in rows if len(row) == 2}


def test_an_idea_is_told_across_environments_in_the_order_of_time() -> None:
    staging = chain_of(statement(1, idea="IDEA-7", environment="staging"))
    production = chain_of(statement(2, idea="IDEA-7"), statement(3), report="# Report\n")
    texts = {path: text for path, text in files([production, staging]).items() if not path.startswith("records/")}
    assert set(texts) == {
        "launched/IDEA-7.md",
        "scale/IDEA-7.md",
        STATUS,
        "environments/staging/status.md",
    }
    page = texts["launched/IDEA-7.md"]
    assert page.index("in staging") < page.index("in production")
    assert texts["scale/IDEA-7.md"] == "# Report\n"


@pytest.mark.parametrize(
    ("ends", "told", "expected"),
    [
        (["launch/Succeeded"], {}, ("deployed", "v1")),
        (["launch/Succeeded", "launch/Succeeded"], {}, ("deployed", "v2")),
        (["launch/Failed"], {}, ("failed", "v1")),
        (["launch/Succeeded", "rollback/RolledBack"], {}, ("rolledback", "v1")),
        (["launch/Succeeded", "rollback/Aborted"], {}, ("rolledback", "v1")),
        (["launch/Succeeded"], {"phase": "AwaitingApproval"}, ("pending", "v1")),
        (["launch/Succeeded"], {"phase": "Watching"}, ("deployed", "v1")),
        (["launch/Succeeded"], {"phase": "Failed", "finishedAt": "2026-01-03T12:00:00Z"}, ("failed", "v1")),
        (["launch/Succeeded"], {"phase": "Failed", "finishedAt": "2026-01-01T12:00:00Z"}, ("deployed", "v1")),
    ],
)
def test_the_status_of_an_environment(ends: list[str], told: dict[str, str], expected: tuple[str, str]) -> None:
    made = []
    for number, end in enumerate(ends, 1):
        kind, _, outcome = end.partition("/")
        made.append(statement(number, version=f"v{number}", kind=kind, outcome=outcome))
    found = status(chain_of(*made, **told))
    assert (found["status"], found["version"]) == expected
    launches = sum(end.startswith("launch") for end in ends)
    assert found["last deploy"] == f"{T + launches * DAY:%Y-%m-%d}T12:00:00Z"


def test_a_launch_that_is_taken_back_leaves_the_version_before_it() -> None:
    revision = RecordedRevision(name="b" * 10, digest="b" * 64)
    found = status(
        chain_of(
            statement(1, version="v1"),
            statement(2, version="v2", revision=revision),
            statement(3, version="v2", revision=revision, kind="rollback", outcome="RolledBack"),
        )
    )
    assert (found["status"], found["version"]) == ("rolledback", "v1")


def test_where_logs_and_alerts_are_comes_from_the_case() -> None:
    place = {"url": "https://shop.example", "region": "Berlin"}
    operations = {"logging": "loki", "links": {"dashboard": "https://grafana.example/d/web"}, **place}
    plan = RecordedPlan(hash="sha256:a", inputs={"promotion": {"operations": operations}})
    found = status(chain_of(statement(1, plan=plan)))
    assert (found["logs"], found["alerts"], found["dashboard"]) == (
        "loki",
        "not stated",
        "<https://grafana.example/d/web>",
    )
    assert (found["url"], found["region"]) == ("<https://shop.example> (given)", "Berlin (given)")
    assert "provider" not in found


def test_the_health_check_is_that_of_the_revision_that_serves() -> None:
    revision = RecordedRevision(name="b" * 10, digest="b" * 64, health=["web: readinessProbe GET /readyz on http"])
    assert status(chain_of(statement(1, revision=revision)))["health check"].startswith("web: readinessProbe GET")
    assert status(chain_of(statement(1)))["health check"] == "none on record"


def test_what_nobody_stated_is_named() -> None:
    found = status(chain_of(statement(1)))
    assert [found[name] for name in ("logs", "alerts", "dashboard")] == ["not stated"] * 3


def test_a_dry_run_is_nothing_to_wait_for() -> None:
    made = chain_of(statement(1), phase="Checking")
    made.promotions[0]["spec"] = {"dryRun": True}
    assert status(made)["status"] == "deployed"


def test_no_idea_leads_out_of_the_directory(tmp_path: Path) -> None:
    texts = files([chain_of(statement(1, idea="../../etc/passwd", environment="../up"))])
    write(str(tmp_path / "out"), texts)
    assert {path.parent.parent.name for path in tmp_path.rglob("*.md")} <= {"out", "environments", "shop"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_files_go_to_whatever_fsspec_knows() -> None:
    write("memory://bucket/prefix", {"launched/a.md": "text"})
    assert fsspec.filesystem("memory").cat("/bucket/prefix/launched/a.md") == b"text"


def serve(monkeypatch: pytest.MonkeyPatch, *found: Chain) -> None:
    async def chains(*_: object) -> list[Chain]:
        return list(found)

    monkeypatch.setattr(commands, "chains", chains)


def test_a_chain_that_holds_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    made = records(3)
    serve(monkeypatch, Chain("shop", "web", made[1:], promotions(made)))
    result = RUNNER.invoke(app, ["records", "verify"])
    assert result.exit_code == 0
    assert "shop/web: 2 records (2 launch): the chain holds" in result.output
    assert "note: the records before number 2 are gone" in result.output


def test_a_changed_record_fails_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    made = records(2)
    made[0]["data"]["record.md"] += "x"
    serve(monkeypatch, Chain("shop", "web", made))
    result = RUNNER.invoke(app, ["records", "verify"])
    assert result.exit_code == 1
    assert f"{made[0]['metadata']['name']}: record.md has changed" in result.output


def test_records_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, chain_of(statement(1, version="v1.2.3")))
    result = RUNNER.invoke(app, ["records", "list"])
    assert result.output.splitlines()[1].split()[:7] == ["shop", "web", "1", "launch", "Succeeded", "v1.2.3", "web-1"]


def test_records_of_an_idea_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, chain_of(statement(1, idea="IDEA-7"), statement(2, idea="IDEA-8"), statement(3)))
    result = RUNNER.invoke(app, ["records", "list", "--idea", "IDEA-8"])
    assert [line.split()[2] for line in result.output.splitlines()] == ["NUMBER", "2"]


def test_records_are_exported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = chain_of(statement(1, idea="IDEA-7"))
    serve(monkeypatch, made)
    result = RUNNER.invoke(app, ["records", "export", str(tmp_path)])
    name = f"records/shop/{made.records[0]['metadata']['name']}"
    assert result.output.splitlines() == [STATUS, "launched/IDEA-7.md", f"{name}.json", f"{name}/record.md"]
    assert (tmp_path / "launched" / "IDEA-7.md").read_text().startswith("# Launch of web ")


def test_a_target_that_nobody_knows_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, chain_of(statement(1)))
    result = RUNNER.invoke(app, ["records", "export", "nothing://bucket"])
    assert result.exit_code == 1
    assert "nothing" in result.output


def test_missing_rights_are_told_in_the_servers_words(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object) -> list[Chain]:
        raise Forbidden("configmaps is forbidden: User cannot list")

    monkeypatch.setattr(commands, "chains", refuse)
    result = RUNNER.invoke(app, ["records", "list", "-n", "shop"])
    assert (result.exit_code, result.output.strip()) == (2, "configmaps is forbidden: User cannot list")
