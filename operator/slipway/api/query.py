"""The names that a gate's query may refer to, as `$(name)`."""

import re

from slipway.api.model import invalid

NAMES = ("namespace", "rollout", "environment", "revision", "deployment", "service", "window")

# As in a container's args: `$$` stands for one dollar sign, and a `$` before anything but `(` for itself.
PATTERN = rf"^([^$]|[$][$]|[$][(]({'|'.join(NAMES)})[)]|[$][^$(])*[$]?$"
UNKNOWN = f"unknown $(name): only {', '.join(NAMES)} are replaced ($$ stands for one $)"

_REFERENCE = re.compile(r"\$\$|\$\(([^)]*)\)?")


def check_query(query: str) -> str:
    """The query itself; refused where it refers to a name that is not one of `NAMES`."""
    for found in _REFERENCE.finditer(query):
        if found[0] != "$$" and (found[1] not in NAMES or not found[0].endswith(")")):
            raise invalid(f"{found[0]!r} is not replaced by anything", f"one of {', '.join(f'$({n})' for n in NAMES)}")
    return query
