"""Certificates and keys of one cluster, made with the openssl program."""

import subprocess
from pathlib import Path

DAYS = "30"

_CA_EXTENSIONS = """\
[req]
distinguished_name = name
x509_extensions = ca
prompt = no
[name]
CN = slipway-test-cluster
[ca]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
"""

_SERVER_EXTENSIONS = """\
basicConstraints = CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""

# Names and addresses under which the API server is dialled: by pods, by the node, by this machine.
API_SERVER_NAMES = (
    "DNS:localhost",
    "DNS:kubernetes",
    "DNS:kubernetes.default",
    "DNS:kubernetes.default.svc",
    "DNS:kubernetes.default.svc.cluster.local",
    "IP:127.0.0.1",
    "IP:10.96.0.1",
    "IP:10.88.0.1",
)


class PKI:
    """Files under one folder: a CA, the API server's certificate, the key that signs tokens."""

    def __init__(self, folder: Path) -> None:
        self.ca_certificate = folder / "ca.crt"
        self.ca_key = folder / "ca.key"
        self.server_certificate = folder / "apiserver.crt"
        self.server_key = folder / "apiserver.key"
        self.service_account_key = folder / "service-account.key"
        self.service_account_public_key = folder / "service-account.pub"
        self._folder = folder

    def create(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for key in (self.ca_key, self.server_key, self.service_account_key):
            # In SEC 1 form, the one in which Kubernetes reads EC keys wherever it reads any.
            _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        _openssl("ec", "-in", self.service_account_key, "-pubout", "-out", self.service_account_public_key)
        request = self._folder / "ca.cnf"
        request.write_text(_CA_EXTENSIONS)
        _openssl(
            *("req", "-x509", "-new", "-config", request, "-key", self.ca_key),
            *("-days", DAYS, "-out", self.ca_certificate),
        )
        self._issue_server_certificate()

    def _issue_server_certificate(self) -> None:
        extensions = self._folder / "apiserver.cnf"
        extensions.write_text(_SERVER_EXTENSIONS.format(names=",".join(API_SERVER_NAMES)))
        request = self._folder / "apiserver.csr"
        _openssl("req", "-new", "-key", self.server_key, "-subj", "/CN=kube-apiserver", "-out", request)
        _openssl(
            *("x509", "-req", "-in", request, "-CA", self.ca_certificate, "-CAkey", self.ca_key),
            *("-CAcreateserial", "-days", DAYS, "-extfile", extensions, "-out", self.server_certificate),
        )


def _openssl(*arguments: str | Path) -> None:
    argv = ["openssl", *map(str, arguments)]
    try:
        subprocess.run(argv, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise RuntimeError("the openssl program is needed to make the test cluster's certificates") from error
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"{' '.join(argv)} failed: {error.stderr}") from error
