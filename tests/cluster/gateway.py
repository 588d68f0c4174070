"""Traefik as the Gateway API data plane: a program in the cluster's network that serves pods directly."""

import json
from collections.abc import Sequence

from .api import API
from .kubectl import apply_files, apply_objects
from .parts import Parts
from .placement import NODE_ADDRESS
from .process import PATIENCE
from .toolchain import module_folder, program

PORT = 8000
URL = f"http://{NODE_ADDRESS}:{PORT}"
GATEWAY_NAMESPACE = "gateway-system"
GATEWAY = "public"

_KINDS = ("gatewayclasses", "gateways", "httproutes", "grpcroutes", "referencegrants", "backendtlspolicies")

_OBJECTS: list[dict[str, object]] = [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": GATEWAY_NAMESPACE}},
    {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "GatewayClass",
        "metadata": {"name": "traefik"},
        "spec": {"controllerName": "traefik.io/gateway-controller"},
    },
    {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": GATEWAY, "namespace": GATEWAY_NAMESPACE},
        "spec": {
            "gatewayClassName": "traefik",
            "listeners": [
                {
                    "name": "web",
                    "protocol": "HTTP",
                    "port": PORT,  # Traefik wants the port of its entry point here
                    "allowedRoutes": {"namespaces": {"from": "All"}},
                }
            ],
        },
    },
]


def install_gateway_api(parts: Parts) -> None:
    """The CRDs of the standard channel, as the module ships them."""
    folder = module_folder("gateway-api", "sigs.k8s.io/gateway-api") / "config" / "crd" / "standard"
    apply_files(parts, *(folder / f"gateway.networking.k8s.io_{kind}.yaml" for kind in _KINDS))


def start_gateway(parts: Parts, *extra: str) -> None:
    """Install the CRDs, start Traefik and wait until it has programmed the Gateway gateway-system/public."""
    install_gateway_api(parts)
    apply_objects(parts, *_OBJECTS)
    parts.start("traefik", traefik_command(parts, extra))
    api = API.of(parts)
    path = f"/apis/gateway.networking.k8s.io/v1/namespaces/{GATEWAY_NAMESPACE}/gateways/{GATEWAY}"

    def programmed() -> bool:
        answer = api.try_get(path)
        conditions = answer.get("status", {}).get("conditions", []) if answer else []
        return any(one["type"] == "Programmed" and one["status"] == "True" for one in conditions)

    parts["traefik"].wait_ready(programmed, PATIENCE, "a programmed Gateway")


def traefik_command(parts: Parts, extra: Sequence[str] = ()) -> list[str]:
    config = json.loads(parts.kubeconfig("traefik").read_text())
    provider = "--providers.kubernetesgateway"
    return [
        str(program("traefik", "traefik")),
        f"--entrypoints.web.address={NODE_ADDRESS}:{PORT}",
        f"{provider}=true",
        f"{provider}.endpoint={config['clusters'][0]['cluster']['server']}",
        f"{provider}.token={config['users'][0]['user']['token']}",
        f"{provider}.certauthfilepath={parts.folder / 'pki' / 'ca.crt'}",
        f"{provider}.statusaddress.ip={NODE_ADDRESS}",
        "--global.checknewversion=false",
        "--global.sendanonymoususage=false",
        "--log.level=INFO",
        *extra,
    ]
