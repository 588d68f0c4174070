"""The parts of a report that Slipway found out: checks, what runs and what changes, the plan, and the way back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from slipway.api.instant import format_instant
from slipway.api.report import CheckLine, Report
from slipway.core.markdown import block, bullets, code, instruction, link, plain, table
from slipway.core.report.facts import ADDRESSES, PROVIDER, REGION

_CATEGORIES = ("Security", "Quality", "Operations", "Documentation", "Compliance")
_SYMBOLS = {"Passed": "✓", "NotApplicable": "–", "Failed": "✗", "Unverifiable": "?", "Pending": "…"}


def checklist(checks: Sequence[CheckLine]) -> Iterator[str]:
    """The checks with their results."""
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
    evidence = ", without evidence" if check.attested and not check.evidence else ""
    return f"{plain(check.vouched_by)}{evidence}{at}"


def configuration(report: Report) -> Iterator[str]:
    """What the cluster says about the workload."""
    found = report.configuration
    yield "## Infrastructure and configuration"
    yield ""
    given = dict.fromkeys(found.given, " (given)")
    rows = [
        ("Addresses", ("<br>".join(code(url) for url in found.urls) or "none known") + given.get(ADDRESSES, "")),
        ("Provider", (", ".join(code(name) for name in found.providers) or "not known") + given.get(PROVIDER, "")),
        ("Region", (", ".join(code(name) for name in found.regions) or "not known") + given.get(REGION, "")),
        ("Ports", ", ".join(code(port) for port in found.ports)),
        ("Service account", code(found.service_account)),
        ("Health", "<br>".join(plain(probe) for probe in found.probes) or "no probe"),
        ("Resources", "<br>".join(plain(each) for each in found.resources)),
    ]
    yield from table(("", ""), rows)
    if found.missing:
        yield from ("", "Not known:", "", *bullets(found.missing))
    if found.variables:
        yield ""
        yield from table(
            ("Container", "Variable", "From", "Sensitive"),
            (
                (code(v.container), code(v.name), plain(v.source), "yes" if v.sensitive else "no")
                for v in found.variables
            ),
        )


def changes(report: Report) -> Iterator[str]:
    """What differs from what serves."""
    yield f"## Changes against {code(report.serving)}" if report.serving else "## Changes"
    yield ""
    if not report.serving:
        yield "This is the first launch: nothing serves yet."
        return
    rows = [
        (plain(c.what), code(c.before) if c.before else "–", code(c.after) if c.after else "–") for c in report.changes
    ]
    yield from table(("What", "Now", "After"), rows) or ["None in what the report looks at."]
    yield ""
    # Not how many: an autoscaler would make it another report each time.
    yield "Replicas: as many as serve by then. `spec.replicas` is the Rollout's, and not a revision's."


def plan(report: Report) -> Iterator[str]:
    """The launch, step by step."""
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
            yield from bullets(lines)


def way_back(report: Report) -> Iterator[str]:
    """How it goes back."""
    back, plan = report.way_back, report.rollback_plan
    yield "## Going back"
    yield ""
    if back.to:
        yield f"To revision {code(back.to)}. {_sentence(back.rehearsed) or 'Not rehearsed yet.'}"
        yield ""
        yield "Traffic goes back without anybody's word when:"
        yield ""
        yield from bullets(back.triggers)
    else:
        yield "This is the first launch: there is nothing to go back to. An abort takes it out of traffic."
    yield ""
    yield "By hand, without anybody's approval:"
    yield ""
    yield from block(back.commands, "sh")
    if back.asks_after:
        yield from ("", "When traffic is back, Slipway asks, and waits for no answer:", "")
        yield from bullets(back.asks_after)
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


def first_day(report: Report) -> Iterator[str]:
    """The watch list."""
    yield "## The first 24 hours"
    yield ""
    yield from bullets(report.first_day)


def follow_ups(report: Report) -> Iterator[str]:
    """What is left to do."""
    yield "## Follow-ups"
    yield ""
    yield from bullets(report.follow_ups)
