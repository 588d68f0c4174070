"""The images of the operator and of its page, made without an engine: the wheel, and what it needs, on this Python.

No base image can be fetched where there is no registry, so the lowest layer is what this interpreter needs to run: its
standard library and the shared libraries that the loader names. Above lies the same environment as in the Dockerfile.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .images import Image, write_layout
from .paths import REPOSITORY, build_cache
from .progress import step

NAME = "docker.io/slipway/slipway"
DASHBOARD = "docker.io/slipway/slipway-dashboard"
TAG = "test"
KEPT = 3

_ENVIRONMENT = "opt/slipway"
_HOME = "usr/local"
_LEFT_OUT = {"test", "idlelib", "tkinter", "ensurepip", "site-packages", "dist-packages"}
_VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True)
class _Variant:
    name: str
    entrypoint: tuple[str, ...]
    extras: tuple[str, ...] = ()


_VARIANTS = (_Variant(NAME, ("slipway",)), _Variant(DASHBOARD, ("slipway", "dashboard"), ("dashboard",)))


def operator_images() -> Path:
    """Both as an OCI layout to import; built when the code, the lock or this Python changed."""
    layout = build_cache() / f"operator-{_digest()}.tar"
    if not layout.exists():
        with step("building the images of the operator and of its page from the wheel"):
            _build(layout)
        # Each is some hundred megabytes, and each change of the code makes one.
        for old in sorted(build_cache().glob("operator-*.tar"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
            old.unlink(missing_ok=True)
    return layout


def _digest() -> str:
    digest = hashlib.sha256(f"{sys.version} {sysconfig.get_platform()}".encode())
    inputs = [REPOSITORY / name for name in ("pyproject.toml", "uv.lock", "README.md", "LICENSE")]
    # Templates and pictures too, which are no Python.
    code = (path for path in (REPOSITORY / "operator").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    for path in [*inputs, *sorted(code), Path(__file__)]:
        digest.update(str(path.relative_to(REPOSITORY)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _build(target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    path = (f"PATH=/{_ENVIRONMENT}/bin:/{_HOME}/bin",)
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        scratch, images = Path(temporary), []
        _uv("build", "--quiet", "--wheel", "--out-dir", str(scratch / "dist"), str(REPOSITORY))
        base = scratch / "python.tar"
        for number, variant in enumerate(_VARIANTS):
            packages, layer = scratch / f"packages-{number}", scratch / f"environment-{number}.tar"
            _install(packages, scratch, variant.extras)
            with tarfile.open(layer, "w") as tar:
                _add_environment(tar, packages, scratch)
            images.append(Image(f"{variant.name}:{TAG}", {}, variant.entrypoint, (base, layer), path))
        with tarfile.open(base, "w") as tar:
            _add_python(tar, [scratch / f"packages-{number}" for number in range(len(_VARIANTS))])
        layout = scratch / "layout.tar"
        write_layout(images, layout)
        layout.replace(target)


def _install(packages: Path, scratch: Path, extras: Iterable[str]) -> None:
    """The wheel and exactly what the lock file names for it, compiled to bytecode, without what development needs."""
    wheel = next((scratch / "dist").glob("*.whl"))
    locked = scratch / "requirements.txt"
    more = [f"--extra={extra}" for extra in extras]
    _uv("export", "--quiet", "--frozen", "--no-dev", "--no-emit-project", *more, f"--output-file={locked}")
    common = ("pip", "install", "--quiet", "--no-deps", "--link-mode=copy", "--compile-bytecode")
    place = (f"--target={packages}", f"--python={sys.executable}")
    _uv(*common, *place, "--require-hashes", f"--requirements={locked}")
    _uv(*common, *place, str(wheel))


def _uv(*arguments: str) -> None:
    uv = os.environ.get("UV") or shutil.which("uv")
    if not uv:
        raise RuntimeError("uv is not there: run the tests by `make`, or by `uv run`")
    done = subprocess.run([uv, *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"uv {' '.join(arguments)} failed:\n{done.stderr}")


def _add_python(tar: tarfile.TarFile, environments: Iterable[Path]) -> None:
    interpreter = Path(sys.executable).resolve()
    library = Path(sysconfig.get_path("stdlib", vars={"base": sys.base_prefix, "installed_base": sys.base_prefix}))
    _file(tar, interpreter, f"{_HOME}/bin/{_VERSION}", executable=True)
    programs = [interpreter]
    for path in _files(library):
        _file(tar, path, f"{_HOME}/lib/{_VERSION}/{path.relative_to(library)}")
        programs += [path] if ".so" in path.suffixes else []
    programs += [path for packages in environments for path in _files(packages) if ".so" in path.suffixes]
    for shared in sorted(_shared(programs)):
        _file(tar, shared, str(shared).lstrip("/"), executable=True)


def _add_environment(tar: tarfile.TarFile, packages: Path, scratch: Path) -> None:
    for path in _files(packages, everything=True):
        name = path.relative_to(packages)
        if name.parts[0] != "bin":
            _file(tar, path, f"{_ENVIRONMENT}/lib/{_VERSION}/site-packages/{name}")
    start = f"#!/{_ENVIRONMENT}/bin/python\nfrom slipway.cli import app\n\napp()\n"
    for name, text, executable in (
        ("bin/slipway", start, True),
        ("pyvenv.cfg", f"home = /{_HOME}/bin\ninclude-system-site-packages = false\n", False),
    ):
        written = scratch / "written"
        written.write_text(text)
        _file(tar, written, f"{_ENVIRONMENT}/{name}", executable=executable)
    link = tarfile.TarInfo(f"{_ENVIRONMENT}/bin/python")
    link.type, link.linkname = tarfile.SYMTYPE, f"/{_HOME}/bin/{_VERSION}"
    tar.addfile(link)
    temporary = tarfile.TarInfo("tmp")
    temporary.type, temporary.mode = tarfile.DIRTYPE, 0o1777
    tar.addfile(temporary)


def _files(folder: Path, *, everything: bool = False) -> list[Path]:
    found: list[Path] = []
    for path in sorted(folder.iterdir()):
        if not everything and (path.name in _LEFT_OUT or ".opt-" in path.name or path.name.startswith("config-")):
            continue
        found += _files(path, everything=everything) if path.is_dir() else [path]
    return found


def _shared(programs: Iterable[Path]) -> set[Path]:
    """The shared libraries of programs and extension modules, and the loader, at the paths where it looks for them."""
    argv = ["ldd", *map(str, programs)]
    told = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
    return {Path(path) for path in re.findall(r"(?:=> |^\s+)(/\S+) \(0x", told, re.M)}


def _file(tar: tarfile.TarFile, source: Path, name: str, *, executable: bool = False) -> None:
    entry = tarfile.TarInfo(name)
    status = source.stat()  # its time too: bytecode counts only for the source of that time
    entry.size, entry.mtime = status.st_size, int(status.st_mtime)
    entry.mode = 0o755 if executable or status.st_mode & 0o100 else 0o644
    with source.open("rb") as content:
        tar.addfile(entry, content)
