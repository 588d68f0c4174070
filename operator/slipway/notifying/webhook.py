"""One attempt to send one notice as JSON to a URL, such as that of an issue tracker."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

import requests

from slipway.notifying.channel import NotSent
from slipway.notifying.settings import Channel, Webhook

ISSUE = "$issue"
CONNECT_SECONDS = 5.0


def post(channel: Channel, webhook: Webhook, issue: str, body: str) -> None:
    """Send it, and wait for that. Raises NotSent with a reason that holds nothing of the URL or the headers.

    `issue` takes the place of `$issue` in the URL.
    """
    headers = {"Content-Type": "application/json"}
    send(channel.url_file, webhook.headers_file, body.encode(), channel.timeout, headers, webhook.method, issue)


def send(
    url_file: Path,
    headers_file: Path | None,
    body: bytes,
    timeout: timedelta,
    headers: Mapping[str, str],
    method: str = "POST",
    issue: str = "",
) -> None:
    """One request; what the files say is added to `headers`. Raises NotSent as `post` does."""
    url = read(url_file, "urlFile").replace(ISSUE, quote(issue, safe=""))
    if urlsplit(url).scheme not in ("http", "https"):
        raise NotSent("its urlFile does not hold a URL with http or https")
    try:
        with requests.request(
            method,
            url,
            data=body,
            headers={**headers, **headers_in(headers_file)},
            timeout=(CONNECT_SECONDS, timeout.total_seconds()),
            allow_redirects=False,
            stream=True,  # what it answers is nobody's business
        ) as answer:
            status = answer.status_code
    except (requests.RequestException, ValueError) as error:
        # `from None`, and no message: it quotes the URL.
        raise NotSent(f"it cannot be reached ({type(error).__name__})") from None
    if not 200 <= status < 300:
        raise NotSent(f"it answered HTTP {status}")


def read(path: Path, field: str) -> str:
    """The text of a file that the configuration names; NotSent when there is none."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise NotSent(f"its {field} cannot be read: {reason}") from None


def headers_in(headers_file: Path | None) -> dict[str, str]:
    """The headers in a file, one `Name: value` a line; NotSent when it holds anything else."""
    if headers_file is None:
        return {}
    lines = read(headers_file, "headersFile").splitlines()
    split = [line.partition(":") for line in lines if line.strip()]
    if not all(name.strip() and colon for name, colon, _ in split):
        raise NotSent("its headersFile does not hold lines such as Authorization: Bearer …")
    return {name.strip(): value.strip() for name, _, value in split}
