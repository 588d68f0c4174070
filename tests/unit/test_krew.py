"""What Krew installs: a manifest that fits the archive, and a program in it that runs the wheel."""

import hashlib
import importlib.util
import os
import subprocess
import tarfile
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / "packaging" / "krew"
VERSION = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
URL = "https://downloads.example/slipway/"


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The archive, and the manifest for it."""
    spec = importlib.util.spec_from_file_location("package", FOLDER / "package.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path_factory.mktemp("krew")
    wheel = folder / f"slipway-{VERSION}-py3-none-any.whl"
    wheel.write_bytes(b"a wheel")
    archive, manifest = module.package(wheel, folder / "out", URL)
    first = archive.read_bytes()
    module.package(wheel, folder / "out", URL)
    assert archive.read_bytes() == first, "the same wheel gives the same archive"
    return archive, yaml.safe_load(manifest.read_text())


def test_the_manifest_is_of_this_version_and_of_this_archive(packaged: tuple[Path, dict[str, Any]]) -> None:
    archive, manifest = packaged
    assert (manifest["kind"], manifest["metadata"]["name"]) == ("Plugin", "slipway")
    assert manifest["spec"]["version"] == f"v{VERSION}"
    assert len(manifest["spec"]["shortDescription"]) <= 50
    (platform,) = manifest["spec"]["platforms"]
    assert platform["sha256"] == hashlib.sha256(archive.read_bytes()).hexdigest()
    assert platform["uri"] == f"https://downloads.example/slipway/kubectl-slipway-{VERSION}.tar.gz"
    with tarfile.open(archive) as tar:
        names = tar.getnames()
        assert tar.getmember(platform["bin"]).mode == 0o755
    assert names == ["kubectl-slipway", "LICENSE", f"slipway-{VERSION}-py3-none-any.whl"]


def test_the_first_run_installs_the_wheel_with_the_page(packaged: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    archive, _ = packaged
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path, filter="data")
    log, tools = tmp_path / "log", tmp_path / "tools"
    tools.mkdir()
    python = tools / "python3"
    python.write_text(
        f'#!/bin/sh\necho "$@" >> {log}\n'
        '[ "$1 $2 $3" != "-m venv --clear" ] || { mkdir -p "$4/bin"; cp "$0" "$4/bin/python"; }\n'
    )
    python.chmod(0o755)
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    subprocess.run([str(tmp_path / "kubectl-slipway"), "get"], check=True, env=environment, capture_output=True)
    (installed,) = [line for line in log.read_text().splitlines() if "pip install" in line]
    assert installed.endswith(f" {tmp_path}/slipway-{VERSION}-py3-none-any.whl[dashboard]")


def test_the_program_runs_what_is_installed_through_the_link_that_krew_makes(
    packaged: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    archive, _ = packaged
    store = tmp_path / "store"
    with tarfile.open(archive) as tar:
        tar.extractall(store, filter="data")
    (tmp_path / "bin").mkdir()
    link = tmp_path / "bin" / "kubectl-slipway"
    link.symlink_to(store / "kubectl-slipway")
    home = tmp_path / "cache" / "slipway" / "krew" / f"slipway-{VERSION}-py3-none-any"
    (home / "bin").mkdir(parents=True)
    (home / "ready").touch()
    python = home / "bin" / "python"
    python.write_text('#!/bin/sh\nshift 2\necho "$@"\n')
    python.chmod(0o755)
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    argv = [str(link), "get", "-n", "two words"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "get -n two words\n"
