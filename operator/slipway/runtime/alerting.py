"""Asks a metrics source for alerting rules that are about one Rollout."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from slipway.core.decision import RulesProbe
from slipway.core.snapshot import Probed, Unverified
from slipway.metrics.reading import Error
from slipway.metrics.rules import AlertingRule, Workload, about
from slipway.metrics.sources import ConfiguredSource

SHOWN = 5
LONGEST = 80


async def look(sources: Mapping[str, ConfiguredSource], probe: RulesProbe) -> Probed | Unverified:
    """Passed with the names of the rules; Unverified where the source cannot say."""
    at = datetime.now(UTC)
    source = sources.get(probe.source)
    if source is None:
        return Unverified(at=at, message=f"there is no metrics source {probe.source}")
    rules = await source.metrics.alerting_rules()
    if isinstance(rules, Error):
        lacks = ": it has no rules API" if rules.reason.startswith("HTTP 404") else ""
        words = f"the metrics source {probe.source} does not tell its alerting rules ({rules.reason}){lacks}"
        return Unverified(at=at, message=f"{words}; answer with attest or manual in spec.checks")
    found, unwatched = await asyncio.to_thread(_found, rules, probe)
    working = [rule for rule in found if rule.works]
    if working and unwatched:
        missed = " and ".join(unwatched)
        words = (
            f"{_names(working)}: about {probe.rollout}, and not about {missed}, so that nobody is told of what serves "
            f'before or after the switch: match every revision, for example by pod=~"{probe.rollout}-.+"'
        )
        return Probed(at=at, passed=False, message=words)
    if working:
        number = f"{len(working)} alerting rule{'s are' if len(working) > 1 else ' is'} about {probe.rollout}"
        return Probed(at=at, passed=True, message=f"{number}: {_names(working)}")
    if found:
        return Probed(at=at, passed=False, message=f"the source cannot evaluate what is about it: {_names(found)}")
    right = (
        f'one counts whose query has namespace="{probe.namespace}" and a matcher for the workload, such as '
        f'service="{probe.rollout}" or pod=~"{probe.rollout}-.+", or whose labels say so'
    )
    return Probed(at=at, passed=False, message=f"no alerting rule of {probe.source} is about {probe.rollout}; {right}")


def _found(rules: Sequence[AlertingRule], probe: RulesProbe) -> tuple[list[AlertingRule], list[str]]:
    """The rules about the workload, and the Deployments of its revisions that none of those which work is about."""
    found = about(rules, Workload(probe.namespace, probe.rollout, probe.deployments))
    working = [rule for rule in found if rule.works]
    unwatched = [
        deployment
        for deployment in probe.deployments
        if not about(working, Workload(probe.namespace, probe.rollout, (deployment,)))
    ]
    return found, unwatched


def _names(rules: Sequence[AlertingRule]) -> str:
    names = list(dict.fromkeys(" ".join(rule.name.split())[:LONGEST] for rule in rules))
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
