"""Whether a CEL expression holds for an object: asked of a process of its own, whose every end is a result."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Mapping
from typing import Any

from slipway.probing.dial import ProbeResult

_PROGRAM = "slipway.probing.cel"
_PATIENCE = 60
"""Seconds. Its bound is what it has of the processor; on a busy machine that takes its time."""
_WORDS = {
    "holds": "the expression holds",
    "does-not": "the expression does not hold",
    "no-boolean": "the expression does not yield true or false: compare with == or another operator",
    "unparsed": "the expression is not valid CEL",
    "unevaluated": "the expression has no result on this object: a field that it names may be missing (ask with"
    " has(…)), or two types do not go together",
}
_TOO_MUCH = "the expression needs more time or memory than there is for it: make it simpler"


async def holds(expression: str, obj: Mapping[str, Any]) -> ProbeResult:
    """Whether `expression` is true of `object`. The message says nothing of what is in the object.

    Raises TimeoutError when the machine has no time for it, which says nothing of the expression.
    """
    request = json.dumps({"expression": expression, "object": obj}).encode()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-m", _PROGRAM),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
    )
    try:
        async with asyncio.timeout(_PATIENCE):
            answer, _ = await process.communicate(request)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    word = answer.decode("ascii", "replace").strip()
    return ProbeResult(word == "holds", _WORDS.get(word, _TOO_MUCH))
