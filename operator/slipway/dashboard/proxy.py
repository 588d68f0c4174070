"""Who gets in where the page runs in the cluster: those whom an authenticating proxy lets through.

By default they read, with the rights of the dashboard's own account. Where the administrator turns it on they decide as
themselves: by the name that the proxy gives in a header, which counts only beside the proxy's own secret.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from slipway.cluster.resources import PROMOTIONS
from slipway.console.session import Session
from slipway.dashboard.door import from_own_page, same, with_headers
from slipway.dashboard.viewer import Viewer, enter

SECRET_HEADER = "X-Slipway-Proxy-Secret"  # noqa: S105 - the name of a header
SHORTEST_SECRET = 32
HEALTH = "/healthz"
"""For the kubelet, which is no proxy: it says that the server answers, and nothing else."""
LASTS = 600.0
"""Seconds after which an open page comes through the proxy again, which may have ended its session by then."""
SEEN_FOR = 30.0
"""Seconds for which it is kept which namespaces somebody may see."""

_SYSTEM = "system:"
_LONGEST_NAME = 256
_MOST_GROUPS = 500
_PORTS = {"https": 443, "http": 80}


class Misconfigured(ValueError):
    """Settings that would let in the wrong ones; says which, and what is right."""


@dataclass(frozen=True)
class Public:
    """Where browsers find the page."""

    scheme: str
    host: str
    """As in a Host header: with the port unless it is the scheme's own."""
    base: str
    """Before every path, without a slash at its end."""

    @classmethod
    def parse(cls, url: str) -> Public:
        """Of `https://host[:port][/path]`. Raises Misconfigured."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
            parts = urlsplit("")
        if parts.scheme not in _PORTS or not host or parts.query or parts.fragment or "@" in parts.netloc:
            raise Misconfigured(f"{url}: expected https://HOST[:PORT][/PATH], as browsers see it")
        named = f"[{host}]" if ":" in host else host
        shown = named if port in (None, _PORTS[parts.scheme]) else f"{named}:{port}"
        return cls(parts.scheme, shown.lower(), parts.path.rstrip("/"))

    @property
    def origin(self) -> str:
        """What a browser says a form of this page comes from."""
        return f"{self.scheme}://{self.host}"


class ProxySecret:
    """What the proxy and this server know, in a mounted file, which may be replaced at any time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        if not self._now():
            raise Misconfigured(
                f"{path}: expected a secret of at least {SHORTEST_SECRET} characters, such as of openssl rand -hex 32"
            )

    def fits(self, sent: str) -> bool:
        """Whether this is it. A file that is gone or too short fits nothing."""
        return same(sent, self._now())

    def _now(self) -> str:
        try:
            text = self._path.read_text().strip()
        except (OSError, UnicodeDecodeError):
            return ""
        return text if len(text) >= SHORTEST_SECRET else ""


@dataclass(frozen=True)
class Speaking:
    """How people decide by this page as themselves."""

    user_header: str
    groups_header: str
    """'' where the proxy names no groups."""
    as_user: Callable[[str, tuple[str, ...]], Session]
    """The rights of a user with groups."""


@dataclass(frozen=True)
class Proxy:
    """What is configured."""

    public: Public
    reading: Session
    """The rights of the dashboard's own account."""
    secret: ProxySecret | None = None
    speaking: Speaking | None = None
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    """Of forms, anew with each start."""

    def __post_init__(self) -> None:
        if self.speaking is None:
            return
        if self.secret is None:
            raise Misconfigured("a user's name in a header proves nothing without the proxy's secret: give its file")
        if self.public.scheme != "https":
            raise Misconfigured("who decides by this page does so over https: give its address as https://…")


class Refused(Exception):
    """Why somebody does not get in."""


class ProxyDoor:
    """Middleware around everything."""

    def __init__(self, app: ASGIApp, proxy: Proxy) -> None:
        self._app = app
        self._proxy = proxy
        self._seen: dict[tuple[str, tuple[str, ...], str], tuple[float, bool]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await (self._refused(scope) or self._app)(scope, receive, with_headers(send))

    def _refused(self, scope: Scope) -> Response | None:
        """What is answered in place of the page; None where the way is free, and it is known for whom."""
        headers, path, public = Headers(scope=scope), str(scope["path"]), self._proxy.public
        reads = scope["method"] in ("GET", "HEAD")
        if path == HEALTH and reads:
            return PlainTextResponse("ok\n")
        if [host.lower() for host in headers.getlist("host")] != [public.host]:
            words = f"Slipway answers to {public.host} alone: the proxy has to pass the Host header on."
            return PlainTextResponse(f"{words}\n", 421)
        bare = path == public.base and reads
        if not bare and not path.startswith(f"{public.base}/"):
            return PlainTextResponse("There is nothing here.\n", 404)
        sent = headers.getlist(SECRET_HEADER)
        if self._proxy.secret is not None and not (len(sent) == 1 and self._proxy.secret.fits(sent[0])):
            return PlainTextResponse("This request did not come by the proxy.\n", 403)
        try:
            viewer = self._viewer(headers)
        except Refused as refusal:
            return PlainTextResponse(f"{refusal}\n", 403)
        if not reads and viewer.acting is None:
            return PlainTextResponse("This page is for reading.\n", 403)
        if not reads and not from_own_page(headers, public.origin):
            return PlainTextResponse("This was not sent by a page of this dashboard.\n", 403)
        if bare:
            return RedirectResponse(f"{public.base}/")
        enter(scope, viewer)
        # From the proxy to here it may be another one, and an address that is given to the browser has the browser's.
        scope["scheme"] = public.scheme
        return None

    def _viewer(self, headers: Headers) -> Viewer:
        """Who the proxy says it is; nobody in particular where that does not matter. Raises Refused."""
        proxy, speaking = self._proxy, self._proxy.speaking
        if speaking is None:
            return Viewer("", reading=proxy.reading, acting=None, lasts=LASTS)
        user = _user(headers.getlist(speaking.user_header), speaking.user_header)
        groups = _groups(headers.getlist(speaking.groups_header)) if speaking.groups_header else ()
        acting = speaking.as_user(user, groups)
        form = hmac.new(proxy.key, user.encode(), hashlib.sha256).hexdigest()
        return Viewer(user, proxy.reading, acting, form, self._sees(acting, user, groups), LASTS)

    def _sees(self, acting: Session, user: str, groups: tuple[str, ...]) -> Callable[[str], Awaitable[bool]]:
        async def sees(namespace: str) -> bool:
            """Who may list the Promotions of a namespace sees what the dashboard reads there."""
            key, now = (user, groups, namespace), time.monotonic()
            known = self._seen.get(key)
            if known is None or now - known[0] > SEEN_FOR:
                known = now, await acting.within(namespace).may("list", PROMOTIONS)
                self._seen = {one: answer for one, answer in self._seen.items() if now - answer[0] <= SEEN_FOR}
                self._seen[key] = known
            return known[1]

        return sees


def _user(named: list[str], header: str) -> str:
    if len(named) != 1 or not named[0].strip():
        raise Refused(f"The proxy has to name one user in {header}.")
    user = named[0].strip()
    if user.startswith(_SYSTEM) or not _fits(user):
        raise Refused("This page speaks for people, and not for service accounts and other system users.")
    return user


def _groups(named: list[str]) -> tuple[str, ...]:
    """Those of a header with commas, or of several headers. Those of the system are never spoken for."""
    found = dict.fromkeys(one.strip() for line in named for one in line.split(","))
    groups = tuple(group for group in found if group and not group.startswith(_SYSTEM))
    if len(groups) > _MOST_GROUPS or not all(_fits(group) for group in groups):
        raise Refused("The groups that the proxy names cannot be read.")
    return groups


def _fits(name: str) -> bool:
    # Headers arrive as Latin-1: what is beyond ASCII could be another name for the API server than for the proxy.
    return len(name) <= _LONGEST_NAME and name.isascii() and name.isprintable()
