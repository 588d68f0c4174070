"""One attempt to send one notice, by Apprise."""

from __future__ import annotations

import re
from pathlib import Path

import apprise

from slipway.notifying.channel import NotSent
from slipway.notifying.webhook import read

_KINDS = {
    "AwaitingApproval": apprise.NotifyType.INFO,
    "Launched": apprise.NotifyType.SUCCESS,
    "Approved": apprise.NotifyType.SUCCESS,
    "NoData": apprise.NotifyType.WARNING,
    "Held": apprise.NotifyType.WARNING,
    "Frozen": apprise.NotifyType.WARNING,
    "RolledBack": apprise.NotifyType.FAILURE,
    "Failed": apprise.NotifyType.FAILURE,
}
_HTTP_ERROR = re.compile(r"\berror=([1-5][0-9]{2})\b")


def load() -> None:
    """Load what Apprise loads at its first use, so that no notice waits for it."""
    apprise.Apprise().add("json://localhost")


def send(url_file: Path, event: str, title: str, body: str) -> None:
    """Send it, and wait for that. Raises NotSent with a reason that holds nothing of the URL."""
    service = _service(url_file)
    try:
        result = service.notify(
            body=body,
            title=title,
            notify_type=_KINDS.get(event, apprise.NotifyType.INFO),
            body_format=apprise.NotifyFormat.TEXT,
        )
    except Exception as error:  # noqa: BLE001 - plugins raise anything
        # `from None`, and no message: it may quote the URL.
        raise NotSent(f"sending failed ({type(error).__name__})") from None
    if not result:
        codes = [found[1] for entry in result.logs() if (found := _HTTP_ERROR.search(entry.message))]
        raise NotSent(f"it answered HTTP {codes[-1]}" if codes else "it cannot be reached or refused it")


def _service(url_file: Path) -> apprise.Apprise:
    url = read(url_file, "urlFile")
    # In this thread, and with our own timeout; nothing is kept on disk, and no code is loaded from anywhere.
    asset = apprise.AppriseAsset(
        app_id="Slipway",
        app_desc="Slipway",
        app_url="",
        async_mode=False,
        service_timeout=0,
        storage_mode=apprise.PersistentStoreMode.MEMORY,
        plugin_paths=[],
    )
    service = apprise.Apprise(asset=asset)
    if len(url.split()) != 1 or not service.add(url):
        raise NotSent("its urlFile does not hold one URL that Apprise knows")
    return service
