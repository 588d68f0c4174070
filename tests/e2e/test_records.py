"""What is left of launches when all else is gone: records that verify, and that nobody changes unseen."""

import tempfile
from pathlib import Path

import pytest
from tests.e2e.arena import scenario
from tests.e2e.kube import Refused
from tests.e2e.records import records, slipway, statement
from tests.e2e.tenant import Tenant


@scenario
async def test_a_launch_and_its_rollback_are_recorded_in_a_chain_that_verifies(tenant: Tenant) -> None:
    await tenant.serve("v1")
    await tenant.edit({"strategy": {"blueGreen": {"verify": "2s", "keepPrevious": "60s"}}})
    promotion, second = await tenant.launch("v2", version="v2.0.0", commit="abc1234", idea={"id": "IDEA-7"})
    await tenant.until_promotion(promotion, "Succeeded")
    [launch] = await records(tenant, promotion, "launch")
    await tenant.edit({"abort": second.removeprefix("web-")})
    await tenant.until_phase("RolledBack")
    launch, back = await records(tenant, promotion, "launch", "rollback")
    await tenant.tell(promotion, learnings={"rootCause": "a timeout", "fix": "a longer one"})
    *_, learned = await records(tenant, promotion, "launch", "rollback", "learnings")

    told = await statement(tenant, launch)
    assert told["_type"] == "https://in-toto.io/Statement/v1"
    assert told["predicate"]["outcome"] == "Succeeded"
    assert [entry["identity"] for entry in told["predicate"]["approvals"]] == ["verified"]
    assert told["predicate"]["gates"]
    assert (await statement(tenant, back))["predicate"]["reason"]

    code, output = await slipway(tenant, "verify")
    assert (code, output) == (
        0,
        f"{tenant.namespace}/web: 4 records (2 launch, 1 learnings, 1 rollback): the chain holds\n",
    )
    code, output = await slipway(tenant, "list", "--rollout", "web")
    assert [line.split()[3] for line in output.splitlines()[1:]] == ["launch", "launch", "rollback", "learnings"]
    with tempfile.TemporaryDirectory() as folder:
        code, output = await slipway(tenant, "export", folder)
        assert code == 0, output
        assert "a longer one" in (Path(folder) / "launched" / "IDEA-7.md").read_text()
        environment = told["predicate"]["environment"]
        page = (Path(folder) / "environments" / environment / "status.md").read_text()
        assert "| status | rolledback |" in page

    # They outlive everything that they are about.
    await tenant.developer.delete("promotions", promotion)
    await tenant.developer.delete("rollouts", "web")
    await tenant.until(lambda: not tenant.all("rollouts"), "the Rollout is gone")
    assert (await slipway(tenant, "verify"))[0] == 0

    with pytest.raises(Refused, match="prune"):
        await tenant.developer.delete("configmaps", launch)
    with pytest.raises(Refused, match="never changed"):
        await tenant.developer.merge("configmaps", launch, {"metadata": {"labels": {"slipway.dev/idea": "other"}}})
    # Who may delete, and does, does not do so unseen.
    await tenant.admin.delete("configmaps", back)
    code, output = await slipway(tenant, "verify")
    assert code == 1
    assert "are missing" in output
    assert learned in output
