"""Writes what is made from the code, the CRDs and manifests/: `python -m tests.docs`, with `--check` for drift."""

import sys

from tests.docs import argocd_cm, catalogue, chart, install, reference, report_schema


def main(arguments: list[str]) -> int:
    pages = reference, catalogue, report_schema, argocd_cm.PLAIN, argocd_cm.DELEGATED
    files = {page.PATH: page.render() for page in pages} | chart.render()
    if "--check" not in arguments:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for path in chart.superfluous():
            path.unlink()
        # Of the folders that have just been written.
        for path, text in install.render().items():
            path.write_text(text)
        return 0
    files |= install.render()
    stale = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    stale += chart.superfluous()
    for path in stale:
        print(f"{path} is not what it is made from: run python -m tests.docs", file=sys.stderr)
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
