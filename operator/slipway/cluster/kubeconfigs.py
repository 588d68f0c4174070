"""What a kubeconfig says of its contexts, read as kubectl reads it; of several files the first that says it counts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml


class Unreadable(Exception):
    """There is a kubeconfig, and it is none."""


def named(kubeconfig: Path | None) -> str:
    """Where it is looked for: `kubeconfig`, else $KUBECONFIG, else ~/.kube/config; may be several files."""
    return str(kubeconfig or os.environ.get("KUBECONFIG") or Path("~/.kube/config").expanduser())


def files(kubeconfig: Path | None) -> list[Path]:
    """Those that are there."""
    found = (Path(one).expanduser() for one in named(kubeconfig).split(os.pathsep) if one)
    return [file for file in found if file.exists()]


def current(kubeconfig: Path | None) -> str | None:
    """The name of the current context; None where none is said. Raises Unreadable."""
    return next((str(name) for one in _documents(kubeconfig) if (name := one.get("current-context"))), None)


def namespaces(kubeconfig: Path | None) -> dict[str, str]:
    """Each context, and the namespace that it names or ''. Raises Unreadable."""
    found: dict[str, str] = {}
    for document in _documents(kubeconfig):
        for one in document.get("contexts") or []:
            try:
                found.setdefault(str(one["name"]), str((one.get("context") or {}).get("namespace") or ""))
            except (AttributeError, KeyError, TypeError) as error:
                raise Unreadable(f"no context: {one}") from error
    return found


def _documents(kubeconfig: Path | None) -> Iterator[dict[str, Any]]:
    for file in files(kubeconfig):
        try:
            document = yaml.safe_load(file.read_text())
        except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
            raise Unreadable(f"{file}: {error}") from error
        if document is None:
            continue
        if not isinstance(document, dict):
            raise Unreadable(f"{file}: not a mapping")
        yield document
