"""A way to make sources that are closed when the test is over."""

import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest

from slipway.metrics.prometheus import PrometheusSource

MakeSource = Callable[..., PrometheusSource]


@pytest.fixture
async def make_source() -> AsyncIterator[MakeSource]:
    async with contextlib.AsyncExitStack() as stack:

        def make(url: str, *, seconds: float = 5, **settings: Any) -> PrometheusSource:
            source = PrometheusSource(url, timeout=timedelta(seconds=seconds), **settings)
            stack.push_async_callback(source.close)
            return source

        yield make
