"""docs/tutorial.md, run as it is written: every manifest, every command, and what they print."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.cluster.cluster import Cluster
from tests.cluster.images import PODINFO
from tests.cluster.paths import REPOSITORY
from tests.cluster.programs import kubectl
from tests.e2e.installation import Operator

PAGE = REPOSITORY / "docs" / "tutorial.md"
HERE = {"stefanprodan/podinfo": PODINFO, "podinfo:6.9.1": "podinfo:v1", "podinfo:6.9.2": "podinfo:v2"}
"""The images of the page, and those that the test cluster has."""


def test_the_tutorial_does_what_it_says(cluster: Cluster, operator: Operator, tmp_path: Path) -> None:
    text = PAGE.read_text()
    for shown, there in HERE.items():
        text = text.replace(shown, there)
    blocks = re.findall(r"^```(yaml|sh|text)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert [kind for kind, _ in blocks].count("yaml") == 1
    kubeconfig = tmp_path / "kubeconfig"
    shutil.copy(cluster.kubeconfig("admin"), kubeconfig)
    path = os.pathsep.join([str(Path(sys.executable).parent), str(kubectl().parent), os.environ["PATH"]])
    environment = {"PATH": path, "KUBECONFIG": str(kubeconfig), "HOME": str(tmp_path)}
    printed = ""
    try:
        for kind, block in blocks:
            if kind == "yaml":
                (tmp_path / "web.yaml").write_text(block)
            elif kind == "sh":
                printed = run(block, tmp_path, environment)
            else:
                shows(block, printed)
    finally:
        cluster.kubectl("delete", "namespace", "tutorial", "--ignore-not-found", "--wait=false")


def run(block: str, folder: Path, environment: dict[str, str]) -> str:
    argv = ["bash", "-euo", "pipefail", "-c", block]
    done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def shows(block: str, printed: str) -> None:
    """Each line of the block is printed, in this order; `…` stands for anything."""
    lines = iter(printed.splitlines())
    for line in block.splitlines():
        wanted = r"\s*" + r".*?".join(re.escape(part.strip()) + r"\s*" for part in re.split(r"…", line))
        wanted = re.sub(r"(\\ )+", r"\\s+", wanted)
        assert any(re.fullmatch(wanted, one) for one in lines), f"{line!r} is not in\n{printed}"
