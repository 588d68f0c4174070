"""The metrics sources of the operator's configuration, by name."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Self

from slipway.config import Config, Source
from slipway.metrics.dialects import DIALECTS, Preset
from slipway.metrics.observed import ObservedSource
from slipway.metrics.prometheus import PrometheusSource
from slipway.metrics.source import MetricsSource

Observer = Callable[[str, str, float], None]
"""Told the name of a source, what became of a query, and how many seconds it took."""


@dataclass(frozen=True)
class ConfiguredSource:
    """A source and the queries that its presets stand for, with their placeholders."""

    metrics: MetricsSource
    presets: Mapping[Preset, str]


class Sources(Mapping[str, ConfiguredSource]):
    """Sources by the name that Rollouts use. Each has its own threads: none waits for another one."""

    def __init__(self, sources: Mapping[str, ConfiguredSource]) -> None:
        self._sources = dict(sources)

    @classmethod
    def from_config(cls, config: Config, observe: Observer = lambda name, result, seconds: None) -> Self:
        """Every source of the configuration. Nothing is dialled yet."""
        return cls({source.name: _configured(source, observe) for source in config.sources})

    def __getitem__(self, name: str) -> ConfiguredSource:
        return self._sources[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)

    async def close(self) -> None:
        """Close all sources."""
        await asyncio.gather(*(source.metrics.close() for source in self._sources.values()))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _configured(source: Source, observe: Observer) -> ConfiguredSource:
    headers = {name: value.get_secret_value() for name, value in source.headers.items()}
    metrics = PrometheusSource(
        source.url,
        ca=source.ca,
        token_file=source.token_file,
        headers=headers,
        headers_file=source.headers_file,
        timeout=source.timeout,
        max_concurrency=source.max_concurrency,
    )
    return ConfiguredSource(
        ObservedSource(metrics, partial(observe, source.name)),
        {**DIALECTS[source.dialect], **source.presets},
    )
