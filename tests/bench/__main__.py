"""`make bench`: how fast the operator is and what it costs, in figures. Nothing is asserted.

    uv run python -m tests.bench [--quick] [--only approvals --only …] [--rollouts 1000] [--requests 100000]

On a control plane of its own with fake nodes (kwok makes pods Ready at once): approvals, creation, idle, restart.
On a full cluster with real pods and a gateway: requests.
"""

import asyncio
import os
from enum import StrEnum
from typing import Annotated

import typer
from tests.cluster.capabilities import Level
from tests.cluster.cluster import Cluster, best_level
from tests.cluster.progress import say

from . import requests, scale
from .table import Table


class Part(StrEnum):
    """What can be measured alone."""

    SCALE = "scale"
    REQUESTS = "requests"


def main(
    quick: Annotated[bool, typer.Option(help="Fewer Rollouts, requests and seconds.", envvar="QUICK")] = False,
    only: Annotated[list[Part] | None, typer.Option(help="Measure this alone; repeat for more.")] = None,
    rollouts: Annotated[int, typer.Option(help="Rollouts in the larger run.")] = 0,
    requests_sent: Annotated[int, typer.Option("--requests", help="Requests during switches.")] = 0,
) -> None:
    """Start clusters, measure, print a table."""
    parts, table = only or list(Part), Table()
    if Part.SCALE in parts:
        asked = scale.Sizes.quick() if quick else scale.Sizes.full()
        with Cluster.start(Level.KWOK) as cluster:
            asyncio.run(scale.measure(cluster, asked.with_many(rollouts), table))
    if Part.REQUESTS in parts:
        level, reason = best_level()
        if level is Level.NODE:
            with Cluster.start(Level.NODE) as cluster, cluster.inside():
                asyncio.run(requests.measure(cluster, requests_sent or (10_000 if quick else 100_000), table))
        else:
            say(f"requests during switches are not measured: {reason}")
    print(f"\n{os.cpu_count()} cores, load average {' '.join(f'{one:.1f}' for one in os.getloadavg())}\n")
    print(table)


if __name__ == "__main__":
    typer.run(main)
