"""What the operator loads to start: nothing that only some configurations need, and whatever is missing at once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.api import holiday_calendar
from slipway.core.policy import matching
from slipway.notifying.cdevents import CDEvents
from slipway.notifying.notifier import Notifier
from slipway.notifying.settings import Notifications

# Each takes a tenth of a second and more, or megabytes, or is not installed where the operator runs.
FOR_SOME = {
    "apprise": "notifications.channels with urlFile",
    "cel": "checks of objects, which are judged in a process of their own",
    "cloudevents": "cdevents",
    "fsspec": "slipway records export",
    "holidays": "windows with holidays",
    "jinja2": "slipway dashboard",
    "markdown_it": "slipway dashboard",
    "opentelemetry": "tracing",
    "pygal": "slipway dashboard",
    "rich.markdown": "slipway report",
    "starlette": "slipway dashboard",
    "uvicorn": "slipway dashboard",
}


def test_nothing_is_loaded_that_only_some_configurations_need() -> None:
    program = "import json, sys, slipway.cli, slipway.runtime.operator; print(json.dumps(list(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    loaded = set(json.loads(ran.stdout))
    assert "slipway.runtime.reconciler" in loaded
    assert loaded & FOR_SOME.keys() == set()


@pytest.fixture
def no_calendars(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As where the package is missing, or broken."""
    cached = (holiday_calendar.countries, holiday_calendar.days_off, matching._read)
    for each in cached:
        each.cache_clear()
    monkeypatch.setitem(sys.modules, "holidays", None)
    yield
    for each in cached:
        each.cache_clear()


@pytest.mark.usefixtures("no_calendars")
def test_a_policy_whose_calendar_cannot_be_loaded_is_one_that_cannot_be_read() -> None:
    """It holds what goes forward, as each that cannot be read; an error would come up with each decision."""
    window = {"deny": "nobody is here", "holidays": {"country": "DE"}}
    spec = {"match": {"environments": ["production"]}, "windows": [window]}
    policy = matching.read({"metadata": {"name": "holidays"}, "spec": spec})
    assert policy.spec is None
    assert "windows[0].holidays: the calendars cannot be loaded" in policy.problem
    assert policy.match is not None


def test_a_policy_that_was_read_has_its_calendar_before_anything_is_decided_by_it() -> None:
    program = """
import sys
from slipway.api import holiday_calendar, window
window.Holidays(country="NO")
before = set(sys.modules)
holiday_calendar.days_off("NO", None, 2026)
print(*(set(sys.modules) - before))
"""
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert ran.stdout.split() == []


def test_what_carries_cdevents_is_missed_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "cloudevents"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cloudevents", None)
    with pytest.raises(ImportError, match="cloudevents"):
        Notifier(Notifications(), cd_events=CDEvents(url_file=tmp_path / "url"))
