"""The command with which `slipway explain` ends where no Promotion waits, in states that the operator comes to."""

import json
import shlex

from tests.unit.core.cluster import Cluster, revision_of, serving, shifting
from tests.unit.core.objects import blue_green, template

from slipway.console.explain import explain

V2 = revision_of(blue_green(2))
EDIT = "kubectl edit rollouts.slipway.dev web -n shop"


def lines(cluster: Cluster) -> list[str]:
    return list(explain(cluster.get("Rollout"), cluster.all("Promotion")))


def sent_back() -> Cluster:
    """Revision 2 broke its gates under web-2, and the first one serves again."""
    cluster = shifting(blue_green(), 100)
    cluster.measure = lambda probe: {"value": 0.5}
    assert cluster.run(120, lambda: (cluster.phase(), cluster.phase("web-2")) == ("RolledBack", "RolledBack"))
    cluster.measure = lambda probe: {"value": 0.001}
    cluster.run(30)
    assert cluster.status.get("candidate") is None
    return cluster


def test_what_was_sent_back_is_tried_again_with_a_word_on_what_is_different() -> None:
    *_, said, command = lines(sent_back())
    assert said.startswith(f"Promotion web-2 of revision {V2} is RolledBack: ")
    assert command == "  next: slipway retry web-2 -n shop --fix WHY"


def test_what_its_promotion_says_was_different_need_not_be_said_again() -> None:
    cluster = sent_back()
    cluster.say("web-2", learnings={"fix": "the pool has a limit"})
    assert lines(cluster)[-1] == "  next: slipway retry web-2 -n shop"


def test_what_was_aborted_is_tried_again_in_the_same_way() -> None:
    cluster = shifting(blue_green(), 100)
    cluster.say("web-2", abort="wrong prices")
    assert cluster.run(60, lambda: (cluster.phase(), cluster.phase("web-2")) == ("RolledBack", "Aborted"))
    assert lines(cluster)[-1] == "  next: slipway retry web-2 -n shop --fix WHY"


def test_what_was_taken_back_after_its_success_is_asked_for_by_a_promotion_that_says_what_is_different() -> None:
    cluster = shifting(blue_green(), 100)
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Succeeded")
    cluster.edit(abort=V2)
    assert cluster.run(60, lambda: cluster.phase() == "RolledBack")
    *_, said, command = lines(cluster)
    assert said == f"There is no Promotion for revision {V2}."
    made = json.loads(shlex.split(command.removeprefix("  next: "))[1])
    assert made["metadata"]["name"] == f"web-{V2}"
    assert made["spec"]["retry"] == {"fix": "WHY"}
    cluster.promote(made["metadata"]["name"], **made["spec"])
    cluster.run(5)
    assert cluster.phase(made["metadata"]["name"]) == "AwaitingApproval"


def test_without_anything_to_go_back_to_the_template_is_changed() -> None:
    cluster = Cluster(blue_green())
    cluster.promote("web-1")
    cluster.settle()
    cluster.approve("web-1")
    cluster.measure = lambda probe: {"value": 0.5}
    assert cluster.run(60, lambda: cluster.phase() == "Degraded"), cluster.status
    assert lines(cluster)[-1] == f"  next: change spec.template to what is mended, and launch that: {EDIT}"
    cluster.edit(template=template(2))
    cluster.settle()
    assert cluster.status["candidate"]["revision"] == V2


def test_what_is_not_valid_is_corrected_also_where_a_promotion_waits_for_a_candidate() -> None:
    cluster = serving(blue_green())
    cluster.edit(replicas="many")
    cluster.settle()
    assert cluster.phase() == "Invalid"
    assert lines(cluster)[-1] == f"  next: correct that field: {EDIT}"
    cluster.promote("web-2")
    cluster.settle()
    assert lines(cluster).count(f"  next: correct that field: {EDIT}") == 1
