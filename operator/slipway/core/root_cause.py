"""After going back: the question why, and the command that answers it."""

from __future__ import annotations

from collections.abc import Iterator

from slipway.core import approval
from slipway.core.markdown import block, plain

ANSWER = '"rootCause":"…","fix":"…"'


def command(namespace: str, promotion: str, answer: str = ANSWER) -> str:
    """Writes down what was learned."""
    return f"""{approval.patch_command(namespace, promotion)} '{{"spec":{{"learnings":{{{answer}}}}}}}'"""


def section(reason: str, answered_by: str) -> Iterator[str]:
    """A section of Markdown. `answered_by`: the command; '' where there is no Promotion that could be asked."""
    yield "## After going back"
    yield ""
    yield f"It went back because: {plain(reason)}." if reason else "Why it went back is not on record."
    yield ""
    yield "What was the root cause, what mends it, and why did nothing find it before users did?"
    if answered_by:
        yield from ("Write it down; it becomes a record of its own, and the report of the next launch shows it:", "")
        yield from block([answered_by], "sh")
