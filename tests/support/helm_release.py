"""The chart as it is installed in a namespace of a test's own, and the sandbox beside it."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import yaml

from support import cluster_tools, control_plane
from support.kubernetes_node.authority import authority
from support.kubernetes_node.cluster import up
from support.kubernetes_node.components import CONTAINERD
from support.kubernetes_node.machine import inside
from support.kubernetes_node.places import CONTEXT, KUBECONFIG, ROOT, SANDBOX_PORT
from support.pods import ADMIN_TOKEN, PUSH_SECRET, VISITOR_SECRET
from support.receiver import SECRET as WEBHOOK_SECRET
from support.tokens import SECRET as AUTH_JWT_SECRET

CHART = ROOT / "helm" / "hingecraft"
DEFINITION_CHART = ROOT / "helm" / "hingecraft-crds"
HOST = "pay.hingecraft.test"
_CLUSTER = ROOT / "tests" / "cluster"
VALUES = _CLUSTER / "values.yaml"
# Tests break things: only in clusters that are made for it.
_KNOWN = (CONTEXT, "kind-hingecraft")
_PASSWORD = "for-tests-only"
_ERRORS = {"error", "critical"}
DOWNLOAD_SECRET = "the secret that signs the tests' downloads"
PROVIDER_KEYS = {
    "SITE_URL": "https://www.example.com",
    "PUBLIC_URL": f"https://{HOST}",
    "STRIPE_API_BASE": "https://sandbox",
    "STRIPE_SECRET": "sk_test_" + "cluster",
    "STRIPE_PUBLISHABLE_KEY": "pk_test_cluster",
    "STRIPE_WEBHOOK_SECRET": "whsec_cluster",
    "NOWPAYMENTS_API_BASE": "https://sandbox/nowpayments/v1",
    "NOWPAYMENTS_API_KEY": "nowpayments-cluster",
    "NOWPAYMENTS_IPN_SECRET": "ipn-secret-cluster",
}

Document = dict[str, Any]


class CommandFailedError(Exception):
    """kubectl or helm failed."""


def kubeconfig() -> Path:
    """That of `make cluster`, or what KUBECONFIG names; of a cluster that tests may break."""
    path = KUBECONFIG if KUBECONFIG.exists() else Path(os.environ.get("KUBECONFIG", "~/.kube/config")).expanduser()
    document = yaml.safe_load(path.read_text()) if path.exists() else {}
    name = str(document.get("current-context", "no context"))
    if name not in _KNOWN:
        raise CommandFailedError(f"not run: {name} is none of {', '.join(_KNOWN)}: run make cluster, or make kind")
    return path


def cluster() -> None:
    """The one that tests may use: that of kind where it is the current one, else our own, up with the newest images."""
    try:
        kind = not KUBECONFIG.exists() and kubeconfig().exists()
    except CommandFailedError:
        kind = False
    if not kind:
        up()


def _run(program: Path, *arguments: str, given: str | None = None) -> str:
    done = subprocess.run(
        [program, *arguments], input=given, capture_output=True, text=True, check=False,
        env={**os.environ, "KUBECONFIG": str(kubeconfig())},
    )  # fmt: skip
    if done.returncode:
        raise CommandFailedError(f"{program.name} {' '.join(arguments)[:300]}: {(done.stderr + done.stdout)[-3000:]}")
    return done.stdout


def _on_node(*command: str) -> None:
    """A command on the cluster's one node."""
    if KUBECONFIG.exists():
        first, *rest = command
        whole = inside(first, f"--address={CONTAINERD.removeprefix('unix://')}", *rest)
    else:
        whole = ["docker", "exec", "hingecraft-control-plane", *command]
    done = subprocess.run(whole, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandFailedError(f"{' '.join(command)}: {done.stderr[-1000:]}")


@dataclass
class Release:
    """One release in one namespace."""

    namespace: str = "hingecraft"
    name: str = "hingecraft"

    def kubectl(self, *arguments: str, given: str | None = None) -> str:
        return _run(control_plane.binaries() / "kubectl", f"--namespace={self.namespace}", *arguments, given=given)

    def helm(self, *arguments: str, given: str | None = None) -> str:
        return _run(cluster_tools.helm(), f"--namespace={self.namespace}", *arguments, given=given)

    def get(self, *what: str) -> Document:
        found: Document = json.loads(self.kubectl("get", *what, "--output=json"))
        return found

    def raw(self, path: str) -> Document:
        """The API server's answer at a path."""
        found: Document = json.loads(self.kubectl("get", "--raw", path))
        return found

    def items(self, *what: str) -> list[Document]:
        found: list[Document] = self.get(*what)["items"]
        return found

    def apply(self, *documents: Document) -> None:
        self.kubectl("apply", "--server-side", "--force-conflicts", "--filename=-", given=yaml.safe_dump_all(documents))

    def secret(self, name: str, **values: str) -> None:
        metadata = {"name": name, "namespace": self.namespace}
        self.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values})

    def prepare(self) -> None:
        """Create what the chart needs: a namespace for restricted pods only, and Secrets."""
        labels = {f"pod-security.kubernetes.io/{way}": "restricted" for way in ("enforce", "warn", "audit")}
        metadata = {"name": self.namespace, "labels": labels}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        address = f"postgresql://hingecraft:{_PASSWORD}@{self.name}-postgres:5432/hingecraft"
        self.secret("database", DATABASE_URL=address, POSTGRES_PASSWORD=_PASSWORD)
        self.secret("api", ADMIN_TOKEN=ADMIN_TOKEN, PUSH_SECRET=PUSH_SECRET, VISITOR_SECRET=VISITOR_SECRET)
        self.secret("providers", **PROVIDER_KEYS)
        self.secret("webhooks", WEBHOOK_SECRET=WEBHOOK_SECRET)
        self.secret("members", AUTH_JWT_SECRET=AUTH_JWT_SECRET, DOWNLOAD_SECRET=DOWNLOAD_SECRET)

    def start_sandbox(self) -> None:
        """Beside the release, with a certificate of the authority that the pods trust."""
        served = authority().issue_cert("sandbox", "127.0.0.1")
        self.secret("sandbox-tls", **{"sandbox.pem": served.private_key_and_cert_chain_pem.bytes().decode()})
        outside = authority().issue_cert(HOST, "unused.hingecraft.test")
        certificate = b"".join(part.bytes() for part in outside.cert_chain_pems).decode()
        pair = {"tls.crt": certificate, "tls.key": outside.private_key_pem.bytes().decode()}
        kind = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls"}
        metadata = {"name": "ingress-tls", "namespace": self.namespace}
        self.apply({**kind, "metadata": metadata, "stringData": pair})
        ingress = self.get("service", "traefik", "--namespace=traefik")["spec"]["clusterIP"]
        text = Template((_CLUSTER / "sandbox.yaml").read_text()).substitute(INGRESS=ingress, PORT=SANDBOX_PORT)
        self.kubectl("apply", "--server-side", "--filename=-", given=text)
        self.kubectl("rollout", "status", "deployment/sandbox", "--timeout=60s")

    def define(self) -> None:
        """Have the cluster know PaymentRoutes as the checkout does, whatever an older one has left there."""
        self.helm("upgrade", "--install", "hingecraft-crds", str(DEFINITION_CHART), "--take-ownership")

    def install(self, *more: str, values: Path = VALUES) -> None:
        """Install, or upgrade to, what is in the checkout; waits until it serves."""
        options = ("--wait", "--timeout=100s", f"--values={values}")
        self.helm("upgrade", "--install", self.name, str(CHART), *options, *more)

    def pods(self, component: str) -> list[Document]:
        """The pods that are not being deleted."""
        selector = f"app.kubernetes.io/instance={self.name},app.kubernetes.io/component={component}"
        found = self.items("pods", f"--selector={selector}")
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def ready_pods(self, component: str) -> list[str]:
        """The names of the pods."""
        return [
            pod["metadata"]["name"]
            for pod in self.pods(component)
            if any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", ()))
        ]

    def errors_logged(self, *components: str) -> list[str]:
        """The lines with which the pods have logged errors."""
        pods = [pod["metadata"]["name"] for component in components for pod in self.pods(component)]
        lines = [line for pod in pods for line in self.kubectl("logs", pod).splitlines()]
        return [line for line in lines if line.startswith("{") and json.loads(line)["level"] in _ERRORS]

    def postgres(self, statement: str) -> str:
        """As the database's owner; answers what it printed, without any frame."""
        psql = ("psql", "--host=/run/postgres", "--username=hingecraft", "--dbname=hingecraft", "--tuples-only")
        return self.kubectl("exec", f"{self.name}-postgres-0", "--", *psql, "--no-align", "--command", statement)

    def kill(self, pod: str) -> None:
        self.signal(pod, "SIGKILL")

    def signal(self, pod: str, name: str) -> None:
        """A signal to the first process of a pod, from the node: from inside nobody can."""
        container = self.get("pod", pod)["status"]["containerStatuses"][0]["containerID"].rpartition("/")[2]
        _on_node("ctr", "--namespace=k8s.io", "task", "kill", f"--signal={name}", container)

    def remove(self) -> None:
        """With its namespace and all that is in it."""
        self.kubectl("delete", "namespace", self.namespace, "--ignore-not-found", "--timeout=120s")


def until(look: Callable[[], Any], within: float = 60.0) -> Any:
    """Wait until it answers something true; answers that."""
    end = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < end, f"not within {within:.0f} seconds"
        time.sleep(0.5)
    return found
