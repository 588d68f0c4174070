"""Where the resources of others are: in a file, on standard input, or in the cluster."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

from slipway.cluster.api import Object
from slipway.cluster.errors import Forbidden, NotFound
from slipway.cluster.resources import DEPLOYMENTS, SERVICES, Resource
from slipway.console.first_manifests import CannotBegin
from slipway.console.foreign import argo, flagger
from slipway.console.foreign.made import Made, Wanted
from slipway.console.foreign.source import Documents
from slipway.console.session import Session
from slipway.console.yaml_lines import read

_ROLLOUTS = Resource(argo.GROUP, "v1alpha1", "rollouts", "Rollout")
_CANARIES = Resource(flagger.GROUP, "v1beta1", "canaries", "Canary")
_BESIDE = {
    _ROLLOUTS: (
        Resource(argo.GROUP, "v1alpha1", "analysistemplates", "AnalysisTemplate"),
        Resource(argo.GROUP, "v1alpha1", "clusteranalysistemplates", "ClusterAnalysisTemplate", namespaced=False),
    ),
    _CANARIES: (Resource(flagger.GROUP, "v1beta1", "metrictemplates", "MetricTemplate"),),
}
_KINDS = {
    **dict.fromkeys(("rollout", "rollouts", "rollout.argoproj.io", "rollouts.argoproj.io"), _ROLLOUTS),
    **dict.fromkeys(("canary", "canaries", "canary.flagger.app", "canaries.flagger.app"), _CANARIES),
}


def is_file(given: str) -> bool:
    """Whether it names a file and not `kind/name`. Raises CannotBegin for neither."""
    if given == "-" or Path(given).is_file():
        return True
    kind, slash, name = given.partition("/")
    if not slash or not name or kind not in _KINDS:
        raise CannotBegin(f"{given}: neither a file, nor rollout/NAME of Argo Rollouts, nor canary/NAME of Flagger")
    return False


def of_file(given: str, wanted: Wanted) -> list[Made]:
    """Every Rollout of Argo Rollouts and Canary of Flagger in it. Raises CannotBegin and OSError."""
    try:
        documents = read(sys.stdin.read() if given == "-" else Path(given).read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CannotBegin(f"{given}: not YAML: {error}") from None
    return _made([one for each in documents for one in _items(each)], given, wanted)


async def of_cluster(session: Session, given: str, wanted: Wanted) -> list[Made]:
    """Of `kind/name`, with what it refers to in its namespace. Raises CannotBegin and APIError."""
    word, _, name = given.partition("/")
    kind = _KINDS[word]
    found = [await session.one(kind, name)]
    for beside in (SERVICES, DEPLOYMENTS, *_BESIDE[kind]):
        try:
            found += await session.all(beside)
        except (Forbidden, NotFound):
            # What is missing then is said where something refers to it.
            continue
    return _made(found, given, wanted)


def _items(document: Any) -> list[Object]:
    if not isinstance(document, dict):
        return []
    if document.get("kind") == "List" and isinstance(document.get("items"), list):
        return [one for one in document["items"] if isinstance(one, dict)]
    return [document]


def _made(found: list[Object], given: str, wanted: Wanted) -> list[Made]:
    others = Documents(found)
    made = [argo.rollout(one, others, wanted) for one in others.of_kind(argo.GROUP, "Rollout")]
    made += [flagger.rollout(one, others, wanted) for one in others.of_kind(flagger.GROUP, "Canary")]
    if not made:
        raise CannotBegin(f"{given}: there is no Rollout of argoproj.io and no Canary of flagger.app in it")
    return made


def written(made: list[Made]) -> str:
    """As a file: comments with what to do and what is different, then the manifests."""
    parts = []
    for one in made:
        lines = [f"# Made of {one.origin}."]
        lines += [f"# {number}. {step}" for number, step in enumerate(one.steps, 1)]
        lines += ["#", "# What could not be carried over as it was:" if one.notes else "# Everything was carried over."]
        lines += [f"# - {' '.join(note.split())}" for note in one.notes]
        parts.append("\n".join(lines) + "\n" + yaml.safe_dump_all(one.manifests, sort_keys=False))
    return "---\n".join(parts)
