"""A report as Markdown, for reading as it is and for rendering.

What people wrote is quoted: nothing of it can pose as a heading, a table or a verdict of ours.
"""

from __future__ import annotations

from collections.abc import Iterator

from slipway.api.argument import Idea
from slipway.api.report import Author, Report
from slipway.core import said
from slipway.core.markdown import block, bullets, code, plain, table
from slipway.core.report import case_markdown, launch_markdown, learned, needed


def render(report: Report) -> str:
    """The whole document, ending with a newline."""
    parts = [
        _opening(report),
        case_markdown.what(report),
        case_markdown.journey(report.idea),
        case_markdown.decision(report),
        launch_markdown.checklist(report.checks),
        launch_markdown.configuration(report),
        launch_markdown.changes(report),
        launch_markdown.plan(report),
        launch_markdown.way_back(report),
        case_markdown.migrations(report),
        case_markdown.operations(report),
        case_markdown.communication(report),
        launch_markdown.first_day(report),
        launch_markdown.follow_ups(report),
        learned.section(report.earlier, report.rollout),
        _missing(report),
        _deciding(report),
    ]
    return "\n\n".join("\n".join(part) for part in (list(lines) for lines in parts) if part) + "\n"


def _opening(report: Report) -> Iterator[str]:
    name = report.idea.id if report.idea else report.promotion
    yield f"# {plain(name)}: launch of {plain(report.rollout)} {plain(report.version or report.revision)}"
    yield ""
    answer, words = needed.headline(report)
    yield f"**{answer}** – {words}"
    yield from bullets(report.answer.blockers)
    yield ""
    if report.break_glass is not None:
        yield f"**Glass is broken**{needed.glass(report.break_glass, plain, code)}"
        yield ""
    yield from table(
        ("", ""),
        (
            (label, value)
            for label, value in (
                ("Delivers", plain(report.delivers)),
                ("Stage", report.stage),
                ("Journey", _path(report.idea)),
                ("Environment", code(report.environment)),
                ("Promotion", code(f"{report.namespace}/{report.promotion}")),
                ("Requested by", _author(report.requested_by)),
                ("Rollout", code(report.rollout)),
                ("Revision", code(report.revision)),
                ("Serving now", code(report.serving) if report.serving else "nothing: this is the first launch"),
                ("Commit", code(report.commit) if report.commit else ""),
                ("Images", "<br>".join(code(image) for image in report.images)),
                ("Plan", code(report.plan_hash)),
                ("Approvals needed", needed.row(report.approvals)),
                ("Closed", plain(report.closed)),
                ("Policies", ", ".join(code(policy) for policy in report.policies) or "none matches"),
            )
            if value
        ),
    )


def _author(author: Author | None) -> str:
    return f"{plain(author.name)} ({author.identity})" if author is not None else "not known"


def _path(idea: Idea | None) -> str:
    if idea is None or not idea.journey:
        return ""
    stages = [
        plain(step.stage) + (f" ({step.iterations})" if step.iterations is not None else "") for step in idea.journey
    ]
    return " → ".join([*stages, "SCALE"])


def _missing(report: Report) -> Iterator[str]:
    if report.missing:
        yield "## Not stated"
        yield ""
        yield ", ".join(code(f"spec.{field}") for field in report.missing) + "."


def _deciding(report: Report) -> Iterator[str]:
    yield "## The decision"
    yield ""
    if report.decisions:
        yield "Said so far:"
        yield ""
        yield from bullets(said.told(entry) for entry in report.decisions)
        yield ""
    yield from needed.deciding(report)
    yield from block(report.commands, "sh")
    yield ""
    yield "Who approves confirms:"
    yield ""
    yield from (f"- {line}" for line in report.confirmations)
