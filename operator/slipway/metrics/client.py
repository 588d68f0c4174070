"""The blocking side of a query: prometheus-api-client, held to limits that it does not have by itself.

Seen in prometheus-api-client 0.7: its default Retry sleeps through a `Retry-After`, its default timeout is
none, it follows redirects, reads bodies of any size, puts them into its exceptions, and `custom_query` drops
the envelope (result type and warnings) without which a partial answer looks like a whole one. It does take a
Session, though, and is made to be derived from: so there is one method of our own here, and a Session with
our policy.
"""

import re
import socket
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from prometheus_api_client import PrometheusConnect
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import Retry

from slipway.config import HEADER_NAME
from slipway.notifying.channel import NotSent
from slipway.notifying.webhook import headers_in

MAX_BODY = 1 << 20
"""Bytes of an answer that are read; the answer to a gate's query has a few hundred."""
MAX_RULES = 16 << 20
"""The same for all alerting rules of a source."""
NEVER = Retry(0, read=False, redirect=False, respect_retry_after_header=False)


class QueryFailed(Exception):
    """The query got no answer. The message is safe to show."""


class Cutter:
    """Cuts one connection from another thread.

    A timeout of a socket starts again with every byte, so that a server that trickles holds a thread for as
    long as it likes. Shutting the connection down ends any read, also one in the middle of a TLS handshake.
    For that the descriptor is duplicated: wrapping a socket into TLS takes away the original one.
    """

    def __init__(self) -> None:
        self._sock: socket.socket | None = None
        self.is_cut = False

    def connected(self, sock: socket.socket) -> None:
        """Remember the connection; cut it at once if that was asked before."""
        self.forget()
        self._sock = sock.dup()
        if self.is_cut:
            self.cut()

    def cut(self) -> None:
        """End all reads and writes of the connection, now and from now on."""
        self.is_cut = True
        sock = self._sock
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # not connected any more

    def forget(self) -> None:
        """Give back the descriptor, without which the connection is not really closed."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None


def _pools(cutter: Cutter) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            sock = super()._new_conn()
            cutter.connected(sock)
            return sock

    class TLS(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            sock = super()._new_conn()
            cutter.connected(sock)
            return sock

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class TLSPool(HTTPSConnectionPool):
        ConnectionCls = TLS

    return {"http": PlainPool, "https": TLSPool}


class _Adapter(HTTPAdapter):
    def __init__(self, cutter: Cutter) -> None:
        self._cutter = cutter
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=NEVER)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools(self._cutter)


class BearerToken(requests.auth.AuthBase):
    """Sends the token in a file, read again for every request: Kubernetes rotates projected tokens."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header; QueryFailed where there is no token."""
        try:
            token = self._path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            raise QueryFailed("the token file cannot be read") from None
        if not token:
            raise QueryFailed("the token file is empty")
        request.headers["Authorization"] = f"Bearer {token}"
        return request


class FileHeaders(requests.auth.AuthBase):
    """Sends the headers in a file, then those of `inner`. Read for every request: a mounted Secret may change."""

    def __init__(self, path: Path, inner: requests.auth.AuthBase | None) -> None:
        self._path, self._inner = path, inner

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the headers; QueryFailed where there are none. No part of them is in its words."""
        try:
            found = headers_in(self._path)
        except NotSent:
            raise QueryFailed("the headers file cannot be read, or has other lines than Name: value") from None
        if not found:
            raise QueryFailed("the headers file is empty")
        if not all(_is_header(name, value) for name, value in found.items()):
            raise QueryFailed("the headers file has something that no header can be")
        request.headers.update(found)
        return self._inner(request) if self._inner is not None else request


def _is_header(name: str, value: str) -> bool:
    """Whether HTTP lets it be one: what is none would end in an exception that shows it."""
    return re.fullmatch(HEADER_NAME, name) is not None and value.isascii() and value.isprintable()


class PrometheusClient(PrometheusConnect):  # type: ignore[misc]  # the library has no types
    """One connection to one source, for one thread at a time."""

    def __init__(
        self,
        url: str,
        *,
        ca: Path | None,
        token_file: Path | None,
        headers: dict[str, str],
        headers_file: Path | None = None,
        timeout: timedelta,
    ) -> None:
        session = requests.Session()
        session.trust_env = False  # no proxies and no .netrc from the environment
        session.verify = str(ca) if ca else True
        super().__init__(url, headers={"Accept-Encoding": "identity", **headers}, retry=NEVER, session=session)
        token = BearerToken(token_file) if token_file else None
        self.auth = FileHeaders(headers_file, token) if headers_file else token
        self._seconds = timeout.total_seconds()
        self._cutter = Cutter()
        adapter = _Adapter(self._cutter)
        session.adapters.clear()  # the library's own among them
        session.mount("http://", adapter)
        session.mount("https://", adapter)

    def instant_query(self, promql: str, at: datetime) -> tuple[int, bytes]:
        """HTTP status and body of the answer to `promql`, evaluated at `at`; QueryFailed without one."""
        asked = {
            "query": promql,
            "time": f"{at.timestamp():.3f}",
            "timeout": f"{self._seconds * 1000:.0f}ms",  # the server stops when we have left
        }
        return self._get("query", asked, MAX_BODY)

    def alerting_rules(self) -> tuple[int, bytes]:
        """HTTP status and body of the answer with all alerting rules; QueryFailed without one."""
        return self._get("rules", {"type": "alert", "exclude_alerts": "true"}, MAX_RULES)

    def _get(self, what: str, params: dict[str, str], most: int) -> tuple[int, bytes]:
        try:
            with self._session.request(
                self._method,
                f"{self.url}/api/v1/{what}",
                params=params,
                headers=self.headers,
                auth=self.auth,
                # A third for each address, so that another one of the same name has its turn in time.
                timeout=(self._seconds / 3, self._seconds),
                allow_redirects=False,
                stream=True,
            ) as response:
                return response.status_code, _bounded(response, most)
        except requests.RequestException as error:
            self._cutter.forget()
            raise QueryFailed(_why(error)) from None
        except QueryFailed:
            self._cutter.forget()
            raise

    @property
    def is_cut(self) -> bool:
        """Whether `cut` was called."""
        return self._cutter.is_cut

    def cut(self) -> None:
        """End a running query from another thread. The client is of no use afterwards."""
        self._cutter.cut()

    def close(self) -> None:
        """Close the connection. Not while a query runs: that is what `cut` is for."""
        super().close()
        self._cutter.forget()


def _bounded(response: requests.Response, most: int) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(1 << 16):
        body += chunk
        if len(body) > most:
            raise QueryFailed(f"the answer is larger than {most >> 10} KiB")
    return bytes(body)


def _why(error: requests.RequestException) -> str:
    # In this order: requests derives SSLError and ConnectTimeout from ConnectionError. Their own texts have
    # the URL and parts of the answer, and are not repeated.
    if isinstance(error, requests.ReadTimeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "TLS: the certificate or the handshake is not accepted"
    if isinstance(error, requests.ConnectionError):
        return "cannot connect, or the connection broke"
    return "the answer breaks HTTP"
