"""`python -m slipway.probing.cel`: reads a CEL expression and an object, and writes one word about them.

A process of its own, with little time and memory: an expression comes from a tenant, and nobody can say in advance
how long it takes. It imports as little as possible, for it is started for every question.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Mapping
from typing import Any

import cel

SECONDS = 2
MEMORY = 192 << 20

HOLDS, DOES_NOT, NO_BOOLEAN, UNPARSED, UNEVALUATED = "holds", "does-not", "no-boolean", "unparsed", "unevaluated"

_REFUSALS = (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError)


def verdict(expression: str, obj: Mapping[str, Any]) -> str:
    """One of the words above, for the variable `object`."""
    try:
        program = cel.compile(expression)
    except _REFUSALS:
        return UNPARSED
    try:
        result = program.execute({"object": obj})
    except _REFUSALS:
        return UNEVALUATED
    if result is True:
        return HOLDS
    return DOES_NOT if result is False else NO_BOOLEAN


def main() -> None:
    """Answer the request on standard input."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    request = json.load(sys.stdin)
    print(verdict(request["expression"], request["object"]))


if __name__ == "__main__":
    main()
