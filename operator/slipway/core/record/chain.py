"""The chain of a Rollout's records: what follows what, whether it still holds, and what may be left out of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from slipway.api.record import Statement
from slipway.core import instants, names
from slipway.core.record.sealing import (
    STATEMENT_KEY,
    annotations_of,
    digest_of,
    labels_of,
    name_of,
    read,
    statement_text,
)
from slipway.core.snapshot import Object


@dataclass(frozen=True)
class Found:
    """What a verification found. `problems` are told with the record's name, `notes` are no reason to worry."""

    count: int
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def selector(rollout: str) -> str:
    """The label selector of a Rollout's records."""
    return f"{names.RECORD_OF_LABEL}={rollout}"


def number_of(obj: Object) -> int:
    """A record's place in the chain as its annotation says it; 0 for what is no place."""
    text = str((obj["metadata"].get("annotations") or {}).get(names.RECORD_NUMBER) or "")
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def last(objects: Iterable[Object]) -> Object | None:
    """The record that a new one follows. Metadata is enough."""
    return max(objects, key=lambda obj: (number_of(obj), obj["metadata"]["name"]), default=None)


def with_id(objects: Iterable[Object], record_id: str) -> Object | None:
    """The record with this id. Metadata is enough."""
    return next(
        (obj for obj in objects if (obj["metadata"].get("annotations") or {}).get(names.RECORD_ID) == record_id), None
    )


def surplus(objects: Iterable[Object], keep: int | None, max_age: timedelta | None, now: datetime) -> list[Object]:
    """The records that retention does not keep: always the oldest ones, and never the newest. Metadata is enough."""
    ordered = sorted(objects, key=lambda obj: (number_of(obj), obj["metadata"]["name"]))
    out: list[Object] = []
    for index, obj in enumerate(ordered[:-1]):
        made = instants.parse(obj["metadata"].get("creationTimestamp"))
        old = max_age is not None and made is not None and now - made > max_age
        many = keep is not None and len(ordered) - index > keep
        if not old and not many:
            break
        out.append(obj)
    return out


def verify(objects: Sequence[Object], promotions: Sequence[Object] = ()) -> Found:
    """Check the records of one Rollout: each one by itself, the links between them, and what Promotions name."""
    problems: list[str] = []
    statements: list[tuple[Statement, Object, str]] = []
    for obj in sorted(objects, key=lambda one: str(one["metadata"]["name"])):
        text = statement_text(obj)
        statement = read(text)
        if text is None or statement is None:
            problems.append(f"{obj['metadata']['name']}: {STATEMENT_KEY} is missing, or no launch record")
            continue
        problems += [f"{obj['metadata']['name']}: {wrong}" for wrong in _wrong(obj, statement, text)]
        statements.append((statement, obj, text))
    statements.sort(key=lambda one: (one[0].predicate.number, str(one[1]["metadata"]["name"])))
    notes: list[str] = []
    problems += _links(statements, notes)
    problems += _named(statements, promotions, notes)
    return Found(len(objects), problems, notes)


def _wrong(obj: Object, statement: Statement, text: str) -> Iterator[str]:
    meta, data = obj["metadata"], dict(obj.get("data") or {})
    if meta["name"] != name_of(statement, text):
        yield f"its content has changed: by that its name would be {name_of(statement, text)}"
    if meta.get("namespace") != statement.predicate.namespace:
        yield f"it was written in namespace {statement.predicate.namespace}"
    if obj.get("immutable") is not True:
        yield "it is not immutable"
    if obj.get("binaryData"):
        yield "it holds binary data, which no record has"
    if meta.get("ownerReferences"):
        yield "it has an owner, and would be deleted with it"
    attached = statement.predicate.attachments
    for key in sorted((data.keys() | attached.keys()) - {STATEMENT_KEY}):
        if key not in data:
            yield f"{key} is missing"
        elif key not in attached:
            yield f"{key} was not part of it"
        elif digest_of(str(data[key])) != attached[key]:
            yield f"{key} has changed"
    yield from _differing("label", labels_of(statement), meta.get("labels") or {}, _OUR_LABELS)
    yield from _differing("annotation", annotations_of(statement), meta.get("annotations") or {}, _OUR_ANNOTATIONS)


_OUR_LABELS = (
    names.MANAGED_BY_LABEL,
    names.RECORD_OF_LABEL,
    names.RECORD_LABEL,
    names.PROMOTION_LABEL,
    names.ENVIRONMENT_LABEL,
    names.IDEA_LABEL,
)
_OUR_ANNOTATIONS = (names.RECORD_ID, names.RECORD_NUMBER)


def _differing(what: str, wanted: Object, have: Object, keys: Iterable[str]) -> Iterator[str]:
    for key in keys:
        if wanted.get(key) != have.get(key):
            yield f"{what} {key} is {have.get(key)!r}, and was {wanted.get(key)!r}"


def _links(statements: Sequence[tuple[Statement, Object, str]], notes: list[str]) -> Iterator[str]:
    before: tuple[str, str, int] | None = None
    ids: dict[str, str] = {}
    for statement, obj, text in statements:
        predicate, name = statement.predicate, str(obj["metadata"]["name"])
        number, previous = predicate.number, predicate.previous
        if predicate.id in ids:
            yield f"{name}: records the same as {ids[predicate.id]}"
        ids.setdefault(predicate.id, name)
        if before is None:
            if number == 1 and previous is None:
                pass
            elif number > 1 and previous is not None:
                notes.append(f"the records before number {number} are gone: the chain begins at {name}")
            else:
                yield f"{name}: it says that it is number {number}, which does not fit what it follows"
        elif number == before[2]:
            yield f"{name}: it has the same number as {before[0]}"
        elif number != before[2] + 1:
            yield f"{name}: the records between number {before[2]} and number {number} are missing"
        elif previous is None or (previous.config_map, previous.digest) != before[:2]:
            follows = f"{previous.config_map} with {previous.digest}" if previous else "nothing"
            yield f"{name}: it follows {follows}, but before it is {before[0]} with {before[1]}"
        before = (name, digest_of(text), number)


def _named(
    statements: Sequence[tuple[Statement, Object, str]], promotions: Sequence[Object], notes: list[str]
) -> Iterator[str]:
    """Only Promotions know of the end of a chain that was cut off, or written anew."""
    held = {str(obj["metadata"]["name"]): digest_of(text) for _, obj, text in statements}
    # Those of learnings have no time in their id; whoever prunes the beginning prunes the launch too.
    oldest = min((s.predicate.times.ended_at for s, _, _ in statements if s.predicate.times.ended_at), default=None)
    cut = bool(statements) and statements[0][0].predicate.number > 1
    named_by: dict[str, set[str]] = {}
    for promotion in promotions:
        name, uid = promotion["metadata"]["name"], promotion["metadata"].get("uid", "")
        for entry in (promotion.get("status") or {}).get("records") or []:
            record = str(entry.get("configMap"))
            named_by.setdefault(str(uid), set()).add(record)
            if record not in held:
                at = instants.parse(str(entry.get("id") or "").rpartition("/")[2])
                if cut and (at is None or oldest is None or at < oldest):
                    notes.append(f"{record}, which Promotion {name} names, was before the beginning of the chain")
                else:
                    yield f"{record}: Promotion {name} names it, and it is not there"
            elif held[record] != entry.get("digest"):
                yield f"{record}: Promotion {name} knows it with {entry.get('digest')}"
    for statement, obj, _ in statements:
        about, name = statement.predicate.promotion, str(obj["metadata"]["name"])
        if about is None or about.uid not in named_by or name in named_by[about.uid]:
            continue
        places = [s.predicate.number for s, o, _ in statements if o["metadata"]["name"] in named_by[about.uid]]
        if places and statement.predicate.number < min(places):
            notes.append(f"{name}: Promotion {about.name} names only later ones, as after a loss of its status")
        else:
            yield f"{name}: Promotion {about.name} does not name it"
