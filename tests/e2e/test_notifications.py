"""People are told of a launch by a real receiver; a channel where nobody listens holds nothing up."""

import hashlib

from tests.e2e.arena import scenario
from tests.e2e.kube import Object
from tests.e2e.records import records
from tests.e2e.tenant import Tenant


@scenario
async def test_a_launch_is_told_to_a_channel_that_listens_and_not_held_up_by_one_that_does_not(tenant: Tenant) -> None:
    await tenant.serve("v1")
    await tenant.change_image("v2")
    asks = [{"name": "stakeholders-notified"}]
    promotion = await tenant.promote(communication={"notify": ["team", "nobody", "ceo"]}, checks=asks)

    def told() -> list[str]:
        return [message["title"].split()[-1] for message in tenant.receiver.about(tenant.namespace)]

    def deliveries(channel: str) -> list[Object]:
        notices = tenant.status(promotion, "promotions").get("notices") or []
        return [one for notice in notices for one in notice["deliveries"] if one["channel"] == channel]

    await tenant.until(lambda: told() == ["Planned", "AwaitingApproval"], "the question arrives")
    question = tenant.receiver.about(tenant.namespace)[1]["message"]
    assert f"kubectl -n {tenant.namespace} patch promotions.slipway.dev {promotion}" in question
    await tenant.until(lambda: [one.get("delivered") for one in deliveries("team")] == [True] * 2, "both are recorded")
    async with tenant.users() as users:
        second = await tenant.approve(promotion)
        await tenant.until_promotion(promotion, "Succeeded")
        await tenant.all_served_by(users, second)
    assert not users.report().failures, users.report().summary()
    story = ["Planned", "AwaitingApproval", "Approved", "Shifting", "Launched"]
    await tenant.until(lambda: told() == story, "the end arrives")
    await tenant.until(lambda: all(one.get("delivered") for one in deliveries("team")), "all of it is recorded")
    assert not any(one.get("delivered") for one in deliveries("nobody"))
    assert all("no channel ceo is open to Promotions" in one["message"] for one in deliveries("ceo"))
    assert not list(tenant.operator.lines("secret-of-the-channel"))

    # Machines are told of both launches, and have their records as they were kept.
    kinds = ["dev.cdevents.service.deployed.0.3.0", "dev.cdevents.service.upgraded.0.3.0"]

    def heard(subject: str) -> list[str]:
        return [kind for kind, _ in tenant.receiver.cd_events(tenant.namespace) if f".{subject}." in kind]

    await tenant.until(lambda: heard("service") == kinds, "CDEvents")
    assert "dev.cdevents.pipelinerun.started.0.3.0" in heard("pipelinerun")
    [record] = await records(tenant, promotion, "launch")
    kept = await tenant.developer.get("configmaps", record)
    key, body = tenant.receiver.records(tenant.namespace)[record]
    assert body.decode() == kept["data"]["statement.json"]
    assert key == f"sha256:{hashlib.sha256(body).hexdigest()}"
