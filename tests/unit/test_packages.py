"""What is handed out beside the image: wheel, source distribution and the bill of materials."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from tests.cluster.paths import REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
VERSION = PROJECT["version"]
CODE = REPOSITORY / "operator" / "slipway"


def uv(*arguments: str) -> str:
    program = os.environ.get("UV") or shutil.which("uv")
    assert program, "run the tests by `make`, or by `uv run`"
    return subprocess.run([program, *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both; the wheel is made from the source distribution, as whoever packages it anew would do."""
    folder = tmp_path_factory.mktemp("dist")
    uv("build", "--quiet", "--out-dir", str(folder))
    return folder


@pytest.fixture(scope="module")
def unpacked(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(built / f"slipway-{VERSION}-py3-none-any.whl") as wheel:
        wheel.extractall(folder)
    return folder


def code() -> set[str]:
    files = (path for path in CODE.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(CODE.parent)) for path in files}


def test_the_wheel_has_the_code_with_pages_and_pictures_and_nothing_else(unpacked: Path) -> None:
    found = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    assert {name for name in found if ".dist-info/" not in name} == code()
    assert {Path(name).suffix for name in found} >= {".html", ".css"}
    assert f"slipway-{VERSION}.dist-info/licenses/LICENSE" in found


def test_the_source_distribution_has_what_is_needed_and_nothing_else(built: Path) -> None:
    with tarfile.open(built / f"slipway-{VERSION}.tar.gz") as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    crds = {f"crds/{path.name}" for path in (REPOSITORY / "crds").iterdir()}
    beside = {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "PKG-INFO", ".gitignore"}
    assert names == crds | beside | {f"operator/{name}" for name in code()}


def test_what_is_installed_tells_its_version(unpacked: Path) -> None:
    for name, place in PROJECT["scripts"].items():
        module, _, function = place.partition(":")
        start = f"import sys; sys.argv[0] = {name!r}; from {module} import {function}; {function}()"
        if not name.startswith("kubectl_complete"):
            argv = [sys.executable, "-c", start, "--version"]
            environment = {**os.environ, "PYTHONPATH": str(unpacked)}
            done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
            assert (done.stdout, done.returncode) == (f"slipway {VERSION}\n", 0), done.stderr
    written = (unpacked / f"slipway-{VERSION}.dist-info" / "entry_points.txt").read_text()
    assert all(f"{name} = {place}" in written for name, place in PROJECT["scripts"].items())


def test_the_bill_of_materials_names_what_the_lock_file_has_for_users() -> None:
    (export,) = (line for line in (REPOSITORY / "Makefile").read_text().splitlines() if "cyclonedx1.5" in line)
    asked = export.replace("--output-file dist/slipway-$(VERSION).cdx.json", "").split()[1:]
    bill = json.loads(uv(*asked))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    assert bill["metadata"]["component"]["name"] == "slipway"
    locked = tomllib.loads((REPOSITORY / "uv.lock").read_text())["package"]
    versions = {(package["name"], package.get("version")) for package in locked}
    listed = {(each["name"], each.get("version")) for each in bill["components"]}
    assert listed <= versions
    names = {name for name, _ in listed}
    assert {"kopf", "pydantic", "aiohttp", "starlette"} <= names
    assert not {"pytest", "mypy", "ruff", "hypothesis"} & names
    assert all(each["purl"].startswith("pkg:pypi/") for each in bill["components"])
