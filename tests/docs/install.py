"""What `kubectl apply -f` takes: the folders of manifests/ in one file, as `kubectl kustomize` puts them together.

Of kustomize's language only what manifests/ use is read, so that writing the file needs no kubectl; that both say the
same is tested. The CRDs are not in it: `kubectl delete -f` would take them away, and every workload with them, and one
command cannot bring a kind and, in the production policy, an object of it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

MANIFESTS = Path(__file__).resolve().parents[2] / "manifests"
FOLDERS = ("install", "install-1.30")
Object = dict[str, Any]

_HEAD = """\
# Generated from manifests/{folder} by `python -m tests.docs`. Do not edit, but for the image and the metrics source:
#   kubectl apply --server-side -f crds/
#   kubectl apply --server-side -f manifests/{folder}.yaml
# For Kubernetes {versions}. What each part is for: manifests/README.md
"""
_VERSIONS = {"install": "1.36 and later", "install-1.30": "1.30 to 1.35"}
_KNOWN = {"apiVersion", "kind", "resources", "labels", "images"}


class _Plain(yaml.SafeDumper):
    """Expressions and scripts as the lines that they are."""


_Plain.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)


def render() -> dict[Path, str]:
    """The files by their paths."""
    return {MANIFESTS / f"{folder}.yaml": _file(folder) for folder in FOLDERS}


def _file(folder: str) -> str:
    head = _HEAD.format(folder=folder, versions=_VERSIONS[folder])
    return head + "".join(f"---\n{dump(each)}" for each in objects(MANIFESTS / folder))


def dump(found: Object) -> str:
    """As people write it."""
    return yaml.dump(found, Dumper=_Plain, sort_keys=False, width=10_000)


def objects(folder: Path) -> Iterator[Object]:
    """What a folder with a kustomization.yaml comes to."""
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    if unknown := kustomization.keys() - _KNOWN:
        raise ValueError(f"{folder}: {', '.join(sorted(unknown))} of kustomize is not known here")
    for name in kustomization["resources"]:
        place = folder / name
        found = objects(place) if place.is_dir() else yaml.safe_load_all(place.read_text())
        for each in found:
            for labels in kustomization.get("labels", []):
                each["metadata"].setdefault("labels", {}).update(labels["pairs"])
            for image in kustomization.get("images", []):
                _set_image(each, image)
            yield each


def _set_image(within: Object, image: Object) -> None:
    for container in within.get("spec", {}).get("template", {}).get("spec", {}).get("containers", []):
        if container["image"].partition(":")[0] == image["name"]:
            container["image"] = f"{image['name']}:{image['newTag']}"
