"""Talk to a cluster's API server as one of its users; the same for every kind of cluster."""

import abc
import json
import subprocess
from pathlib import Path
from typing import Any

from .capabilities import Capabilities
from .kubectl import KubectlError
from .programs import kubectl
from .users import kubeconfig

OPERATOR_NAMESPACE = "slipway-system"
OPERATOR_SERVICE_ACCOUNT = "slipway"


class Access(abc.ABC):
    """A cluster that tests can use, wherever it comes from. `capabilities` says what may be expected of it."""

    @property
    @abc.abstractmethod
    def folder(self) -> Path:
        """A folder of this cluster's own, for kubeconfigs and other files; goes with the cluster."""

    @property
    @abc.abstractmethod
    def capabilities(self) -> Capabilities: ...

    @abc.abstractmethod
    def kubeconfig(self, user: str = "admin") -> Path:
        """The kubeconfig of a person: admin, developer, approver, second-approver."""

    @abc.abstractmethod
    def stop(self) -> None:
        """End the cluster if it is ours to end, and remove the folder."""

    @property
    def api_server(self) -> str:
        """The API server's URL; the same one is right on this machine and inside the cluster's network."""
        return str(self._endpoint()["server"])

    def service_account_kubeconfig(
        self, namespace: str = OPERATOR_NAMESPACE, name: str = OPERATOR_SERVICE_ACCOUNT
    ) -> Path:
        """A kubeconfig with a fresh token (8 h) of a ServiceAccount that exists."""
        token = self.kubectl("create", "token", name, f"--namespace={namespace}", "--duration=8h").strip()
        path = self.folder / "kubeconfig" / f"{namespace}.{name}"
        path.parent.mkdir(exist_ok=True)
        ca = str(self._endpoint()["certificate-authority-data"])
        path.write_text(kubeconfig(self.api_server, ca, {"token": token}))
        path.chmod(0o600)
        return path

    def kubectl(self, *arguments: str, user: str = "admin", stdin: str | None = None) -> str:
        """Run kubectl as a user; returns its output, raises `KubectlError` with its error text."""
        done = self.try_kubectl(*arguments, user=user, stdin=stdin)
        if done.returncode:
            raise KubectlError(f"kubectl {' '.join(arguments)} (as {user}): {done.stderr.strip()}")
        return done.stdout

    def try_kubectl(
        self, *arguments: str, user: str = "admin", stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl as a user and hand back whatever came of it, for tests of refusals."""
        argv = [str(kubectl()), f"--kubeconfig={self.kubeconfig(user)}", *arguments]
        return subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)

    def apply(self, *documents: dict[str, object], user: str = "admin") -> None:
        """Server-side apply of objects given as dicts."""
        bundle = {"apiVersion": "v1", "kind": "List", "items": list(documents)}
        self.kubectl("apply", "--server-side", "--filename=-", user=user, stdin=json.dumps(bundle))

    def _endpoint(self) -> dict[str, Any]:
        """The kubeconfig's cluster entry: server and certificate authority."""
        return dict(json.loads(self.kubeconfig().read_text())["clusters"][0]["cluster"])
