"""The cluster's identities: its own certificate authority, and a token for each program."""

from __future__ import annotations

import base64
import json
import secrets
from pathlib import Path

import trustme
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from support.kubernetes_node.places import (
    API_SERVER,
    CONTEXT,
    FIRST_SERVICE,
    FOLDER,
    INSIDE,
    KUBECONFIG,
    NAME,
    NODE_ADDRESS,
)

_FOLDER = FOLDER / "pki"
# name of the file: user, groups
_PROGRAMS = {
    "controller": ("system:kube-controller-manager", ""),
    "scheduler": ("system:kube-scheduler", ""),
    "proxy": ("system:kube-proxy", ""),
    "kubelet": (f"system:node:{NAME}", "system:nodes"),
    "policies": ("kube-router", ""),
    "admin": ("admin", "system:masters"),
}


def make() -> None:
    """Create new credentials for a cluster."""
    _FOLDER.mkdir(mode=0o700, exist_ok=True)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(_FOLDER / "ca.pem")
    names = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
    server = authority.issue_cert(*names, "localhost", "127.0.0.1", FIRST_SERVICE, NODE_ADDRESS)
    _write("server.pem", server.private_key_and_cert_chain_pem.bytes())
    for name, common, organization in (
        ("kubelet-client", "kube-apiserver", "system:masters"),
        ("front-proxy", "front-proxy", NAME),
    ):
        issued = authority.issue_cert(f"{name}.invalid", common_name=common, organization_name=organization)
        _write(f"{name}.pem", issued.private_key_and_cert_chain_pem.bytes())
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding, how = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    _write("sa.key", key.private_bytes(encoding, how, serialization.NoEncryption()))
    tokens = {name: secrets.token_hex(24) for name in _PROGRAMS}
    lines = [f'{tokens[name]},{user},{name},"{groups}"' for name, (user, groups) in _PROGRAMS.items()]
    _write("tokens.csv", "\n".join(lines).encode())
    for name, token in tokens.items():
        _write(f"{name}.kubeconfig", _kubeconfig(token, embedded=name == "admin"))
    (_FOLDER / "admin.kubeconfig").rename(KUBECONFIG)


def admin() -> str:
    """The admin's token."""
    document = yaml.safe_load(KUBECONFIG.read_text())
    return str(document["users"][0]["user"]["token"])


def _kubeconfig(token: str, *, embedded: bool) -> bytes:
    """The admin's is used outside, where the authority has another path, and may be copied: it holds all it needs."""
    authority = base64.b64encode((_FOLDER / "ca.pem").read_bytes()).decode()
    where = (
        {"certificate-authority-data": authority} if embedded else {"certificate-authority": str(INSIDE / "pki/ca.pem")}
    )
    document = {
        "apiVersion": "v1", "kind": "Config", "current-context": CONTEXT,
        "clusters": [{"name": CONTEXT, "cluster": {"server": API_SERVER, **where}}],
        "users": [{"name": CONTEXT, "user": {"token": token}}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT}}],
    }  # fmt: skip
    return json.dumps(document).encode()


def _write(name: str, content: bytes) -> None:
    path: Path = _FOLDER / name
    path.write_bytes(content)
    path.chmod(0o600)
