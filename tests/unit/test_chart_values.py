"""The chart's values: each is described, read by a template and tried; templates read no others."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from tests.docs.chart import CHART, read_values

TEXT = (CHART / "values.yaml").read_text()
VALUES = {value.path: value for value in read_values(TEXT)}
TEMPLATES = "\n".join(path.read_text() for path in sorted((CHART / "templates").rglob("*.*")))
READ = {tuple(found.split(".")) for found in re.findall(r"\.Values\.([A-Za-z][\w.]*)", TEMPLATES)}


def leaves(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of all values, down to those that have a description and no described one below."""
    if path in VALUES and not any(other[: len(path)] == path for other in VALUES if other != path):
        yield path
        return
    assert isinstance(node, dict), f"{'.'.join(path)} has no description"
    for name, each in node.items():
        yield from leaves(each, (*path, name))


LEAVES = list(leaves(yaml.safe_load(TEXT)))


@pytest.mark.parametrize("path", LEAVES, ids=".".join)
def test_each_value_is_read_by_a_template(path: tuple[str, ...]) -> None:
    # Where a template is within `with` a parent, the names below it follow alone.
    below = (
        f"with .Values.{'.'.join(path[:at])} " in TEMPLATES and re.search(rf"[ (]\.{'.'.join(path[at:])}\b", TEMPLATES)
        for at in range(1, len(path))
    )
    assert path in READ or any(below)


def test_no_directive_is_taken_for_a_description() -> None:
    # helm-docs takes all that follows `# --`.
    assert not [name for name, value in VALUES.items() if "@schema" in value.description]
    assert "@schema" not in (CHART / "README.md").read_text()


def test_templates_read_no_other_values() -> None:
    data = yaml.safe_load(TEXT)
    for path in READ:
        at = data
        for name in path:
            if path[0] == "config" and at == {}:
                break  # a file of its own, whose fields the schema knows
            assert name in at, ".Values." + ".".join(path)
            at = at[name]


def test_each_value_is_another_than_the_default_in_what_is_checked() -> None:
    def at(data: Any, path: tuple[str, ...]) -> Any:
        for name in path:
            data = data.get(name, {}) if isinstance(data, dict) else {}
        return data

    tried = [
        yaml.safe_load((CHART / "ci" / f"{name}-values.yaml").read_text()) for name in ("everything", "namespaced")
    ]
    untried = {path for path in LEAVES if all(at(values, path) in ({}, VALUES[path].default) for values in tried)}
    # Those of the default are checked with the defaults; a tag stands aside where there is a digest.
    assert {".".join(path) for path in untried} == {
        *("image.tag", "dashboard.image.tag", "rbac.create", "serviceAccount.create", "admission.enabled"),
        *("podSecurityContext", "securityContext", "resources", "topologySpreadConstraints"),
        *("terminationGracePeriodSeconds", "dashboards.labels", "networkPolicy.dns", "networkPolicy.pods"),
        *("networkPolicy.apiServer.ports", "networkPolicy.apiServer.cidrs"),
    }
