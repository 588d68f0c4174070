"""The chart on a cluster of its own: Slipway in a pod installed, put to work, upgraded, rolled back and removed.

By Helm, and by Argo CD from Git. A cluster of its own, since Slipway's admission policies exist once in a cluster, and
so does who leads.
"""

import asyncio
import json
import os
import re
import shutil
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from tests.cluster import operator_image
from tests.cluster.argocd import NAMESPACE as ARGOCD
from tests.cluster.argocd import Repository, argocd, lacking
from tests.cluster.capabilities import Level
from tests.cluster.cluster import Cluster, best_level
from tests.cluster.helm import Helm
from tests.cluster.paths import REPOSITORY
from tests.cluster.process import wait_until
from tests.cluster.progress import say
from tests.docs.blocks import MANIFESTS
from tests.e2e import manifests
from tests.e2e.installation import DRAIN_DELAY, GATEWAY_SETTLE
from tests.e2e.tenant import Shared, Sums, Tenant

CHART = REPOSITORY / "charts" / "slipway"
# Not the names of the plain manifests: what the policies say of the operator has to follow.
NAMESPACE, SERVICE_ACCOUNT = "delivery", "pilot"
TENANT = "shop"
IN, AT = f"--namespace={NAMESPACE}", f"--namespace={ARGOCD}"
REFRESH = "argocd.argoproj.io/refresh"
ARGOCD_CONFIGURATION = yaml.safe_load((REPOSITORY / "manifests" / "argocd" / "argocd-cm.yaml").read_text())["data"]
SELECTOR = "--selector=app.kubernetes.io/name=slipway,app.kubernetes.io/component=operator"
PAGE = "--selector=app.kubernetes.io/name=slipway,app.kubernetes.io/component=dashboard"
HOST, PROXY_SECRET = "slipway.example.com", "s" * 64
# What serves must not starve while operators beside it are started.
SHARE = {"requests": {"cpu": "300m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}}
CRDS = {f"{plural}.slipway.dev" for plural in ("rollouts", "promotions", "promotionpolicies")}


class PodOperator:
    """The operator's pods, as far as tenants ask."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def lines(self, word: str = "", last: int = 60) -> list[str]:
        text = self._cluster.try_kubectl("logs", IN, SELECTOR, "--tail=300").stdout
        return [line for line in text.splitlines() if word in line][-last:]

    def leader(self) -> str:
        lease = json.loads(self._cluster.kubectl("get", "lease", "slipway", IN, "--output=json"))
        return str(lease["spec"]["holderIdentity"])

    def pods(self) -> set[str]:
        listed = self._cluster.kubectl("get", "pods", IN, "--output=name", SELECTOR)
        return {name.removeprefix("pod/") for name in listed.split()}


class Page:
    """The page in its pod, asked as the proxy before it would."""

    def __init__(self, cluster: Cluster) -> None:
        listed = json.loads(cluster.kubectl("get", "pods", IN, PAGE, "--output=json"))
        (pod,) = listed["items"]
        self._at = f"http://{pod['status']['podIP']}:8080"

    def get(self, path: str, **headers: str) -> requests.Response:
        return requests.get(self._at + path, headers={"Host": HOST, **headers}, timeout=60)

    def approve(self, namespace: str, promotion: str, plan: str) -> None:
        """As the approver, who has read that plan."""
        named = {"X-Forwarded-User": "approver", "X-Forwarded-Groups": "approvers"}
        proxied = {"Host": HOST, "X-Slipway-Proxy-Secret": PROXY_SECRET, **named}
        at = f"/promotions/{namespace}/{promotion}/"
        shown = self.get(f"{at}approve?plan={plan}", **proxied)
        assert shown.status_code == 200, shown.text
        form: dict[str, Any] = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', shown.text))
        said = proxied | {"Origin": f"https://{HOST}", "Sec-Fetch-Site": "same-origin"}
        done = requests.post(
            f"{self._at}{at}approve",
            data=form | {"confirm": ["0", "1", "2"]},
            headers=said,
            timeout=60,
            allow_redirects=False,
        )
        assert (done.status_code, done.headers.get("Location")) == (303, f"{at}?done=approve"), done.text


@pytest.fixture(scope="module")
def own_cluster() -> Iterator[Cluster]:
    level, reason = best_level()
    if level is not Level.NODE:
        pytest.skip(f"needs real pods: {reason}")
    if os.environ.get("SLIPWAY_KUBECONFIG") or os.environ.get("CLUSTER") == "kind":
        pytest.skip("installs Slipway anew, which is not for a cluster that others use: run it with CLUSTER=own")
    layout = operator_image.operator_images()
    with Cluster.start(Level.NODE) as cluster:
        cluster.import_images(layout)
        cluster.kubectl("create", "namespace", NAMESPACE)
        cluster.kubectl("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted")
        for name, literal in (("prometheus-token", "token=t"), ("slipway-dashboard-proxy", f"secret={PROXY_SECRET}")):
            cluster.kubectl("create", "secret", "generic", name, IN, f"--from-literal={literal}")
        with cluster.inside():
            yield cluster


@pytest.fixture
def values(own_cluster: Cluster, tmp_path: Path) -> Path:
    written = tmp_path / "values.yaml"
    image = {"repository": operator_image.NAME, "tag": operator_image.TAG, "pullPolicy": "Never"}
    config = {
        "sources": [
            {
                "name": "default",
                "url": own_cluster.prometheus_url,
                # A query fails without its token.
                "tokenFile": "/etc/slipway-secrets/prometheus/token",
            }
        ],
        "drainDelay": DRAIN_DELAY,
        "gatewaySettle": GATEWAY_SETTLE,
        "leaderElection": {"leaseDuration": "8s", "renewDeadline": "6s", "retryPeriod": "1s"},
    }
    # A stricter network than this node enforces; that the API server takes it is what counts.
    given = {
        "image": image,
        "config": config,
        "serviceAccount": {"name": SERVICE_ACCOUNT},
        # The default asks for so little that on a busy test machine the program takes a minute to load.
        "resources": {"requests": {"cpu": "200m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        "networkPolicy": {"enabled": True},
        "secrets": [{"name": "prometheus", "secretName": "prometheus-token"}],
        "dashboards": {"enabled": True},
    }
    written.write_text(yaml.safe_dump(given))
    return written


def test_slipway_is_installed_upgraded_rolled_back_and_removed(
    own_cluster: Cluster, values: Path, tmp_path: Path
) -> None:
    cluster, helm = own_cluster, Helm(tmp_path, own_cluster.kubeconfig())
    before = _version_before(helm, tmp_path)
    given = (IN, f"--values={values}", "--wait", "--timeout=240s")

    cluster.kubectl("create", "namespace", TENANT)
    # First in one namespace, with nothing but Roles for what is in it; later in all.
    limited = f"--set=config.namespaces={{{TENANT}}}"
    told = helm("install", "slipway", str(before), *given, limited)
    assert f"helm test slipway -n {NAMESPACE}" in told
    say(f"from start to ready: {', '.join(_seconds_to_ready(cluster))} s")
    helm("test", "slipway", IN, "--timeout=120s")
    cluster.kubectl("get", "promotionpolicy", "production")
    assert not _knows_migrations(cluster)

    async def lead(tenant: Tenant) -> None:
        await _launched(tenant, "v1")
        async with tenant.users() as users:
            await asyncio.to_thread(helm, "upgrade", "slipway", str(CHART), *given, *_with_page())
            assert await asyncio.to_thread(_knows_migrations, cluster)
            page = await asyncio.to_thread(Page, cluster)
            beside = await asyncio.to_thread(page.get, "/", **{"X-Forwarded-User": "approver"})
            assert beside.status_code == 403
            second = await _launched(tenant, "v2", page)
            await tenant.all_served_by(users, second)
            await asyncio.to_thread(helm, "rollback", "slipway", "1", IN, "--wait", "--timeout=240s")
            assert not await asyncio.to_thread(_knows_migrations, cluster)
            # The version before goes on with what the later one has left: its objects, its marks, and its Lease.
            third = await _launched(tenant, "v3")
            await tenant.all_served_by(users, third)
            await asyncio.to_thread(helm, "uninstall", "slipway", IN, "--wait", "--timeout=240s")
            await tenant.all_served_by(users, third)
        assert not users.report().failures, users.report().summary()
        assert _names(cluster, "crds") >= CRDS
        assert _names(cluster, "rollouts", f"--namespace={tenant.namespace}") == {"web"}
        assert len(_names(cluster, "promotions", f"--namespace={tenant.namespace}")) == 3
        # Helm waits for what it made; the pods go with their ReplicaSet, a moment later.
        await asyncio.to_thread(cluster.kubectl, "wait", "--for=delete", "pod", SELECTOR, IN, "--timeout=60s")

    _with_tenant(cluster, lead)


def test_argo_cd_installs_slipway_from_git_and_leaves_it_alone(own_cluster: Cluster, values: Path) -> None:
    if missing := lacking():
        pytest.skip(f"Argo CD needs {missing}")
    cluster = own_cluster
    repository = Repository(cluster.folder / "git" / "platform")
    shutil.copytree(CHART, repository.folder / "slipway")
    shutil.copy(values, repository.folder / "slipway" / "ours.yaml")
    repository.commit("Slipway for this cluster", {})
    application = _documented()
    application["spec"]["source"]["repoURL"] = repository.url
    application["spec"]["destination"]["namespace"] = NAMESPACE
    with argocd(cluster, ARGOCD_CONFIGURATION):
        cluster.apply(application)
        _until_application(cluster, "{.status.health.status}=Healthy")
        _until_application(cluster, "{.status.sync.status}=Synced")
        cluster.kubectl("get", "promotionpolicy", "production")
        synced = _syncs(cluster)
        cluster.kubectl("annotate", "application", "slipway", AT, f"{REFRESH}=hard")
        assert wait_until(lambda: not _refreshing(cluster), 60, every=0.5)
        # What the API server and the operator have made of it is no difference.
        assert _syncs(cluster) == synced

        async def launch(tenant: Tenant) -> None:
            async with tenant.users() as users:
                first = await _launched(tenant, "v1")
                assert await asyncio.to_thread(_syncs, cluster) == synced
                # Deleted with all that it made.
                finalizers = '{"metadata": {"finalizers": ["resources-finalizer.argocd.argoproj.io"]}}'
                patch = ("patch", "application", "slipway", AT, "--type=merge", f"--patch={finalizers}")
                await asyncio.to_thread(cluster.kubectl, *patch)
                delete = ("delete", "application", "slipway", AT, "--timeout=120s")
                await asyncio.to_thread(cluster.kubectl, *delete)
                assert await asyncio.to_thread(_names, cluster, "deployments", IN) == set()
                await tenant.requests_more(users, 30)
                await tenant.all_served_by(users, first)
            assert _names(cluster, "crds") >= CRDS
            assert _names(cluster, "rollouts", f"--namespace={tenant.namespace}") == {"web"}

        _with_tenant(cluster, launch)


def _documented() -> Any:
    found = (each for block in MANIFESTS if block.page == "docs/gitops.md" for each in block.documents)
    (application,) = (each for each in found if each.get("kind") == "Application")
    return application


def _until_application(cluster: Cluster, state: str) -> None:
    cluster.kubectl("wait", "application", "slipway", AT, f"--for=jsonpath={state}", "--timeout=180s")


def _application(cluster: Cluster) -> Any:
    return json.loads(cluster.kubectl("get", "application", "slipway", AT, "--output=json"))


def _refreshing(cluster: Cluster) -> bool:
    return REFRESH in _application(cluster)["metadata"].get("annotations", {})


def _syncs(cluster: Cluster) -> list[str]:
    """When each began that Argo CD remembers, and whether everything is as it is in Git."""
    status = _application(cluster)["status"]
    differ = [f"{one['kind']} {one['name']}" for one in status["resources"] if one.get("status") != "Synced"]
    return [status["operationState"]["startedAt"], *differ]


async def _launched(tenant: Tenant, tag: str, page: Page | None = None) -> str:
    """A launch from the manifest to the end, with the name of who said yes in the record; the revision's Deployment."""
    if tag == "v1":
        await tenant.deploy(tag, template=manifests.template(tag, resources=SHARE))
    else:
        await tenant.change_image(tag, resources=SHARE)
    promotion = await tenant.promote()
    if page is None:
        deployment = await tenant.approve(promotion)
    else:
        found = await tenant.until_promotion(promotion, "AwaitingApproval")
        deployment = tenant.candidate()
        tenant.approved[deployment] = time.time()
        await asyncio.to_thread(page.approve, tenant.namespace, promotion, found["planHash"])
    status = await tenant.until_promotion(promotion, "Succeeded")
    assert [(each["by"], each["identity"]) for each in status["approvals"]] == [("approver", "verified")]
    operator = PodOperator(tenant.cluster)
    assert operator.leader().rpartition("_")[0] in operator.pods()
    return deployment


def _with_page() -> Iterator[str]:
    """What brings the page, on which people decide."""
    yield f"--set=dashboard.enabled=true,dashboard.address=https://{HOST}"
    yield f"--set=dashboard.image.repository={operator_image.DASHBOARD},dashboard.image.tag={operator_image.TAG}"
    yield "--set=dashboard.userHeader=X-Forwarded-User,dashboard.groupsHeader=X-Forwarded-Groups"


def _version_before(helm: Helm, folder: Path) -> Path:
    """The chart as a version of long ago would have been: with a lower number, and without migrations."""
    older = folder / "older"
    shutil.copytree(CHART, older)
    (older / "files" / "admission" / "migrations.yaml").unlink()
    definition = older / "files" / "crds" / "slipway.dev_promotions.yaml"
    promotions = yaml.safe_load(definition.read_text())
    del _migrations(promotions)["properties"]["jobs"]
    # A rule speaks of them.
    del _migrations(promotions)["x-kubernetes-validations"]
    definition.write_text(yaml.safe_dump(promotions))
    helm("package", str(older), "--version=0.0.1", f"--destination={folder}")
    return folder / "slipway-0.0.1.tgz"


def _migrations(promotions: dict[str, Any]) -> dict[str, Any]:
    schema = promotions["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    found: dict[str, Any] = schema["properties"]["spec"]["properties"]["migrations"]
    return found


def _knows_migrations(cluster: Cluster) -> bool:
    """Whether the CRD has them, and the policy for them is there: both, or neither."""
    promotions = json.loads(cluster.kubectl("get", "crd", "promotions.slipway.dev", "--output=json"))
    field = "jobs" in _migrations(promotions)["properties"]
    assert ("slipway-migrations" in _names(cluster, "validatingadmissionpolicies")) is field
    return field


def _seconds_to_ready(cluster: Cluster) -> list[str]:
    """From the start of each container to its pod's readiness, both of whole seconds; asked for every other second."""
    found = []
    for pod in json.loads(cluster.kubectl("get", "pods", IN, SELECTOR, "--output=json"))["items"]:
        (container,) = pod["status"]["containerStatuses"]
        ready = next(each for each in pod["status"]["conditions"] if each["type"] == "Ready")
        began = datetime.fromisoformat(container["state"]["running"]["startedAt"])
        found.append(f"{(datetime.fromisoformat(ready['lastTransitionTime']) - began).total_seconds():.0f}")
    return found


def _names(cluster: Cluster, *what: str) -> set[str]:
    listed = cluster.kubectl("get", *what, "--output=name")
    return {line.rpartition("/")[2] for line in listed.split()}


def _with_tenant(cluster: Cluster, play: Callable[[Tenant], Awaitable[None]]) -> None:
    # Tenants here ask the operator for its lines alone, and no faulty metrics or notices.
    shared = Shared(cluster, PodOperator(cluster), None, None)  # type: ignore[arg-type]

    async def within() -> None:
        async with Tenant.create(shared, TENANT, Sums()) as tenant:
            await play(tenant)

    asyncio.run(within())
