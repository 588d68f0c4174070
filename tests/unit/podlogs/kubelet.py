"""An API server whose kubelets answer for logs as the real one does: only the file that is written to now."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from slipway.cluster.errors import APIError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
Object = dict[str, Any]


@dataclass
class Container:
    """`written` is all that it ever wrote, by seconds before NOW; `begins` when its present file was begun."""

    written: list[tuple[float, str]] = field(default_factory=list)
    begins: float = 3600.0
    ahead: float = 0.0
    """Seconds by which the clock of its node is ahead."""
    plain: bytes | None = None
    refuses: APIError | None = None

    def log(self, seconds: int | None, limit: int) -> bytes:
        if self.refuses is not None:
            raise self.refuses
        if self.plain is not None:
            return self.plain[:limit]
        lines = [
            f"{NOW + timedelta(seconds=self.ahead - ago):%Y-%m-%dT%H:%M:%S.%f}000Z {text}\n".encode()
            for ago, text in sorted(self.written, reverse=True)
            if ago <= self.begins and (seconds is None or ago <= seconds)
        ]
        return b"".join(lines)[:limit]


def pod(name: str, *containers: str, **metadata: Any) -> Object:
    listed = [{"name": one} for one in containers or ("web",)]
    return {"metadata": {"name": name, **metadata}, "spec": {"containers": listed}, "status": {"phase": "Running"}}


class Kubelets:
    """Implements what is needed of `slipway.cluster.api.Api`."""

    def __init__(self, *logs: Container, pods: list[Object] | None = None, **by_name: Container) -> None:
        self.logs = {f"web-{n}": log for n, log in enumerate(logs)} | by_name
        self.pods = [pod(name) for name in self.logs] if pods is None else pods
        self.asked: list[tuple[str, str, int | None, int]] = []

    async def list(self, kind: object, namespace: str, selector: str) -> tuple[list[Object], str]:
        assert selector == "slipway.dev/rollout=web,slipway.dev/revision=abc", selector
        return self.pods, "1"

    async def log_since(self, namespace: str, name: str, container: str, seconds: int | None, limit: int) -> bytes:
        self.asked.append((name, container, seconds, limit))
        return self.logs[name].log(seconds, limit)
