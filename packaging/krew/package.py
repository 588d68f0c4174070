"""Makes what Krew installs: `python packaging/krew/package.py WHEEL FOLDER URL`.

Writes into FOLDER an archive with the wheel and the program that runs it, and `slipway.yaml`, the manifest that names
the archive's digest and the URL below which it will be found.
"""

import gzip
import hashlib
import io
import sys
import tarfile
from pathlib import Path
from string import Template

HERE = Path(__file__).parent
LICENSE = HERE.parents[1] / "LICENSE"


def version_of(wheel: Path) -> str:
    """`0.1.0` of `slipway-0.1.0-py3-none-any.whl`."""
    return wheel.name.split("-")[1]


def archive(wheel: Path) -> bytes:
    """A tar.gz, the same bytes for the same wheel."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        for file, mode in ((HERE / "kubectl-slipway", 0o755), (LICENSE, 0o644), (wheel, 0o644)):
            data = file.read_bytes()
            entry = tarfile.TarInfo(file.name)
            entry.size, entry.mode = len(data), mode
            tar.addfile(entry, io.BytesIO(data))
    return gzip.compress(plain.getvalue(), mtime=0)


def manifest(version: str, name: str, sha256: str, url: str) -> str:
    """Krew's manifest for an archive."""
    return Template((HERE / "slipway.yaml.in").read_text()).substitute(
        version=version, archive=name, sha256=sha256, url=url.rstrip("/")
    )


def package(wheel: Path, folder: Path, url: str) -> tuple[Path, Path]:
    """Write the archive and the manifest."""
    made, version = archive(wheel), version_of(wheel)
    folder.mkdir(parents=True, exist_ok=True)
    packed, described = folder / f"kubectl-slipway-{version}.tar.gz", folder / "slipway.yaml"
    packed.write_bytes(made)
    described.write_text(manifest(version, packed.name, hashlib.sha256(made).hexdigest(), url))
    return packed, described


if __name__ == "__main__":
    for path in package(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]):
        print(path)
