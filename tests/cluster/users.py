"""Who can talk to the test cluster: people, and the cluster's own components."""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class User:
    name: str
    groups: tuple[str, ...]


# People. Their rights come from RoleBindings that tests create; only the admin has any to begin with.
PEOPLE = {
    "admin": User("admin", ("system:masters",)),
    "developer": User("developer", ("developers",)),
    "approver": User("approver", ("approvers",)),
    "second-approver": User("second-approver", ("approvers",)),
}

COMPONENTS = {
    "kube-controller-manager": User("system:kube-controller-manager", ()),
    "kube-scheduler": User("system:kube-scheduler", ()),
    "kube-proxy": User("system:kube-proxy", ()),
    "kubelet": User("kubelet", ("system:masters",)),
    "kwok": User("kwok", ("system:masters",)),
    "traefik": User("traefik", ("system:masters",)),
    "prometheus": User("prometheus", ("system:masters",)),
}


class TokenFile:
    """The API server's --token-auth-file: random tokens, new ones for each cluster."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._tokens: dict[str, str] = {}

    def create(self) -> None:
        everyone = {**PEOPLE, **COMPONENTS}
        self._tokens = {name: secrets.token_hex(16) for name in everyone}
        self.path.write_text(
            "".join(
                f'{self._tokens[name]},{user.name},{name},"{",".join(user.groups)}"\n'
                for name, user in everyone.items()
            )
        )
        self.path.chmod(0o600)

    def token(self, name: str) -> str:
        return self._tokens[name]


def kubeconfig(server: str, ca_certificate: str, user: dict[str, object]) -> str:
    """A kubeconfig document. `ca_certificate` is base64; `user` is the kubeconfig's user entry."""
    cluster = {"server": server, "certificate-authority-data": ca_certificate}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "slipway", "cluster": cluster}],
        "users": [{"name": "user", "user": user}],
        "contexts": [{"name": "slipway", "context": {"cluster": "slipway", "user": "user"}}],
        "current-context": "slipway",
    }
    return json.dumps(document, indent=1)
