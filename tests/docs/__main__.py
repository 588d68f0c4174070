"""Writes docs/reference.md from the CRDs: `python -m tests.docs`, with `--check` for drift."""

import sys

from tests.docs.reference import PATH, render


def main(arguments: list[str]) -> int:
    text = render()
    if "--check" not in arguments:
        PATH.write_text(text)
        return 0
    if PATH.exists() and PATH.read_text() == text:
        return 0
    print(f"{PATH} is not what the CRDs say: run python -m tests.docs", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
