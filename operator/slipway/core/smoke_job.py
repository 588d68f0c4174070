"""The Job of a smoke test: a pod with the environment and the network identity of a revision, and none of its traffic.

What the test's own template says goes before what it gets from the revision. Volumes stay the revision's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from slipway.api.job_check import JobCheck
from slipway.core import job, names
from slipway.core.containers import GROUPS, containers
from slipway.core.revision import Revision, owner_of
from slipway.core.snapshot import Object

KEPT_SECONDS = 600
"""How long a finished Job is there. Longer than an operator is away, and no longer: its pod has the labels of the
revision's, and a PodDisruptionBudget that selects them counts it."""

NEVER_READY = "slipway.dev/takes-no-traffic"
"""The condition of the readiness gate. Nobody ever sets it: a pod that waits for it is never ready, and what is not
ready gets no request from a Service, whichever labels that selects by."""

Variables = list[dict[str, Any]]


def run(test: str, asked: JobCheck, rollout: Object, revision: Revision, service: str, key: str) -> dict[str, Any]:
    """The Job of one run on `revision`, which the Service `service` selects. An equal `key` gives the same name."""
    meta = rollout["metadata"]
    labels = {names.CHECK_OF_LABEL: meta["name"], names.SMOKE_TEST_LABEL: test}
    where = {"SLIPWAY_ROLLOUT": meta["name"], "SLIPWAY_REVISION": revision.name, "SLIPWAY_SERVICE": service}
    return job.owned(
        job.name(f"smoke-{test}", f"{meta['uid']}/{key}"),
        meta["namespace"],
        owner_of(rollout),
        labels,
        asked,
        _template(asked.template, revision.template, where),
        KEPT_SECONDS,
    )


def _template(own: Mapping[str, Any], tested: Mapping[str, Any], where: Mapping[str, str]) -> dict[str, Any]:
    given = _mapping(tested.get("spec"))
    spec = dict(own["spec"])
    models = [container for _, _, container in containers(tested, ("containers",))]
    for group in GROUPS:
        listed = spec.get(group)
        if isinstance(listed, list):
            spec[group] = [_in_its_place(one, models, where) if isinstance(one, Mapping) else one for one in listed]
    account = given.get("serviceAccountName") or given.get("serviceAccount")
    if account and not (spec.get("serviceAccountName") or spec.get("serviceAccount")):
        spec["serviceAccountName"] = account
        if "automountServiceAccountToken" in given:
            spec.setdefault("automountServiceAccountToken", given["automountServiceAccountToken"])
    spec["readinessGates"] = [*_mappings(spec.get("readinessGates")), {"conditionType": NEVER_READY}]
    metadata = _mapping(own.get("metadata"))
    labels = {**_labels(tested), **_mapping(metadata.get("labels"))}
    return {"metadata": {**metadata, "labels": labels}, "spec": spec}


def _labels(tested: Mapping[str, Any]) -> dict[str, Any]:
    """The labels by which NetworkPolicies know the revision's pods. None of ours: live Services select by them."""
    labels = _mapping(_mapping(tested.get("metadata")).get("labels"))
    return {key: value for key, value in labels.items() if "slipway.dev/" not in str(key)}


def _in_its_place(
    container: Mapping[str, Any], models: Sequence[Mapping[str, Any]], where: Mapping[str, str]
) -> dict[str, Any]:
    """A container with the variables of the revision's container of the same name, else of its first one."""
    model = next((one for one in models if _name(one) == _name(container)), models[0] if models else {})
    sources = [*_mappings(model.get("envFrom")), *_mappings(container.get("envFrom"))]
    made = {**container, "env": _variables(_mappings(model.get("env")), _mappings(container.get("env")), where)}
    return {**made, "envFrom": sources} if sources else made


def _variables(given: Variables, own: Variables, where: Mapping[str, str]) -> Variables:
    """Each name once. One's own stands where the revision's was, for those after it may refer to it as `$(NAME)`."""
    ours = [{"name": name, "value": value} for name, value in where.items()]
    given = [*ours, *(_portable(one) for one in given if _name(one) not in where)]
    mine = {_name(one): one for one in own}
    taken = {_name(one) for one in given}
    return [*(mine.get(_name(one), one) for one in given), *(one for one in own if _name(one) not in taken)]


def _name(one: Mapping[str, Any]) -> str:
    return str(one.get("name") or "")


def _portable(variable: dict[str, Any]) -> dict[str, Any]:
    """Limits of a container that is not in this pod are those of the container that asks."""
    source = _mapping(variable.get("valueFrom"))
    field = _mapping(source.get("resourceFieldRef"))
    if "containerName" not in field:
        return variable
    kept = {key: value for key, value in field.items() if key != "containerName"}
    return {**variable, "valueFrom": {**source, "resourceFieldRef": kept}}


def _mapping(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _mappings(value: object) -> list[dict[str, Any]]:
    return [dict(one) for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
