"""YAML as kubectl reads it, and the line on which a field is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from slipway.console.kubectl_yaml import Loader

_PART = re.compile(r"\[(\d+)\]|\[([^\]]+)\]|([^.\[\]]+)")


def compose(text: str) -> list[yaml.Node]:
    """The documents of a file. Raises YAMLError."""
    if "\t" in text and _is_json(text):
        # YAML is not indented by tabs; JSON has none but between its words.
        text = text.replace("\t", " ")
    return [node for node in yaml.compose_all(text, Loader=Loader) if node is not None]


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def construct(node: yaml.Node) -> Any:
    """What a document says, as JSON has it. Raises YAMLError."""
    return Loader("").construct_document(node)


def read(text: str) -> list[Any]:
    """All documents. Raises YAMLError."""
    return [construct(node) for node in compose(text)]


def duplicates(node: yaml.Node) -> Iterator[tuple[int, str]]:
    """Lines and keys that are there a second time. YAML's own loader takes the last one; kubectl refuses it."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    yield key.start_mark.line + 1, str(key.value)
                seen.add(key.value)
            yield from duplicates(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from duplicates(value)


def child(node: yaml.Node | None, key: str) -> yaml.Node | None:
    """The value of a key."""
    if isinstance(node, yaml.MappingNode):
        return next((value for name, value in node.value if name.value == key), None)
    return None


def scalar(node: yaml.Node, *keys: str) -> str:
    """The text at these keys, '' where there is none."""
    found: yaml.Node | None = node
    for key in keys:
        found = child(found, key)
    return str(found.value) if isinstance(found, yaml.ScalarNode) else ""


def there(node: yaml.Node, *keys: str) -> bool:
    """Whether something is said at these keys; null says nothing."""
    found: yaml.Node | None = node
    for key in keys:
        found = child(found, key)
    return found is not None and found.tag != "tag:yaml.org,2002:null"


def line(node: yaml.Node, path: str = "") -> int:
    """The line of a path such as `spec.checks[1].name`, or of the nearest thing around it that is there."""
    number, found = node.start_mark.line + 1, node
    for index, key, name in _PART.findall(path):
        if index and isinstance(found, yaml.SequenceNode):
            if int(index) >= len(found.value):
                break
            found = found.value[int(index)]
            number = found.start_mark.line + 1
            continue
        wanted = key or name or index
        pairs = found.value if isinstance(found, yaml.MappingNode) else []
        pair = next(((k, v) for k, v in pairs if k.value == wanted), None)
        if pair is None:
            break
        number, found = pair[0].start_mark.line + 1, pair[1]
    return number
