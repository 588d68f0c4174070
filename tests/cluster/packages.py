"""System programs that a real node needs and that Go does not build; installed where that is ours to do."""

import os
import shutil
import subprocess
from collections.abc import Mapping

from .progress import say

# Program → Debian package. None of these packages starts a service when it is installed.
NEEDED = {
    "ip": "iproute2",
    "nft": "nftables",
    "nsenter": "util-linux",
    "openssl": "openssl",
    "runc": "runc",
    "setpriv": "util-linux",
    "sysctl": "procps",
    "unshare": "util-linux",
}

# What only some tests need, and no cluster: the demo does not install it. Redis' server has another name here, since
# the package that is called so would start a service.
BESIDE = {"chromium": "chromium", "git": "git", "redis-check-rdb": "redis-tools"}


def missing(needed: Mapping[str, str] = NEEDED) -> list[str]:
    return [program for program in needed if not shutil.which(program)]


def install_missing_packages(needed: Mapping[str, str] = NEEDED) -> None:
    """As root on a Debian, install what is missing; never at the price of removing something else."""
    lacking = missing(needed)
    if os.getuid() != 0 or not shutil.which("apt-get") or not lacking:
        return
    packages = sorted({needed[program] for program in lacking})
    say(f"installing {', '.join(packages)} with apt-get")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "-qq", "update"], env=quiet, check=False, capture_output=True)
    install = ["apt-get", "-qq", "install", "--yes", "--no-install-recommends", "--no-remove", *packages]
    done = subprocess.run(install, env=quiet, check=False, capture_output=True, text=True)
    if done.returncode:
        say(f"apt-get could not install them: {done.stderr.strip()}")
