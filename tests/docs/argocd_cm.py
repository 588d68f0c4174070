"""Parts of Argo CD's own ConfigMap, put together from the Lua files of manifests/argocd."""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "manifests" / "argocd"
GROUP = "slipway.dev"
KINDS = ("Rollout", "Promotion", "PromotionPolicy")

# Where a rule lists a candidate, its weights are Slipway's; such a rule has no backends but the Rollout's two.
ROUTE_WEIGHTS = '.spec.rules[]? | select(any(.backendRefs[]?; .name | endswith("-candidate"))) | .backendRefs[].weight'
# What Slipway is allowed to take over. Its label would not do: Git's side of the comparison does not have it.
ADOPTED = 'select(.metadata.annotations["slipway.dev/adopt"]) | (.spec.selector, .spec.ports)'

_HEAD = """\
# Generated from the Lua files beside it by `python -m tests.docs`. Do not edit.
# {}
apiVersion: v1
kind: ConfigMap
metadata: {{name: argocd-cm}}
data:
"""

# What the operator writes to objects that Git may hold too.
_IGNORED = f"""\
  resource.customizations.ignoreDifferences.gateway.networking.k8s.io_HTTPRoute: |
    jqPathExpressions:
    - '{ROUTE_WEIGHTS}'
  resource.customizations.ignoreDifferences.Service: |
    jqPathExpressions:
    - '{ADOPTED}'
"""


@dataclass(frozen=True)
class Fragment:
    """A file, and what has to be in it."""

    PATH: Path
    title: str
    actions_from: tuple[Path, ...]
    """Where actions of a Promotion are; the last one has the discovery."""
    whole: bool

    def render(self) -> str:
        """The manifest, with the scripts as they are in their files."""
        lines = [_HEAD.format(self.title)]
        if self.whole:
            lines += [_entry(f"health.{GROUP}_{kind}", _script(FOLDER / GROUP / kind / "health.lua")) for kind in KINDS]
            lines += [_actions("Rollout", (FOLDER,))]
        lines += [_actions("Promotion", self.actions_from)]
        lines += [_IGNORED] if self.whole else []
        return "".join(lines)


PLAIN = Fragment(
    FOLDER / "argocd-cm.yaml",
    "kubectl -n argocd patch configmap argocd-cm --patch-file manifests/argocd/argocd-cm.yaml",
    (FOLDER,),
    whole=True,
)
DELEGATED = Fragment(
    FOLDER / "argocd-cm-delegated.yaml",
    "After argocd-cm.yaml, and only where Argo CD may approve: docs/gitops.md",
    (FOLDER, FOLDER / "delegated"),
    whole=False,
)


def _actions(kind: str, folders: tuple[Path, ...]) -> str:
    places = [folder / GROUP / kind / "actions" for folder in folders]
    text = "discovery.lua: |\n" + _indented(_script(places[-1] / "discovery.lua"), 2) + "definitions:\n"
    for script in (script for place in places for script in sorted(place.glob("*/action.lua"))):
        text += f"- name: {script.parent.name}\n  action.lua: |\n" + _indented(_script(script), 4)
    return _entry(f"actions.{GROUP}_{kind}", text)


def _entry(key: str, text: str) -> str:
    return f"  resource.customizations.{key}: |\n" + _indented(text, 4)


def _script(path: Path) -> str:
    return path.read_text().rstrip("\n") + "\n"


def _indented(text: str, by: int) -> str:
    return "".join(" " * by + line if line.strip() else line for line in text.splitlines(keepends=True))
