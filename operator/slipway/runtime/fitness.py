"""Whether a cluster is one that the operator can run in, and what it has to know of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from pydantic import BaseModel

from slipway.api.crd import structural
from slipway.api.promotion import Promotion
from slipway.api.promotion_policy import PromotionPolicy
from slipway.api.rollout import Rollout
from slipway.api.served import lacking, schema_of
from slipway.cluster.api import Object
from slipway.cluster.cache import WATCHED
from slipway.cluster.client import Client
from slipway.cluster.errors import APIError, NotFound
from slipway.cluster.resources import (
    ADMISSION_BINDINGS,
    HTTP_ROUTES,
    PROMOTION_POLICIES,
    PROMOTIONS,
    ROLLOUTS,
    Resource,
)

log = logging.getLogger(__name__)

APPROVAL_POLICY_BINDING = "slipway-approval"
SHOWN = 5
"""Fields that a line of the log names."""


class CannotRun(Exception):
    """The cluster lacks something without which the operator must not run; the message says what."""


class Fitness:
    """Asks the cluster. `stopping` ends the wait for an API server that does not answer."""

    def __init__(self, client: Client, stopping: asyncio.Event) -> None:
        self._client = client
        self._stopping = stopping
        self.identity_verified = False
        """Whether admission verifies approvers here, as `check_policy` found last."""
        self._unclear = ""
        self._defined = False
        self._told: set[str] = set()

    async def kinds(self) -> list[Resource]:
        """What there is to watch; CannotRun if a custom resource of ours is not installed."""
        while True:
            try:
                served = await self._client.served(ROLLOUTS.group, ROLLOUTS.version)
                routes = await self._client.served(HTTP_ROUTES.group, HTTP_ROUTES.version)
                break
            except APIError as error:
                log.warning("the API server does not answer yet: %s", error)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), 2.0)
                raise CannotRun("stopped before the API server answered")
        missing = [kind.name for kind in (ROLLOUTS, PROMOTIONS, PROMOTION_POLICIES) if kind.plural not in served]
        if missing:
            raise CannotRun(
                f"the CustomResourceDefinition {' and '.join(missing)} (version {ROLLOUTS.version}) is not "
                "installed: slipway crds | kubectl apply --server-side -f -"
            )
        routed = HTTP_ROUTES.plural in routes
        if not routed:
            log.info("no HTTPRoutes in this cluster: canaries need the Gateway API, blue/green does not")
        return [kind for kind in WATCHED if kind != HTTP_ROUTES or routed]

    async def check_definitions(self) -> None:
        """Say, once, which fields the installed CRDs lack: what stands in one of those is lost, in spec and in status.

        To be asked again now and then: a schema is published some time after its CRD was applied.
        """
        if self._defined:
            return
        try:
            document = await self._client.openapi(ROLLOUTS.group, ROLLOUTS.version)
        except APIError as error:
            log.debug("cannot tell whether the CustomResourceDefinitions are of this version: %s", error)
            return
        found = [await asyncio.to_thread(_outdated, model, document) for model in (Rollout, Promotion, PromotionPolicy)]
        self._defined = found == ["", "", ""]
        for words in filter(None, found):
            if words not in self._told:
                log.warning("%s; what stands there is lost: slipway crds | kubectl apply --server-side -f -", words)
        self._told = {words for words in found if words}

    async def routed(self) -> bool:
        """Whether there are HTTPRoutes; no where that cannot be told."""
        try:
            return HTTP_ROUTES.plural in await self._client.served(HTTP_ROUTES.group, HTTP_ROUTES.version)
        except APIError as error:
            log.warning("cannot tell whether there are HTTPRoutes: %s", error)
            return False

    async def check_policy(self) -> None:
        """Whether admission verifies approvers here; if that cannot be told, it is taken as no."""
        try:
            binding = await self._client.get(ADMISSION_BINDINGS, None, APPROVAL_POLICY_BINDING)
            # One that only warns or audits lets anybody approve.
            verified = "Deny" in (binding.get("spec") or {}).get("validationActions", [])
            unclear = ""
        except NotFound:
            verified, unclear = False, ""
        except APIError as error:
            verified, unclear = False, str(error)
        if unclear and unclear != self._unclear:  # asked again every few seconds, said once
            log.warning("cannot tell whether approvals are verified: %s", unclear)
        self._unclear = unclear
        if verified != self.identity_verified:
            log.info("approvals are %s at admission", "verified" if verified else "not verified")
        self.identity_verified = verified


def _outdated(model: type[BaseModel], document: Object) -> str | None:
    """What a CRD lacks of a model, in words; '' if nothing, None if its schema is not published (yet)."""
    there = schema_of(model.__name__, document)
    if not there:
        return None
    ours = structural(model)["properties"]
    missing = list(lacking({"properties": {part: ours[part] for part in ("spec", "status") if part in ours}}, there))
    if not missing:
        return ""
    more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
    fields = ", ".join(missing[:SHOWN]) + more
    return f"the CustomResourceDefinition of {model.__name__} is older than this operator and lacks {fields}"
