"""Helm, as a person runs it with a kubeconfig, and helm-docs, which describes a chart."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from .paths import REPOSITORY
from .toolchain import program

_FORM = ("--sort-values-order=file", "--log-level=warning")


def helm_docs(*arguments: str) -> str:
    """The README of the chart, made from its values.yaml: written, or with `--dry-run` told."""
    argv = [str(program("chart", "helm-docs")), f"--chart-search-root={REPOSITORY / 'charts'}", *_FORM, *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


class HelmError(RuntimeError):
    """Helm refused; the message is what it printed."""


class Helm:
    """Helm on one cluster, or on none, for rendering. Its own files are in `folder`; nothing of the user's counts."""

    def __init__(self, folder: Path, kubeconfig: Path | None = None) -> None:
        kept = {name: str(folder / name.lower()) for name in ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")}
        self._environment: Mapping[str, str] = {**os.environ, **kept, "KUBECONFIG": str(kubeconfig or os.devnull)}

    def __call__(self, *arguments: str) -> str:
        """Its output; HelmError where it refused."""
        done = self.tried(*arguments)
        if done.returncode:
            raise HelmError(f"helm {' '.join(arguments)}: {done.stderr.strip()} {done.stdout.strip()}")
        return done.stdout

    def tried(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Whatever came of it."""
        argv = [str(program("helm", "helm")), *arguments]
        return subprocess.run(argv, env=self._environment, capture_output=True, text=True, check=False)
