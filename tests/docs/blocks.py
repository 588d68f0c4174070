"""The fenced blocks of the documentation, and the commands that stand within its sentences."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = [REPOSITORY / "README.md", REPOSITORY / "manifests" / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
TUTORIAL = "docs/tutorial.md"
"""Run whole, and as it is written, by tests/e2e/test_tutorial.py."""

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHELL = ("sh", "bash", "shell", "console")
LANGUAGES = {"yaml", "sh", "text", "mermaid", ""}


@dataclass(frozen=True)
class Block:
    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def documents(self) -> list[Any]:
        """What a YAML block has between its `---`."""
        return [document for document in yaml.safe_load_all(self.text) if document is not None]


def blocks_of(page: Path) -> list[Block]:
    text, name = page.read_text(), str(page.relative_to(REPOSITORY))
    return [
        Block(name, text.count("\n", 0, found.start()) + 1, found.group(1), found.group(2))
        for found in FENCE.finditer(text)
    ]


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
MANIFESTS = [block for block in BLOCKS if block.language == "yaml"]
COMMANDS = [block for block in BLOCKS if block.language in SHELL and block.page != TUTORIAL]


def is_manifest(document: Any) -> bool:
    """A whole one, as `kubectl apply` takes it; everything else is a fragment."""
    return isinstance(document, dict) and "apiVersion" in document and "kind" in document


def inline(page: Path, program: str) -> list[str]:
    """The commands of a program that stand in backticks in a page's sentences and tables."""
    prose = FENCE.sub("", page.read_text())
    return [found.replace("\\|", "|") for found in re.findall(rf"`({program} [^`\n]+)`", prose)]
