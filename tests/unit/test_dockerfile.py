"""The image for users, as far as its recipe tells: no engine builds it here."""

import re

import pytest
import yaml
from tests.cluster.paths import REPOSITORY
from tests.docs.chart import CHART

TEXT = (REPOSITORY / "Dockerfile").read_text()
BUILD, BUILD_DASHBOARD, DASHBOARD, FINAL = re.split(r"^FROM .*$", TEXT, flags=re.MULTILINE)[1:]


def test_locked_dependencies_come_before_the_code_and_all_is_compiled() -> None:
    dependencies, code = BUILD.index("--no-install-project"), BUILD.index("COPY operator")
    assert BUILD.index("uv.lock") < dependencies < code
    assert BUILD.count("uv sync --frozen --no-dev") == 2
    assert BUILD.index("UV_COMPILE_BYTECODE=1") < dependencies


def test_its_base_is_named_by_a_digest() -> None:
    assert re.search(r"^ARG PYTHON=python:3\.13-slim@sha256:[0-9a-f]{64}$", TEXT, re.MULTILINE)
    assert set(re.findall(r"^FROM (\S+)", TEXT, re.MULTILINE)) == {"${PYTHON}", "build"}


@pytest.mark.parametrize(("image", "built"), [(FINAL, "build"), (DASHBOARD, "build-dashboard")])
def test_it_runs_as_who_the_chart_says_and_has_only_what_runs(image: str, built: str) -> None:
    pods = yaml.safe_load((CHART / "values.yaml").read_text())["podSecurityContext"]
    assert f"\nUSER {pods['runAsUser']}:{pods['runAsGroup']}\n" in image
    assert re.findall(r"^COPY (.*)$", image, re.MULTILINE) == [f"--from={built} /opt/slipway /opt/slipway"]
    assert "RUN" not in image
    # The root file system is read-only there.
    assert "PYTHONDONTWRITEBYTECODE=1" in image


def test_only_the_page_has_a_web_server_in_it() -> None:
    assert "--extra dashboard" in BUILD_DASHBOARD
    assert "--extra" not in BUILD


@pytest.mark.parametrize("image", [FINAL, DASHBOARD])
def test_it_has_the_labels_by_which_images_are_told_apart(image: str) -> None:
    labels = set(re.findall(r"org\.opencontainers\.image\.(\w+)=", image))
    assert labels == {"title", "description", "licenses", "version", "revision", "created"}
