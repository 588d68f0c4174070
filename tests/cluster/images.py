"""Container images, written here: one static program, one layer, no registry and no engine.

| image | behaviour |
|---|---|
| docker.io/slipway/podinfo:v1, v2, v3 | healthy |
| docker.io/slipway/podinfo:v4 | fails: each third request answers 500; probes and /metrics do not |
| docker.io/slipway/podinfo:v5-slow | healthy but slow: every request takes 0.6 to 0.8 s, probes too |
| docker.io/slipway/podinfo:v6-crash | ends at once with an error |

All listen on 9898 with /healthz, /readyz and /metrics; the JSON on / has the tag as `message` and the pod as
`hostname`.
"""

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .paths import build_cache
from .toolchain import program, programs

PAUSE = "docker.io/slipway/pause:1"
PODINFO = "docker.io/slipway/podinfo"

_ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Image:
    """A name, the files in its only layer (path in the image → program) or its layers as tars, and its entry point."""

    name: str
    files: Mapping[str, Path]
    entrypoint: tuple[str, ...]
    layers: tuple[Path, ...] = ()
    environment: tuple[str, ...] = ()


def test_images() -> list[Image]:
    support = programs("support")
    podinfo = program("podinfo", "podinfo")

    def healthy(tag: str, *arguments: str) -> Image:
        start = ("/podinfo", "--port=9898", f"--ui-message={tag}", *arguments)
        return Image(f"{PODINFO}:{tag}", {"podinfo": podinfo}, start)

    failing = ("/faulty", "--every=3", "--", "/podinfo", "--port=9899", "--ui-message=v4")
    return [
        Image(PAUSE, {"pause": support["pause"]}, ("/pause",)),
        *(healthy(tag) for tag in ("v1", "v2", "v3")),
        Image(f"{PODINFO}:v4", {"podinfo": podinfo, "faulty": support["faulty"]}, failing),
        healthy(
            *("v5-slow", "--random-delay", "--random-delay-unit=ms"),
            *("--random-delay-min=600", "--random-delay-max=800"),
        ),
        healthy("v6-crash", "--no-such-flag"),
    ]


def archive(images: list[Image]) -> Path:
    """An OCI layout with all images as a tar in the build cache; layers that are the same are there once."""
    described = json.dumps([[one.name, {k: str(v) for k, v in one.files.items()}, one.entrypoint] for one in images])
    digest = hashlib.sha256(f"{described}{Path(__file__).read_text()}".encode()).hexdigest()[:16]
    path = build_cache() / f"images-{digest}.tar"
    if not path.exists():
        scratch = path.with_suffix(".new")
        write_layout(images, scratch)
        scratch.replace(path)
    return path


def write_layout(images: list[Image], path: Path) -> None:
    """Write an OCI layout with these images as a tar."""
    blobs: dict[str, bytes] = {}

    def blob(content: bytes) -> dict[str, object]:
        digest = hashlib.sha256(content).hexdigest()
        blobs[digest] = content
        return {"digest": f"sha256:{digest}", "size": len(content)}

    def described(content: object, kind: str) -> dict[str, object]:
        media_type = f"application/vnd.oci.image.{kind}.v1+json"
        return {"mediaType": media_type, **blob(json.dumps(content).encode())}

    index: list[object] = []
    for image in images:
        contents = [path.read_bytes() for path in image.layers] or [_layer(image.files)]
        layers = [{"mediaType": "application/vnd.oci.image.layer.v1.tar", **blob(content)} for content in contents]
        config = {
            "architecture": _ARCHITECTURE[platform.machine()],
            "os": "linux",
            "config": {"Entrypoint": list(image.entrypoint), "User": "65532:65532", "Env": list(image.environment)},
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": described(config, "config"),
            "layers": layers,
        }
        names = {
            "io.containerd.image.name": image.name,
            "org.opencontainers.image.ref.name": image.name.rpartition(":")[2],
        }
        index.append({**described(manifest, "manifest"), "annotations": names})

    with tarfile.open(path, "w") as tar:
        _add(tar, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        _add(tar, "index.json", json.dumps({"schemaVersion": 2, "manifests": index}).encode())
        for digest, content in blobs.items():
            _add(tar, f"blobs/sha256/{digest}", content)


def _layer(files: Mapping[str, Path]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, source in files.items():
            _add(tar, name, source.read_bytes(), mode=0o755)
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))
