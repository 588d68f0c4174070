"""The watch streams, as far as they need no cluster."""

import getpass

import pytest

from slipway.cluster.cache import Cache
from slipway.runtime.watches import Watches


async def test_they_open_for_a_user_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container the user is a number that no password file knows."""

    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 65532")

    monkeypatch.setattr(getpass, "getuser", nameless)
    watches = Watches(Cache(), [], ["shop"], None, lambda change: None)
    await watches.start()
    await watches.stop(5)
