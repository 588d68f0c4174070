"""A person at the API server: reads, writes and watches with that person's own token, refused like that person."""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp

Object = dict[str, Any]

_GROUPS = {
    "api/v1": ("configmaps", "endpoints", "events", "namespaces", "pods", "replicationcontrollers", "services"),
    "apis/apps/v1": ("controllerrevisions", "daemonsets", "deployments", "replicasets", "statefulsets"),
    "apis/argoproj.io/v1alpha1": ("applications",),
    "apis/batch/v1": ("cronjobs", "jobs"),
    "apis/discovery.k8s.io/v1": ("endpointslices",),
    "apis/gateway.networking.k8s.io/v1": ("httproutes",),
    "apis/networking.k8s.io/v1": ("ingresses",),
    "apis/rbac.authorization.k8s.io/v1": ("rolebindings", "roles"),
    "apis/slipway.dev/v1alpha1": ("promotionpolicies", "promotions", "rollouts"),
    "apis/admissionregistration.k8s.io/v1": (
        "mutatingadmissionpolicybindings",
        "validatingadmissionpolicybindings",
    ),
}
_CLUSTER_WIDE = {
    "namespaces",
    "promotionpolicies",
    "mutatingadmissionpolicybindings",
    "validatingadmissionpolicybindings",
}
_GROUP_OF = {plural: group for group, plurals in _GROUPS.items() for plural in plurals}
_KIND_OF = {
    "Application": "applications",
    "ConfigMap": "configmaps",
    "ControllerRevision": "controllerrevisions",
    "CronJob": "cronjobs",
    "DaemonSet": "daemonsets",
    "Deployment": "deployments",
    "EndpointSlice": "endpointslices",
    "Endpoints": "endpoints",
    "HTTPRoute": "httproutes",
    "Ingress": "ingresses",
    "Job": "jobs",
    "Namespace": "namespaces",
    "Pod": "pods",
    "Promotion": "promotions",
    "PromotionPolicy": "promotionpolicies",
    "ReplicaSet": "replicasets",
    "ReplicationController": "replicationcontrollers",
    "Role": "roles",
    "RoleBinding": "rolebindings",
    "Rollout": "rollouts",
    "Service": "services",
    "StatefulSet": "statefulsets",
    "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
}

MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"


class Refused(Exception):
    """The API server's refusal: its HTTP status and its words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


class Person:
    """One user of the cluster, with a connection of its own. `namespace` is where plural names are looked up."""

    def __init__(self, kubeconfig: Path, namespace: str = "") -> None:
        config = json.loads(kubeconfig.read_text())
        cluster = config["clusters"][0]["cluster"]
        context = ssl.create_default_context(cadata=_pem(cluster["certificate-authority-data"]))
        self.namespace = namespace
        self._session = aiohttp.ClientSession(
            cluster["server"],
            connector=aiohttp.TCPConnector(ssl=context, limit=0),
            headers={"Authorization": f"Bearer {config['users'][0]['user']['token']}"},
            timeout=aiohttp.ClientTimeout(total=30),
        )

    async def close(self) -> None:
        await self._session.close()

    async def get(self, plural: str, name: str) -> Object:
        return await self._ask("GET", self._path(plural, name))

    async def find(self, plural: str, name: str) -> Object | None:
        """The object, or None where there is none."""
        try:
            return await self.get(plural, name)
        except Refused as refusal:
            if refusal.status == 404:
                return None
            raise

    async def list(self, plural: str, selector: str = "") -> list[Object]:
        parameters = {"labelSelector": selector} if selector else {}
        return list((await self._ask("GET", self._path(plural), parameters=parameters))["items"])

    async def create(self, obj: Mapping[str, Any]) -> Object:
        return await self._ask("POST", self._path(_KIND_OF[obj["kind"]]), obj)

    async def apply(self, obj: Mapping[str, Any], manager: str = "kubectl") -> Object:
        """Server-side apply, taking fields over from others."""
        path = self._path(_KIND_OF[obj["kind"]], obj["metadata"]["name"])
        return await self._ask("PATCH", path, obj, APPLY, {"fieldManager": manager, "force": "true"})

    async def replace(self, obj: Mapping[str, Any]) -> Object:
        return await self._ask("PUT", self._path(_KIND_OF[obj["kind"]], obj["metadata"]["name"]), obj)

    async def merge(self, plural: str, name: str, patch: Mapping[str, Any], subresource: str = "") -> Object:
        return await self._ask("PATCH", self._path(plural, name, subresource), patch, MERGE)

    async def patch(self, plural: str, name: str, *operations: Mapping[str, Any]) -> Object:
        """A JSON patch."""
        return await self._ask("PATCH", self._path(plural, name), list(operations), JSON_PATCH)

    async def delete(self, plural: str, name: str, policy: str = "Background") -> Object:
        return await self._ask("DELETE", self._path(plural, name), {"propagationPolicy": policy})

    async def watch(self, plural: str) -> AsyncIterator[tuple[str, Object]]:
        """("ADDED" | "MODIFIED" | "DELETED", object) for ever: what is there first, then what changes."""
        while True:
            try:
                listed = await self._ask("GET", self._path(plural))
                for item in listed["items"]:
                    yield "ADDED", item
                async for kind, item in self._stream(plural, listed["metadata"]["resourceVersion"]):
                    if kind == "ERROR":
                        break
                    yield kind, item
            except Refused as refusal:
                # While its CRD changes a kind is served to nobody for a moment.
                if refusal.status != 429 and refusal.status < 500:
                    raise
                await asyncio.sleep(0.1)
            except (aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(0.1)

    async def _stream(self, plural: str, version: str) -> AsyncIterator[tuple[str, Object]]:
        parameters = {"watch": "true", "resourceVersion": version, "allowWatchBookmarks": "false"}
        patient = aiohttp.ClientTimeout(total=None)
        async with self._session.get(self._path(plural), params=parameters, timeout=patient) as answer:
            buffer = b""
            async for chunk in answer.content.iter_any():
                *lines, buffer = (buffer + chunk).split(b"\n")
                for line in lines:
                    event = json.loads(line)
                    yield event["type"], event["object"]

    def _path(self, plural: str, name: str = "", subresource: str = "") -> str:
        wide = plural in _CLUSTER_WIDE or not self.namespace
        place = "" if wide else f"/namespaces/{self.namespace}"
        parts = [f"/{_GROUP_OF[plural]}{place}/{plural}", name, subresource]
        return "/".join(part for part in parts if part)

    async def _ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        content_type: str = "application/json",
        parameters: Mapping[str, str] | None = None,
    ) -> Object:
        data = None if body is None else json.dumps(body)
        headers = {"Content-Type": content_type} if data else {}
        async with self._session.request(method, path, data=data, headers=headers, params=parameters) as answer:
            decoded: Object = await answer.json()
        if answer.status >= 400:
            raise Refused(answer.status, decoded.get("message", ""))
        return decoded


def _pem(encoded: str) -> str:
    return base64.b64decode(encoded).decode()
