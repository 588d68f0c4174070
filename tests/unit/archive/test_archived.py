"""Records that were exported: the chain holds where they are kept, and what is changed there is found."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from tests.unit.core.record_chains import records, statement
from typer.testing import CliRunner

from slipway.archive import archived, commands
from slipway.archive.export import files, write
from slipway.archive.reading import Chain
from slipway.cli import app
from slipway.core.record.sealing import seal

RUNNER = CliRunner()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    write(str(tmp_path), files([Chain("shop", "web", records(3))]))
    return tmp_path


def verify(target: object, *more: str) -> Result:
    found: Any = RUNNER.invoke(app, ["records", "verify", "--archive", str(target), *more])
    return found


def statements(archive: Path) -> list[Path]:
    return sorted((archive / "records" / "shop").glob("*.json"))


def test_the_chain_holds_where_it_is_kept(archive: Path) -> None:
    found = verify(archive)
    assert (found.exit_code, found.output) == (0, "shop/web: 3 records (3 launch): the chain holds\n")
    for path in statements(archive):
        assert path.stem.endswith(hashlib.sha256(path.read_bytes()).hexdigest()[:10])


def test_it_holds_wherever_fsspec_writes() -> None:
    write("memory://launches/here", files([Chain("shop", "web", records(2))]))
    assert verify("memory://launches/here").exit_code == 0


def test_a_changed_statement_is_found(archive: Path) -> None:
    path = statements(archive)[0]
    path.write_text(path.read_text().replace("Succeeded", "RolledBack"))
    found = verify(archive)
    assert found.exit_code == 1
    assert "its content has changed" in found.output


def test_a_changed_page_is_found(archive: Path) -> None:
    page = statements(archive)[0].with_suffix("") / "record.md"
    page.write_text(page.read_text() + "x")
    assert "record.md has changed" in verify(archive).output
    shutil.rmtree(page.parent)
    assert "record.md is missing" in verify(archive).output


def test_a_record_that_was_taken_away_is_found(archive: Path) -> None:
    by_number = {record["metadata"]["name"]: n for n, record in enumerate(records(3), 1)}
    for path in statements(archive):
        if by_number[path.stem] == 2:
            path.unlink()
    found = verify(archive)
    assert found.exit_code == 1
    assert "the records between number 1 and number 3 are missing" in found.output


def test_what_is_no_statement_is_found(archive: Path) -> None:
    (archive / "records" / "shop" / "launch-other.json").write_bytes(b"\xff\x00")
    found = verify(archive)
    assert found.exit_code == 1
    assert "no launch record" in found.output


def test_one_rollout_can_be_asked_for(archive: Path) -> None:
    assert verify(archive, "--rollout", "web").exit_code == 0
    found = verify(archive, "--rollout", "other")
    assert (found.exit_code, found.stdout) == (2, "")
    assert found.stderr == f"{archive}: there are no launch records of Rollout other\n"


def test_where_nothing_is_nothing_was_verified(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "none", "memory://launches/none"):
        found = verify(place)
        assert (found.exit_code, found.stdout) == (2, "")
        assert found.stderr == f"{place}: there are no launch records\n"
    assert verify("nothing://bucket").exit_code == 2


def test_of_a_cluster_none_are_an_error_only_where_they_were_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "_chains", lambda where, rollout: [])
    done = RUNNER.invoke(app, ["records", "verify", "-n", "shop"])
    assert (done.exit_code, done.output) == (0, "there are no launch records\n")
    done = RUNNER.invoke(app, ["records", "verify", "-n", "shop", "--rollout", "wbe"])
    assert (done.exit_code, done.output) == (2, "there are no launch records of Rollout wbe in namespace shop\n")


def test_a_record_without_a_statement_is_left_out() -> None:
    record = seal(statement(1), 1, None, None)
    del record["data"]["statement.json"]
    assert archived.files([Chain("shop", "web", [record])]) == {}
