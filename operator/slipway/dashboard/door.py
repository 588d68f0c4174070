"""Who gets in: the browser of whoever started the dashboard, and no other user, page or host name.

A page is asked for only with the cookie that the printed address gives; its path keeps it from other servers on this
machine, to which browsers would send it as well. Something is done only from a form of the dashboard's own.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from slipway.dashboard.viewer import Viewer, enter

COOKIE = "slipway"
TOKEN = "token"  # noqa: S105 - the name of a parameter

PAGE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
"""An SVG document brings its own style, and can do nothing else."""

_NAMES = ("127.0.0.1", "localhost")
_HTTP = 80

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer, with which browsers name no origin when a form is sent.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


@dataclass(frozen=True)
class Keys:
    """Random, anew with each start, and nowhere but in this process and the browser."""

    path: str = field(default_factory=lambda: "/" + secrets.token_hex(6))
    """Before every path of this dashboard."""
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    """In the printed address."""
    cookie: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    """What the browser shows after that."""
    form: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    """In every form that does something."""


def address(port: int, keys: Keys) -> str:
    """What the terminal prints."""
    return f"http://127.0.0.1:{port}{keys.path}/?{urlencode({TOKEN: keys.token})}"


class Door:
    """Middleware around everything, with what every answer says to the browser."""

    def __init__(self, app: ASGIApp, port: int, keys: Keys, viewer: Viewer) -> None:
        self._app = app
        self._viewer = viewer
        self._hosts = {f"{name}:{port}" for name in _NAMES}
        if port == _HTTP:
            # Browsers leave it out.
            self._hosts.update(_NAMES)
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        refused = self._refused(scope)
        enter(scope, self._viewer)
        await (refused or self._app)(scope, receive, with_headers(send))

    def _refused(self, scope: Scope) -> Response | None:
        """What is answered in place of the page; None where the way is free."""
        headers, path = Headers(scope=scope), str(scope["path"])
        host = headers.get("host", "")
        if host not in self._hosts:
            return PlainTextResponse("Slipway answers to 127.0.0.1 and localhost alone, at its own port.\n", 421)
        if path == self._keys.path or not path.startswith(f"{self._keys.path}/"):
            return PlainTextResponse(_ASK_AGAIN, 403)
        if scope["method"] in ("GET", "HEAD") and (sent := _token(scope)) is not None:
            return self._let_in(path, sent)
        if not same(_cookie(headers), self._keys.cookie):
            return PlainTextResponse(_ASK_AGAIN, 403)
        if scope["method"] not in ("GET", "HEAD") and not from_own_page(headers, f"http://{host}"):
            return PlainTextResponse("This was not sent by a page of this dashboard.\n", 403)
        return None

    def _let_in(self, path: str, token: str) -> Response:
        if not same(token, self._keys.token):
            return PlainTextResponse(_ASK_AGAIN, 403)
        answer = RedirectResponse(path, 303)
        answer.set_cookie(COOKIE, self._keys.cookie, path=f"{self._keys.path}/", httponly=True, samesite="lax")
        return answer


_ASK_AGAIN = "Open the address that `slipway dashboard` has printed in its terminal.\n"


def _token(scope: Scope) -> str | None:
    found = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True).get(TOKEN)
    return found[0] if found else None


def _cookie(headers: Mapping[str, str]) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def with_headers(send: Send) -> Send:
    """Sends what every answer says to the browser."""

    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(_HEADERS)
            headers.setdefault("Content-Security-Policy", PAGE_POLICY)
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return told


def from_own_page(headers: Mapping[str, str], origin: str) -> bool:
    """What browsers say of where a request comes from; older ones do not send the second."""
    return headers.get("origin") == origin and headers.get("sec-fetch-site", "same-origin") == "same-origin"


def same(one: str, other: str) -> bool:
    """Whether two secrets are one, in a time that tells nothing; an empty one is none."""
    return bool(other) and secrets.compare_digest(one.encode(), other.encode())
