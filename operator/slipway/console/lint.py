"""Manifests checked without a cluster: by what the server checks, with the line of each problem."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from slipway.api.problems import problems
from slipway.api.promotion import Promotion
from slipway.api.promotion_policy import PromotionPolicy
from slipway.api.rollout import Rollout
from slipway.console import misfits, words_in_files
from slipway.console.yaml_lines import compose, construct, duplicates, line, scalar, there

GROUP = "slipway.dev/"
KINDS: dict[str, type[BaseModel]] = {"Rollout": Rollout, "Promotion": Promotion, "PromotionPolicy": PromotionPolicy}
STDIN = Path("-")
NAMESAKES = ("argoproj.io/", "kargo.akuity.io/")
"""Groups of others that have a kind Rollout or Promotion too, and may be in the same repository."""

_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_NAMES = {
    "Rollout": (46, r"[a-z]([-a-z0-9]*[a-z0-9])?", "begins with a letter; lower case letters, digits and '-'"),
    "Promotion": (253, _SUBDOMAIN, "lower case letters, digits, '-' and '.'"),
    "PromotionPolicy": (253, _SUBDOMAIN, "lower case letters, digits, '-' and '.'"),
}
"""Longest, form, and the form in words: the models never meet a bad name, the server refuses it before."""

_METADATA = (
    *("name", "generateName", "namespace", "labels", "annotations", "finalizers", "ownerReferences"),
    *("uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp"),
    *("deletionGracePeriodSeconds", "managedFields", "selfLink"),
)


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

    @property
    def place(self) -> tuple[str, str]:
        """Namespace and name."""
        return scalar(self.node, "metadata", "namespace"), scalar(self.node, "metadata", "name")

    def warning(self, path: str, text: str) -> Finding:
        """About a field of it."""
        return Finding(self.file, line(self.node, path), f"{path}: {text}", wrong=False)


@dataclass(frozen=True)
class Linted:
    """What was found in all files; `documents` counts those that are Slipway's."""

    findings: list[Finding]
    documents: int


def lint(files: list[Path]) -> Linted:
    """Check every object of Slipway's in these files (`-`: standard input); other kinds are passed over.

    Raises OSError.
    """
    findings: list[Finding] = []
    documents: list[Document] = []
    for file in files:
        documents.extend(_documents(file, findings))
    findings.extend(_between(documents))
    findings.sort(key=lambda one: (one.file, one.line))
    return Linted(findings, len(documents))


def _documents(path: Path, findings: list[Finding]) -> Iterator[Document]:
    file = "<stdin>" if path == STDIN else str(path)
    try:
        nodes = compose(sys.stdin.read() if path == STDIN else path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        findings.append(_not_yaml(file, error))
        return
    for node in nodes:
        for each in _items(node):
            yield from _document(file, each, findings)


def _items(node: yaml.Node) -> list[yaml.Node]:
    """The objects of a document: of a List those in it."""
    if (scalar(node, "apiVersion"), scalar(node, "kind")) != ("v1", "List") or not isinstance(node, yaml.MappingNode):
        return [node]
    items = next((value for key, value in node.value if key.value == "items"), None)
    return list(items.value) if isinstance(items, yaml.SequenceNode) else []


def _document(file: str, node: yaml.Node, findings: list[Finding]) -> Iterator[Document]:
    version, kind = scalar(node, "apiVersion"), scalar(node, "kind")
    if not version.startswith(GROUP):
        if kind in KINDS and not version.startswith(NAMESAKES):
            findings.append(Finding(file, line(node, "apiVersion"), f"apiVersion: {kind} is of slipway.dev/v1alpha1"))
        return
    model = KINDS.get(kind)
    if model is None:
        text = f"kind: {kind or 'missing'} is not known ({', '.join(KINDS)})"
        findings.append(Finding(file, line(node, "kind"), text))
        return
    findings.extend(Finding(file, number, f"{key}: is there twice") for number, key in duplicates(node))
    try:
        data = _as_sent(construct(node))
        sent = json.dumps(data, allow_nan=False)
    except (yaml.YAMLError, TypeError, ValueError) as error:
        findings.append(_not_yaml(file, error, node))
        return
    read: BaseModel | None = None
    try:
        read = model.model_validate_json(sent, strict=True)
    except ValidationError as error:
        findings.extend(Finding(file, line(node, problem.path), str(problem)) for problem in problems(error))
    document = Document(file, node, kind, read)
    findings.extend(_metadata(document, data))
    if kind == "Promotion":
        findings.extend(_words(document))
    yield document


def _words(document: Document) -> Iterator[Finding]:
    """What people say, and a file should not."""
    for word, why in words_in_files.REFUSED.items():
        if there(document.node, "spec", word):
            yield Finding(document.file, line(document.node, f"spec.{word}"), f"spec.{word}: {why}")
    for word, why in words_in_files.MISPLACED.items():
        # A Critical one may begin under a hold: without it there would be a warning too.
        critical = word == "hold" and scalar(document.node, "spec", "assessment", "risk") == "Critical"
        if there(document.node, "spec", word) and not critical:
            yield document.warning(f"spec.{word}", why)


def _as_sent(value: Any, path: tuple[str, ...] = ()) -> Any:
    """Without the fields that are null: the server drops them, but for those of a pod, which it passes on."""
    if isinstance(value, dict):
        return {
            key: _as_sent(inner, (*path, str(key)))
            for key, inner in value.items()
            if inner is not None or path[:2] == ("spec", "template")
        }
    return [_as_sent(inner, path) for inner in value] if isinstance(value, list) else value


def _metadata(document: Document, data: Any) -> Iterator[Finding]:
    metadata = data.get("metadata") if isinstance(data, dict) else None
    if not isinstance(metadata, dict):
        return

    def wrong(path: str, text: str) -> Finding:
        return Finding(document.file, line(document.node, path), f"{path}: {text}")

    for key in metadata:
        if key not in _METADATA:
            yield wrong(f"metadata.{key}", f"unknown field (one of {', '.join(_METADATA)})")
    name = metadata.get("name")
    if name is None:
        if not metadata.get("generateName"):
            yield wrong("metadata.name", "missing (it is required)")
        return
    longest, form, words = _NAMES[document.kind]
    if not isinstance(name, str):
        yield wrong("metadata.name", f"{name!r} has the wrong type (a string)")
    elif len(name) > longest:
        yield wrong("metadata.name", f"too long (at most {longest} characters)")
    elif not re.fullmatch(form, name):
        yield wrong("metadata.name", f"{name!r} has not the right form ({words})")


def _between(documents: list[Document]) -> Iterator[Finding]:
    """What does not fit between a Promotion and its Rollout, where both are in these files."""
    rollouts = {document.place: document for document in documents if isinstance(document.model, Rollout)}
    for document in documents:
        promotion = document.model
        if not isinstance(promotion, Promotion):
            continue
        spec = promotion.spec
        risk = (spec.assessment.risk if spec.assessment else None) or ""
        for path, text in misfits.of_promotion(spec, risk):
            yield document.warning(path, text)
        found = rollouts.get((document.place[0], spec.rollout))
        if found is None or not isinstance(found.model, Rollout):
            continue
        if found.model.spec.environment != spec.environment:
            text = f"{spec.environment}, but Rollout {spec.rollout} is of {found.model.spec.environment}"
            yield document.warning("spec.environment", text)
        for path, text in misfits.of_rollout(found.model.spec, risk):
            yield found.warning(path, text)


def _not_yaml(file: str, error: Exception, node: yaml.Node | None = None) -> Finding:
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    text = error.problem if isinstance(error, yaml.MarkedYAMLError) else error
    number = mark.line + 1 if mark else line(node) if node else 1
    return Finding(file, number, f"not YAML: {text}")
