"""What decide() sees: the objects of one Rollout, as the API server gave them, and what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from slipway.core.notice_routes import NoticeRoutes

Object = Mapping[str, Any]
"""A Kubernetes object as JSON. Nothing in core/ ever changes one in place."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The result of a measurement. Exactly one of `value`, `no_data` and `error` is set.

    `value` is finite; `no_data` and `error` are short reasons without anything that a metrics server said.
    """

    at: datetime
    value: float | None = None
    no_data: str | None = None
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Probed:
    """The result of a probe that ends in yes or no. `nobody`: no pod was there that it could have asked."""

    at: datetime
    passed: bool
    message: str
    nobody: bool = False


@dataclass(frozen=True, kw_only=True)
class RecordKept:
    """The result of a KeepRecord: the record is there."""

    at: datetime
    config_map: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class Located:
    """The result of a NodeProbe: where a node is; '' for what it does not say."""

    at: datetime
    provider: str = ""
    region: str = ""


@dataclass(frozen=True, kw_only=True)
class Unverified:
    """A probe that could not find out either way, and why: somebody has to do something about it."""

    at: datetime
    message: str


Observation = Measured | Probed | Unverified | RecordKept | Located


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the administrator configured and the install brought, as far as decisions depend on it."""

    sources: frozenset[str] = frozenset({"default"})
    gateway_settle: timedelta = timedelta(seconds=3)
    """How long after a route or a Service has changed the data plane is given to follow."""
    drain_delay: timedelta = timedelta(seconds=10)
    """How long pods stay after traffic has been seen to be gone from them."""
    identity_verified: bool = True
    """Whether the admission policy that checks approvers is installed in this cluster."""
    namespaces: frozenset[str] = frozenset()
    """The namespaces that the operator looks at; empty: all."""
    notices: NoticeRoutes = field(default_factory=NoticeRoutes)
    """Whom to tell of what."""


@dataclass(frozen=True, kw_only=True)
class OriginState:
    """A Rollout that a Promotion of this one names in `from`, with what is needed to tell what is stable there.

    `revisions` are its ControllerRevisions. `annotations` are those of its namespace.
    """

    namespace: str
    name: str
    rollout: Object | None
    revisions: tuple[Object, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Everything that concerns the Rollout `namespace`/`name`, read at about the same time.

    `revisions` are the ControllerRevisions labelled with this Rollout, plans included. `services` are those of the
    namespace that have the names of this Rollout's own or may select its pods, whoever owns them. `routes` are the
    HTTPRoutes of any namespace that name a Service of this Rollout as a backend, or that its spec lists.
    `policies` are all PromotionPolicies of the cluster.
    `observations` are the results of the probes that earlier decisions asked for, by Probe.key. `live` says that the
    objects came from the API server just now, not from a watch cache.
    """

    namespace: str
    name: str
    rollout: Object | None
    promotions: tuple[Object, ...] = ()
    revisions: tuple[Object, ...] = ()
    deployments: tuple[Object, ...] = ()
    services: tuple[Object, ...] = ()
    endpoint_slices: tuple[Object, ...] = ()
    pods: tuple[Object, ...] = ()
    routes: tuple[Object, ...] = ()
    policies: tuple[Object, ...] = ()
    origins: tuple[OriginState, ...] = ()
    """One for each Rollout that an unfinished Promotion names in `from`, whether or not it exists."""
    namespace_labels: Mapping[str, str] = field(default_factory=dict)
    namespace_ends: bool = False
    """The namespace is being deleted: nothing can be made in it any more."""
    observations: Mapping[str, Observation] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)
    live: bool = False
