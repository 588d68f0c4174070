"""Policies for the namespace of one tenant."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from tests.e2e.kube import Person
from tests.e2e.tenant import Tenant


@contextlib.asynccontextmanager
async def demand(tenant: Tenant, name: str, **spec: Any) -> AsyncIterator[None]:
    """A PromotionPolicy that matches nothing but this namespace."""
    match = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": tenant.namespace}}}
    name = f"{tenant.namespace}-{name}"
    await tenant.admin.create(
        {
            "apiVersion": "slipway.dev/v1alpha1",
            "kind": "PromotionPolicy",
            "metadata": {"name": name},
            "spec": {"match": match, **spec},
        }
    )
    try:
        yield
    finally:
        await tenant.admin.delete("promotionpolicies", name)


@contextlib.asynccontextmanager
async def second_approver(tenant: Tenant) -> AsyncIterator[Person]:
    """Another person with the right to approve."""
    person = Person(tenant.cluster.kubeconfig("second-approver"), tenant.namespace)
    try:
        yield person
    finally:
        await person.close()


async def approve_too(tenant: Tenant, promotion: str, person: Person) -> None:
    """When one approval of two is there, add the other: for the plan that the message asks it for."""

    def message() -> str:
        return str(tenant.status(promotion, "promotions").get("message"))

    await tenant.until(lambda: "1 of 2 approvals (by approver)" in message(), "the second person is asked for")
    plan = tenant.status(promotion, "promotions")["planHash"]
    assert plan in message()
    await tenant.tell(promotion, person, approvals={"second-approver": plan})
