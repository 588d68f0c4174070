"""Writes what is made from the code, the CRDs and the Lua files: `python -m tests.docs`, with `--check` for drift."""

import sys

from tests.docs import argocd_cm, catalogue, reference


def main(arguments: list[str]) -> int:
    stale = False
    for page in (reference, catalogue, argocd_cm.PLAIN, argocd_cm.DELEGATED):
        text = page.render()
        if "--check" not in arguments:
            page.PATH.write_text(text)
        elif not page.PATH.exists() or page.PATH.read_text() != text:
            stale = True
            print(f"{page.PATH} is not what the code says: run python -m tests.docs", file=sys.stderr)
    return int(stale)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
