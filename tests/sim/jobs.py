"""The Job controller as far as checks see it: a run takes a while, and a deleted Job stays until its pod is gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.sim.apiserver import Server
from tests.sim.clock import parse, rfc3339

from slipway.cluster.resources import JOBS

Object = dict[str, Any]

TAKES = timedelta(seconds=6)
STOPS = timedelta(seconds=3)
SERIES = ("slipway.dev/check-of", "slipway.dev/check", "slipway.dev/smoke-test", "slipway.dev/after-rollback")
"""The labels that runs of the same have in common."""


def template(does: str = "succeeds") -> Object:
    """A pod that `succeeds`, `fails`, `hangs`, or `asks` the revision that it tests."""
    return {"spec": {"containers": [{"name": "check", "image": f"registry.example/check:v1-{does}"}]}}


@dataclass
class Jobs:
    """`step` once a second. `runs` are the names of all that ever started, in their order.

    `answers` says whether a revision passes the test of a Job that asks it. `tested` has, for each run of a smoke test,
    the revision and the Service that it was given.
    """

    server: Server
    answers: Callable[[str], bool] = lambda _: True
    runs: list[str] = field(default_factory=list)
    tested: dict[str, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._kube = self.server.session("system:kube-controller-manager", "kube-controller-manager")
        self._uids: set[str] = set()

    def step(self) -> None:
        """Start, end and clear away."""
        now = self.server.now()
        running: list[tuple[str, str]] = []
        for job in list(self.server.peek(JOBS)):
            meta = job["metadata"]
            if meta["uid"] not in self._uids:
                self._uids.add(meta["uid"])
                self.runs.append(meta["name"])
                if "slipway.dev/smoke-test" in meta["labels"]:
                    self.tested[meta["name"]] = _given(job, "SLIPWAY_REVISION"), _given(job, "SLIPWAY_SERVICE")
            if meta.get("deletionTimestamp"):
                if now - parse(meta["deletionTimestamp"]) >= STOPS:
                    self._kube.delete(JOBS, meta["namespace"], meta["name"])
                    continue
            elif (job.get("status") or {}).get("conditions"):
                continue
            else:
                self._end(job, now - parse(meta["creationTimestamp"]))
            running.append(frozenset((key, meta["labels"][key]) for key in SERIES if key in meta["labels"]))
        assert len(running) == len(set(running)), f"two runs of one check at once: {running}"

    def all(self) -> list[Object]:
        """Those that are there."""
        return list(self.server.peek(JOBS))

    def _end(self, job: Object, age: timedelta) -> None:
        does = job["spec"]["template"]["spec"]["containers"][0]["image"].rpartition("-")[2]
        limit = timedelta(seconds=job["spec"]["activeDeadlineSeconds"])
        if does == "asks":
            does = "succeeds" if self.answers(_given(job, "SLIPWAY_REVISION")) else "fails"
        condition: Object | None = None
        if does != "hangs" and age >= TAKES:
            condition = (
                {"type": "Complete"} if does == "succeeds" else {"type": "Failed", "reason": "BackoffLimitExceeded"}
            )
        elif age >= limit:
            condition = {"type": "Failed", "reason": "DeadlineExceeded"}
        if condition is not None:
            ended = {**condition, "status": "True", "lastTransitionTime": rfc3339(self.server.now())}
            status = {"status": {"conditions": [ended]}}
            self._kube.merge_patch(JOBS, job["metadata"]["namespace"], job["metadata"]["name"], status, "status")


def _given(job: Object, name: str) -> str:
    """The value of a variable that its container was given."""
    variables = job["spec"]["template"]["spec"]["containers"][0]["env"]
    return next(str(one["value"]) for one in variables if one["name"] == name)
