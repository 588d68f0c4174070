"""Which containers of a revision have a log to read."""

from __future__ import annotations

from slipway.cluster.api import Api, Object
from slipway.cluster.resources import PODS, REVISION_LABEL, ROLLOUT_LABEL
from slipway.podlogs.lines import Partial, Unreadable

MOST = 50
"""Pods of which logs are read."""
DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


async def running(api: Api, namespace: str, rollout: str, revision: str) -> list[Object]:
    """The pods of a revision that are to stay, by name. Raises APIError; Partial where there are none, or too many."""
    found, _ = await api.list(PODS, namespace, f"{ROLLOUT_LABEL}={rollout},{REVISION_LABEL}={revision}")
    pods = [pod for pod in found if not _ends(pod)]
    if not pods:
        raise Partial(f"revision {revision} has no pods")
    if len(pods) > MOST:
        raise Partial(f"revision {revision} has {len(pods)} pods, and the logs of at most {MOST} are read")
    return sorted(pods, key=lambda pod: str(pod["metadata"]["name"]))


def container(pod: Object, wanted: str | None) -> tuple[str, str]:
    """The pod, and the container of it whose log is meant. Raises Unreadable where there is none of this name."""
    name, names = str(pod["metadata"]["name"]), [str(one["name"]) for one in pod["spec"]["containers"]]
    if wanted is None:
        wanted = (pod["metadata"].get("annotations") or {}).get(DEFAULT_CONTAINER, names[0])
    if wanted not in names:
        raise Unreadable(f"pod {name} has no container {str(wanted)[:63]}; those that it has: {', '.join(names)}")
    return name, str(wanted)


def containers(pod: Object) -> list[tuple[str, str]]:
    """The pod with each of its containers, in the order in which they start."""
    spec = pod["spec"]
    return [
        (str(pod["metadata"]["name"]), str(one["name"]))
        for one in [*(spec.get("initContainers") or []), *spec["containers"]]
    ]


def _ends(pod: Object) -> bool:
    phase = (pod.get("status") or {}).get("phase")
    return bool(pod["metadata"].get("deletionTimestamp")) or phase in ("Succeeded", "Failed")
