"""What a pod template shows by itself: each rule, what is let through, and that no value is ever shown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from tests.unit.core.cluster import Cluster, serving
from tests.unit.core.objects import Object, blue_green, template
from tests.unit.core.test_total import JSON

from slipway.api.check import OF_TEMPLATE
from slipway.core.template_checks import TEMPLATE_CHECKS, image_pinned, no_secret_literals, non_root, resources_set

DIGEST = "sha256:" + "a" * 64
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl"


def of(**container: Any) -> Object:
    return {"spec": {"containers": [{"name": "web", "image": "web:1.2.3", **container}]}}


def test_the_fixture_is_a_plain_sensible_workload() -> None:
    assert [judge(template()).result for judge in TEMPLATE_CHECKS.values()] == ["Passed"] * 4
    assert {name: judge(template()).category for name, judge in TEMPLATE_CHECKS.items()} == OF_TEMPLATE
    assert {judge(template()).name for judge in TEMPLATE_CHECKS.values()} == set(OF_TEMPLATE)


@pytest.mark.parametrize(
    "image",
    [
        "web:1.2.3",
        "web:v1",
        f"web@{DIGEST}",
        f"web:latest@{DIGEST}",
        "r.example:5000/a/web:main-3f2a9c0",
        "web:deadbeef",
    ],
)
def test_an_image_that_does_not_move(image: str) -> None:
    assert image_pinned(of(image=image)).result == "Passed"


@pytest.mark.parametrize(
    ("images", "words"),
    [
        ([f"web@{DIGEST}", f"proxy:latest@{DIGEST}"], "every image has a digest"),
        (
            [f"web@{DIGEST}", "nginx:1"],
            "every image has a digest or a tag with a number; tags can be moved, only a digest cannot: nginx:1",
        ),
        (
            ["node:20", "python:3", "web:v1.2.3", "web:main-3f2a9c0", "node:20"],
            "every image has a digest or a tag with a number; tags can be moved, only a digest cannot: "
            "node:20, python:3, web:v1.2.3, and 1 more",
        ),
    ],
)
def test_it_is_said_which_images_rest_on_a_tag(images: list[str], words: str) -> None:
    template = {"spec": {"containers": [{"name": f"c{n}", "image": image} for n, image in enumerate(images)]}}
    assert (image_pinned(template).result, image_pinned(template).message) == ("Passed", words)


@pytest.mark.parametrize(
    "image",
    [
        "",
        "web",
        "web:",
        "r.example:5000/a/web",
        "web:latest",
        "web:latest-alpine3",
        "web:main",
        "web:feature-login",
        "web:stable",
    ],
)
def test_an_image_that_may_change(image: str) -> None:
    found = image_pinned(of(image=image))
    assert found.result == "Failed"
    assert "spec.template.spec.containers[0].image" in found.message
    assert "digest" in found.message


@pytest.mark.parametrize(
    "env",
    [
        {"name": "DB_PASSWORD", "value": "hunter2"},
        {"name": "apiKey", "value": "hunter2"},
        {"name": "SECRET_KEY_BASE", "value": "hunter2"},
        {"name": "GITHUB_TOKEN", "value": "hunter2"},
        {"name": "DATABASE_URL", "value": "postgres://shop:hunter2@db/shop"},
        {"name": "HEADER", "value": f"Bearer {JWT}"},
        {"name": "ID", "value": "AKIAIOSFODNN7EXAMPLE"},
    ],
)
def test_a_secret_in_a_variable_is_found_and_not_shown(env: Object) -> None:
    found = no_secret_literals(of(env=[{"name": "PORT", "value": "80"}, env]))
    assert found.result == "Failed"
    assert f"env[1] ({env['name']})" in found.message
    assert "secretKeyRef" in found.message
    assert env["value"] not in found.message
    assert "hunter2" not in found.message


@pytest.mark.parametrize(
    "env",
    [
        {"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
        {"name": "PASSWORD_FILE", "value": "/run/secrets/db"},
        {"name": "TOKEN_URL", "value": "https://sso.example/token"},
        {"name": "TOKEN_TTL", "value": "5m"},
        {"name": "TOKEN_REQUIRED", "value": "true"},
        {"name": "JWT_PUBLIC_KEY", "value": "abc"},
        {"name": "KEYCLOAK_HOST", "value": "sso.example"},
        {"name": "MONKEY", "value": "george"},
        {"name": "DATABASE_URL", "value": "postgres://$(USER):$(PASSWORD)@db/shop"},
        {"name": "API_TOKEN", "value": "$(REAL_TOKEN)"},
        {"name": "API_TOKEN", "value": ""},
        {"name": "HOME_PAGE", "value": "https://shop.example:8443/a@b"},
    ],
)
def test_a_variable_that_is_no_secret(env: Object) -> None:
    assert no_secret_literals(of(env=[env])).result == "Passed", env


@pytest.mark.parametrize(
    ("args", "result"),
    [
        (["--password=hunter2"], "Failed"),
        (["--db-password", "hunter2"], "Failed"),
        (["--password=$(DB_PASSWORD)"], "Passed"),
        (["--password", "--verbose"], "Passed"),
        (["--token-file=/run/secrets/token"], "Passed"),
        (["--url", "https://a:hunter2@b.example/"], "Failed"),
        (["serve", "--port", "80"], "Passed"),
    ],
)
@pytest.mark.parametrize("part", ["args", "command"])
def test_secrets_in_arguments(part: str, args: list[str], result: str) -> None:
    found = no_secret_literals(of(**{part: args}))
    assert found.result == result
    assert "hunter2" not in found.message


@pytest.mark.parametrize(
    ("resources", "result"),
    [
        ({"requests": {"memory": "1Mi"}, "limits": {"memory": "1Mi"}}, "Passed"),
        ({"limits": {"memory": "1Mi"}}, "Passed"),
        ({"requests": {"memory": "1Mi"}}, "Failed"),
        ({"limits": {"cpu": "1"}}, "Failed"),
        (None, "Failed"),
    ],
)
def test_memory_is_requested_and_limited(resources: Object | None, result: str) -> None:
    assert resources_set(of(resources=resources)).result == result


def test_only_containers_that_keep_running_need_limits() -> None:
    whole = template()
    whole["spec"]["initContainers"] = [{"name": "migrate", "image": "web:v1"}]
    assert resources_set(whole).result == "Passed"
    whole["spec"]["initContainers"][0]["restartPolicy"] = "Always"
    assert "initContainers[0]" in resources_set(whole).message


@pytest.mark.parametrize(
    ("pod", "container", "result"),
    [
        ({"runAsNonRoot": True}, {}, "Passed"),
        ({}, {"runAsNonRoot": True}, "Passed"),
        ({"runAsUser": 1000}, {}, "Passed"),
        ({}, {}, "Failed"),
        ({"runAsNonRoot": True}, {"runAsNonRoot": False}, "Failed"),
        ({"runAsUser": 1000}, {"runAsUser": 0}, "Failed"),
        ({"runAsNonRoot": False}, {}, "Failed"),
    ],
)
def test_no_container_runs_as_root(pod: Object, container: Object, result: str) -> None:
    whole = of(securityContext=container)
    whole["spec"]["securityContext"] = pod
    assert non_root(whole).result == result


@given(JSON)
def test_any_template_has_a_result(anything: Any) -> None:
    parts = ("env", "args", "image", "resources", "securityContext")
    containers = [{"spec": {"containers": anything}}, of(env=[anything]), *(of(**{part: anything}) for part in parts)]
    for raw in ({"spec": anything}, *containers):
        for judge in TEMPLATE_CHECKS.values():
            assert judge(raw).result in {"Passed", "Failed"}


BARE: Object = {
    "spec": {"containers": [{k: v for k, v in template(2)["spec"]["containers"][0].items() if k != "resources"}]}
}


def proposed(*checks: Object) -> Cluster:
    cluster = serving(blue_green())
    cluster.edit(template={**BARE, "metadata": {"labels": {"app": "web"}}})
    cluster.promote("web-2", checks=list(checks))
    cluster.settle()
    return cluster


def results(cluster: Cluster) -> dict[str, Object]:
    return {check["name"]: check for check in cluster.get("Promotion", "web-2")["status"]["checks"]}


def test_a_template_without_good_practice_blocks_and_says_what_to_do() -> None:
    cluster = proposed()
    assert cluster.phase("web-2") == "Blocked"
    found = results(cluster)
    assert (found["resources-set"]["result"], found["non-root"]["result"]) == ("Failed", "Failed")
    assert "resources-set" in cluster.get("Promotion", "web-2")["status"]["message"]


def test_a_person_may_say_that_it_does_not_apply_and_that_is_part_of_the_plan() -> None:
    said = [{"name": name, "notApplicable": {"reason": "a legacy image"}} for name in ("resources-set", "non-root")]
    cluster = proposed(*said)
    assert cluster.phase("web-2") == "AwaitingApproval"
    before = cluster.get("Promotion", "web-2")["status"]["planHash"]
    found = results(cluster)["non-root"]
    assert (found["result"], found["category"]) == ("NotApplicable", "Security")
    assert "a legacy image" in found["message"]
    cluster.say("web-2", checks=[said[0], {"name": "non-root", "notApplicable": {"reason": "because"}}])
    cluster.settle()
    assert cluster.get("Promotion", "web-2")["status"]["planHash"] != before


def test_automatic_rollouts_are_checked_too() -> None:
    cluster = Cluster(blue_green(approval="Automatic"), automatic=True)
    assert cluster.run(120, lambda: cluster.phase() == "Healthy")
    cluster.edit(template={**BARE, "metadata": {"labels": {"app": "web"}}})
    cluster.run(30)
    assert "resources-set" in cluster.status["message"]
    assert cluster.exposure(cluster.status["candidate"]["revision"]) == 0
