"""The name by which people called this program, for the commands that are told to them."""

import sys
from pathlib import PurePath

_PLUGIN = "kubectl-slipway"


def program() -> str:
    """`kubectl slipway` for the plugin, which Krew installs under no other name; else `slipway`."""
    return "kubectl slipway" if PurePath(sys.argv[0]).stem == _PLUGIN else "slipway"
