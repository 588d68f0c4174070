"""The operator's pods in manifests/, as Helm renders them from the chart: `python -m tests.docs.operator`.

It writes manifests/operator and the install files, which have it too. Built parts are needed, so `python -m tests.docs`
does without, and tests/integration/test_chart.py looks for drift.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from tests.cluster.helm import Helm
from tests.cluster.paths import REPOSITORY
from tests.docs import install

CHART = REPOSITORY / "charts" / "slipway"
FOLDER = REPOSITORY / "manifests" / "operator"
TEMPLATES = ("config", "deployment", "service", "poddisruptionbudget")
VALUES = {
    "config": {"sources": [{"name": "default", "url": "http://prometheus.monitoring.svc:9090", "dialect": "http"}]}
}

_HEAD = "# Generated from charts/slipway/templates/{name}.yaml by `make chart`.{more}\n"
_MORE = {
    "config": " The metrics source is for you to set: Rollouts name it, and never a URL of their own.",
    "deployment": " Its image is set in kustomization.yaml.",
}
_OF_HELM = ("helm.sh/chart", "app.kubernetes.io/instance", "app.kubernetes.io/managed-by", "app.kubernetes.io/version")


def render(helm: Helm) -> dict[Path, str]:
    """The files by their paths."""
    return {FOLDER / f"{name}.yaml": _file(helm, name) for name in TEMPLATES}


def _file(helm: Helm, name: str) -> str:
    with TemporaryDirectory() as folder:
        values = Path(folder) / "values.yaml"
        values.write_text(yaml.safe_dump(VALUES))
        arguments = ("--namespace=slipway-system", f"--values={values}", f"--show-only=templates/{name}.yaml")
        rendered: dict[str, Any] = yaml.safe_load(helm("template", "slipway", str(CHART), *arguments))
    for label in _OF_HELM:
        rendered["metadata"]["labels"].pop(label)
    if template := rendered["spec"].get("template") if "spec" in rendered else None:
        # What is edited here is not what Helm has read: docs/installation.md says to restart.
        del template["metadata"]["annotations"]
        for container in template["spec"]["containers"]:
            container["image"] = container["image"].partition(":")[0]
    return _HEAD.format(name=name, more=_MORE.get(name, "")) + install.dump(rendered)


def main() -> None:
    """Write them."""
    with TemporaryDirectory() as folder:
        files = render(Helm(Path(folder)))
    for path, text in files.items():
        path.write_text(text)
    for path, text in install.render().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
