"""Launch records: one for each end, in one chain, told from what was noted together with the outcome."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.core.cluster import Cluster, revision_of, serving, shifting
from tests.unit.core.objects import NAME, NAMESPACE, Object, blue_green, canary, template

from slipway.api.record import Statement
from slipway.api.report import CONFIRMATIONS
from slipway.core import names
from slipway.core.decision import CommitRolloutStatus, KeepRecord, MarkRevision, Write
from slipway.core.record import chain
from slipway.core.record.markdown import render
from slipway.core.record.statement import without_templates

DIGEST = "a" * 64


def records_of(cluster: Cluster) -> list[Object]:
    """The ConfigMaps that are launch records."""
    return [obj for obj in cluster.all("ConfigMap") if names.RECORD_LABEL in obj["metadata"]["labels"]]


def records(cluster: Cluster) -> list[Object]:
    """The predicates, in the order of the chain; the chain holds."""
    found = chain.verify(records_of(cluster), cluster.all("Promotion"))
    assert found.problems == []
    statements = [json.loads(obj["data"]["statement.json"]) for obj in records_of(cluster)]
    return sorted((statement["predicate"] for statement in statements), key=lambda one: int(one["number"]))


def owed(cluster: Cluster) -> list[str]:
    return [
        obj["metadata"]["name"]
        for obj in cluster.all("ControllerRevision")
        if "slipway.dev/owed-records" in (obj["metadata"].get("annotations") or {})
    ]


def launched(**spec: Any) -> Cluster:
    """web-1 serves, and web-2 with this case has been verified."""
    cluster = serving(blue_green())
    cluster.edit(template=template(2))
    cluster.promote("web-2", **spec)
    cluster.settle()
    cluster.approve("web-2")
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Succeeded"), cluster.status
    cluster.settle()
    return cluster


def test_a_launch_leaves_a_record_with_its_case_and_figures() -> None:
    cluster = launched(version="v1.2.3", commit="abc1234", idea={"id": "IDEA-7"})
    first, second = records(cluster)
    assert (first["number"], second["number"]) == (1, 2)
    assert "previous" not in first
    assert (second["kind"], second["outcome"], second["environment"]) == ("launch", "Succeeded", "production")
    assert (second["version"], second["commit"], second["idea"]) == ("v1.2.3", "abc1234", "IDEA-7")
    status = cluster.get("Promotion", "web-2")["status"]
    assert second["plan"]["hash"] == status["planHash"]
    assert second["approvals"] == status["approvals"]
    assert second["checks"] == status["checks"]
    assert second["revision"]["health"][0].startswith("web: readinessProbe GET /readyz on ")
    [gate] = second["gates"]
    assert (gate["name"], gate["verdict"], gate["value"], gate["bound"]) == ("error-rate", "Pass", 0.001, "< 0.01")
    assert second["times"]["endedAt"] == status["finishedAt"]
    assert second["durations"].keys() == {"untilApproval", "shift", "verification", "total"}
    assert not owed(cluster)


def test_its_name_and_labels_find_it_and_no_owner_takes_it_along() -> None:
    cluster = launched(idea={"id": "IDEA-7"})
    [entry] = cluster.get("Promotion", "web-2")["status"]["records"]
    obj = cluster.get("ConfigMap", entry["configMap"])
    assert entry["configMap"] == f"launch-web-2-{entry['digest'].removeprefix('sha256:')[:10]}"
    assert obj["immutable"] is True
    assert "ownerReferences" not in obj["metadata"]
    assert obj["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "slipway",
        "slipway.dev/launch-of": NAME,
        "slipway.dev/record": "launch",
        "slipway.dev/promotion": "web-2",
        "slipway.dev/environment": "production",
        "slipway.dev/idea": "IDEA-7",
    }
    assert names.ROLLOUT_LABEL not in obj["metadata"]["labels"]
    assert obj["data"]["record.md"].startswith("# Launch of web ")


def approvals_in(page: str) -> list[list[str]]:
    """The cells of the rows under Approvals, the head first."""
    rows = page.partition("## Approvals\n\n")[2].partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def test_the_page_says_what_whoever_approved_has_confirmed() -> None:
    [obj] = records_of(serving(blue_green()))
    head, _, row = approvals_in(obj["data"]["record.md"])
    assert head == ["by", "identity", "at", "plan", "report", "confirmed"]
    assert row[0] == "ada"
    assert row[-1] == "<br>".join(CONFIRMATIONS)
    predicate = json.loads(obj["data"]["statement.json"])["predicate"]
    assert predicate["approvals"][0]["confirmed"] == list(CONFIRMATIONS)


def test_what_was_confirmed_is_told_in_few_words_that_stay_words() -> None:
    [obj] = records_of(serving(blue_green()))
    statement = Statement.model_validate(json.loads(obj["data"]["statement.json"]))
    [approval] = statement.predicate.approvals
    many = approval.model_copy(update={"confirmed": ["<b>a|b</b>", "yes " * 1000, *["more"] * 500]})
    predicate = statement.predicate.model_copy(update={"approvals": [many]})
    page = render(statement.model_copy(update={"predicate": predicate}))
    _, _, row = approvals_in(page)
    assert row[-1].startswith(r"\<b\>a\|b\</b\><br>yes yes")
    assert row[-1].endswith("…")
    assert len(row[-1]) < 2000
    none = predicate.model_copy(update={"approvals": [approval.model_copy(update={"confirmed": []})]})
    assert approvals_in(render(statement.model_copy(update={"predicate": none})))[2][-1].strip() == ""


def test_it_is_an_in_toto_statement_about_the_revision_and_its_images() -> None:
    cluster = serving(blue_green())
    [obj] = records_of(cluster)
    statement = json.loads(obj["data"]["statement.json"])
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slipway.dev/launch/v1"
    revision = cluster.get("ControllerRevision", f"{NAME}-{cluster.live}")
    assert statement["subject"][0] == {
        "name": f"{NAMESPACE}/rollouts/{NAME}/{cluster.live}",
        "digest": {"sha256": revision["data"]["digest"]},
    }


def test_an_image_is_a_subject_by_its_reference() -> None:
    spec = blue_green()
    spec["template"]["spec"]["containers"][0]["image"] = f"registry.example:5000/shop/web:v1@sha256:{DIGEST}"
    [obj] = records_of(serving(spec))
    statement = json.loads(obj["data"]["statement.json"])
    assert statement["subject"][1] == {"name": "registry.example:5000/shop/web", "digest": {"sha256": DIGEST}}


@pytest.mark.parametrize(
    ("running", "subject"),
    [
        ([DIGEST, DIGEST], [{"name": "registry.example/web", "digest": {"sha256": DIGEST}}]),
        ([DIGEST, "b" * 64], []),  # the tag was moved in between: neither is the one
    ],
)
def test_a_tag_is_known_by_what_all_pods_run(running: list[str], subject: list[Object]) -> None:
    cluster = Cluster(blue_green())
    make = cluster._pod

    def pod(deployment: Object, index: int) -> Object:
        made = make(deployment, index)
        image = f"registry.example/web@sha256:{running[index]}"
        made["status"]["containerStatuses"][0] |= {"name": "web", "imageID": image}
        return made

    cluster._pod = pod  # type: ignore[method-assign]
    cluster.promote("web-1")
    cluster.settle()
    cluster.approve("web-1")
    assert cluster.run(60, lambda: cluster.phase() == "Healthy"), cluster.status
    [obj] = records_of(cluster)
    assert json.loads(obj["data"]["statement.json"])["subject"][1:] == subject


def test_a_rollback_has_its_own_record_with_the_gate_that_sent_it_back() -> None:
    cluster = shifting(canary())
    cluster.measure = lambda probe: {"value": 0.5}
    assert cluster.run(120, lambda: cluster.phase("web-2") == "RolledBack"), cluster.status
    cluster.settle()
    first, second = records(cluster)
    assert (second["kind"], second["outcome"]) == ("rollback", "RolledBack")
    assert second["previous"]["configMap"] in {obj["metadata"]["name"] for obj in records_of(cluster)}
    assert "error-rate" in second["reason"]
    [gate] = second["gates"]
    assert (gate["verdict"], gate["value"]) == ("Fail", 0.5)
    assert second["times"]["backAt"] >= second["times"]["endedAt"]
    assert first["kind"] == "launch"
    pages = {obj["metadata"]["labels"]["slipway.dev/record"]: obj["data"]["record.md"] for obj in records_of(cluster)}
    assert (
        """patch promotions.slipway.dev web-2 --type merge -p '{"spec":{"learnings":{"rootCause":"""
        in pages["rollback"]
    )
    assert "root cause" not in pages["launch"]
    [entry] = cluster.get("Promotion", "web-2")["status"]["records"]
    assert entry["kind"] == "rollback"


def test_a_rollback_is_recorded_when_traffic_is_back_and_not_before() -> None:
    cluster = shifting(canary())
    cluster.say("web-2", abort="users complain")
    seen: list[int] = []

    def remember(write: Write) -> None:
        seen.append(len(records_of(cluster)))
        if cluster.weight:
            assert len(records_of(cluster)) == 1

    cluster.after_write.append(remember)
    assert cluster.run(60, lambda: len(records(cluster)) == 2)
    assert cluster.phase("web-2") == "Aborted"


def test_a_launch_that_is_taken_back_later_has_two_records() -> None:
    cluster = launched()
    second = revision_of(cluster.get("Rollout")["spec"])
    cluster.edit(abort=second)
    assert cluster.run(60, lambda: len(records(cluster)) == 3), cluster.status
    launch, back = records(cluster)[1:]
    assert (launch["kind"], back["kind"]) == ("launch", "rollback")
    assert launch["promotion"] == back["promotion"]
    kinds = [entry["kind"] for entry in cluster.get("Promotion", "web-2")["status"]["records"]]
    assert kinds == ["launch", "rollback"]
    assert cluster.phase("web-2") == "Succeeded"


def test_nothing_is_recorded_of_what_never_had_traffic() -> None:
    cluster = serving(blue_green())
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.settle()
    cluster.say("web-2", abort="changed my mind")
    cluster.run(30)
    assert cluster.phase("web-2") == "Aborted"
    assert len(records(cluster)) == 1


def test_automatic_launches_are_recorded_under_the_rollouts_name() -> None:
    cluster = Cluster(blue_green(approval="Automatic"), automatic=True)
    assert cluster.run(60, lambda: cluster.phase() == "Healthy"), cluster.status
    cluster.edit(template=template(2))
    assert cluster.run(60, lambda: len(records(cluster)) == 2), cluster.status
    for record in records(cluster):
        assert "promotion" not in record
        assert [entry["by"] for entry in record["approvals"]] == ["automatic"]
    assert all(obj["metadata"]["name"].startswith("launch-web-") for obj in records_of(cluster))
    cluster.settle()
    assert not owed(cluster)


def test_a_record_that_cannot_be_written_is_owed_and_delays_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = serving(blue_green())
    keep = cluster.keep
    refused: list[KeepRecord] = []

    def refuse(cluster_probes: Any) -> None:
        probes = [probe for probe in cluster_probes if not isinstance(probe, KeepRecord)]
        refused.extend(probe for probe in cluster_probes if isinstance(probe, KeepRecord))
        run(probes)

    run = cluster.run_probes
    monkeypatch.setattr(cluster, "run_probes", refuse)
    for version in (2, 3):
        cluster.edit(template=template(version))
        cluster.promote(f"web-{version}")
        cluster.settle()
        cluster.approve(f"web-{version}")
        assert cluster.run(120, lambda v=version: cluster.phase(f"web-{v}") == "Succeeded"), cluster.status
    assert refused
    assert len(records(cluster)) == 1
    assert len(owed(cluster)) == 2
    monkeypatch.undo()
    assert keep == cluster.keep
    cluster.run(5)
    assert [record["number"] for record in records(cluster)] == [1, 2, 3]
    assert records(cluster)[1]["gates"][0]["verdict"] == "Pass"
    assert not owed(cluster)


def test_one_record_whatever_write_the_operator_dies_after() -> None:
    """Statuses may be lost with it: what was noted with the outcome is enough."""
    for death in range(12):
        cluster = serving(blue_green())
        cluster.edit(template=template(2))
        cluster.promote("web-2")
        cluster.settle()
        cluster.approve("web-2")
        cluster.run(60, lambda c=cluster: c.phase("web-2") == "Shifting")
        while "verified-at" not in str(cluster.marks(revision_of(cluster.get("Rollout")["spec"]))):
            cluster.run(1, lambda c=cluster: any(isinstance(w, MarkRevision) for w in c.decide().writes))
            cluster.once(writes=death % 4)
            cluster.controllers()
        cluster.observations.clear()
        cluster.wipe_status()
        cluster.run(60)
        found = records(cluster)
        assert [record["number"] for record in found] == [1, 2]
        assert found[1]["gates"][0]["value"] == 0.001


def test_learnings_become_a_record_for_each_text() -> None:
    cluster = launched()
    cluster.say("web-2", learnings={"wentWell": "the rehearsal", "followUps": ["write it down"]})
    cluster.run(5)
    cluster.say("web-2", learnings={"wentWell": "the rehearsal", "fix": "a longer timeout"})
    cluster.run(5)
    cluster.say("web-2", learnings={"wentWell": "the rehearsal", "followUps": ["write it down"]})
    cluster.run(5)
    found = records(cluster)
    assert [record["kind"] for record in found] == ["launch", "launch", "learnings", "learnings"]
    assert found[2]["learnings"]["followUps"] == ["write it down"]
    assert cluster.phase("web-2") == "Succeeded"
    page = cluster.get("ConfigMap", cluster.get("Promotion", "web-2")["status"]["records"][1]["configMap"])
    assert "## Follow-ups\n\n- write it down" in page["data"]["record.md"]


def test_learnings_of_a_promotion_that_still_runs_wait_for_its_end() -> None:
    cluster = serving(blue_green())
    cluster.edit(template=template(2))
    cluster.promote("web-2", learnings={"improve": "earlier"})
    cluster.run(5)
    assert len(records(cluster)) == 1


def test_learnings_neither_change_the_plan_nor_are_they_frozen() -> None:
    cluster = serving(blue_green())
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.settle()
    plan = cluster.approve("web-2")
    cluster.say("web-2", learnings={"improve": "earlier"})
    cluster.settle()
    assert cluster.get("Promotion", "web-2")["status"]["planHash"] == plan
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Succeeded")


def test_once_recorded_nothing_is_written_or_asked_any_more() -> None:
    cluster = launched()
    assert cluster.run(60, lambda: cluster.phase() == "Healthy")
    cluster.settle()
    decision = cluster.decide()
    assert not decision.writes
    assert not any(isinstance(probe, KeepRecord) for probe in decision.probes)


def test_the_outcome_and_what_is_owed_are_one_write() -> None:
    cluster = serving(blue_green())
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.settle()
    cluster.approve("web-2")
    written: list[MarkRevision] = []
    cluster.after_write.append(lambda write: written.append(write) if isinstance(write, MarkRevision) else None)
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Succeeded")
    [verified] = [write for write in written if "slipway.dev/verified-at" in write.annotations]
    assert "slipway.dev/owed-records" in verified.annotations
    assert not isinstance(verified, CommitRolloutStatus)


def test_templates_in_a_plan_are_named_by_digest_and_variables_without_their_values() -> None:
    container = {"image": "job:1", "env": [{"name": "TOKEN", "value": "hunter2"}]}
    plan = {"checks": [{"name": "m", "job": {"template": {"spec": {"containers": [container]}}}}]}
    found = without_templates(plan)
    assert found["checks"][0]["job"]["template"]["env"] == ["TOKEN"]
    assert "hunter2" not in json.dumps(found)
    assert len(found["checks"][0]["job"]["template"]["digest"]) == 71
