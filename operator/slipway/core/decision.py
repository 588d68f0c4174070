"""What decide() answers: the writes, in their order, the probes it wants, the events, and when to look again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from slipway.api.record import Statement
from slipway.core.snapshot import Object


@dataclass(frozen=True, kw_only=True)
class CreateRevision:
    """POST a ControllerRevision (a revision or an approved plan). AlreadyExists: look again."""

    object: Object


@dataclass(frozen=True, kw_only=True)
class CommitPromotionStatus:
    """Replace the whole status of a Promotion, only if it still has this resourceVersion.

    Sent also when nothing in it changed and `fence` is set: the check of the resourceVersion is the point
    (a withdrawal since the read wins).
    """

    name: str
    uid: str
    resource_version: str
    status: Mapping[str, Any]
    fence: bool = False


@dataclass(frozen=True, kw_only=True)
class PatchPromotionSpec:
    """JSON merge patch of a Promotion's spec (null removes), only if it still has this resourceVersion.

    Follows the CommitPromotionStatus of the same Promotion if both are there: use the resourceVersion which
    that commit returned then.
    """

    name: str
    uid: str
    resource_version: str
    spec: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class CommitRolloutStatus:
    """Replace the whole status of the Rollout, only if it still has this resourceVersion."""

    resource_version: str
    status: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class PatchRolloutImages:
    """Change nothing of the Rollout but these images of its template, only if it still has this resourceVersion.

    `images` maps (`containers` or `initContainers`, index) to the image.
    """

    resource_version: str
    images: Mapping[tuple[str, int], str]


@dataclass(frozen=True, kw_only=True)
class MarkRevision:
    """Merge patch of annotations on a ControllerRevision (None removes), only at this resourceVersion.

    `resource_version` is None for a ControllerRevision that an earlier write of the same decision creates.
    """

    name: str
    resource_version: str | None
    annotations: Mapping[str, str | None]


@dataclass(frozen=True, kw_only=True)
class Apply:
    """Server-side apply of a Service or a Deployment, field manager `slipway`.

    `resource_version` None: the object was seen to be absent; apply without force, so that a foreign object of the
    same name that appeared meanwhile is a conflict and not taken over. Else: apply with force, and with
    metadata.resourceVersion set, so that a stale decision is a conflict.
    """

    kind: Literal["Service", "Deployment"]
    resource_version: str | None
    object: Object


@dataclass(frozen=True, kw_only=True)
class Replace:
    """Replace what others have added to a Deployment (its whole spec) or a Service (its selector and ports).

    An apply takes nothing away that another field manager owns.
    """

    kind: Literal["Service", "Deployment"]
    resource_version: str
    object: Object


@dataclass(frozen=True, kw_only=True)
class SetWeights:
    """Change nothing of an HTTPRoute but these weights, only if it still has this resourceVersion.

    `weights` maps (rule index, backendRef index) to the weight.
    """

    namespace: str
    name: str
    resource_version: str
    weights: Mapping[tuple[int, int], int]


@dataclass(frozen=True, kw_only=True)
class Delete:
    """Delete a child, only if it still has this uid and resourceVersion."""

    kind: Literal["Service", "Deployment", "ControllerRevision"]
    name: str
    uid: str
    resource_version: str


Write = (
    CreateRevision
    | CommitPromotionStatus
    | PatchPromotionSpec
    | CommitRolloutStatus
    | PatchRolloutImages
    | MarkRevision
    | Apply
    | Replace
    | SetWeights
    | Delete
)


@dataclass(frozen=True, kw_only=True)
class MetricProbe:
    """One measurement of a gate. Run once, not before `due`, evaluated at the instant at which it runs.

    Exactly one of `preset` and `query` is set; `variables` are those of `$(name)`, `window` among them.
    """

    key: str
    due: datetime
    source: str
    preset: str | None
    query: str | None
    variables: Mapping[str, str]
    min_requests: int


@dataclass(frozen=True, kw_only=True)
class LogProbe:
    """How many lines of its log a pattern finds: per second and pod of one revision, within `window` up to the instant
    at which it runs. Of the log only this number leaves the probe.

    `container` None: the one that `kubectl logs` would show.
    """

    key: str
    due: datetime
    rollout: str
    revision: str
    pattern: str
    container: str | None
    window: timedelta


@dataclass(frozen=True, kw_only=True)
class SecretProbe:
    """Whether a line that the pods of a revision have logged so far looks like a secret. Passed: none of them does."""

    key: str
    due: datetime
    rollout: str
    revision: str


@dataclass(frozen=True, kw_only=True)
class RulesProbe:
    """Whether the metrics source has alerting rules that are about a Rollout; `deployments` are those of its revisions.

    Only the names of rules that say that they are about `namespace` leave the probe.
    """

    key: str
    due: datetime
    source: str
    namespace: str
    rollout: str
    deployments: tuple[str, ...]


Measurement = MetricProbe | LogProbe
"""What yields a number."""


@dataclass(frozen=True, kw_only=True)
class HttpProbe:
    """One HTTP smoke test against pods of the namespace (addresses that the kubelet reported)."""

    key: str
    due: datetime
    addresses: Sequence[tuple[str, int]]
    path: str
    expect_status: int
    expect_body: str | None
    timeout: timedelta


@dataclass(frozen=True, kw_only=True)
class TcpProbe:
    """A connection to each of the pods behind a Service of the Rollout's namespace."""

    key: str
    due: datetime
    service: str
    port: int | str
    timeout: timedelta


@dataclass(frozen=True, kw_only=True)
class ServiceHttpProbe:
    """A GET request to each of the pods behind a Service of the Rollout's namespace."""

    key: str
    due: datetime
    service: str
    port: int | str
    path: str
    expect_status: int
    expect_body: str | None
    timeout: timedelta


@dataclass(frozen=True, kw_only=True)
class DryRun:
    """Server-side dry run (dryRun=All) of exactly these writes. Passed when every one was accepted."""

    key: str
    due: datetime
    writes: tuple[Apply | Replace | SetWeights, ...]


@dataclass(frozen=True, kw_only=True)
class PublishReport:
    """Write the keys of this ConfigMap's data, if it is absent or its Promotion's own. Passed when they are there.

    Not a write of the decision: nothing waits for it, and its failure holds nothing up.
    """

    key: str
    due: datetime
    object: Object


@dataclass(frozen=True, kw_only=True)
class ObjectProbe:
    """Read one object of the Rollout's namespace and evaluate a CEL expression over it (variable `object`)."""

    key: str
    due: datetime
    api_version: str
    kind: str
    name: str
    expression: str


@dataclass(frozen=True, kw_only=True)
class JobProbe:
    """The end of a Job, which is made unless one of its name is there.

    No Job of the same Rollout and check may run beside it: one that has not ended is deleted first, with its pods.
    `patient`: it is waited for instead, and a Job that somebody deletes while it runs has failed and is not made anew.
    `make` False: it is only looked for, as what it was wanted for was taken back.
    """

    key: str
    due: datetime
    job: Object
    patient: bool = False
    make: bool = True


@dataclass(frozen=True, kw_only=True)
class KeepRecord:
    """See to it that there is one launch record with this id, at the end of the chain of the Rollout's records.

    A probe that writes. It is no Write because nothing of a launch may ever wait for its record.
    """

    key: str
    due: datetime
    statement: Statement


@dataclass(frozen=True, kw_only=True)
class NoticeProbe:
    """Tell one channel of one notice. Passed: it took it. `values` are those of the templates' placeholders."""

    key: str
    due: datetime
    channel: str
    event: str
    values: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class NodeProbe:
    """Where a node is, by its providerID and its labels of topology."""

    key: str
    due: datetime
    node: str


Probe = (
    MetricProbe
    | LogProbe
    | SecretProbe
    | RulesProbe
    | HttpProbe
    | TcpProbe
    | ServiceHttpProbe
    | ObjectProbe
    | JobProbe
    | DryRun
    | PublishReport
    | KeepRecord
    | NoticeProbe
    | NodeProbe
)


@dataclass(frozen=True, kw_only=True)
class Event:
    """A Kubernetes Event on the Rollout or on one of its Promotions, posted after the writes."""

    kind: Literal["Rollout", "Promotion"]
    name: str
    type: Literal["Normal", "Warning"]
    reason: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The answer for one Snapshot.

    `writes` are executed in order; the first one that fails ends the pass and the key is queued again. `needs_live`:
    the snapshot came from a cache and the writes move traffic, mark or remove: read everything live,
    decide again, and execute that decision instead. `probes` are all that are wanted now: results of others may be
    forgotten. `look_again` is the latest instant at which this Rollout must be decided anew, None if only a
    change can bring anything new (probes wake the key themselves when they finish).
    """

    writes: tuple[Write, ...] = ()
    probes: tuple[Probe, ...] = ()
    events: tuple[Event, ...] = ()
    look_again: datetime | None = None
    needs_live: bool = False
