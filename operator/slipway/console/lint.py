"""Manifests checked without a cluster: the same models as the server's, with the line of each problem."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import yaml
from pydantic import BaseModel, ValidationError

from slipway.api.problems import problems
from slipway.api.promotion import Promotion
from slipway.api.promotion_policy import PromotionPolicy
from slipway.api.rollout import Rollout

GROUP = "slipway.dev/"
KINDS: dict[str, type[BaseModel]] = {"Rollout": Rollout, "Promotion": Promotion, "PromotionPolicy": PromotionPolicy}
_PART = re.compile(r"\[(\d+)\]|\[([^\]]+)\]|([^.\[\]]+)")
RISKY_FIRST_STEP = 25
"""Percent of the users; a first step above this shows a risky version to many at once."""
SHORT_VERIFY = timedelta(minutes=5)


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a manifest, or that is allowed and may not be meant."""

    file: str
    line: int
    text: str
    wrong: bool = True

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {'' if self.wrong else 'warning: '}{self.text}"


@dataclass(frozen=True)
class Document:
    """One object of a file that Slipway knows, read as far as it can be."""

    file: str
    node: yaml.Node
    kind: str
    model: BaseModel | None


@dataclass(frozen=True)
class Linted:
    """What was found in all files; `documents` counts those that are Slipway's."""

    findings: list[Finding]
    documents: int


def lint(files: list[Path]) -> Linted:
    """Check every object of Slipway's in these files; other kinds are passed over. Raises OSError."""
    findings: list[Finding] = []
    documents: list[Document] = []
    for file in files:
        found = list(_documents(file, findings))
        documents.extend(found)
    findings.extend(_risks(documents))
    findings.sort(key=lambda one: (one.file, one.line))
    return Linted(findings, len(documents))


def _documents(file: Path, findings: list[Finding]) -> Iterator[Document]:
    try:
        nodes = [node for node in yaml.compose_all(file.read_text(), Loader=yaml.SafeLoader) if node is not None]
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        findings.append(Finding(str(file), line, f"not YAML: {error.problem}"))
        return
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        findings.append(Finding(str(file), 1, f"not YAML: {error}"))
        return
    for node in nodes:
        yield from _document(str(file), node, findings)


def _document(file: str, node: yaml.Node, findings: list[Finding]) -> Iterator[Document]:
    version, kind = _scalar(node, "apiVersion"), _scalar(node, "kind")
    if not version.startswith(GROUP):
        if kind in KINDS:
            findings.append(Finding(file, _line(node, "apiVersion"), f"apiVersion: {kind} is of slipway.dev/v1alpha1"))
        return
    model = KINDS.get(kind)
    if model is None:
        text = f"kind: {kind or 'missing'} is not known ({', '.join(KINDS)})"
        findings.append(Finding(file, _line(node, "kind"), text))
        return
    duplicates = list(_duplicates(file, node))
    findings.extend(duplicates)
    loader = yaml.SafeLoader("")
    try:
        data = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else node.start_mark.line + 1
        findings.append(Finding(file, line, f"not YAML: {error.problem}"))
        return
    read: BaseModel | None = None
    try:
        read = model.model_validate(data)
    except ValidationError as error:
        findings.extend(Finding(file, _line(node, problem.path), str(problem)) for problem in problems(error))
    if kind == "Promotion":
        findings.extend(_words_in_git(file, node))
    yield Document(file, node, kind, read)


def _duplicates(file: str, node: yaml.Node) -> Iterator[Finding]:
    """YAML's own loader takes the last of two equal keys without a word; kubectl refuses them."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                yield Finding(file, key.start_mark.line + 1, f"{key.value}: is there twice")
            seen.add(key.value)
            yield from _duplicates(file, value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _duplicates(file, value)


def _words_in_git(file: str, node: yaml.Node) -> Iterator[Finding]:
    for word in ("approved", "approvals", "approvedWeight"):
        if _at(node, f"spec.{word}") is not None:
            text = f"spec.{word}: a person's word does not belong in a manifest; creating it so is refused"
            yield Finding(file, _line(node, f"spec.{word}"), text, wrong=False)


def _risks(documents: list[Document]) -> Iterator[Finding]:
    """Where the risk that a Promotion states and the strategy of its Rollout, in the same files, do not fit."""
    rollouts = {}
    for document in documents:
        if isinstance(document.model, Rollout):
            rollouts[_place(document)] = document
    for document in documents:
        promotion = document.model
        if not isinstance(promotion, Promotion):
            continue
        spec = promotion.spec
        if spec.assessment is None or spec.assessment.risk not in ("High", "Critical"):
            continue
        namespace, _ = _place(document)
        rollout = rollouts.get((namespace, spec.rollout))
        if rollout is None or not isinstance(rollout.model, Rollout):
            continue
        yield from _misfits(rollout, rollout.model, spec.assessment.risk)


def _misfits(document: Document, rollout: Rollout, risk: str) -> Iterator[Finding]:
    strategy = rollout.spec.strategy
    canary = strategy.canary if strategy is not None else None
    if canary is None:
        line = _line(document.node, "spec.strategy")
        text = f"spec.strategy: blue/green shows a version of risk {risk} to all users at once; a canary to a few first"
        yield Finding(document.file, line, text, wrong=False)
    elif canary.steps[0].weight > RISKY_FIRST_STEP:
        line = _line(document.node, "spec.strategy.canary.steps[0].weight")
        first = canary.steps[0].weight
        text = f"spec.strategy.canary.steps[0].weight: {first} % of the users first meet a version of risk {risk}"
        yield Finding(document.file, line, text, wrong=False)
    if rollout.spec.analysis is not None and rollout.spec.analysis.gates == []:
        line = _line(document.node, "spec.analysis.gates")
        text = f"spec.analysis.gates: there are none, so nothing sends a version of risk {risk} back"
        yield Finding(document.file, line, text, wrong=False)


def _place(document: Document) -> tuple[str, str]:
    return _scalar(document.node, "metadata", "namespace"), _scalar(document.node, "metadata", "name")


def _scalar(node: yaml.Node, *keys: str) -> str:
    found: yaml.Node | None = node
    for key in keys:
        found = _child(found, key)
    return str(found.value) if isinstance(found, yaml.ScalarNode) else ""


def _child(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for name, value in node.value if name.value == key), None)
    return None


def _at(node: yaml.Node, path: str) -> yaml.Node | None:
    """The node at a path such as `spec.checks[1].name`; None where it is not there."""
    found: yaml.Node | None = node
    for index, key, name in _PART.findall(path):
        if index and isinstance(found, yaml.SequenceNode):
            found = found.value[int(index)] if int(index) < len(found.value) else None
        else:
            found = _child(found, key or name or index)
    return found


def _line(node: yaml.Node, path: str) -> int:
    """The line of a path, or of the nearest thing around it that is there."""
    line, found = node.start_mark.line + 1, node
    for index, key, name in _PART.findall(path):
        if index and isinstance(found, yaml.SequenceNode):
            if int(index) >= len(found.value):
                break
            found = found.value[int(index)]
            line = found.start_mark.line + 1
            continue
        wanted = key or name or index
        pair = next(
            ((k, v) for k, v in found.value if k.value == wanted) if isinstance(found, yaml.MappingNode) else iter(()),
            None,
        )
        if pair is None:
            break
        line, found = pair[0].start_mark.line + 1, pair[1]
    return line
