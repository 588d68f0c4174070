"""The reasons that the core writes into conditions, found in its code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from slipway.core.ceiling import Code
from slipway.core.migration.steps import Step
from slipway.core.watch import State

CORE = Path(__file__).resolve().parents[2] / "operator" / "slipway" / "core"
REASON = re.compile(r"[A-Z][A-Za-z]+")


def reasons() -> set[str]:
    """Every word in CamelCase that stands where a reason is given or returned, and those that are enumerated."""
    found = {str(each) for each in (*Code, *State)}
    found |= {f"{step.title()}{result}" for step in Step for result in ("Running", "Succeeded", "Failed")}
    for path in sorted(CORE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            found |= {word for each in _places(node) for word in _words(each)}
    return found


def _places(node: ast.AST) -> Iterator[ast.AST]:
    """What is given as a reason here: a keyword, the fourth argument of `condition`, a value that is named so."""
    if isinstance(node, ast.keyword) and node.arg == "reason":
        yield node.value
    elif isinstance(node, ast.keyword) and node.arg == "watched" and isinstance(node.value, ast.Tuple):
        yield node.value.elts[1]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "condition":
        yield from node.args[3:4]
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _named(target, node.value)
    elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and len(node.value.elts) == 3:
        yield node.value.elts[1]  # status, reason, message
    elif isinstance(node, ast.FunctionDef) and node.name == "_why_not":
        yield from (each.value for each in ast.walk(node) if isinstance(each, ast.Return) and each.value)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Acceptance":
        yield from node.args[1:2]


def _named(target: ast.expr, value: ast.expr) -> Iterator[ast.AST]:
    if isinstance(target, ast.Name) and target.id in ("reason", "why"):
        yield value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, given in zip(target.elts, value.elts, strict=True):
            yield from _named(one, given)


def _words(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Compare):
        return set()
    if isinstance(node, ast.Constant):
        return {node.value} if isinstance(node.value, str) and REASON.fullmatch(node.value) else set()
    if isinstance(node, ast.IfExp):
        return _words(node.body) | _words(node.orelse)
    if isinstance(node, (ast.BoolOp, ast.Dict)):
        return {word for each in node.values for word in _words(each)}
    if isinstance(node, ast.Tuple):
        return {word for each in node.elts for word in _words(each)}
    return set()
