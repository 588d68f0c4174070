"""etcd, kube-apiserver and kube-controller-manager of one cluster."""

import base64
import json

from .api import API
from .parts import Parts
from .pki import PKI
from .placement import Loopback
from .process import PATIENCE
from .programs import control_plane_programs
from .users import COMPONENTS, PEOPLE, TokenFile, kubeconfig

SERVICE_NETWORK = "10.96.0.0/16"

# Writes of everybody, without their bodies: tests count who wrote what and when. Reads would drown them.
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "verbs": ["get", "list", "watch"]},
        {"level": "None", "resources": [{"group": "coordination.k8s.io"}], "users": ["kubelet", "kwok"]},
        {"level": "Metadata"},
    ],
}


def start_control_plane(parts: Parts) -> None:
    """Start the control plane and wait until the API server is ready. Writes the kubeconfigs of all users."""
    folder, ports = parts.folder, parts.ports
    programs = control_plane_programs()
    pki = PKI(folder / "pki")
    pki.create()
    tokens = TokenFile(folder / "tokens.csv")
    tokens.create()
    (folder / "audit-policy.json").write_text(json.dumps(AUDIT_POLICY))
    server = f"https://127.0.0.1:{ports['api']}"
    ca = base64.b64encode(pki.ca_certificate.read_bytes()).decode()
    for name in (*PEOPLE, *COMPONENTS):
        path = parts.kubeconfig(name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(kubeconfig(server, ca, {"token": tokens.token(name)}))
        path.chmod(0o600)

    etcd = f"http://127.0.0.1:{ports['etcd']}"
    peers = f"http://127.0.0.1:{ports['etcd-peer']}"
    parts.start(
        "etcd",
        [
            str(programs["etcd"]),
            f"--data-dir={folder / 'etcd'}",
            *(f"--listen-client-urls={etcd}", f"--advertise-client-urls={etcd}"),
            *(f"--listen-peer-urls={peers}", f"--initial-advertise-peer-urls={peers}"),
            f"--initial-cluster=default={peers}",
            "--unsafe-no-fsync",  # the data of a test does not have to survive a power cut
            "--log-level=warn",
        ],
    )
    everywhere = not isinstance(parts.placement, Loopback)
    api_server = parts.start(
        "kube-apiserver",
        [
            str(programs["kube-apiserver"]),
            f"--etcd-servers={etcd}",
            f"--bind-address={'0.0.0.0' if everywhere else '127.0.0.1'}",
            f"--secure-port={ports['api']}",
            f"--advertise-address={parts.placement.address}",
            # Endpoints of the service `kubernetes` must not be loopback addresses.
            f"--endpoint-reconciler-type={'lease' if everywhere else 'none'}",
            f"--tls-cert-file={pki.server_certificate}",
            f"--tls-private-key-file={pki.server_key}",
            "--kubelet-preferred-address-types=InternalIP",  # nobody resolves the node's name
            f"--token-auth-file={tokens.path}",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={pki.service_account_public_key}",
            f"--service-account-signing-key-file={pki.service_account_key}",
            f"--service-cluster-ip-range={SERVICE_NETWORK}",
            "--allow-privileged=true",
            "--max-requests-inflight=800",
            "--max-mutating-requests-inflight=400",
            f"--audit-policy-file={folder / 'audit-policy.json'}",
            f"--audit-log-path={folder / 'audit.log'}",
            "--audit-log-mode=batch",
            "--audit-log-batch-max-wait=500ms",
            "--profiling=false",
        ],
    )
    api_server.wait_ready(API.of(parts).ready, PATIENCE, "/readyz")
    parts.start(
        "kube-controller-manager",
        [
            str(programs["kube-controller-manager"]),
            f"--kubeconfig={parts.kubeconfig('kube-controller-manager')}",
            "--use-service-account-credentials",
            f"--service-account-private-key-file={pki.service_account_key}",
            f"--root-ca-file={pki.ca_certificate}",
            "--leader-elect=false",
            "--secure-port=0",
            *("--kube-api-qps=300", "--kube-api-burst=600"),
            *("--concurrent-deployment-syncs=20", "--concurrent-replicaset-syncs=20"),
            "--concurrent-service-endpoint-syncs=10",
        ],
    )
