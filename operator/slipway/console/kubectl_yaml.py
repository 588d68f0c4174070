"""A loader of YAML by which plain words mean what they mean to kubectl.

It reads them by sigs.k8s.io/yaml: booleans of YAML 1.1, numbers of YAML 1.2 and octal ones of both, dates as text.
"""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

_TAG = "tag:yaml.org,2002:"
_OTHERWISE = {f"{_TAG}{kind}" for kind in ("bool", "int", "float", "timestamp", "value")}
"""What PyYAML reads in another way, such as `22:00` as a number to the base of 60, and `1e3` as text."""


class Loader(yaml.SafeLoader):
    """What it constructs can be sent as JSON, but for numbers that JSON does not have."""

    bool_values = yaml.SafeLoader.bool_values | {"y": True, "n": False}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Raises ConstructorError for a key that is a mapping or a list, as `{{ .Values.name }}` makes one."""
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                words = "a key is no word; a template is rendered before it is checked"
                raise yaml.constructor.ConstructorError(None, None, words, key.start_mark)
        return super().construct_mapping(node, deep)

    def whole(self, node: yaml.ScalarNode) -> int:
        """`12`, `0x1F`, `0b101`, `0o14` or `014`. Raises ValueError."""
        text = self.construct_scalar(node).replace("_", "").lower()
        digits = text.lstrip("+-")
        octal = len(digits) > 1 and digits.isdecimal() and digits.startswith("0")
        return int(text, 8 if octal else 0)

    def real(self, node: yaml.ScalarNode) -> int | float | str:
        """A whole number where it is one, since that is what JSON has of it; what is out of range stays text."""
        text = self.construct_scalar(node)
        plain = text.replace("_", "").lower()
        if plain.endswith((".inf", ".nan")):
            return float(plain.replace(".", ""))
        number = float(plain)
        if math.isinf(number):
            return text
        return int(number) if number.is_integer() and abs(number) < 1e21 else number


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _OTHERWISE]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_DIGITS, _SIGNS = list("0123456789"), list("-+")
# In this order: what is no whole number is tried as another one.
for _kind, _pattern, _first in (
    ("bool", r"y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON|n|N|no|No|NO|false|False|FALSE|off|Off|OFF", list("yYnNtTfFoO")),
    ("int", r"[-+]?(0|[1-9][0-9_]*|0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]+)", _SIGNS + _DIGITS),
    ("float", r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9_]+)?", [*_SIGNS, *_DIGITS, "."]),
    ("float", r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", [*_SIGNS, "."]),
):
    Loader.add_implicit_resolver(f"{_TAG}{_kind}", re.compile(f"^(?:{_pattern})$"), _first)
Loader.add_constructor(f"{_TAG}int", Loader.whole)
Loader.add_constructor(f"{_TAG}float", Loader.real)
