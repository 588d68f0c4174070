"""The links of the pages to other places: `python -m tests.docs.links` asks each of them.

It needs the internet, so that no test does it; what leads to this repository's own files is held by
tests/unit/test_docs.py.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

import requests

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "charts/**/*.md", "manifests/**/*.md")
    for path in REPOSITORY.glob(pattern)
)
SECONDS = 20.0


def links(pages: Mapping[str, str]) -> dict[str, list[str]]:
    """Each address that a sentence of the pages, text by name, links to, with the names of these pages."""
    found: dict[str, list[str]] = {}
    for name, text in pages.items():
        prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
        for target in re.findall(r"\]\((https://[^)#]+)[^)]*\)", prose):
            found.setdefault(target, []).append(name)
    return found


def wrong(target: str) -> str:
    """Why nobody gets there; '' if they do."""
    try:
        # Some places refuse a HEAD. Only the head of the answer is read.
        with requests.get(target, timeout=SECONDS, stream=True) as answer:
            return "" if answer.ok else f"{answer.status_code} {answer.reason}"
    except requests.RequestException as error:
        return type(error).__name__


def main() -> int:
    found = links({str(page.relative_to(REPOSITORY)): page.read_text() for page in PAGES})
    failed = 0
    for target, pages in sorted(found.items()):
        problem = wrong(target)
        failed += bool(problem)
        print(f"{problem or 'ok':<24} {target} ({', '.join(sorted(set(pages)))})", flush=True)
    print(f"{len(found)} links, {failed} of them lead nowhere")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
