"""The page behind a proxy on a real API server: people decide as themselves there, and the page is nobody by itself."""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from tests.cluster.cluster import Cluster
from tests.integration.admission.conftest import REPOSITORY
from tests.integration.admission.impersonation import (
    CONFIG_MAP,
    POD,
    PROMOTION,
    ROLE_BINDING,
    ROLLOUT,
    Kind,
    Kubernetes,
    Object,
    User,
    eventually,
)
from tests.integration.admission.people import (
    APPROVER,
    DEVELOPER,
    LISTED_ACCOUNT,
    PLAN,
    new_namespace,
    new_promotion,
    rollout,
)

MANIFESTS = REPOSITORY / "manifests" / "dashboard"
SECRET = "s" * 64
HOST = "slipway.example.com"
SECRETS = Kind("v1", "Secret", "secrets")
ACCOUNT = "system:serviceaccount:slipway-system:slipway-dashboard"
RELEASE_MANAGER = User("rita@example.com", ("release-managers",))
STRANGER = User("eve@example.com")


@pytest.fixture(scope="module")
def shop(kube: Kubernetes) -> str:
    name = new_namespace(kube, "page")
    reference = {"kind": "ClusterRole", "name": "slipway-approver", "apiGroup": "rbac.authorization.k8s.io"}
    group = {"kind": "Group", "name": RELEASE_MANAGER.groups[0], "apiGroup": "rbac.authorization.k8s.io"}
    kube.create(ROLE_BINDING, name, ROLE_BINDING.manifest("group", roleRef=reference, subjects=[group])).accepted()
    kube.create(ROLLOUT, name, rollout(), DEVELOPER).accepted()
    return name


@pytest.fixture(scope="module")
def own_kubeconfig(guarded: Cluster, kube: Kubernetes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That of the page's account, with the rights of manifests/dashboard and of the component `deciding`."""
    for file in (MANIFESTS / "roles.yaml", MANIFESTS / "deciding" / "roles.yaml"):
        guarded.kubectl("apply", "--server-side", "-f", str(file))
    token = guarded.kubectl("create", "token", "slipway-dashboard", "--namespace=slipway-system").strip()
    config: dict[str, Any] = yaml.safe_load(guarded.kubeconfig().read_text())
    for user in config["users"]:
        user["user"] = {"token": token}
    path = tmp_path_factory.mktemp("page") / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


class Page:
    """The program as its pod runs it, and requests as the proxy passes them on."""

    def __init__(self, port: int) -> None:
        self._at = f"http://127.0.0.1:{port}"

    def get(self, path: str, user: User | None, **headers: str) -> requests.Response:
        return requests.get(self._at + path, headers={**_headers(user), **headers}, timeout=60)

    def say(self, path: str, user: User, query: str = "", **words: Any) -> requests.Response:
        page = self.get(path + query, user)
        assert page.status_code == 200, page.text
        form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text)) | words
        headers = _headers(user) | {"Origin": f"https://{HOST}", "Sec-Fetch-Site": "same-origin"}
        return requests.post(self._at + path, data=form, headers=headers, timeout=60, allow_redirects=False)


def _headers(user: User | None) -> dict[str, str]:
    if user is None:
        return {"Host": HOST}
    named = {"X-Forwarded-User": user.name, "X-Forwarded-Groups": ",".join(user.groups)}
    return {"Host": HOST, "X-Slipway-Proxy-Secret": SECRET, **named}


@pytest.fixture(scope="module")
def page(own_kubeconfig: Path, shop: str) -> Iterator[Page]:
    secret = own_kubeconfig.with_name("secret")
    secret.write_text(SECRET)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    built = yaml.safe_load_all((MANIFESTS / "deployment.yaml").read_text())
    (container,) = next(built)["spec"]["template"]["spec"]["containers"]
    component = yaml.safe_load((MANIFESTS / "deciding" / "kustomization.yaml").read_text())
    more = [one["value"] for one in yaml.safe_load(component["patches"][0]["patch"])]
    arguments = [one.replace("/etc/slipway-proxy/secret", str(secret)) for one in [*container["args"], *more]]
    argv = [sys.executable, "-m", "slipway.cli", "dashboard", *arguments, f"--port={port}"]
    with subprocess.Popen([*argv, f"--kubeconfig={own_kubeconfig}"], stdout=subprocess.PIPE, text=True) as program:
        try:
            assert program.stdout is not None
            told = program.stdout.readline()
            assert told == (
                f"At https://{HOST}, people decide as X-Forwarded-User names them; reads all namespaces as {ACCOUNT}\n"
            )
            found = Page(port)
            eventually(lambda: _answers(port), "the page answers")
            yield found
        finally:
            program.terminate()


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=60).text == "ok\n"
    except requests.ConnectionError:
        return False


def spec(kube: Kubernetes, namespace: str, name: str) -> Object:
    found: Object = kube.get(PROMOTION, namespace, name).spec
    return found


def test_beside_the_proxy_there_is_nothing(page: Page) -> None:
    assert page.get("/", None).status_code == 403
    assert page.get("/", None, **{"X-Forwarded-User": APPROVER.name}).status_code == 403
    assert page.get("/", APPROVER, **{"X-Slipway-Proxy-Secret": "x" * 64}).status_code == 403
    assert page.get("/", APPROVER, Host="127.0.0.1").status_code == 421
    assert page.get("/", LISTED_ACCOUNT).status_code == 403


@pytest.mark.parametrize("person", [APPROVER, RELEASE_MANAGER], ids=lambda user: user.name)
def test_who_may_approve_is_recorded_by_name(kube: Kubernetes, shop: str, page: Page, person: User) -> None:
    name = new_promotion(kube, shop)
    at = f"/promotions/{shop}/{name}/"
    eventually(lambda: page.get(at, person).status_code == 200, "the page knows the Promotion")
    done = page.say(f"{at}approve", person, f"?plan={PLAN}", confirm=["0", "1", "2"])
    assert (done.status_code, done.headers.get("Location")) == (303, f"{at}?done=approve"), done.text
    assert spec(kube, shop, name)["approvals"] == {person.name: PLAN}


def test_who_may_not_is_refused_by_the_api_server(kube: Kubernetes, shop: str, page: Page) -> None:
    name = new_promotion(kube, shop)
    at = f"/promotions/{shop}/{name}/"
    refused = page.say(f"{at}approve", DEVELOPER, f"?plan={PLAN}", confirm=["0", "1", "2"])
    assert refused.status_code == 403
    assert f"{DEVELOPER.name} may not" in refused.text
    assert "approved" not in spec(kube, shop, name)
    # What a developer may say is theirs.
    assert page.say(f"{at}hold", DEVELOPER, reason="lunch").status_code == 303
    assert spec(kube, shop, name)["saidBy"] == {"hold": {"by": DEVELOPER.name, "said": "lunch"}}
    assert page.say(f"{at}resume", DEVELOPER).status_code == 403
    assert page.say(f"{at}resume", RELEASE_MANAGER).status_code == 303
    assert spec(kube, shop, name)["saidBy"] == {"hold": {"by": RELEASE_MANAGER.name, "said": ""}}


def test_the_further_words_are_taken_too(kube: Kubernetes, shop: str, page: Page) -> None:
    name = new_promotion(kube, shop, checks=[{"name": "pages", "category": "Quality", "manual": {"ask": "Look."}}])
    at = f"/promotions/{shop}/{name}/"
    waits = {"phase": "Checking", "checks": [{"name": "pages", "result": "Pending", "message": "Look."}]}
    kube.state(PROMOTION, shop, name, waits).accepted()
    done = page.say(f"{at}confirm", DEVELOPER, f"?plan={PLAN}&check=pages")
    assert done.status_code == 303, done.text
    assert spec(kube, shop, name)["confirmed"] == {"pages": {"by": DEVELOPER.name, "plan": PLAN}}
    ended = {"phase": "RolledBack", "checks": []}
    kube.state(PROMOTION, shop, name, ended).accepted()
    done = page.say(f"{at}learnings", DEVELOPER, improve="tell support", followUps="one\r\ntwo")
    assert done.status_code == 303, done.text
    assert spec(kube, shop, name)["learnings"] == {"improve": "tell support", "followUps": ["one", "two"]}
    done = page.say(f"{at}retry", DEVELOPER, fix="a longer timeout")
    assert done.status_code == 303, done.text
    made = spec(kube, shop, f"{name}-2")
    assert (made["retry"], made["requestedBy"]) == ({"fix": "a longer timeout"}, DEVELOPER.name)
    # The watch brings it, and the page waits for that.
    assert page.get(done.headers["Location"], DEVELOPER).status_code == 200


def test_a_stranger_sees_nothing(kube: Kubernetes, shop: str, page: Page) -> None:
    name = new_promotion(kube, shop)
    assert "There are no Rollouts that you may see here." in page.get("/", STRANGER).text
    assert page.get(f"/promotions/{shop}/{name}/", STRANGER).status_code == 404
    assert f"/rollouts/{shop}/web/" in page.get("/", RELEASE_MANAGER).text


def test_the_page_is_nobody_by_itself_and_speaks_for_people_about_launches_alone(
    kube: Kubernetes, own_kubeconfig: Path, shop: str, page: Page
) -> None:
    name = new_promotion(kube, shop)
    eventually(lambda: page.get(f"/promotions/{shop}/{name}/", APPROVER).status_code == 200, "its rights are known")
    speaks = Kubernetes(own_kubeconfig)
    try:
        assert speaks.get(PROMOTION, shop, name, APPROVER).code == 200
        for kind in (SECRETS, CONFIG_MAP, POD):
            assert speaks.get(kind, shop, "x", APPROVER).code == 403
        assert speaks.create(ROLLOUT, shop, rollout("other"), DEVELOPER).code == 403
        assert speaks.delete(PROMOTION, shop, name, DEVELOPER).code == 403
        for user in (User("root", ("system:masters",)), LISTED_ACCOUNT, User("system:node:x")):
            assert speaks.get(PROMOTION, shop, name, user).code == 403, user
        assert speaks.merge(PROMOTION, shop, name, {"status": {"phase": "Approved"}}, APPROVER, "status").code == 403
    finally:
        speaks.close()
    said = {"spec": {"hold": "x"}}
    assert kube.merge(PROMOTION, shop, name, said, User(ACCOUNT)).code == 403
    assert kube.get(SECRETS, shop, "x", User(ACCOUNT)).code == 403


def test_the_manifests_are_taken_and_their_pod_keeps_to_the_restricted_standard(
    guarded: Cluster, kube: Kubernetes, tmp_path: Path
) -> None:
    done = guarded.try_kubectl("apply", "--server-side", "--dry-run=server", "-k", str(MANIFESTS))
    assert (done.returncode, done.stderr) == (0, "")
    deciding = tmp_path / "deciding"
    deciding.mkdir()
    # As people write it: kustomize takes relative paths alone.
    up = "../" * (len(tmp_path.parts))
    at = f"{up}{str(MANIFESTS).lstrip('/')}"
    whole = {"resources": [at], "components": [f"{at}/deciding"], "kind": "Kustomization"}
    (deciding / "kustomization.yaml").write_text(yaml.safe_dump(whole))
    built = list(yaml.safe_load_all(guarded.kubectl("kustomize", str(deciding))))
    (deployment,) = (one for one in built if one["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["args"][-2:] == ["--user-header=X-Forwarded-User", "--groups-header=X-Forwarded-Groups"]
    assert any(one["metadata"]["name"] == "slipway-dashboard-deciding" for one in built)
    namespace = new_namespace(kube, "standard", {"pod-security.kubernetes.io/enforce": "restricted"})
    guarded.kubectl("create", "serviceaccount", "slipway-dashboard", f"--namespace={namespace}")
    template = deployment["spec"]["template"]
    pod = POD.manifest("page", metadata={"labels": template["metadata"]["labels"]}, spec=template["spec"])
    kube.create(POD, namespace, pod, dryRun="All").accepted()
