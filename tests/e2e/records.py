"""Launch records in a cluster, and the command line over them."""

import asyncio
import json
import os
import sys
from typing import Any

from tests.e2e.tenant import Tenant


async def slipway(tenant: Tenant, *arguments: str) -> tuple[int, str]:
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


async def records(tenant: Tenant, promotion: str, *kinds: str) -> list[str]:
    """The names of a Promotion's records, once it has these."""

    def there() -> Any:
        found = (tenant.status(promotion, "promotions").get("records")) or []
        return [entry["configMap"] for entry in found] if [entry["kind"] for entry in found] == list(kinds) else None

    names: list[str] = await tenant.until(there, f"Promotion {promotion} names records of {', '.join(kinds)}")
    return names


async def statement(tenant: Tenant, record: str) -> Any:
    found = await tenant.developer.get("configmaps", record)
    return json.loads(found["data"]["statement.json"])
