"""What the images of the simulation do once they run; the name of an image says it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Image:
    """How pods of an image start and answer.

    `ready_after` seconds from start to Ready; `trouble` is the kubelet's reason why it never gets there.
    `error_rate` and `latency` are what a good metrics source would report; `metrics` is how the source
    answers instead of a number: nan, empty, several, down. `errors` is the rate of error lines in the log of a pod;
    None: there is no number, as of a log that was rotated.
    """

    ready_after: float = 2
    trouble: str = ""
    error_rate: float = 0.001
    latency: float = 0.1
    metrics: str = ""
    smoke: bool = True
    errors: float | None = 0.0


_BEHAVIOUR = {
    "good": Image(),
    "slowstart": Image(ready_after=8),
    "failing": Image(error_rate=0.5),
    "slow": Image(latency=2.0),
    "nan": Image(metrics="nan"),
    "empty": Image(metrics="empty"),
    "several": Image(metrics="several"),
    "down": Image(metrics="down"),
    "noisy": Image(errors=3.0),
    "nolog": Image(errors=None),
    "smokefails": Image(smoke=False),
    "crashloop": Image(trouble="CrashLoopBackOff"),
    "nopull": Image(trouble="ImagePullBackOff"),
    "noconfig": Image(trouble="CreateContainerConfigError"),
}


def image(behaviour: str, version: int) -> str:
    """The name of an image of a version that behaves so."""
    if behaviour not in _BEHAVIOUR:
        raise KeyError(behaviour)
    return f"registry.example/web:v{version}-{behaviour}"


def behaviour(name: str) -> Image:
    """What an image does."""
    return _BEHAVIOUR[name.rpartition("-")[2]]
