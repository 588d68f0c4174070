"""Checks of the catalogue that Slipway answers by itself when a Promotion lists them by name alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from slipway.core import names
from slipway.core.case import Case
from slipway.core.checking import Subjects
from slipway.core.decision import Probe, RulesProbe, SecretProbe

Own = Callable[[Case, Subjects, str, datetime], Probe]
"""Asks: with the key of the probe, and when it is due."""


def _no_secrets_in_logs(case: Case, about: Subjects, key: str, due: datetime) -> Probe:
    return SecretProbe(key=key, due=due, rollout=case.name, revision=about.candidate.name)


def _monitoring_configured(case: Case, about: Subjects, key: str, due: datetime) -> Probe:
    revisions = [about.candidate, *([about.stable] if about.stable else [])]
    return RulesProbe(
        key=key,
        due=due,
        source=about.spec.analysis.source,
        namespace=case.namespace,
        rollout=case.name,
        deployments=tuple(names.deployment_name(case.name, revision.name) for revision in revisions),
    )


OWN_ANSWERS: Mapping[str, Own] = {
    "no-secrets-in-logs": _no_secrets_in_logs,
    "monitoring-configured": _monitoring_configured,
}
"""By the name of the check."""
