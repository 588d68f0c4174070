"""The Job of a check: one run per Promotion, check, plan and rerun, told apart by its name."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any

from slipway.api.job_check import JobCheck
from slipway.core import names
from slipway.core.snapshot import Object

KEPT_SECONDS = 3600
"""How long a finished Job is there for people to look at; its result is in the Promotion's status by then."""


def run(check: str, asked: JobCheck, promotion: Object, plan_hash: str, rerun: str) -> dict[str, Any]:
    """The Job to create for this run. Equal arguments give the same name: it cannot be made twice."""
    meta = promotion["metadata"]
    rollout = str(promotion["spec"]["rollout"])
    identity = "/".join((meta["uid"], check, plan_hash, rerun))
    own = {
        names.MANAGED_BY_LABEL: names.OPERATOR,
        names.CHECK_OF_LABEL: rollout,
        names.CHECK_LABEL: check,
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": f"check-{check[:40]}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}",
            "namespace": meta["namespace"],
            "labels": own,
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
            "ttlSecondsAfterFinished": KEPT_SECONDS,
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
