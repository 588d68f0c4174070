"""What is left of launches when all else is gone: records that verify, and that nobody changes unseen."""

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.arena import scenario
from tests.e2e.kube import Refused
from tests.e2e.tenant import Tenant


async def _slipway(tenant: Tenant, *arguments: str) -> tuple[int, str]:
    """The command line as the developer runs it: exit code and all output."""
    kubeconfig = str(tenant.cluster.kubeconfig("developer"))
    done = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "slipway.cli", "records", *arguments),
        *("--namespace", tenant.namespace, "--kubeconfig", kubeconfig),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={name: value for name, value in os.environ.items() if name != "KUBERNETES_SERVICE_HOST"},
    )
    output, _ = await done.communicate()
    return done.returncode or 0, output.decode()


async def _records(tenant: Tenant, promotion: str, *kinds: str) -> list[str]:
    """The names of a Promotion's records, once it has these."""

    def there() -> Any:
        found = (tenant.status(promotion, "promotions").get("records")) or []
        return [entry["configMap"] for entry in found] if [entry["kind"] for entry in found] == list(kinds) else None

    names: list[str] = await tenant.until(there, f"Promotion {promotion} names records of {', '.join(kinds)}")
    return names


async def _statement(tenant: Tenant, record: str) -> Any:
    found = await tenant.developer.get("configmaps", record)
    return json.loads(found["data"]["statement.json"])


@scenario
async def test_a_launch_and_its_rollback_are_recorded_in_a_chain_that_verifies(tenant: Tenant) -> None:
    await tenant.serve("v1")
    await tenant.edit({"strategy": {"blueGreen": {"verify": "2s", "keepPrevious": "60s"}}})
    promotion, second = await tenant.launch("v2", version="v2.0.0", commit="abc1234", idea={"id": "IDEA-7"})
    await tenant.until_promotion(promotion, "Succeeded")
    [launch] = await _records(tenant, promotion, "launch")
    await tenant.edit({"abort": second.removeprefix("web-")})
    await tenant.until_phase("RolledBack")
    launch, back = await _records(tenant, promotion, "launch", "rollback")
    await tenant.tell(promotion, learnings={"rootCause": "a timeout", "fix": "a longer one"})
    *_, learned = await _records(tenant, promotion, "launch", "rollback", "learnings")

    told = await _statement(tenant, launch)
    assert told["_type"] == "https://in-toto.io/Statement/v1"
    assert told["predicate"]["outcome"] == "Succeeded"
    assert [entry["identity"] for entry in told["predicate"]["approvals"]] == ["verified"]
    assert told["predicate"]["gates"]
    assert (await _statement(tenant, back))["predicate"]["reason"]

    code, output = await _slipway(tenant, "verify")
    assert (code, output) == (
        0,
        f"{tenant.namespace}/web: 4 records (2 launch, 1 learnings, 1 rollback): the chain holds\n",
    )
    code, output = await _slipway(tenant, "list", "--rollout", "web")
    assert [line.split()[3] for line in output.splitlines()[1:]] == ["launch", "launch", "rollback", "learnings"]
    with tempfile.TemporaryDirectory() as folder:
        code, output = await _slipway(tenant, "export", folder)
        assert code == 0, output
        assert "a longer one" in (Path(folder) / "launched" / "IDEA-7.md").read_text()
        environment = told["predicate"]["environment"]
        page = (Path(folder) / "environments" / environment / "status.md").read_text()
        assert "| status | rolledback |" in page

    # They outlive everything that they are about.
    await tenant.developer.delete("promotions", promotion)
    await tenant.developer.delete("rollouts", "web")
    await tenant.until(lambda: not tenant.all("rollouts"), "the Rollout is gone")
    assert (await _slipway(tenant, "verify"))[0] == 0

    with pytest.raises(Refused, match="prune"):
        await tenant.developer.delete("configmaps", launch)
    with pytest.raises(Refused, match="never changed"):
        await tenant.developer.merge("configmaps", launch, {"metadata": {"labels": {"slipway.dev/idea": "other"}}})
    # Who may delete, and does, does not do so unseen.
    await tenant.admin.delete("configmaps", back)
    code, output = await _slipway(tenant, "verify")
    assert code == 1
    assert "are missing" in output
    assert learned in output
