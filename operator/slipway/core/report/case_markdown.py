"""The parts of a report that people wrote: what it is about, how it came here, how it was judged, who is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from slipway.api.argument import Communication, Idea, JourneyStage
from slipway.api.duration import format_duration
from slipway.api.report import Report
from slipway.core.enumerating import count
from slipway.core.markdown import bullets, code, link, plain, quoted, table


def what(report: Report) -> Iterator[str]:
    """What it is, and which problem it solves."""
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
        yield from bullets(idea.lessons)
        yield ""
    if idea.artifacts:
        yield "Key artifacts:"
        yield ""
        yield from table(
            ("Kind", "Where", "SHA-256"), ((plain(a.kind), link(a.url), code(a.sha256 or "–")) for a in idea.artifacts)
        )


def journey(idea: Idea | None) -> Iterator[str]:
    """How the idea came here."""
    if idea is None or not idea.journey:
        return
    yield "## Journey"
    yield ""
    yield from table(
        ("Stage", "Reached", "Iterations", "Note"),
        (
            (
                plain(s.stage),
                plain(s.at or "–"),
                "–" if s.iterations is None else str(s.iterations),
                plain(s.note or ""),
            )
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
    return count((max(days) - min(days)).days, "day")


def decision(report: Report) -> Iterator[str]:
    """How risk and readiness were judged."""
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
                yield from bullets(lines)


def migrations(report: Report) -> Iterator[str]:
    """Changes of stored data."""
    stated = report.migrations
    if stated is None:
        return
    yield "## Migrations"
    yield ""
    if stated.scripts:
        yield from table(
            ("", "Script", "Undone by"),
            (
                # The last one is undone first.
                (str(n + 1), code(script), code(undo[n]) if n < len(undo := stated.rollback[::-1]) else "–")
                for n, script in enumerate(stated.scripts)
            ),
        )
    else:
        yield "No scripts are named: what Slipway itself runs as Jobs, and when, is in the plan."
        if stated.rollback:
            yield from ["", "Undone by:", "", *bullets(stated.rollback)]
    yield ""
    compatible = {True: "yes", False: "no", None: "not stated"}[stated.backward_compatible]
    yield f"Backward compatible: {compatible}."
    if stated.estimated_duration is not None:
        yield f"Expected to take {format_duration(stated.estimated_duration)}."
    yield from (["", "Backfill:", "", *quoted(stated.backfill)] if stated.backfill else [])


def operations(report: Report) -> Iterator[str]:
    """Where those on call find what they need."""
    stated = report.operations
    if stated is None:
        return
    yield "## Operations"
    yield ""
    rows = [
        (label, plain(text or "not stated"))
        for label, text in (
            ("CI", stated.ci),
            ("Secrets", stated.secrets),
            ("Logs", stated.logging),
            ("Alerts", stated.alerts),
        )
    ]
    rows += [(plain(name), link(url)) for name, url in sorted(stated.links.items())]
    yield from table(("", ""), rows)


def communication(report: Report) -> Iterator[str]:
    """Who is told, and what; drafts where nothing is written."""
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
