"""A resource of somebody else's, of which every field is either taken over or named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from slipway.api.duration import format_duration, parse_duration
from slipway.cluster.api import Object

NO_COUNTERPART = "has no counterpart: left out"


class Notes:
    """What could not be carried over as it was, in the order of finding. `why`: path without indices → words."""

    def __init__(self, why: Mapping[str, str]) -> None:
        self.lines: list[str] = []
        self._why = why

    def add(self, path: str, text: str) -> None:
        """One field, and what became of it."""
        self.lines.append(f"{path}: {text}")

    def left(self, path: str) -> None:
        """A field that nothing was made of."""
        self.add(path, self._why.get(re.sub(r"\[\d+\]", "[]", path.rpartition(" ")[2]), NO_COUNTERPART))


class Source:
    """One mapping of it. What nobody has taken when it is closed becomes a note."""

    def __init__(self, data: object, path: str, notes: Notes) -> None:
        self.path = path
        self.notes = notes
        self._left: dict[str, Any] = dict(data) if isinstance(data, Mapping) else {}
        self._parts: list[Source] = []
        if data is not None and not isinstance(data, Mapping):
            notes.add(path, f"expected an object, not {data!r}: left out")

    def __contains__(self, key: str) -> bool:
        return key in self._left

    def take(self, key: str) -> Any:
        """The value of a field, None where it is absent."""
        return self._left.pop(key, None)

    def text(self, key: str) -> str:
        """A string, '' where it is absent or something else."""
        value = self._left.get(key)
        return str(self._left.pop(key)) if isinstance(value, str) else ""

    def number(self, key: str) -> int | None:
        """A whole number, also one that is written as a string; None where it is absent or something else."""
        value = self._left.get(key)
        if isinstance(value, bool) or not re.fullmatch(r"-?\d+", str(value)):
            return None
        return int(self._left.pop(key))

    def duration(self, key: str) -> timedelta | None:
        """Seconds or a Go duration; None where it is absent or something else."""
        found = span(self._left.get(key))
        if found is not None:
            del self._left[key]
        return found

    def part(self, key: str) -> Source:
        """The mapping in a field, an empty one where it is absent."""
        made = Source(self._left.pop(key, None), f"{self.path}.{key}", self.notes)
        self._parts.append(made)
        return made

    def parts(self, key: str) -> list[Source]:
        """The mappings of a list."""
        value = self._left.pop(key, None)
        if value is not None and not isinstance(value, list):
            self.note(key, f"expected a list, not {value!r}: left out")
            return []
        made = [Source(each, f"{self.path}.{key}[{index}]", self.notes) for index, each in enumerate(value or [])]
        self._parts.extend(made)
        return made

    def note(self, key: str, text: str) -> None:
        """About a field that was taken."""
        self.notes.add(f"{self.path}.{key}" if key else self.path, text)

    def told(self, text: str) -> None:
        """One note for all that is left here."""
        self._left, self._parts = {}, []
        self.notes.add(self.path, text)

    def names(self) -> list[str]:
        """The fields that are left."""
        return [str(name) for name in self._left]

    def close(self) -> None:
        """Name what is left, here and in all that was opened of it."""
        for key in self._left:
            self.notes.left(f"{self.path}.{key}")
        self._left = {}
        for part in self._parts:
            part.close()


def span(value: object) -> timedelta | None:
    """Seconds as a number or a string, or a Go duration; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value)
    try:
        return parse_duration(f"{text}s" if re.fullmatch(r"\d{1,5}", text) else text)
    except ValueError:
        return None


def written(duration: timedelta) -> str:
    """As a manifest has it."""
    return format_duration(duration)


class Documents:
    """What else is in the file or the namespace."""

    def __init__(self, found: list[Object]) -> None:
        self._found = found

    def find(self, kind: str, name: str) -> Object | None:
        """An object by kind and name."""
        return next((one for one in self._found if one.get("kind") == kind and _name(one) == name), None)

    def of_kind(self, group: str, kind: str) -> list[Object]:
        """All of a kind, by the group of their apiVersion."""
        return [
            one
            for one in self._found
            if one.get("kind") == kind and str(one.get("apiVersion") or "").partition("/")[0] == group
        ]


def _name(obj: Object) -> str:
    metadata = obj.get("metadata")
    return str(metadata.get("name") or "") if isinstance(metadata, Mapping) else ""
