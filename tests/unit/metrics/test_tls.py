import ssl
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.unit.metrics.raw_server import envelope, http, raw_server, says, trickles, until

from slipway.metrics.prometheus import PrometheusSource
from slipway.metrics.reading import Error, Value

AT = datetime(2026, 3, 15, 12, 0, tzinfo=UTC)
GOOD = http(200, envelope("0.5", at=AT.timestamp()))
UNTRUSTED = Error("TLS: the certificate or the handshake is not accepted")

MakeSource = Callable[..., PrometheusSource]


def certificate(folder: Path, name: str) -> tuple[Path, ssl.SSLContext]:
    """A certificate that is its own authority, for `name`, and a server's context with it."""
    crt, key = folder / f"{name}.crt", folder / f"{name}.key"
    kind = "IP" if name[0].isdigit() else "DNS"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName={kind}:{name}"),
            *("-keyout", str(key), "-out", str(crt)),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)
    return crt, context


async def test_only_the_configured_authority_is_trusted(make_source: MakeSource, tmp_path: Path) -> None:
    ca, tls = certificate(tmp_path, "127.0.0.1")
    stranger, _ = certificate(tmp_path, "127.0.0.2")
    async with raw_server(says(GOOD), tls=tls) as server:
        assert await make_source(server.url, ca=ca).query("up", AT) == Value(0.5)
        assert await make_source(server.url, ca=stranger).query("up", AT) == UNTRUSTED
        assert await make_source(server.url).query("up", AT) == UNTRUSTED
        assert len(server.requests) == 1


async def test_a_certificate_for_another_name_is_refused(make_source: MakeSource, tmp_path: Path) -> None:
    ca, tls = certificate(tmp_path, "prometheus.example")
    async with raw_server(says(GOOD), tls=tls) as server:
        assert await make_source(server.url, ca=ca).query("up", AT) == UNTRUSTED
        assert server.requests == []


@pytest.mark.parametrize(
    ("content", "error"), [(None, Error("the CA file cannot be read")), ("not a certificate", UNTRUSTED)]
)
async def test_a_ca_file_that_cannot_be_used_is_an_error(
    make_source: MakeSource, tmp_path: Path, content: str | None, error: Error
) -> None:
    ca = tmp_path / "ca.crt"
    if content is not None:
        ca.write_text(content)
    _, tls = certificate(tmp_path, "127.0.0.1")
    async with raw_server(says(GOOD), tls=tls) as server:
        assert await make_source(server.url, ca=ca).query("up", AT) == error
        assert server.requests == []


async def test_an_encrypted_answer_that_trickles_ends_with_the_deadline(
    make_source: MakeSource, tmp_path: Path
) -> None:
    ca, tls = certificate(tmp_path, "127.0.0.1")
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n"
    async with raw_server(trickles(head, b" "), tls=tls) as server:
        source = make_source(server.url, ca=ca, seconds=0.5, max_concurrency=1)
        for _ in range(2):
            assert await source.query("up", AT) == Error("no answer within 0.5 s")
        # The thread went on to the second query, and the connections were cut, while the server trickled.
        assert len(server.requests) == 2
        await until(lambda: server.open == 0)
