"""Sends notices to the configured channels."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

from slipway.core.cdevents import CHANNEL
from slipway.core.decision import NoticeProbe
from slipway.notifying.cdevents import CDEvents, attempt, load
from slipway.notifying.channel import NotSent, Patience, Sender
from slipway.notifying.settings import Notifications
from slipway.notifying.templates import render, render_json
from slipway.notifying.webhook import post

Send = Callable[[Path, str, str, str], None]


def keep_secrets_out_of_logs() -> None:
    """Whatever level the operator logs at: Apprise and urllib3 log URLs, and these hold secrets."""
    logger = logging.getLogger("apprise")
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    logging.getLogger("urllib3").setLevel(logging.ERROR)


class Notifier:
    """All channels. A broken one disturbs neither the others nor anything else.

    `counted` is told of each notice: the channel, and whether it was `delivered` or `failed`.
    """

    def __init__(
        self,
        settings: Notifications,
        counted: Callable[[str, str], None] = lambda channel, result: None,
        patience: Patience | None = None,
        cd_events: CDEvents | None = None,
    ) -> None:
        self._settings = settings
        self._cd_events = cd_events
        self._counted = counted
        self._channels = {channel.name: channel for channel in settings.channels}
        limit = settings.rate_limit
        self._senders = {
            channel.name: Sender(
                channel.name, channel.timeout.total_seconds(), limit.notices, limit.per.total_seconds(), patience
            )
            for channel in settings.channels
        }
        if cd_events is not None:
            load()
            self._senders[CHANNEL] = Sender(
                CHANNEL, cd_events.timeout.total_seconds(), limit.notices, limit.per.total_seconds(), patience
            )
        keep_secrets_out_of_logs()
        # Without a channel of Apprise nothing ever asks for it.
        self._send: Send = _apprise() if any(c.webhook is None for c in settings.channels) else _never

    async def deliver(self, notice: NoticeProbe) -> None:
        """Returns when the channel took it; raises NotSent when it is given up."""
        sender = self._senders.get(notice.channel)
        if sender is None:
            raise NotSent("there is no such channel any more")
        try:
            await sender.deliver(self._attempt(notice))
        except NotSent:
            self._counted(notice.channel, "failed")
            raise
        self._counted(notice.channel, "delivered")

    def _attempt(self, notice: NoticeProbe) -> Callable[[], None]:
        if notice.channel == CHANNEL and self._cd_events is not None:
            if "cdEvent" not in notice.values:
                raise NotSent("it is no CDEvent")
            return attempt(self._cd_events, notice.values)
        channel = self._channels[notice.channel]
        if channel.webhook is not None:
            body = render_json(notice.event, notice.values, channel.templates)
            return partial(post, channel, channel.webhook, notice.values.get("issue", ""), body)
        title, body = render(notice.event, notice.values, (channel.templates, self._settings.templates))
        return partial(self._send, channel.url_file, notice.event, title, body)


def _apprise() -> Send:
    """Loaded only where it is used, and then at the start: it takes its time and memory."""
    from slipway.notifying import sending

    sending.load()
    return sending.send


def _never(url_file: Path, event: str, title: str, body: str) -> None:
    raise NotSent("Apprise is not loaded")
