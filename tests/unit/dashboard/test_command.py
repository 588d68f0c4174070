"""The command itself: what it needs, and where it keeps to."""

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from slipway.cli import app
from slipway.cluster.credentials import current_context
from slipway.cluster.watching import _lines


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("slipway.dashboard.") and "command" not in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    done = CliRunner().invoke(app, ["dashboard"])
    assert done.exit_code == 2
    assert "uv tool install --force '.[dashboard]'" in done.output
    assert "'slipway[dashboard]'" not in done.output, "the name on the public index is somebody else's"
    written = (Path(__file__).parents[3] / "docs" / "dashboard.md").read_text()
    assert "uv tool install '.[dashboard]'" in written
    assert "whl[dashboard]'" in done.output
    assert "whl[dashboard]'" in written


def test_without_a_cluster_it_says_so(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["dashboard", "-n", "shop", "--kubeconfig", str(tmp_path / "nothing")])
    assert done.exit_code == 2
    assert "no connection to a cluster" in done.output


def test_it_keeps_to_the_context_that_was_current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config"
    contexts = [{"name": name, "context": {"cluster": "c", "user": "u"}} for name in ("one", "two")]
    document = {"clusters": [{"name": "c", "cluster": {}}], "users": [{"name": "u", "user": {}}], "contexts": contexts}
    path.write_text(json.dumps({**document, "current-context": "two"}))
    assert current_context(path) == "two"
    assert current_context(tmp_path / "nothing") is None
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nothing"))
    assert current_context(None) is None


async def test_events_are_lines_however_they_arrive() -> None:
    class Content:
        async def iter_any(self):
            for chunk in (b'{"a": 1}\n{"b"', b": 2", b'}\n\n{"c": "' + b"x" * 200_000, b'"}\n', b"unfinished"):
                yield chunk

    found = [json.loads(line) async for line in _lines(Content())]  # type: ignore[arg-type]
    assert [list(one) for one in found] == [["a"], ["b"], ["c"]]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--user-header", "X-Forwarded-User"], "--behind-proxy"),
        (["--proxy-secret-file", "/dev/null"], "--behind-proxy"),
        (["--behind-proxy", "https://a", "--groups-header", "X-Forwarded-Groups"], "--user-header"),
        (["--behind-proxy", "nowhere"], "expected https://HOST"),
        (["--behind-proxy", "https://a", "--user-header", "X-Forwarded-User"], "proves nothing"),
        (["--behind-proxy", "https://a", "--proxy-secret-file", "/dev/null"], "at least 32 characters"),
    ],
)
def test_what_would_let_in_the_wrong_ones_does_not_start(options: list[str], says: str) -> None:
    done = CliRunner().invoke(app, ["dashboard", "-A", *options])
    assert done.exit_code == 2
    assert says in done.output
