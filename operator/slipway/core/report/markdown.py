"""A report as Markdown (GitHub's flavour: the tables), for reading as it is and for rendering.

What people wrote is quoted: nothing of it can pose as a heading, a table or a verdict of ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from slipway.api.argument import Communication, Idea, JourneyStage
from slipway.api.check import BUILT_IN
from slipway.api.duration import format_duration
from slipway.api.instant import format_instant
from slipway.api.report import CheckLine, Report

_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~])")
_BAR = re.compile(r"(?<!\\)((?:\\\\)*)\|")
_LEADS = re.compile(r"^[-+=]")
_CATEGORIES = ("Security", "Quality", "Operations", "Documentation", "Compliance")
_SYMBOLS = {"Passed": "✓", "NotApplicable": "–", "Failed": "✗", "Unverifiable": "?", "Pending": "…"}


def render(report: Report) -> str:
    """The whole document, ending with a newline."""
    parts = [
        _opening(report),
        _what(report),
        _journey(report.idea),
        _decision(report),
        _checklist(report.checks),
        _configuration(report),
        _changes(report),
        _plan(report),
        _way_back(report),
        _migrations(report),
        _operations(report),
        _communication(report),
        _missing(report),
        _deciding(report),
    ]
    return "\n\n".join("\n".join(part) for part in (list(lines) for lines in parts) if part) + "\n"


def plain(text: str) -> str:
    """A line of somebody's words, with nothing in it that Markdown or HTML would act on."""
    return _LEADS.sub(r"\\\g<0>", _MARKS.sub(r"\\\1", " ".join(text.split())))


def quoted(text: str | None) -> list[str]:
    """Somebody's words of many lines, as a block quote."""
    return [f"> {plain(line)}".rstrip() for line in (text or "").strip().splitlines()]


def code(text: str) -> str:
    """A short text as code. A backtick in it ends nothing."""
    fence = "``" if "`" in text else "`"
    pad = " " if "`" in text else ""
    return f"{fence}{pad}{' '.join(text.split())}{pad}{fence}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table, or nothing where there are no rows. A bar within a cell stays within it."""
    found = [[_BAR.sub(r"\1\\|", cell) for cell in row] for row in rows]
    if not found:
        return []
    return [_row(head), _row(["---"] * len(head)), *(_row(row) for row in found)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _opening(report: Report) -> Iterator[str]:
    name = report.idea.id if report.idea else report.promotion
    yield f"# {plain(name)}: launch of {plain(report.rollout)} {plain(report.version or report.revision)}"
    yield ""
    yield f"**{'GO' if report.answer.go else 'NO-GO'}**" + (
        " – nothing stands in the way but a person's approval." if report.answer.go else " – in the way:"
    )
    yield from (f"- {plain(blocker)}" for blocker in report.answer.blockers)
    yield ""
    yield from table(
        ("", ""),
        (
            (label, value)
            for label, value in (
                ("Stage", report.stage),
                ("Journey", _path(report.idea)),
                ("Environment", code(report.environment)),
                ("Promotion", code(f"{report.namespace}/{report.promotion}")),
                ("Rollout", code(report.rollout)),
                ("Revision", code(report.revision)),
                ("Serving now", code(report.serving) if report.serving else "nothing: this is the first launch"),
                ("Commit", code(report.commit) if report.commit else ""),
                ("Images", "<br>".join(code(image) for image in report.images)),
                ("Plan", code(report.plan_hash)),
                ("Policies", ", ".join(code(policy) for policy in report.policies) or "none matches"),
            )
            if value
        ),
    )


def _path(idea: Idea | None) -> str:
    if idea is None or not idea.journey:
        return ""
    stages = [
        plain(step.stage) + (f" ({step.iterations})" if step.iterations is not None else "") for step in idea.journey
    ]
    return " → ".join([*stages, "SCALE"])


def _what(report: Report) -> Iterator[str]:
    idea = report.idea
    yield "## What this is"
    yield ""
    if idea is None or not (idea.summary or idea.problem or idea.evidence):
        yield "Not stated: `spec.idea` has no summary, problem or evidence."
        return
    for label, text in (("", idea.summary), ("The problem:", idea.problem), ("Evidence:", idea.evidence)):
        if text:
            yield from ([label, ""] if label else [])
            yield from quoted(text)
            yield ""
    if idea.lessons:
        yield "Learned on the way:"
        yield ""
        yield from (f"- {plain(lesson)}" for lesson in idea.lessons)
        yield ""
    if idea.artifacts:
        yield "Key artifacts:"
        yield ""
        yield from table(
            ("Kind", "Where", "SHA-256"), ((plain(a.kind), link(a.url), code(a.sha256 or "–")) for a in idea.artifacts)
        )


def instruction(text: str) -> str:
    """A line with commands in backticks: these stay code, all else is plain."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return plain(text)
    return "".join(code(part) if n % 2 else _MARKS.sub(r"\\\1", part) for n, part in enumerate(parts) if part.strip())


def link(url: str) -> str:
    """An address as itself. Its words are its target: it can pose as nothing else."""
    return f"<{url.replace('<', '%3C').replace('>', '%3E').replace('|', '%7C')}>"


def _journey(idea: Idea | None) -> Iterator[str]:
    if idea is None or not idea.journey:
        return
    yield "## Journey"
    yield ""
    yield from table(
        ("Stage", "Reached", "Iterations", "Note"),
        (
            (plain(s.stage), s.at or "–", "–" if s.iterations is None else str(s.iterations), plain(s.note or ""))
            for s in idea.journey
        ),
    )
    if length := total_time(idea.journey):
        yield ""
        yield f"Total time: {length}."


def total_time(journey: Sequence[JourneyStage]) -> str:
    """From the first to the last dated stage in days; '' where fewer than two are dated."""
    days = []
    for step in journey:
        try:
            days.append(date.fromisoformat((step.at or "")[:10]))
        except ValueError:
            continue
    if len(days) < 2:
        return ""
    count = (max(days) - min(days)).days
    return "1 day" if count == 1 else f"{count} days"


def _decision(report: Report) -> Iterator[str]:
    stated, ready = report.assessment, report.readiness
    yield "## Decision validation"
    yield ""
    if stated is None and ready is None:
        yield "Not stated: neither `spec.readiness` nor `spec.assessment` is given."
        return
    rows = []
    if ready is not None:
        override = f" – overridden: {plain(ready.override)}" if ready.override else ""
        rows.append(("Readiness", f"{ready.score:g} of 10{override}"))
        rows.append(("Stage", f"{plain(ready.stage)}, {plain(ready.status)}"))
        open_issues = [issue.id for issue in ready.critical_issues if not issue.resolved]
        of_all = f"{len(ready.critical_issues) - len(open_issues)} of {len(ready.critical_issues)} resolved"
        rows.append(("Critical issues", of_all if ready.critical_issues else "none known"))
    if stated is not None:
        rows.append(("Data classification", stated.data_classification or "not stated"))
        rows.append(("Risk", stated.risk or "not stated"))
        reason = f" – {plain(stated.reason)}" if stated.reason else ""
        rows.append(("Recommendation", f"{stated.recommendation or 'not stated'}{reason}"))
    yield from table(("", ""), rows)
    if stated is not None:
        for label, lines in (("Threats", stated.threats), ("Mitigations", stated.mitigations)):
            yield ""
            yield f"{label}:" if lines else f"{label}: none stated."
            if lines:
                yield ""
                yield from (f"- {plain(line)}" for line in lines)


def _checklist(checks: Sequence[CheckLine]) -> Iterator[str]:
    good = sum(check.result in ("Passed", "NotApplicable") for check in checks)
    yield f"## Checklist: {good} of {len(checks)} passed"
    for category in (*_CATEGORIES, ""):
        found = [c for c in checks if (c.category if c.category in _CATEGORIES else "") == category]
        if not found:
            continue
        yield ""
        yield f"### {category or 'Other'}"
        yield ""
        yield from table(
            ("", "Check", "Result", "Found", "Evidence", "Vouched for by"),
            (
                (
                    _SYMBOLS.get(check.result, "?"),
                    code(check.name),
                    check.result,
                    plain(check.message),
                    (link(check.evidence) if check.evidence else "–"),
                    _source(check),
                )
                for check in found
            ),
        )


def _source(check: CheckLine) -> str:
    at = f", {format_instant(check.at)}" if check.at else ""
    if check.attested:
        return f"the author alone{'' if check.evidence else ', without evidence'}{at}"
    return f"{'Slipway' if check.name in BUILT_IN else 'asked by Slipway'}{at}"


def _configuration(report: Report) -> Iterator[str]:
    found = report.configuration
    yield "## Infrastructure and configuration"
    yield ""
    rows = [
        ("Addresses", ", ".join(code(url) for url in found.urls) or "no HTTPRoute names it"),
        ("Ports", ", ".join(code(port) for port in found.ports)),
        ("Service account", code(found.service_account)),
        ("Health", "<br>".join(plain(probe) for probe in found.probes) or "no probe"),
        ("Resources", "<br>".join(plain(each) for each in found.resources)),
    ]
    yield from table(("", ""), rows)
    if found.variables:
        yield ""
        yield from table(
            ("Container", "Variable", "From", "Sensitive"),
            (
                (code(v.container), code(v.name), plain(v.source), "yes" if v.sensitive else "no")
                for v in found.variables
            ),
        )


def _changes(report: Report) -> Iterator[str]:
    yield f"## Changes against {code(report.serving)}" if report.serving else "## Changes"
    yield ""
    if not report.serving:
        yield "This is the first launch: nothing serves yet."
        return
    rows = [
        (plain(c.what), code(c.before) if c.before else "–", code(c.after) if c.after else "–") for c in report.changes
    ]
    yield from table(("What", "Now", "After"), rows) or ["None in what the report looks at."]


def _plan(report: Report) -> Iterator[str]:
    yield "## Plan"
    yield ""
    yield from table(
        ("", "Step", "At least", "Until"),
        ((str(n), plain(s.what), s.lasts or "–", plain(s.until) or "–") for n, s in enumerate(report.plan, 1)),
    )
    for label, lines in (
        ("Gates", report.gates),
        ("Smoke tests", report.smoke_tests),
        ("Gates and smoke tests go on after the launch", report.watch),
    ):
        yield ""
        yield f"{label}:" if lines else f"{label}: none."
        if lines:
            yield ""
            yield from (f"- {plain(line)}" for line in lines)


def _way_back(report: Report) -> Iterator[str]:
    back, plan = report.way_back, report.rollback_plan
    yield "## Going back"
    yield ""
    if back.to:
        yield f"To revision {code(back.to)}. {_sentence(back.rehearsed) or 'Not rehearsed yet.'}"
        yield ""
        yield "Traffic goes back without anybody's word when:"
        yield ""
        yield from (f"- {plain(trigger)}" for trigger in back.triggers)
    else:
        yield "This is the first launch: there is nothing to go back to. An abort takes it out of traffic."
    yield ""
    yield "By hand, without anybody's approval:"
    yield ""
    yield from ("```sh", *back.commands, "```")
    if back.asks_after:
        yield from ("", "When traffic is back, Slipway asks, and waits for no answer:", "")
        yield from (f"- {plain(line)}" for line in back.asks_after)
    if plan is None:
        return
    for label, lines in (
        ("When people go back", plan.triggers),
        ("What they run besides", plan.steps),
        ("How they see that it worked", plan.verification),
        ("Whom they tell", plan.communication),
    ):
        if lines:
            yield ""
            yield f"{label}:"
            yield ""
            yield from (f"{n}. {instruction(line)}" for n, line in enumerate(lines, 1))


def _sentence(text: str) -> str:
    words = plain(text)
    return f"{words[:1].upper()}{words[1:]}." if words else ""


def _migrations(report: Report) -> Iterator[str]:
    stated = report.migrations
    if stated is None or not stated.scripts:
        return
    yield "## Migrations"
    yield ""
    yield from table(
        ("", "Script", "Undone by"),
        (
            # The last one is undone first.
            (str(n + 1), code(script), code(undo[n]) if n < len(undo := stated.rollback[::-1]) else "–")
            for n, script in enumerate(stated.scripts)
        ),
    )
    yield ""
    compatible = {True: "yes", False: "no", None: "not stated"}[stated.backward_compatible]
    yield f"Backward compatible: {compatible}."
    if stated.estimated_duration is not None:
        yield f"Expected to take {format_duration(stated.estimated_duration)}."
    yield from (["", "Backfill:", "", *quoted(stated.backfill)] if stated.backfill else [])


def _operations(report: Report) -> Iterator[str]:
    stated = report.operations
    if stated is None:
        return
    yield "## Operations"
    yield ""
    rows = [
        (label, plain(text))
        for label, text in (
            ("CI", stated.ci),
            ("Secrets", stated.secrets),
            ("Logs", stated.logging),
            ("Alerts", stated.alerts),
        )
        if text
    ]
    rows += [(plain(name), link(url)) for name, url in sorted(stated.links.items())]
    yield from table(("", ""), rows) or ["Nothing stated."]


def _communication(report: Report) -> Iterator[str]:
    stated = report.communication or Communication()
    yield "## Communication"
    for label, text, draft in (
        ("Changelog", stated.changelog, _changelog(report)),
        ("Release notes", stated.release_notes, _release_notes(report)),
    ):
        yield ""
        yield f"{label}:" if text else f"{label}: not written; a draft from what is known:"
        yield ""
        yield from quoted(text or draft)
    for label, lines in (("To be told", stated.notify), ("Issues", stated.issues)):
        if lines:
            yield ""
            yield f"{label}: {', '.join(plain(line) for line in lines)}."


def _changelog(report: Report) -> str:
    """What is known to have changed, a line each."""
    of = f"{report.rollout} {report.version or report.revision}"
    commit = f" (commit {report.commit})" if report.commit else ""
    images = [f"{c.what}: {c.before} → {c.after}" for c in report.changes if c.what.endswith(": image")]
    others = len(report.changes) - len(images)
    more = [f"{others} other changes of the pod template"] if others else []
    return "\n".join([f"{of}{commit}", *images, *more])


def _release_notes(report: Report) -> str:
    summary = report.idea.summary if report.idea else None
    return summary or f"{report.rollout} {report.version or report.revision} is live."


def _missing(report: Report) -> Iterator[str]:
    if report.missing:
        yield "## Not stated"
        yield ""
        yield ", ".join(code(f"spec.{field}") for field in report.missing) + "."


def _deciding(report: Report) -> Iterator[str]:
    yield "## The decision"
    yield ""
    yield from ("```sh", *report.commands, "```")
    yield ""
    yield "Who approves confirms:"
    yield ""
    yield from (f"- {line}" for line in report.confirmations)
