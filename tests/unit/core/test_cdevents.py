"""CDEvents: told with the notice of what changed which version serves, and of nothing else."""

from __future__ import annotations

from typing import Any

from tests.unit.core.cluster import Cluster, serving, shifting
from tests.unit.core.objects import Object, blue_green, canary, template

from slipway.core.cdevents import EVENTS
from slipway.core.decision import NoticeProbe
from slipway.core.notice_routes import NoticeRoute, NoticeRoutes
from slipway.core.snapshot import Settings

DIGEST = "a" * 64
HERE = NoticeRoute(events=frozenset({"Launched", "RolledBack"}), channels=("CDEvents",))
SETTINGS = Settings(notices=NoticeRoutes(routes=(HERE,), known=frozenset({"CDEvents"})))


def told(cluster: Cluster, name: str) -> list[tuple[str, Any]]:
    notices = cluster.get("Promotion", name)["status"].get("notices") or []
    assert all([d["channel"] for d in one["deliveries"]] == ["CDEvents"] for one in notices)
    return [(one["event"], one.get("cdEvent")) for one in notices]


def first(spec: Object) -> Cluster:
    cluster = Cluster(spec)
    cluster.settings = SETTINGS
    cluster.promote("web-1")
    cluster.settle()
    cluster.approve("web-1")
    return cluster


def test_the_first_version_is_deployed_and_the_next_an_upgrade() -> None:
    cluster = first(blue_green())
    probes: list[NoticeProbe] = []
    ask = cluster.run_probes

    def listen(wanted: Any) -> None:
        found = list(wanted)
        probes.extend(probe for probe in found if isinstance(probe, NoticeProbe))
        ask(found)

    cluster.run_probes = listen  # type: ignore[method-assign]
    assert cluster.run(60, lambda: cluster.phase("web-1") == "Succeeded")
    cluster.edit(template=template(2))
    cluster.promote("web-2", version="v2")
    cluster.settle()
    cluster.approve("web-2")
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Succeeded")
    cluster.settle()
    image = "pkg:oci/web?repository_url=registry.example/web&tag=v"
    assert told(cluster, "web-1") == [("Launched", {"type": "service.deployed", "artifactId": f"{image}1"})]
    assert told(cluster, "web-2") == [("Launched", {"type": "service.upgraded", "artifactId": f"{image}2"})]
    last = probes[-1]
    assert (last.channel, last.values["cdEvent"], last.values["artifactId"]) == (
        "CDEvents",
        "service.upgraded",
        f"{image}2",
    )
    assert last.values["id"] == last.key
    assert (last.values["version"], last.values["environment"]) == ("v2", "production")


def test_a_rollback_names_what_serves_again() -> None:
    cluster = shifting(canary())
    cluster.settings = SETTINGS
    cluster.measure = lambda probe: {"value": 0.5}
    assert cluster.run(120, lambda: cluster.phase("web-2") == "RolledBack")
    [(event, about)] = told(cluster, "web-2")
    assert event == "RolledBack"
    assert about["type"] == "service.rolledback"
    assert about["artifactId"].endswith("&tag=v1")


def test_a_first_version_that_is_taken_out_is_removed() -> None:
    cluster = first(blue_green())
    assert cluster.run(60, lambda: cluster.phase("web-1") == "Shifting")
    cluster.run(3)
    cluster.edit(abort=cluster.live)
    assert cluster.run(60, lambda: cluster.phase("web-1") == "Aborted"), cluster.status
    assert told(cluster, "web-1") == [("RolledBack", {"type": "service.removed"})]


def test_the_digest_is_the_version_of_the_artifact() -> None:
    spec = blue_green()
    spec["template"]["spec"]["containers"][0]["image"] = f"registry.example:5000/shop/Web:v1@sha256:{DIGEST}"
    cluster = first(spec)
    assert cluster.run(60, lambda: cluster.phase("web-1") == "Succeeded")
    [(_, about)] = told(cluster, "web-1")
    assert about["artifactId"].replace("%3A", ":") == (
        f"pkg:oci/web@sha256:{DIGEST}?repository_url=registry.example:5000/shop/Web&tag=v1"
    )


def test_each_step_is_told_and_how_it_ended() -> None:
    cluster = serving(blue_green())
    every = NoticeRoute(events=EVENTS, channels=("CDEvents",))
    cluster.settings = Settings(notices=NoticeRoutes(routes=(every,), known=frozenset({"CDEvents"})))
    cluster.edit(template=template(2))
    cluster.promote("web-2", watch=[{"for": "10s", "interval": "1s"}])
    cluster.settle()
    cluster.approve("web-2")
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded")
    cluster.settle()
    kinds = [about["type"] for _, about in told(cluster, "web-2")]
    assert kinds[:3] == ["pipelinerun.queued", "pipelinerun.started", "taskrun.started"]
    assert kinds[-2:] == ["service.upgraded", "pipelinerun.finished"]


def everything(spec: Object, **case: Any) -> Cluster:
    cluster = serving(spec)
    every = NoticeRoute(events=EVENTS, channels=("CDEvents",))
    cluster.settings = Settings(notices=NoticeRoutes(routes=(every,), known=frozenset({"CDEvents"})))
    cluster.edit(template=template(2))
    cluster.promote("web-2", **case)
    cluster.settle()
    cluster.approve("web-2")
    return cluster


def ended(cluster: Cluster) -> list[str]:
    """The outcomes with which runs were said to have finished."""
    outcomes: list[str] = []
    ask = cluster.run_probes

    def listen(wanted: Any) -> None:
        found = list(wanted)
        new = [p for p in found if isinstance(p, NoticeProbe) and p.key not in cluster.observations]
        outcomes.extend(p.values["outcome"] for p in new if p.values["cdEvent"] == "pipelinerun.finished")
        ask(found)

    cluster.run_probes = listen  # type: ignore[method-assign]
    return outcomes


def test_each_share_is_a_task() -> None:
    cluster = everything(canary())
    assert cluster.run(300, lambda: cluster.phase("web-2") == "Succeeded")
    tasks = [one for one in cluster.get("Promotion", "web-2")["status"]["notices"] if one["event"] == "Share"]
    assert [one["text"].rpartition(" gets ")[2] for one in tasks] == [
        f"{share} % of the requests." for share in (25, 50, 100)
    ]
    assert {one["cdEvent"]["type"] for one in tasks} == {"taskrun.started"}


def test_without_a_watch_a_run_is_finished_when_it_is_launched() -> None:
    cluster = everything(blue_green())
    outcomes = ended(cluster)
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded")
    cluster.run(5)
    assert outcomes == ["success"]


def test_a_run_that_was_taken_back_is_finished_too() -> None:
    cluster = everything(blue_green(), watch=[{"for": "1h", "interval": "1s"}])
    outcomes = ended(cluster)
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Watching")
    assert outcomes == []
    cluster.measure = lambda probe: {"value": 0.5}
    assert cluster.run(120, lambda: cluster.phase("web-2") == "RolledBack")
    cluster.run(5)
    assert outcomes == ["failure"]


def test_people_are_not_told_what_is_for_machines() -> None:
    routes = NoticeRoutes(routes=(NoticeRoute(channels=("team",)),), known=frozenset({"team"}), open=frozenset({"me"}))
    assert routes.channels("production", "Shifting", ["me"]) == ["team", "me"]
    assert [routes.channels("production", event, ["me"]) for event in ("Share", "Ended")] == [[], []]


def test_nobody_is_told_who_is_not_configured() -> None:
    cluster = serving(blue_green())
    assert "notices" not in cluster.get("Promotion", "web-1")["status"]
