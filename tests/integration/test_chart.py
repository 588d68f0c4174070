"""The chart rendered by Helm: its own tests, and that it brings the rights and the pods of the plain manifests."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cluster.helm import Helm, helm_docs
from tests.cluster.paths import REPOSITORY
from tests.cluster.toolchain import program
from tests.docs import operator

from slipway import __version__

CHART = REPOSITORY / "charts" / "slipway"
MANIFESTS = REPOSITORY / "manifests"
Object = dict[str, Any]


@pytest.fixture
def helm(tmp_path: Path) -> Helm:
    return Helm(tmp_path)


def rendered(helm: Helm, *arguments: str) -> list[Object]:
    text = helm("template", "slipway", str(CHART), "--namespace=slipway-system", *arguments)
    return [document for document in yaml.safe_load_all(text) if document]


def shipped(*names: str) -> list[Object]:
    texts = [(MANIFESTS / name).read_text() for name in names]
    return [document for text in texts for document in yaml.safe_load_all(text) if document]


def of(kind: str, objects: list[Object]) -> dict[str, Object]:
    return {each["metadata"]["name"]: each for each in objects if each["kind"] == kind}


def rights(roles: list[Object]) -> set[tuple[str, ...]]:
    return {
        (group, resource, verb, *rule.get("resourceNames", []))
        for role in roles
        for rule in role.get("rules") or []
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


@pytest.mark.parametrize("values", ["values", "ci/everything-values", "ci/namespaced-values"])
def test_helm_finds_nothing_to_say_about_the_chart(helm: Helm, values: str) -> None:
    helm("lint", "--strict", f"--values={CHART / values}.yaml", str(CHART))


def test_the_charts_own_tests_pass() -> None:
    argv = [str(program("helm", "helm-unittest")), "--strict", str(CHART)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_readme_is_what_helm_docs_makes_of_the_values() -> None:
    assert (CHART / "README.md").read_text() == helm_docs("--dry-run"), "run: make chart"


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("replica=3", "replica"),
        ("image.name=x", "name"),
        ("config.source.name=x", "source"),
        ("config.sources[0].name=x", "url"),
        ("image.pullPolicy=Sometimes", "pullPolicy"),
        # Nothing under it, and not what it is without: the admission policies would be gone.
        ("admission=null", "admission"),
        ("networkPolicy.apiServer=null", "apiServer"),
    ],
)
def test_a_value_that_is_none_is_refused_by_name(helm: Helm, value: str, named: str) -> None:
    refused = helm.tried("template", str(CHART), "--set", value)
    assert refused.returncode != 0
    assert "values don't meet the specifications of the schema" in refused.stderr
    assert named in refused.stderr


def test_a_list_of_ports_without_any_is_refused(helm: Helm) -> None:
    refused = helm.tried("template", str(CHART), "--set-json=networkPolicy.apiServer.ports=[]")
    assert refused.returncode != 0
    assert "at '/networkPolicy/apiServer/ports': minItems" in refused.stderr


def test_a_mapping_with_nothing_under_it_is_empty(helm: Helm) -> None:
    empty = ("config", "serviceMonitor", "podMonitor", "prometheusRule")
    served = ("--set=dashboard.enabled=true,dashboard.address=https://slipway.example.com",)
    assert rendered(helm, *served, f"--set={','.join(f'{name}=null' for name in empty)}") == rendered(helm, *served)


def test_names_that_look_like_numbers_are_names(helm: Helm, tmp_path: Path) -> None:
    """Everything but them is as in any other release."""

    def texts(node: Any) -> list[Any]:
        below = node.values() if isinstance(node, dict) else node if isinstance(node, list) else None
        return [node] if below is None else [text for each in below for text in texts(each)]

    values = {
        "serviceAccount": {"name": "NAME"}, "priorityClassName": "NAME", "channelsSecret": "NAME",
        "configSecret": "NAME", "secrets": [{"name": "NAME", "secretName": "NAME"}],
        "networkPolicy": {"enabled": True}, "dashboards": {"enabled": True}, "prometheusRule": {"enabled": True},
        "podMonitor": {"enabled": True, "interval": "NAME"},
        "dashboard": {"enabled": True, "address": "https://slipway.example.com", "proxySecret": "NAME"},
    }  # fmt: skip

    def release(name: str) -> list[Any]:
        file = tmp_path / "values.yaml"
        file.write_text(yaml.safe_dump(yaml.safe_load(yaml.safe_dump(values).replace("NAME", f"'{name}'"))))
        arguments = (f"--namespace={name}", f"--values={file}", "--kube-version=1.36.0")
        return list(yaml.safe_load_all(helm("template", name, str(CHART), *arguments)))

    numbers, words = texts(release("123")), texts(release("abc"))
    assert numbers == [text.replace("abc", "123") if isinstance(text, str) else text for text in words]


def test_a_cluster_that_is_too_old_is_refused_with_the_reason(helm: Helm) -> None:
    refused = helm.tried("template", str(CHART), "--kube-version=1.29.15")
    assert refused.returncode != 0
    assert "needs Kubernetes 1.30 or later" in refused.stderr
    assert "nobody would verify who approves. This cluster is v1.29.15" in refused.stderr
    helm("template", str(CHART), "--kube-version=1.30.0-gke.1")


def test_roles_are_those_of_the_manifests(helm: Helm) -> None:
    here = rendered(helm)
    there = shipped("access/operator-roles.yaml", "access/people-roles.yaml")
    for kind in ("ClusterRole", "Role", "ClusterRoleBinding", "RoleBinding"):
        ours, theirs = of(kind, here), of(kind, there)
        assert ours.keys() == theirs.keys()
        for name, role in theirs.items():
            fields = ("rules", "aggregationRule", "roleRef", "subjects")
            assert {f: ours[name].get(f) for f in fields} == {f: role.get(f) for f in fields}
            assert role["metadata"].get("labels", {}).items() <= ours[name]["metadata"]["labels"].items()


def test_in_namespaces_the_same_rights_are_roles(helm: Helm) -> None:
    here = rendered(helm, "--set=config.namespaces={shop,shop-staging}")
    operators = [each for each in shipped("access/operator-roles.yaml") if each["kind"] == "ClusterRole"]
    wide = [role for name, role in of("ClusterRole", here).items() if name.startswith("slipway-operator")]
    without_namespace = {"promotionpolicies", "promotionpolicies/status", "namespaces", "nodes"}
    assert {right[1] for right in rights(wide)} == without_namespace | {"validatingadmissionpolicybindings"}
    for namespace in ("shop", "shop-staging"):
        roles = [each for each in here if each["kind"] == "Role" and each["metadata"]["namespace"] == namespace]
        bound = [each for each in here if each["kind"] == "RoleBinding" and each["metadata"]["namespace"] == namespace]
        assert rights(roles) | rights(wide) == rights(operators)
        own = {("Role", role["metadata"]["name"]) for role in roles}
        assert {(each["roleRef"]["kind"], each["roleRef"]["name"]) for each in bound} == own | {
            ("ClusterRole", "slipway-operator-checks")
        }
    cluster_wide = {each["roleRef"]["name"] for each in here if each["kind"] == "ClusterRoleBinding"}
    assert cluster_wide == {"slipway-operator", "slipway-operator-nodes"}


def test_the_operators_folder_is_what_helm_makes_of_the_chart(helm: Helm) -> None:
    for path, text in operator.render(helm).items():
        assert path.read_text() == text, f"{path}: run make chart"
    listed = yaml.safe_load((operator.FOLDER / "kustomization.yaml").read_text())["resources"]
    assert sorted(listed) == sorted(f"{name}.yaml" for name in operator.TEMPLATES)


def test_the_install_file_has_what_the_chart_has_and_its_namespace(helm: Helm) -> None:
    served = ("--api-versions=slipway.dev/v1alpha1/PromotionPolicy", "--kube-version=1.36.0")
    plain = [each for each in rendered(helm, *served) if "helm.sh/hook" not in each["metadata"].get("annotations", {})]
    of_chart = {(each["kind"], each["metadata"]["name"]) for each in plain if "CustomResource" not in each["kind"]}
    of_file = {(each["kind"], each["metadata"]["name"]) for each in shipped("install.yaml")}
    assert of_file - of_chart == {("Namespace", "slipway-system")}
    assert of_chart - of_file == set()


def test_the_page_in_the_cluster_is_that_of_the_manifests(helm: Helm) -> None:
    values = "--set=dashboard.enabled=true,dashboard.address=https://slipway.example.com"
    here = rendered(helm, values, "--set=dashboard.userHeader=X-Forwarded-User", "--kube-version=1.36.0")
    ours, theirs = (of("Deployment", one)["slipway-dashboard"] for one in (here, shipped("dashboard/deployment.yaml")))
    (container,) = ours["spec"]["template"]["spec"]["containers"]
    assert container.pop("imagePullPolicy") == "IfNotPresent"
    assert container["args"].pop() == "--user-header=X-Forwarded-User"
    container["image"] = container["image"].removesuffix(f":{__version__}")
    assert ours["spec"] == theirs["spec"]
    for file in ("roles", "deciding/roles", "service", "networkpolicy"):
        for plain in shipped(f"dashboard/{file}.yaml"):
            found = of(plain["kind"], here)[plain["metadata"]["name"]]
            for part in ("rules", "subjects", "roleRef", "spec"):
                assert found.get(part) == plain.get(part)


@pytest.mark.parametrize(("version", "folders"), [("1.36.0", ("admission", "stamping")), ("1.30.0", ("admission",))])
def test_policies_are_those_of_the_manifests(helm: Helm, version: str, folders: tuple[str, ...]) -> None:
    paths = [path for folder in folders for path in (MANIFESTS / folder).glob("*.yaml")]
    wanted = shipped(*(str(path.relative_to(MANIFESTS)) for path in paths if path.name != "kustomization.yaml"))
    here = rendered(helm, f"--kube-version={version}")
    for kind in sorted({each["kind"] for each in here if "AdmissionPolicy" in each["kind"]}):
        assert {n: each["spec"] for n, each in of(kind, here).items()} == {
            n: each["spec"] for n, each in of(kind, wanted).items()
        }
    assert of("MutatingAdmissionPolicy", here).keys() == of("MutatingAdmissionPolicy", wanted).keys()


def test_policies_know_the_operator_of_this_release(helm: Helm) -> None:
    text = helm("template", "x", str(CHART), "--namespace=my-slipway-system", "--set=serviceAccount.name=pilot")
    plain = helm("template", "x", str(CHART), "--namespace=slipway-system")
    ours, theirs = "system:serviceaccount:my-slipway-system:pilot", "system:serviceaccount:slipway-system:slipway"
    assert text.count(ours) == plain.count(theirs) > 0
    assert text.count("slipway-system") == text.count("my-slipway-system") == plain.count("slipway-system")


def test_the_production_policy_follows_its_definition(helm: Helm) -> None:
    first = of("PromotionPolicy", rendered(helm))["production"]
    assert first["metadata"]["annotations"]["helm.sh/hook"] == "post-install"
    served = "--api-versions=slipway.dev/v1alpha1/PromotionPolicy"
    later = of("PromotionPolicy", rendered(helm, served))["production"]
    assert "helm.sh/hook" not in later["metadata"]["annotations"]
    assert first["spec"] == later["spec"] == shipped("policies/production.yaml")[0]["spec"]
