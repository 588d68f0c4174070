"""A launch that has succeeded is taken back where the reason is kept, or where one may, or one is told who may."""

from typing import Any

import pytest

from slipway.cluster.errors import Forbidden
from slipway.cluster.resources import PROMOTIONS, ROLLOUTS, Resource
from slipway.console.session import Session

ROLLOUT = {"metadata": {"name": "web", "namespace": "shop", "uid": "r"}}
BACK = {"abort": "3f2a9c01de"}


class Cluster:
    """One Rollout, and somebody who may or may not change it."""

    def __init__(self, *may_not: Resource) -> None:
        self.may_not = may_not
        self.said: list[tuple[str, Any]] = []

    async def get(self, kind: Resource, namespace: str, name: str) -> dict[str, Any]:
        return ROLLOUT

    async def create(self, kind: Resource, obj: Any) -> dict[str, Any]:
        return {"status": {"userInfo": {"username": "ada"}}}

    async def merge_patch(self, kind: Resource, namespace: str, name: str, patch: Any) -> dict[str, Any]:
        if kind in self.may_not:
            raise Forbidden(f"{kind.plural} is forbidden", 403)
        self.said.append((kind.kind, patch["spec"]))
        return {}


def promotion(phase: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "web-2", "namespace": "shop", "uid": "p"},
        "spec": {"rollout": "web"},
        "status": {"phase": phase},
    }


WORD = {"abort": "broken", "saidBy": {"abort": {"by": "ada", "said": "broken"}}}


async def test_an_editor_names_the_revision_on_the_rollout_and_the_promotion_keeps_the_reason() -> None:
    cluster = Cluster()
    assert await Session(cluster, "shop").take_back(promotion("Watching"), BACK, "broken")  # type: ignore[arg-type]
    assert cluster.said == [("Rollout", BACK), ("Promotion", WORD)]


@pytest.mark.parametrize(("phase", "may_not"), [("Succeeded", ()), ("Watching", (PROMOTIONS,))])
async def test_that_it_goes_back_does_not_hang_on_the_reason(phase: str, may_not: tuple[Resource, ...]) -> None:
    cluster = Cluster(*may_not)
    assert await Session(cluster, "shop").take_back(promotion(phase), BACK, "broken")  # type: ignore[arg-type]
    assert cluster.said == [("Rollout", BACK)]


async def test_an_approver_says_it_on_the_promotion_that_is_watched() -> None:
    cluster = Cluster(ROLLOUTS)
    assert not await Session(cluster, "shop").take_back(promotion("Watching"), BACK, "broken")  # type: ignore[arg-type]
    assert cluster.said == [("Promotion", WORD)]


async def test_after_the_watch_an_approver_is_told_which_role_may() -> None:
    cluster = Cluster(ROLLOUTS)
    with pytest.raises(Forbidden, match=r"rollouts is forbidden.* -n shop .*--clusterrole=slipway-editor"):
        await Session(cluster, "shop").take_back(promotion("Succeeded"), BACK, "broken")  # type: ignore[arg-type]
    assert cluster.said == []
