"""Launch records as files: a page for each idea, and the state of each environment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from slipway.api.record import Predicate
from slipway.archive import archived
from slipway.archive.place import protocols, reached
from slipway.archive.reading import Chain, Object
from slipway.core import instants, names
from slipway.core.charge import FINAL, WATCHING
from slipway.core.markdown import heading, link, plain, table
from slipway.core.record.sealing import RECORD_KEY, REPORT_KEY

_OUTCOMES = {
    "Succeeded": "deployed",
    "Failed": "failed",
    "RolledBack": "rolledback",
    "Aborted": "rolledback",
}
_BUCKETS = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oss"})
"""Where folders are nothing but names, and to make one makes the bucket too, as of a name that was mistyped."""
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def files(chains: Iterable[Chain]) -> dict[str, str]:
    """Path → text: `launched/<idea>.md`, `scale/<idea>.md`, `environments/<environment>/status.md` and the records."""
    found = list(chains)
    return {**_ideas(found), **_environments(found), **archived.files(found)}


def write(target: str, texts: dict[str, str]) -> None:
    """Write the files below a directory, or below a URL that fsspec knows. Raises OSError and ImportError."""
    with reached(target) as (filesystem, root):
        made = _BUCKETS.isdisjoint(protocols(filesystem))
        for path, text in sorted(texts.items()):
            whole = f"{root.rstrip('/')}/{path}"
            if made:
                filesystem.makedirs(whole.rpartition("/")[0], exist_ok=True)
            filesystem.pipe_file(whole, text.encode())


def _ideas(chains: list[Chain]) -> dict[str, str]:
    told = sorted(
        ((predicate, record) for chain in chains for record, predicate in _records(chain) if predicate.idea),
        key=lambda one: (one[0].times.ended_at or _LONG_AGO, one[0].namespace, one[0].rollout.name, one[0].number),
    )
    launched: dict[str, list[str]] = {}
    reports: dict[str, str] = {}
    for predicate, record in told:
        idea, data = names.label_value(predicate.idea), record.get("data") or {}
        launched.setdefault(idea, []).append(str(data.get(RECORD_KEY) or ""))
        if REPORT_KEY in data:
            reports[idea] = str(data[REPORT_KEY])
    out = {f"launched/{idea}.md": "\n---\n\n".join(pages) for idea, pages in launched.items()}
    return out | {f"scale/{idea}.md": report for idea, report in reports.items()}


def _records(chain: Chain) -> Iterator[tuple[Object, Predicate]]:
    for record, statement in chain.readable:
        yield record, statement.predicate


@dataclass(frozen=True)
class _State:
    status: str
    last_deploy: datetime | None
    version: str
    health: list[str]
    operations: dict[str, Any]


def _environments(chains: list[Chain]) -> dict[str, str]:
    by_environment: dict[str, list[tuple[Chain, _State]]] = {}
    for chain in chains:
        environment = next((p.environment for _, p in reversed(list(_records(chain)))), "")
        if environment:
            by_environment.setdefault(environment, []).append((chain, _state(chain)))
    return {
        f"environments/{names.label_value(environment)}/status.md": "\n".join(_page(environment, states)) + "\n"
        for environment, states in by_environment.items()
    }


def _page(environment: str, states: list[tuple[Chain, _State]]) -> Iterator[str]:
    yield heading(1, environment)
    for chain, state in states:
        yield from ("", heading(2, f"{chain.namespace}/{chain.rollout}"), "")
        yield from table(("", ""), _rows(environment, state))


def _rows(environment: str, state: _State) -> Iterator[tuple[str, str]]:
    yield "environment", plain(environment)
    yield "last deploy", instants.render(state.last_deploy) if state.last_deploy else "none"
    yield "status", state.status
    yield "version", plain(state.version) or "none"
    for name in ("url", "provider", "region"):
        if text := _text(state.operations.get(name)):
            yield name, f"{link(text) if name == 'url' else plain(text)} (given)"
    yield "health check", "<br>".join(plain(probe) for probe in state.health) or "none on record"
    given = state.operations.get("links")
    links = {str(name): link(_text(address)) for name, address in given.items()} if isinstance(given, dict) else {}
    for label, field in (("logs", "logging"), ("alerts", "alerts"), ("dashboard", "")):
        named = [links.pop(name) for name in sorted(links) if label in name.lower()]
        cells = [plain(_text(state.operations.get(field))), *named]
        yield label, "<br>".join(cell for cell in cells if cell) or "not stated"
    for name, address in sorted(links.items()):
        yield plain(name), address


def _state(chain: Chain) -> _State:
    """What the records and the Promotions together say; a Promotion that has not ended is the newest news."""
    ends = [predicate for _, predicate in _records(chain) if predicate.kind in ("launch", "rollback")]
    serving: list[Predicate] = []
    for predicate in ends:
        if predicate.kind == "launch":
            serving.append(predicate)
        else:
            serving = [one for one in serving if one.revision.digest != predicate.revision.digest]
    last = ends[-1] if ends else None
    status = _OUTCOMES.get(last.outcome, "failed") if last else "pending"
    at = (last.times.ended_at if last else None) or _LONG_AGO
    for promotion in chain.promotions:
        told = promotion.get("status") or {}
        phase = str(told.get("phase") or "")
        finished = instants.parse(told.get("finishedAt"))
        if phase == "Failed" and finished is not None and finished > at:
            status, at = "failed", finished
    if any(_is_to_come(promotion) for promotion in chain.promotions):
        status = "pending"
    current = serving[-1] if serving else None
    inputs = current.plan.inputs if current and current.plan else {}
    case = inputs.get("promotion")
    operations = case.get("operations") if isinstance(case, dict) else None
    return _State(
        status,
        max((p.times.ended_at for p in ends if p.kind == "launch" and p.times.ended_at), default=None),
        (current.version or current.revision.name) if current else "",
        current.revision.health if current else [],
        operations if isinstance(operations, dict) else {},
    )


def _is_to_come(promotion: Object) -> bool:
    """Whether a launch has still to end. One that is watched is deployed, and a dry run is none."""
    phase = str((promotion.get("status") or {}).get("phase") or "")
    return phase not in FINAL | {WATCHING} and (promotion.get("spec") or {}).get("dryRun") is not True


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
