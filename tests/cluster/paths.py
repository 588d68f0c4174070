"""Where the harness keeps what it builds and what it runs."""

import os
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TOOLS = Path(__file__).resolve().parent / "tools"


def build_cache() -> Path:
    """Binaries and images, kept between runs: SLIPWAY_CACHE, else slipway/ in the user's cache folder."""
    if named := os.environ.get("SLIPWAY_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "slipway"


def run_root() -> Path:
    """One folder per running cluster. Short, because Unix socket paths end at 107 characters."""
    root = Path(os.environ.get("SLIPWAY_RUN") or Path(tempfile.gettempdir()) / f"slipway-{os.getuid()}")
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    return root
