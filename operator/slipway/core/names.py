"""The names and labels of everything that belongs to a Rollout."""

from __future__ import annotations

import hashlib
import re

GROUP = "slipway.dev"
API_VERSION = "slipway.dev/v1alpha1"
OPERATOR = "slipway"
"""Field manager, and the value of app.kubernetes.io/managed-by."""

ROLLOUT_LABEL = "slipway.dev/rollout"
REPORT_LABEL = "slipway.dev/report"
"""On the ConfigMap with a Promotion's report: only the operator writes it."""
IDEA_LABEL = "slipway.dev/idea"
"""On reports and records: the id of the idea that a launch belongs to."""
REVISION_LABEL = "slipway.dev/revision"
PLAN_LABEL = "slipway.dev/plan"
CHECK_OF_LABEL = "slipway.dev/check-of"
"""On the Job of a check: the Rollout. Not ROLLOUT_LABEL, which is for what belongs to a revision."""
CHECK_LABEL = "slipway.dev/check"
MIGRATION = "Migration"
"""The value of CHECK_LABEL on the Job of a migration: all steps of a Rollout are one series, of which one runs at a
time. No check is called so, as their names are lower case."""
MIGRATION_LABEL = "slipway.dev/migration"
"""On the Job of a migration: the step."""
SMOKE_TEST_LABEL = "slipway.dev/smoke-test"
"""On the Job of a smoke test, beside CHECK_OF_LABEL: the test."""
AFTER_ROLLBACK_LABEL = "slipway.dev/after-rollback"
"""On the Job of what is asked after going back, beside CHECK_OF_LABEL: the check."""
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
AUTOMATIC_LABEL = "slipway.dev/approval"
"""On a namespace, with the value `automatic`: Rollouts there may say `approval: Automatic`."""

PROMOTE_TO_ANNOTATION = "slipway.dev/promote-to"
"""On a namespace, namespaces separated by commas: their Promotions may name Rollouts of it in `from`."""
RECORD_OF_LABEL = "slipway.dev/launch-of"
"""On a launch record, with a Rollout's name. Not the label of children: a record outlives its Rollout."""
RECORD_LABEL = "slipway.dev/record"
"""On a launch record, with its kind."""
PROMOTION_LABEL = "slipway.dev/promotion"
ENVIRONMENT_LABEL = "slipway.dev/environment"
RECORD_ID = "slipway.dev/record-id"
RECORD_NUMBER = "slipway.dev/record-number"

ADOPT_ANNOTATION = "slipway.dev/adopt"
"""On a Service, with a Rollout's name: the Rollout may take it over."""
ADOPTED_ANNOTATION = "slipway.dev/adopted"
"""On a Service that was taken over: what it said before, until the first revision is verified."""

NO_REVISION = "none"
"""The live selector before the first approval. Never an empty selector: the endpoints of a Service without one
are not cleaned up."""


def child_labels(rollout: str) -> dict[str, str]:
    """The labels of every child."""
    return {MANAGED_BY_LABEL: OPERATOR, ROLLOUT_LABEL: rollout}


CHILD_LABELS = frozenset(child_labels(""))
"""Their keys."""


def selector(rollout: str, revision: str | None) -> dict[str, str]:
    """The selector of exactly one revision's pods, or of no pod at all."""
    return {ROLLOUT_LABEL: rollout, REVISION_LABEL: revision or NO_REVISION}


def deployment_name(rollout: str, revision: str) -> str:
    """One Deployment for one revision."""
    return f"{rollout}-{revision}"


def plan_name(rollout: str, plan_hash: str) -> str:
    """The ControllerRevision that keeps an approved plan; `plan_hash` is `sha256:<hex>`."""
    return f"{rollout}-plan-{plan_hash.removeprefix('sha256:')[:10]}"


def report_name(promotion: str) -> str:
    """The ConfigMap with a Promotion's report. Names end at 253 characters: longer ones are cut and hashed."""
    if len(promotion) <= 246:
        return f"{promotion}-report"
    return f"{promotion[:235].rstrip('.-')}-{hashlib.sha256(promotion.encode()).hexdigest()[:10]}-report"


def preview_service(rollout: str) -> str:
    """The Service of the waiting candidate."""
    return f"{rollout}-preview"


def candidate_service(rollout: str) -> str:
    """The backend that gets a canary's share."""
    return f"{rollout}-candidate"


def label_value(text: str) -> str:
    """`text` as the value of a label: itself where it may be one, else what is left of it and its digest."""
    if re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", text):
        return text
    kept = re.sub(r"[^-A-Za-z0-9_.]", "-", text)[:52].strip("-_.")
    digest = hashlib.sha256(text.encode()).hexdigest()[:10]
    return f"{kept}-{digest}" if kept else digest
