"""The Job of a check, a smoke test or a migration: one run, told apart by its name."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any

from slipway.api.job_check import JobCheck
from slipway.core import names
from slipway.core.snapshot import Object

KEPT_SECONDS = 3600
"""How long a finished Job of a check is there for people to look at; its result is in a status by then."""


def run(check: str, asked: JobCheck, promotion: Object, plan_hash: str, rerun: str, since: str = "") -> dict[str, Any]:
    """The Job to create for this run of a check. Equal arguments give the same name: it cannot be made twice.

    `since`: the time of the result that this run follows; empty for the first one.
    """
    meta = promotion["metadata"]
    identity = "/".join((meta["uid"], check, plan_hash, rerun, *([since] if since else [])))
    labels = {names.CHECK_OF_LABEL: str(promotion["spec"]["rollout"]), names.CHECK_LABEL: check}
    called = name(f"check-{check}", identity)
    return owned(called, meta["namespace"], _owner(promotion), labels, asked, asked.template, KEPT_SECONDS)


def after_rollback(check: str, asked: JobCheck, promotion: Object, rollout: str, plan_hash: str) -> dict[str, Any]:
    """The Job to create for what is asked once traffic has gone back."""
    meta = promotion["metadata"]
    identity = "/".join((meta["uid"], "after-rollback", check, plan_hash))
    labels = {names.CHECK_OF_LABEL: rollout, names.AFTER_ROLLBACK_LABEL: check}
    called = name(f"after-{check}", identity)
    return owned(called, meta["namespace"], _owner(promotion), labels, asked, asked.template, KEPT_SECONDS)


def migration_name(step: str, promotion_uid: str, plan_hash: str, rerun: str, begun: str) -> str:
    """The name of the Job of a step of the migrations that was begun at this instant."""
    return name(f"migration-{step}", "/".join((promotion_uid, step, plan_hash, rerun, begun)))


def migration(step: str, name: str, asked: JobCheck, promotion: Object) -> dict[str, Any]:
    """The Job of a step of the migrations.

    It stays for as long as its Promotion: whether it has run must never be forgotten, however long the operator was
    away, and its log is what people look for.
    """
    series = {names.CHECK_OF_LABEL: str(promotion["spec"]["rollout"]), names.CHECK_LABEL: names.MIGRATION}
    labels = {**series, names.MIGRATION_LABEL: step}
    made = owned(name, promotion["metadata"]["namespace"], _owner(promotion), labels, asked, asked.template, None)
    # On its pods too: they may outlive a Job that somebody deletes, and the next one waits for them.
    made["spec"]["template"]["metadata"]["labels"] |= series
    return made


def _owner(promotion: Object) -> dict[str, Any]:
    meta = promotion["metadata"]
    return {
        "apiVersion": names.API_VERSION,
        "kind": "Promotion",
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
    }


def name(prefix: str, identity: str) -> str:
    """The name of a run: of a length that pods can be named after, and another for each identity."""
    return f"{prefix[:46]}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def owned(
    name: str,
    namespace: str,
    owner: Mapping[str, Any],
    labels: Mapping[str, str],
    asked: JobCheck,
    template: Mapping[str, Any],
    kept_seconds: int | None,
) -> dict[str, Any]:
    """A Job that ends by itself. `labels` say what it is a run of.

    `kept_seconds`: how long it is there after its end; None: for as long as its owner.
    """
    cleared = {} if kept_seconds is None else {"ttlSecondsAfterFinished": kept_seconds}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {names.MANAGED_BY_LABEL: names.OPERATOR, **labels},
            "ownerReferences": [dict(owner)],
        },
        "spec": {
            "backoffLimit": asked.retries,
            "activeDeadlineSeconds": math.ceil(asked.timeout.total_seconds()),
            **cleared,
            # A pod that is being replaced has ended: never two at once.
            "podReplacementPolicy": "Failed",
            "template": _template(template),
        },
    }


def _template(template: Mapping[str, Any]) -> dict[str, Any]:
    spec = dict(template["spec"])
    spec.setdefault("restartPolicy", "Never")
    if not (spec.get("serviceAccountName") or spec.get("serviceAccount")):
        # The namespace's default account is nobody's choice: its token goes only where the template asks for it.
        spec.setdefault("automountServiceAccountToken", False)
    metadata = dict(template.get("metadata") or {})
    labels = {**(metadata.get("labels") or {}), names.MANAGED_BY_LABEL: names.OPERATOR}
    return {"metadata": {**metadata, "labels": labels}, "spec": spec}
