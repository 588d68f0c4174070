"""Records outside of the cluster: statements byte for byte, so that a chain can be verified where it is kept.

`records/<namespace>/<name>.json` is the statement, whose digest the record's name begins with. What belongs to it is
beside it: `records/<namespace>/<name>/record.md` and, where there is one, `report.md`.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from slipway.archive.place import reached
from slipway.archive.reading import Chain, Object
from slipway.core.record import chain
from slipway.core.record.sealing import STATEMENT_KEY, annotations_of, labels_of, read, statement_text

FOLDER = "records"
_SUFFIX = ".json"


def files(chains: Iterable[Chain]) -> dict[str, str]:
    """Path → text of all records that have a statement."""
    out: dict[str, str] = {}
    for record in (record for found in chains for record in found.records):
        meta, data = record["metadata"], record.get("data") or {}
        text = statement_text(record)
        if text is None:
            continue
        path = f"{FOLDER}/{meta['namespace']}/{meta['name']}"
        out[f"{path}{_SUFFIX}"] = text
        out.update({f"{path}/{key}": str(part) for key, part in data.items() if key != STATEMENT_KEY})
    return out


def stored(target: str, rollout: str | None = None) -> list[Chain]:
    """The chains below a directory or a URL that fsspec knows. Raises OSError, ImportError and ValueError.

    Nothing is known of the Promotions that name them, and labels are those that follow from the statements.
    """
    with reached(target) as (filesystem, root):
        top = f"{root.rstrip('/')}/{FOLDER}/"
        texts = {path.partition(top)[2]: _text(filesystem, path) for path in filesystem.find(top)}
    found = [_record(path, text, texts) for path, text in sorted(texts.items()) if _is_statement(path)]
    groups = groupby(sorted(found, key=_key), key=_key)
    chains = [Chain(*key, sorted(group, key=chain.number_of)) for key, group in groups]
    return [one for one in chains if rollout in (None, one.rollout)]


def _text(filesystem: Any, path: str) -> str:
    content: bytes = filesystem.cat_file(path)
    # What is no text any more has changed, and is told so.
    return content.decode(errors="replace")


def _is_statement(path: str) -> bool:
    return path.count("/") == 1 and path.endswith(_SUFFIX)


def _record(path: str, text: str, texts: dict[str, str]) -> Object:
    """As the cluster held it, as far as it is known."""
    namespace, _, file = path.partition("/")
    name, statement = file.removesuffix(_SUFFIX), read(text)
    beside = {key.rpartition("/")[2]: part for key, part in texts.items() if key.startswith(f"{namespace}/{name}/")}
    meta: Object = {"name": name, "namespace": namespace}
    if statement is not None:
        meta |= {"labels": labels_of(statement), "annotations": annotations_of(statement)}
    return {"metadata": meta, "immutable": True, "data": {STATEMENT_KEY: text, **beside}}


def _key(record: Object) -> tuple[str, str]:
    statement = read(statement_text(record))
    return record["metadata"]["namespace"], statement.predicate.rollout.name if statement is not None else "?"
