"""The few requests that the harness itself makes, without a Kubernetes client."""

import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from .parts import Parts


class API:
    """Reads of the API server as admin."""

    def __init__(self, server: str, ca_certificate: Path, token: str) -> None:
        self._server = server
        self._token = token
        # No proxy of this machine stands between us and a cluster on it.
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(ca_certificate))),
        )

    @classmethod
    def of(cls, parts: Parts) -> "API":
        config = json.loads(parts.kubeconfig("admin").read_text())
        server = config["clusters"][0]["cluster"]["server"]
        return cls(server, parts.folder / "pki" / "ca.crt", config["users"][0]["user"]["token"])

    def try_get(self, path: str) -> Any:
        """The decoded answer, or None when there is none yet."""
        try:
            return json.loads(self._get(path))
        except (urllib.error.URLError, OSError, ValueError):
            return None

    def ready(self) -> bool:
        try:
            return self._get("/readyz") == b"ok"
        except (urllib.error.URLError, OSError):
            return False

    def _get(self, path: str) -> bytes:
        request = urllib.request.Request(f"{self._server}{path}", headers={"Authorization": f"Bearer {self._token}"})
        with self._opener.open(request, timeout=5) as response:
            return bytes(response.read())
