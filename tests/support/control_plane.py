"""A real Kubernetes control plane without nodes: etcd, the API server and the controllers, in a folder of its own."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from hingecraft_sandbox.postgres import free_port
from support.limits import PROGRESS
from toolchain.go_tools import built_together

VERSION = "1.36.3"
_MAJOR, _MINOR, _ = VERSION.split(".")
_STAMP = " ".join(
    f"-X k8s.io/component-base/version.{name}={value}"
    for name, value in (("gitVersion", f"v{VERSION}"), ("gitMajor", _MAJOR), ("gitMinor", _MINOR))
)
ADMIN, CONTROLLER = "test-admin-token", "test-controller-token"
_TOKENS = f"""{ADMIN},admin,admin,system:masters
{CONTROLLER},system:kube-controller-manager,controller
"""
# What the operator's service account does, so that a test can compare it with what it may do.
_AUDIT = {
    "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata", "userGroups": ["system:serviceaccounts"]}, {"level": "None"}],
}  # fmt: skip
# Those that the operator leans on: what it made is collected, Jobs are made on time, namespaces go away.
_CONTROLLERS = (
    "garbage-collector-controller", "namespace-controller", "cronjob-controller", "job-controller",
    "serviceaccount-controller",
)  # fmt: skip


def binaries() -> Path:
    """Where Kubernetes is, built first where it is not yet."""
    return built_together("kubernetes", stamp=_STAMP)


@dataclass
class ControlPlane:
    """From `start` to `stop`."""

    folder: Path
    port: int = field(default_factory=free_port)
    _etcd: int = field(default_factory=free_port)
    _peer: int = field(default_factory=free_port)
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def authority(self) -> Path:
        return self.folder / "ca.pem"

    def start(self) -> None:
        self._make_certificates()
        (self.folder / "tokens.csv").write_text(_TOKENS)
        (self.folder / "audit.json").write_text(json.dumps(_AUDIT))
        self.kubeconfig(ADMIN)
        self.start_etcd()
        self.start_api_server()
        self._start(
            "kube-controller-manager", f"--kubeconfig={self.kubeconfig(CONTROLLER)}", "--leader-elect=false",
            f"--controllers={','.join(_CONTROLLERS)}", f"--service-account-private-key-file={self.folder / 'sa.key'}",
            f"--root-ca-file={self.authority}", "--secure-port=0", "--use-service-account-credentials=true",
            "--kube-api-qps=200", "--kube-api-burst=400",
        )  # fmt: skip

    def start_etcd(self) -> None:
        self._start(
            "server", f"--data-dir={self.folder / 'etcd'}", "--unsafe-no-fsync", "--log-level=error",
            f"--listen-client-urls=http://127.0.0.1:{self._etcd}",
            f"--advertise-client-urls=http://127.0.0.1:{self._etcd}",
            f"--listen-peer-urls=http://127.0.0.1:{self._peer}",
        )  # fmt: skip

    def start_api_server(self) -> None:
        certificate = self.folder / "server.pem"
        self._start(
            "kube-apiserver", f"--etcd-servers=http://127.0.0.1:{self._etcd}", f"--secure-port={self.port}",
            "--bind-address=127.0.0.1", "--advertise-address=192.0.2.1", "--endpoint-reconciler-type=none",
            f"--tls-cert-file={certificate}", f"--tls-private-key-file={certificate}",
            f"--token-auth-file={self.folder / 'tokens.csv'}", "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.96.0.0/16", "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.folder / 'sa.key'}",
            f"--service-account-signing-key-file={self.folder / 'sa.key'}", "--profiling=false",
            f"--audit-policy-file={self.folder / 'audit.json'}", f"--audit-log-path={self.folder / 'audit.log'}",
            f"--cert-dir={self.folder / 'certs'}",
        )  # fmt: skip
        self.wait_until_ready()

    def wait_until_ready(self, within: float = PROGRESS) -> None:
        context = ssl.create_default_context(cafile=self.authority)
        request = urllib.request.Request(f"{self.address}/readyz", headers={"Authorization": f"Bearer {ADMIN}"})
        until = time.monotonic() + within
        while time.monotonic() < until:
            try:
                with urllib.request.urlopen(request, context=context, timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise AssertionError(f"the API server is not ready: {self._said('kube-apiserver')}")

    def kill_api_server(self) -> None:
        process = self._processes.pop("kube-apiserver")
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """The API server would wait a minute for its watchers: nothing here is kept, so it is killed."""
        for name in ("kube-controller-manager", "kube-apiserver", "server"):
            if name in self._processes:
                self._processes[name].kill()
        for process in self._processes.values():
            process.wait(PROGRESS)

    def kubeconfig(self, token: str, *, server: str | None = None, name: str = "", namespace: str = "default") -> Path:
        """For the owner of that token; through another address if a test puts a proxy between."""
        cluster = {"server": server or self.address}
        if cluster["server"].startswith("https"):
            cluster["certificate-authority"] = str(self.authority)
        user = name or {ADMIN: "admin", CONTROLLER: "controller"}.get(token, "user")
        document = {
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": user, "namespace": namespace}}],
        }  # fmt: skip
        path = self.folder / f"{user}.kubeconfig"
        path.write_text(json.dumps(document))
        path.chmod(0o600)
        return path

    def _start(self, program: str, *arguments: str) -> None:
        with (self.folder / f"{program}.log").open("ab") as log:
            self._processes[program] = subprocess.Popen(
                [binaries() / program, *arguments], stdout=log, stderr=log, env={**os.environ, "GOMAXPROCS": "2"}
            )

    def _said(self, program: str) -> str:
        return (self.folder / f"{program}.log").read_text()[-2000:]

    def _make_certificates(self) -> None:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.authority)
        names = ("127.0.0.1", "localhost", "kubernetes", "kubernetes.default.svc")
        authority.issue_cert(*names).private_key_and_cert_chain_pem.write_to_path(self.folder / "server.pem")
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        encoding, how = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
        (self.folder / "sa.key").write_bytes(key.private_bytes(encoding, how, serialization.NoEncryption()))


@contextmanager
def control_plane(folder: Path) -> Iterator[ControlPlane]:
    plane = ControlPlane(folder)
    try:
        plane.start()
        yield plane
    finally:
        plane.stop()
