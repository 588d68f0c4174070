"""`slipway init`: manifests that the server takes, of a Deployment as the server gives it."""

import copy
from typing import Any

import pytest

from slipway.api.promotion import Promotion
from slipway.api.rollout import Rollout
from slipway.api.service import ServiceSpec
from slipway.console import first_manifests
from slipway.console.first_manifests import CannotBegin

DEPLOYMENT: dict[str, Any] = {
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {
        "replicas": 4,
        "template": {
            "metadata": {
                "labels": {"app": "web", "team": "a"},
                "annotations": {"kubectl.kubernetes.io/restartedAt": "x"},
                "creationTimestamp": None,
            },
            "spec": {
                "containers": [
                    {
                        "name": "web",
                        "image": "web:1",
                        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
                        "readinessProbe": {
                            "httpGet": {"path": "/", "port": "http", "scheme": "HTTP"},
                            "periodSeconds": 5,
                            "timeoutSeconds": 1,
                            "successThreshold": 1,
                            "failureThreshold": 3,
                        },
                        "resources": {},
                        "terminationMessagePath": "/dev/termination-log",
                    }
                ],
                "serviceAccountName": "web",
                "serviceAccount": "web",
                "dnsPolicy": "ClusterFirst",
            },
        },
    },
}
SERVICE: dict[str, Any] = {
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {
        "selector": {"app": "web"},
        "ports": [{"port": 80, "targetPort": "http", "protocol": "TCP", "nodePort": 30080}],
    },
}


def test_the_models_take_them() -> None:
    rollout = first_manifests.rollout(DEPLOYMENT, SERVICE, "staging", False)
    Rollout.model_validate(rollout)
    Promotion.model_validate(first_manifests.promotion(rollout))


def test_what_the_server_filled_in_is_left_out_and_all_else_stays() -> None:
    made = first_manifests.rollout(DEPLOYMENT, SERVICE, "production", False)["spec"]
    assert made["template"]["spec"] == {
        "containers": [
            {
                "name": "web",
                "image": "web:1",
                "ports": [{"name": "http", "containerPort": 8080}],
                "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 5},
            }
        ],
        "serviceAccountName": "web",
    }
    assert made["template"]["metadata"] == {"labels": {"app": "web-slipway", "team": "a"}}
    assert made["service"] == {"ports": [{"name": "port-80", "port": 80, "targetPort": "http"}]}
    assert (made["replicas"], made["environment"], "approval" in made) == (4, "production", False)


def test_the_services_own_selector_never_selects_the_new_pods() -> None:
    long = copy.deepcopy(DEPLOYMENT)
    long["spec"]["template"]["metadata"]["labels"]["app"] = "w" * 63
    service = copy.deepcopy(SERVICE)
    service["spec"]["selector"] = {"app": "w" * 63}
    labels = first_manifests.rollout(long, service, "staging", False)["spec"]["template"]["metadata"]["labels"]
    assert not service["spec"]["selector"].items() <= labels.items()
    assert len(labels["app"]) <= 63


@pytest.mark.parametrize(("selector", "why"), [({}, "has no selector"), ({"app": "api"}, "does not select the pods")])
def test_a_service_that_is_not_of_the_deployment_is_refused(selector: dict[str, str], why: str) -> None:
    service = copy.deepcopy(SERVICE)
    service["spec"]["selector"] = selector
    with pytest.raises(CannotBegin, match=why):
        first_manifests.rollout(DEPLOYMENT, service, "staging", False)


def test_the_steps_name_what_automatic_needs() -> None:
    for automatic in (False, True):
        rollout = first_manifests.rollout(DEPLOYMENT, SERVICE, "staging", automatic)
        steps = first_manifests.next_steps(rollout, "web")
        assert any("annotate service web slipway.dev/adopt=web" in step for step in steps)
        assert any("slipway.dev/approval=automatic" in step for step in steps) is automatic


def test_ports_without_a_name_get_names_of_their_own() -> None:
    ports = [{"port": 53, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}, {"port": 65535, "protocol": "SCTP"}]
    made = [first_manifests.port_of(port) for port in ports]
    assert [one["name"] for one in made] == ["port-53", "port-53-udp", "port-65535-sctp"]
    assert ServiceSpec.model_validate({"ports": made}).ports[1].protocol == "UDP"
