"""Sends launch records to a webhook of the administrator: a copy outside the cluster, as soon as there is a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from slipway.api.duration import SecondsUp
from slipway.api.model import Model
from slipway.core.record.sealing import digest_of, statement_text
from slipway.notifying.channel import NotSent, Patience, Sender
from slipway.notifying.webhook import send

CONTENT_TYPE = "application/vnd.in-toto+json"
CHANNEL = "launch records"
MOST_A_MINUTE = 60


class RecordWebhook(Model):
    """Where each launch record is sent, as JSON over HTTP."""

    url_file: Path
    """File with the URL, as from a mounted Secret. Read again for every record."""
    headers_file: Path | None = None
    """File with headers, one `Name: value` a line, such as Authorization. Read again for every record."""
    timeout: SecondsUp = timedelta(seconds=15)
    """For one attempt."""


class RecordSender:
    """Sends records, one at a time, a few times, for a while; `counted` is told what became of each."""

    def __init__(
        self,
        webhook: RecordWebhook,
        counted: Callable[[str, str], None] = lambda channel, result: None,
        patience: Patience | None = None,
    ) -> None:
        self._webhook = webhook
        self._counted = counted
        self._sender = Sender(CHANNEL, webhook.timeout.total_seconds(), MOST_A_MINUTE, 60.0, patience)

    async def send(self, record: Mapping[str, Any]) -> None:
        """Returns when the webhook took the record, a ConfigMap; raises NotSent when it is given up."""
        text, meta = statement_text(record) or "", record["metadata"]
        headers = {
            "Content-Type": CONTENT_TYPE,
            # The same for every attempt, also after a restart: the body is what this is the digest of.
            "Idempotency-Key": digest_of(text),
            "Slipway-Record": f"{meta['namespace']}/{meta['name']}",
        }
        hook = self._webhook
        attempt = partial(send, hook.url_file, hook.headers_file, text.encode(), hook.timeout, headers)
        try:
            await self._sender.deliver(attempt)
        except NotSent:
            self._counted(CHANNEL, "failed")
            raise
        self._counted(CHANNEL, "delivered")
