"""The Job of a check or of a migration: one run per Promotion, step, plan and rerun, told apart by its name."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from typing import Any

from slipway.api.job_check import JobCheck
from slipway.core import names
from slipway.core.snapshot import Object

KEPT_SECONDS = 3600
"""How long a finished Job is there for people to look at; its result is in the Promotion's status by then."""


def run(check: str, asked: JobCheck, promotion: Object, plan_hash: str, rerun: str) -> dict[str, Any]:
    """The Job to create for this run. Equal arguments give the same name: it cannot be made twice."""
    identity = (promotion["metadata"]["uid"], check, plan_hash, rerun)
    made = _job(f"check-{check[:40]}-{_digest(identity)}", asked, promotion, {names.CHECK_LABEL: check})
    made["spec"]["ttlSecondsAfterFinished"] = KEPT_SECONDS
    return made


def migration_name(step: str, promotion_uid: str, plan_hash: str, rerun: str, begun: str) -> str:
    """The name of the Job of a step of the migrations that was begun at this instant."""
    return f"migration-{step}-{_digest((promotion_uid, step, plan_hash, rerun, begun))}"


def migration(step: str, name: str, asked: JobCheck, promotion: Object) -> dict[str, Any]:
    """The Job of a step of the migrations.

    It stays for as long as its Promotion: whether it has run must never be forgotten, however long the operator was
    away, and its log is what people look for.
    """
    made = _job(name, asked, promotion, {names.CHECK_LABEL: names.MIGRATION, names.MIGRATION_LABEL: step})
    series = {key: made["metadata"]["labels"][key] for key in (names.CHECK_OF_LABEL, names.CHECK_LABEL)}
    # On its pods too: they may outlive a Job that somebody deletes, and the next one waits for them.
    made["spec"]["template"]["metadata"]["labels"] |= series
    return made


def _digest(identity: Iterable[str]) -> str:
    return hashlib.sha256("/".join(identity).encode()).hexdigest()[:12]


def _job(name: str, asked: JobCheck, promotion: Object, labels: Mapping[str, str]) -> dict[str, Any]:
    meta = promotion["metadata"]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": meta["namespace"],
            "labels": {
                names.MANAGED_BY_LABEL: names.OPERATOR,
                names.CHECK_OF_LABEL: str(promotion["spec"]["rollout"]),
                **labels,
            },
            "ownerReferences": [
                {
                    "apiVersion": names.API_VERSION,
                    "kind": "Promotion",
                    "name": meta["name"],
                    "uid": meta["uid"],
                    "controller": True,
                }
            ],
        },
        "spec": {
            "backoffLimit": asked.retries,
            "activeDeadlineSeconds": math.ceil(asked.timeout.total_seconds()),
            # A pod that is being replaced has ended: never two at once.
            "podReplacementPolicy": "Failed",
            "template": _template(asked.template),
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
