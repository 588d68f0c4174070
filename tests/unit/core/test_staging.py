"""`from`: what goes to users has been stable and proven in the environment before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.core.cluster import Cluster, revision_of, serving
from tests.unit.core.environments import FROM, automatic, launch, message, promoted_from, result, status
from tests.unit.core.objects import NAME, blue_green, template

from slipway.api.origin import Origin
from slipway.core import staging as module
from slipway.core.case import read
from slipway.core.checking import Subjects
from slipway.core.revision import of_spec

V2 = revision_of(blue_green(2))


def proposed(staging: Cluster, version: int = 2, allowed: str | None = "shop", **spec: Any) -> Cluster:
    """A second version in production, whose Promotion comes from staging."""
    production = serving(blue_green())
    promoted_from(production, staging, allowed)
    production.now = max(production.now, staging.now)
    production.edit(template=template(version))
    production.promote("web-2", **{"from": FROM, **spec})
    production.settle()
    return production


def test_images_that_are_stable_in_staging_may_go_on() -> None:
    production = proposed(automatic(2))
    found = result(production, "web-2", "staging")
    assert (found["result"], found["category"]) == ("Passed", "Quality")
    assert "has these images; promoted automatically, verified at 2026-" in found["message"]
    assert production.phase("web-2") == "AwaitingApproval"
    production.approve("web-2")
    assert production.run(60, lambda: production.phase("web-2") == "Succeeded")


def test_who_promoted_it_there_is_said() -> None:
    production = proposed(serving(blue_green(2)))
    assert "promoted by Promotion web-1," in result(production, "web-2", "staging")["message"]


def test_other_images_do_not_and_the_difference_is_named() -> None:
    production = proposed(automatic(3))
    assert production.phase("web-2") == "Blocked"
    assert "container web is registry.example/web:v2 here, registry.example/web:v3 there" in message(
        production, "web-2"
    )
    production.approve("web-2")
    production.run(30)
    assert production.exposure(V2) == 0


def test_an_equal_tag_in_another_container_is_no_equal_image() -> None:
    staging = automatic(2)
    production = serving(blue_green())
    promoted_from(production, staging)
    pods = template(2)
    sidecar = {"name": "proxy", "image": "registry.example/web:v2"}
    pods["spec"]["containers"].append(sidecar)
    pods["spec"]["initContainers"] = [{"name": "setup", "image": "registry.example/setup:v2"}]
    production.edit(template=pods)
    production.promote("web-2", **{"from": FROM})
    production.settle()
    words = result(production, "web-2", "staging")["message"]
    assert "container proxy is not there; container setup is not there" in words
    assert production.phase("web-2") == "Blocked"


@pytest.mark.parametrize("allowed", [None, "", "other", "shop2,sho", "*"])
def test_a_namespace_that_does_not_allow_it_says_nothing_of_what_is_in_it(allowed: str | None) -> None:
    there = proposed(automatic(2), allowed=allowed)
    absent = Cluster(blue_green(2))
    absent.remove("Rollout", NAME)
    not_there = proposed(absent, allowed=allowed)
    words = message(there, "web-2")
    assert words == message(not_there, "web-2")
    assert "kubectl annotate namespace shop-staging slipway.dev/promote-to=shop" in words
    assert there.phase("web-2") == "Blocked"
    assert "v2" not in words


@pytest.mark.parametrize("allowed", ["shop", "shop-eu, shop ,", "a,shop"])
def test_a_namespace_names_those_that_may(allowed: str) -> None:
    assert proposed(automatic(2), allowed=allowed).phase("web-2") == "AwaitingApproval"


def test_the_own_namespace_needs_no_permission() -> None:
    production = serving(blue_green())
    staging = automatic(2)
    promoted_from(production, staging, allowed=None, namespace="shop")
    production.origins = lambda made=production.origins: (replace(made()[0], name="web-staging"),)  # type: ignore[misc]
    production.edit(template=template(2))
    production.promote("web-2", **{"from": {"rollout": "web-staging"}})
    production.settle()
    # The marks are those of another name, so nothing of them counts: it is looked at, and not refused.
    assert "Rollout shop/web-staging has no stable revision yet" in message(production, "web-2")


def test_a_rollout_is_not_its_own_staging() -> None:
    production = proposed(automatic(2), **{"from": {"namespace": "shop", "rollout": NAME}})
    assert "names the Rollout itself" in message(production, "web-2")


def test_a_namespace_that_the_operator_does_not_look_at() -> None:
    production = serving(blue_green())
    production.settings = replace(production.settings, namespaces=frozenset({"shop"}))
    promoted_from(production, automatic(2))
    production.edit(template=template(2))
    production.promote("web-2", **{"from": FROM})
    production.settle()
    assert "does not look at namespace shop-staging" in message(production, "web-2")


def test_a_rollout_that_is_not_there_or_goes() -> None:
    staging = automatic(2)
    production = proposed(staging)
    rollout = staging.get("Rollout")
    gone = {**rollout["metadata"], "deletionTimestamp": "2026-01-01T13:00:00Z"}
    staging.put("Rollout", {**rollout, "metadata": gone})
    production.settle()
    assert "there is no Rollout web in namespace shop-staging" in message(production, "web-2")
    assert production.phase("web-2") == "Blocked"


def test_what_is_not_verified_there_proves_nothing() -> None:
    staging = Cluster(blue_green(2, environment="staging", approval="Automatic"), automatic=True)
    production = proposed(staging)
    assert "has no stable revision yet" in message(production, "web-2")
    staging.settle()
    staging.run(5)
    assert "verified-at" not in " ".join(staging.marks(V2))
    production.settle()
    assert production.phase("web-2") == "Blocked"
    assert staging.run(60, lambda: staging.phase() == "Healthy")
    production.now = staging.now
    production.settle()
    assert production.phase("web-2") == "AwaitingApproval", message(production, "web-2")


def test_a_first_revision_that_failed_there_and_serves_nevertheless_proves_nothing() -> None:
    staging = Cluster(blue_green(2, environment="staging", approval="Automatic"), automatic=True)
    staging.measure = lambda _: {"value": 0.5}
    assert staging.run(60, lambda: staging.phase() == "Degraded")
    assert "has not passed its gates" in message(proposed(staging), "web-2")


def test_a_first_revision_that_failed_in_its_watch_proves_nothing_more() -> None:
    """It was verified, and what came after that took its proof away: nothing was there to go back to."""
    staging = Cluster(blue_green(2, environment="staging"))
    staging.promote("web-1", environment="staging", watch=[{"for": "1h", "interval": "30s"}])
    staging.settle()
    staging.approve("web-1")
    assert staging.run(60, lambda: staging.phase("web-1") == "Watching")
    assert proposed(staging).phase("web-2") == "AwaitingApproval"
    staging.measure = lambda _: {"value": 0.5}
    assert staging.run(600, lambda: staging.phase() == "Degraded", stride=10)
    assert "slipway.dev/verified-at" in staging.marks(V2)
    production = proposed(staging)
    assert production.phase("web-2") == "Blocked"
    assert "has not passed its gates: gate error-rate" in message(production, "web-2")


def test_semantics_13_what_was_verified_without_data_proves_nothing() -> None:
    """An approver took the risk for staging, not for what comes after it."""
    staging = serving(blue_green(environment="staging", replicas=1))
    staging.measure = lambda _: {"no_data": "no requests"}
    staging.edit(template=template(2))
    staging.promote("web-2", environment="staging")
    staging.settle()
    staging.approve("web-2")
    staging.say("web-2", acceptNoData={"weight": 100, "reason": "nobody uses staging at night"})
    assert staging.run(120, lambda: staging.phase("web-2") == "Succeeded"), staging.status
    production = proposed(staging)
    assert "was verified without data of error-rate" in message(production, "web-2")
    assert production.phase("web-2") == "Blocked"


def test_data_that_came_in_time_excuses_nothing() -> None:
    staging = serving(blue_green(environment="staging"))
    staging.edit(template=template(2))
    staging.promote("web-2", environment="staging")
    staging.settle()
    staging.approve("web-2")
    staging.say("web-2", acceptNoData={"weight": 100, "reason": "nobody uses staging at night"})
    assert staging.run(120, lambda: staging.phase("web-2") == "Succeeded")
    assert proposed(staging).phase("web-2") == "AwaitingApproval"


def test_a_change_of_staging_before_traffic_counts() -> None:
    staging = automatic(2)
    production = proposed(staging)
    assert production.phase("web-2") == "AwaitingApproval"
    launch(staging, 3)
    production.approve("web-2")
    production.run(30)
    assert production.phase("web-2") == "Blocked"
    assert production.exposure(V2) == 0


def test_a_change_of_staging_after_traffic_has_moved_does_nothing() -> None:
    staging = automatic(2)
    production = proposed(staging)
    production.approve("web-2")
    assert production.run(60, lambda: production.exposure(V2) == 100)
    launch(staging, 3)
    assert production.run(60, lambda: production.phase("web-2") == "Succeeded")


def test_going_back_asks_nobody() -> None:
    staging = automatic(2)
    production = proposed(staging)
    production.approve("web-2")
    assert production.run(60, lambda: production.exposure(V2) == 100)
    launch(staging, 3)
    production.say("web-2", abort="no")
    assert production.run(60, lambda: production.phase("web-2") == "Aborted")
    assert production.live != V2


def test_semantics_31_at_rest_nothing_is_written() -> None:
    for staging in (automatic(2), automatic(3)):
        production = proposed(staging)
        for _ in range(5):
            production.now += timedelta(seconds=7)
            production.settle()
            assert production.decide().writes == ()


def about(production: Cluster) -> tuple[Any, Subjects]:
    snapshot = production.snapshot()
    assert snapshot.rollout is not None
    case = read(snapshot, snapshot.rollout, production.now)
    candidate = of_spec(snapshot.rollout["spec"])
    assert candidate is not None
    assert case.spec is not None
    return case, Subjects(candidate, case.lineage.stable, case.spec, None, "", (), {})


Ask = Callable[..., tuple[str, Any]]


@pytest.fixture
def aged() -> tuple[Cluster, Ask]:
    """Production a while after staging was verified."""
    staging = automatic(2)
    production = proposed(staging)
    verified = module.instants.parse(staging.marks(V2)["slipway.dev/verified-at"])
    assert verified is not None

    def ask(age: timedelta, **limits: timedelta) -> tuple[str, Any]:
        production.now = verified + age
        found, again = module.check(*about(production), Origin(**FROM), **limits)
        return found.result, again and again - verified

    return production, ask


HOUR = timedelta(hours=1)


def test_how_long_ago_it_was_verified(aged: tuple[Cluster, Ask]) -> None:
    _, ask = aged
    assert ask(HOUR, within=HOUR) == ("Passed", HOUR)
    assert ask(HOUR + timedelta(seconds=1), within=HOUR) == ("Failed", None)
    assert ask(100 * HOUR) == ("Passed", None)


def test_how_long_it_has_been_stable(aged: tuple[Cluster, Ask]) -> None:
    _, ask = aged
    assert ask(HOUR - timedelta(seconds=1), soak=HOUR) == ("Pending", HOUR)
    assert ask(HOUR, soak=HOUR) == ("Passed", None)
    assert ask(HOUR, soak=HOUR, within=2 * HOUR) == ("Passed", 2 * HOUR)


def test_a_soak_starts_anew_when_traffic_came_back() -> None:
    staging = automatic(2)
    staging.measure = lambda probe: {"value": 0.5 if revision_of(blue_green(3)) in str(probe.variables) else 0.001}
    staging.edit(template=template(3))
    assert staging.run(120, lambda: staging.phase() == "RolledBack"), staging.status
    # It never left the users: verify failed while v2 was still what is stable.
    production = proposed(staging)
    returned = module.instants.parse(staging.marks(V2).get("slipway.dev/returned-at"))
    assert returned is not None
    production.now = returned + HOUR - timedelta(seconds=1)
    found, again = module.check(*about(production), Origin(**FROM), soak=HOUR)
    assert (found.result, again) == ("Pending", returned + HOUR)


def test_a_chain_of_three_environments() -> None:
    """dev → staging → production: each takes what the one before has proven, and production needs a person."""
    dev = automatic(1, environment="dev")
    staging = automatic(1)
    production = serving(blue_green())
    promoted_from(staging, dev, namespace="shop-dev")
    promoted_from(production, staging)
    launch(dev, 2)
    staging.now = production.now = dev.now
    staging.promote(
        "web-2", environment="staging", setImages=True, **{"from": {"namespace": "shop-dev", "rollout": NAME}}
    )
    production.promote("web-2", setImages=True, **{"from": FROM})
    production.settle()
    assert status(production, "web-2")["phase"] == "Checking"
    assert staging.run(120, lambda: staging.phase("web-2") == "Succeeded"), staging.status
    production.now = staging.now
    production.settle()
    assert production.phase("web-2") == "AwaitingApproval", message(production, "web-2")
    assert production.exposure(V2) == 0
    production.approve("web-2")
    assert production.run(120, lambda: production.phase("web-2") == "Succeeded")
    assert production.live == V2
