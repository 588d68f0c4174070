"""Lines that look like secrets are counted by their kind, and what they say goes nowhere."""

from __future__ import annotations

from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.podlogs.kubelet import NOW, Container, Kubelets, pod

from slipway.cluster.api import Api
from slipway.cluster.errors import Forbidden, NotFound, Unavailable
from slipway.core.decision import SecretProbe
from slipway.core.snapshot import Probed, Unverified
from slipway.podlogs.reading import BYTES_OF_LOG
from slipway.podlogs.secrets import kinds_of, scan

TOKEN = "AKIA" + "Q7" * 8
SECRETS = {
    "AWS access key": f"key={TOKEN}",
    "private key": "-----BEGIN RSA PRIVATE KEY-----",
    "JSON Web Token": "got eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.c2lnbmF0dXJl",
    "bearer token": "Authorization: Bearer abcdefghijklmnopqrstuvwx",
    "password in an address": "connecting to postgres://app:hunter2@db:5432/shop",
    "password": "starting with DB_PASSWORD=hunter2",
}
HARMLESS = [
    "GET /healthz 200",
    "connecting to postgres://app:***@db:5432/shop",
    "connecting to postgres://app:xxxxx@db:5432/shop",
    "connecting to postgres://app:$(DB_PASSWORD)@db/shop",
    "password=[REDACTED]",
    '{"password":"<hidden>"}',
    "Password: must be at least 8 characters",
    "http://web:8080/a@b",
    "bearer of bad news",
]


async def scanned(*logs: Container, kubelets: Kubelets | None = None) -> Probed | Unverified:
    probe = SecretProbe(key="k", due=NOW, rollout="web", revision="abc")
    return await scan(cast(Api, kubelets or Kubelets(*logs)), "shop", probe)


def logged(*lines: str) -> Container:
    return Container([(float(100 - n), line) for n, line in enumerate(lines)])


@pytest.mark.parametrize("kind", SECRETS)
async def test_a_secret_of_each_kind_is_found_and_not_told(kind: str) -> None:
    assert kinds_of(SECRETS[kind].encode()) == {kind}
    found = await scanned(logged("fine", SECRETS[kind], SECRETS[kind]), logged("fine"))
    assert isinstance(found, Probed)
    assert not found.passed
    assert found.message.startswith(f"2 lines of 1 pod look like secrets ({kind}); look at them: kubectl -n shop logs")
    assert SECRETS[kind] not in found.message
    assert "hunter2" not in found.message


@pytest.mark.parametrize("line", HARMLESS)
def test_what_is_masked_or_only_speaks_of_secrets_is_none(line: str) -> None:
    assert kinds_of(line.encode()) == set()


async def test_logs_without_secrets_pass_and_say_how_much_was_read() -> None:
    found = await scanned(logged("one", "two"), logged("three"))
    assert isinstance(found, Probed)
    assert (found.passed, found.message) == (True, "3 lines of 2 pods do not look like secrets")


async def test_all_containers_are_looked_at() -> None:
    one = pod("web-0", "web", "proxy")
    one["spec"]["initContainers"] = [{"name": "migrate"}]
    kubelets = Kubelets(logged("fine"), pods=[one])
    await scanned(kubelets=kubelets)
    assert [container for _, container, _, _ in kubelets.asked] == ["migrate", "web", "proxy"]


@pytest.mark.parametrize(
    ("log", "says"),
    [
        (Container(), "logged nothing yet"),
        (Container([(1, "x" * BYTES_OF_LOG)]), "longer than what is read"),
        (Container(plain=b"failed to try resolving symlinks\n"), "no log of it"),
        (Container(refuses=Forbidden("no", 403)), "slipway-operator-logs"),
        (Container(refuses=NotFound("no", 404)), "is gone"),
        (Container(refuses=Unavailable("no", 503)), "HTTP 503"),
    ],
)
async def test_what_cannot_be_read_is_never_a_pass(log: Container, says: str) -> None:
    found = await scanned(log)
    assert isinstance(found, Unverified)
    assert says in found.message


async def test_a_secret_in_what_was_read_of_a_long_log_is_one() -> None:
    found = await scanned(logged(SECRETS["password"], *(["x" * 1024] * 5000)))
    assert isinstance(found, Probed)
    assert not found.passed


async def test_a_line_that_is_still_being_written_is_looked_at() -> None:
    found = await scanned(Container(plain=f"2026-03-01T11:00:00Z {TOKEN}".encode()))
    assert isinstance(found, Probed)
    assert not found.passed


@given(st.binary(max_size=300))
def test_any_bytes_can_be_looked_at(text: bytes) -> None:
    kinds_of(text)
