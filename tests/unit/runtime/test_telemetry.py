"""Counts that an alert asks for are there before the first thing that is counted."""

from pathlib import Path

from slipway.config import parse_config
from slipway.runtime.operator import Operator, Options

CONFIG = """
notifications:
  channels: [{name: chat, urlFile: /nowhere/chat, webhook: {}}]
cdevents: {urlFile: /nowhere/cdevents}
records: {webhook: {urlFile: /nowhere/records}}
"""


async def test_every_channel_that_is_configured_begins_with_no_notice(tmp_path: Path) -> None:
    """Otherwise the first failure of a channel would be no increase, and nobody would be told of it."""
    operator = Operator(parse_config(CONFIG), Options(kubeconfig=tmp_path / "none"))
    found = {
        (sample.labels["channel"], sample.labels["result"]): sample.value
        for sample in next(iter(operator.telemetry.notices.collect())).samples
    }
    channels, results = ("chat", "CDEvents", "launch records"), ("delivered", "failed")
    assert found == {(channel, result): 0 for channel in channels for result in results}


async def test_nothing_is_counted_where_nobody_is_told(tmp_path: Path) -> None:
    operator = Operator(parse_config(""), Options(kubeconfig=tmp_path / "none"))
    assert not next(iter(operator.telemetry.notices.collect())).samples
