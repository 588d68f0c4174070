"""Where the workload is and how it is configured: read from the cluster, unless the case says it.

What is given wins, and is marked so: a cluster cannot tell the address of what no HTTPRoute leads to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from slipway.api.promotion import PromotionSpec
from slipway.api.report import Configuration
from slipway.api.rollout import RolloutSpec
from slipway.core.case import Case
from slipway.core.report import template
from slipway.core.report.addresses import addresses
from slipway.core.report.placement import Placement
from slipway.core.revision import Revision

ADDRESSES, PROVIDER, REGION = "addresses", "provider", "region"


@dataclass(frozen=True)
class Given:
    """What the case says; None where it leaves a fact to the cluster."""

    url: str | None = None
    provider: str | None = None
    region: str | None = None

    @property
    def names(self) -> list[str]:
        """The facts that are given."""
        told = {ADDRESSES: self.url, PROVIDER: self.provider, REGION: self.region}
        return [name for name, text in told.items() if text]


def given(spec: PromotionSpec | None) -> Given:
    """What `spec.operations` says of url, provider and region."""
    stated = spec.operations if spec is not None else None
    return Given(stated.url, stated.provider, stated.region) if stated is not None else Given()


def urls(case: Case, said: Given) -> list[str]:
    """The addresses by which users reach the workload."""
    if said.url:
        return [said.url]
    return addresses(case.snapshot.routes, case.namespace, case.world.live_service, case.world.candidate_service)


def configuration(
    case: Case, rollout: RolloutSpec, spec: PromotionSpec, revision: Revision, placement: Placement
) -> Configuration:
    """What is known about the workload, and what is not."""
    pod, said = revision.template.get("spec") or {}, given(spec)
    reached = urls(case, said)
    no_route = [] if reached else [f"{ADDRESSES}: no HTTPRoute leads to it; say it in spec.operations.url"]
    return Configuration(
        urls=reached,
        providers=[said.provider] if said.provider else list(placement.providers),
        regions=[said.region] if said.region else list(placement.regions),
        given=said.names,
        missing=list(_still([*no_route, *placement.missing], said.names)),
        ports=[f"{port.name} {port.port}" for port in rollout.service.ports],
        service_account=str(pod.get("serviceAccountName") or "default"),
        probes=template.probes(revision.template),
        resources=template.resources(revision.template),
        variables=template.variables(revision.template),
    )


def _still(missing: Iterable[str], said: list[str]) -> Iterator[str]:
    """What is missing although something is given. A line is about one fact, or about two: `provider and region: …`."""
    for line in missing:
        about, _, why = line.partition(": ")
        if left := [name for name in about.split(" and ") if name not in said]:
            yield f"{' and '.join(left)}: {why}"
