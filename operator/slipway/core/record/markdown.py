"""A record for people to read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from slipway.api.learnings import Learnings
from slipway.api.record import Predicate, Statement
from slipway.core import instants, root_cause
from slipway.core.enumerating import cut
from slipway.core.markdown import block, bullets, link, quoted, table
from slipway.core.markdown import code as _code
from slipway.core.markdown import plain as _text
from slipway.core.record.owed import ROLLBACK

_TITLES = {
    "launch": "Launch",
    "rollback": "Rollback",
    "watch": "Watch after the launch",
    "learnings": "Learnings from the launch",
}
_DURATIONS = {
    "untilApproval": "checks and approval",
    "shift": "traffic moving",
    "verification": "from the full share to the outcome",
    "watch": "watched after the launch",
    "goingBack": "traffic going back",
    "total": "in all",
}

MOST = 6
"""Confirmations of one approval that the page has; the statement has all."""
LONGEST = 200
"""Characters of each."""


def render(statement: Statement) -> str:
    """The whole page."""
    return "\n".join(_lines(statement.predicate)).rstrip() + "\n"


def _lines(predicate: Predicate) -> Iterator[str]:
    kind = _text(_TITLES.get(predicate.kind, predicate.kind))
    version = predicate.version or predicate.revision.name
    yield f"# {kind} of {_text(predicate.rollout.name)} {_text(version)} in {_text(predicate.environment)}"
    yield ""
    yield f"**{_text(predicate.outcome)}**" + (f": {_text(predicate.reason)}" if predicate.reason else "")
    yield from _section("", _facts(predicate), ("", ""))
    images = ((_text(i.container), _code(i.image), _code(i.digest)) for i in predicate.revision.images)
    yield from _section("Images", images, ("container", "image", "digest"))
    yield from _section("Times", _times(predicate), ("", ""))
    spans = ((words, predicate.durations[key]) for key, words in _DURATIONS.items() if key in predicate.durations)
    yield from _section("Durations", spans, ("", ""))
    approvals = (
        (_text(a.by), _text(a.identity), _at(a.at), _code(a.plan_hash), _code(a.report_digest), _confirmed(a.confirmed))
        for a in predicate.approvals
    )
    yield from _section("Approvals", approvals, ("by", "identity", "at", "plan", "report", "confirmed"))
    weights = (
        (f"{w.weight} %", _text(w.by), _text(w.identity), _at(w.at), _code(w.plan_hash))
        for w in predicate.weight_approvals
    )
    yield from _section("Shares agreed to", weights, ("up to", "by", "identity", "at", "plan"))
    decisions = (
        (d.decision, _text(d.by), d.identity, _at(d.at), _text(d.reason), _text(d.lifted_by), _at(d.lifted_at))
        for d in predicate.decisions
    )
    yield from _section("Said", decisions, ("what", "by", "identity", "at", "reason", "lifted by", "lifted at"))
    yield from _section("Overrides", _overrides(predicate), ("what", "by", "reason", "about"))
    checks = ((_text(c.name), c.category, c.result, _text(c.message), link(c.evidence)) for c in predicate.checks)
    yield from _section("Checks", checks, ("check", "category", "result", "message", "evidence"))
    after = ((c.name, c.result, _text(c.message)) for c in predicate.after_rollback)
    yield from _section("After going back", after, ("check", "result", "message"))
    gates = (
        (_text(g.name), g.verdict, "" if g.value is None else f"{g.value:g}", _code(g.bound), _at(g.at))
        for g in predicate.gates
    )
    yield from _section("Gates", gates, ("gate", "verdict", "value", "bound", "measured at"))
    tests = ((_text(t.name), t.verdict, _at(t.at)) for t in predicate.smoke_tests)
    yield from _section("Smoke tests", tests, ("test", "verdict", "at"))
    jobs = ((m.step, m.result, _text(m.message), _at(m.at)) for m in predicate.migrations)
    yield from _section("Migrations", jobs, ("step", "result", "message", "at"))
    if predicate.kind == ROLLBACK:
        about = predicate.promotion
        answer = root_cause.command(predicate.namespace, about.name) if about is not None else ""
        yield from ("", *root_cause.section(predicate.reason, answer))
    if predicate.learnings is not None:
        yield from _learnings(predicate.learnings)
    if predicate.plan is not None:
        yield from ("", "## Plan", "", _code(predicate.plan.hash), "")
        yield from block([json.dumps(predicate.plan.inputs, indent=2, sort_keys=True)], "json")
    for key, digest in predicate.left_out.items():
        yield from ("", f"{_code(key)} was too long to be kept with this record; its digest was {_code(digest)}.")
    yield from ("", "## Chain", "")
    before = predicate.previous
    follows = f"follows `{before.config_map}`, whose statement is `{before.digest}`" if before else "the first one"
    yield f"Record {predicate.number} of Rollout {_text(predicate.rollout.name)}: {follows}."


def _facts(predicate: Predicate) -> Iterator[tuple[str, str]]:
    yield "Namespace", _text(predicate.namespace)
    yield "Rollout", _text(predicate.rollout.name)
    if predicate.promotion is not None:
        yield "Promotion", _text(predicate.promotion.name)
    for words, value in (("Idea", predicate.idea), ("Version", predicate.version), ("Commit", predicate.commit)):
        if value:
            yield words, _text(value)
    yield "Revision", _code(predicate.revision.digest)
    if predicate.strategy:
        yield "Strategy", predicate.strategy


def _confirmed(said: Sequence[str]) -> str:
    """In words, as many as anybody would read."""
    told = [_text(cut(one, LONGEST)) for one in said[:MOST]]
    return "<br>".join([*told, "…"] if len(said) > MOST else told)


def _overrides(predicate: Predicate) -> Iterator[tuple[str, str, str, str]]:
    glass, accepted = predicate.break_glass, predicate.accept_no_data
    if glass is not None:
        lifted = ", ".join(_text(policy) for policy in glass.policies)
        yield "breakGlass", _text(glass.by) or "nobody is named", _text(glass.reason), f"policies {lifted}"
    if accepted is not None:
        up_to = f"up to {accepted.weight} %: " if accepted.weight else ""
        about = f"{up_to}{_text(accepted.used) or 'not needed, there was data'}"
        yield "acceptNoData", _text(accepted.by) or "an approver", _text(accepted.reason), about


def _times(predicate: Predicate) -> Iterator[tuple[str, str]]:
    times = predicate.times
    for words, at in (
        ("checks began", times.started_at),
        ("approved", times.approved_at),
        ("first traffic", times.traffic_at),
        ("all traffic began to move", times.promoted_at),
        ("all traffic had moved", times.shifted_at),
        ("verified", times.verified_at),
        ("outcome decided", times.ended_at),
        ("traffic was back", times.back_at),
    ):
        if at is not None:
            yield words, _at(at)


def _learnings(learnings: Learnings) -> Iterator[str]:
    for title, words in (
        ("What went well", learnings.went_well),
        ("What to do better", learnings.improve),
        ("Root cause", learnings.root_cause),
        ("Fix", learnings.fix),
    ):
        if words:
            yield from ("", f"## {title}", "", *quoted(words))
    if learnings.follow_ups:
        yield from ("", "## Follow-ups", "", *bullets(learnings.follow_ups))


def _section(title: str, rows: Iterable[Sequence[str]], head: Sequence[str]) -> Iterator[str]:
    found = list(rows)
    if not found:
        return
    yield ""
    if title:
        yield from (f"## {title}", "")
    yield from table(head, found)


def _at(at: datetime | None) -> str:
    return instants.render(at) if at is not None else ""
