"""Stand-in pods for tests of NetworkPolicies: they have the labels of other pods and listen on many ports."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from support.helm_release import Document, Release

_IMAGE = "localhost/hingecraft:dev"
# Seconds. Far more than a connection needs; one that is blocked takes as long where the plug-in drops packets.
_PATIENCE = 5
_ANSWER = """
import asyncio, sys

class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport
    def datagram_received(self, data, address):
        self.transport.sendto(data, address)

async def main():
    for port in map(int, sys.argv[1:]):
        await asyncio.get_running_loop().create_datagram_endpoint(Echo, ("0.0.0.0", port))
        await asyncio.start_server(lambda reader, writer: writer.close(), "0.0.0.0", port)
    await asyncio.Event().wait()

asyncio.run(main())
"""
_CONNECT = f"""
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor

def can_connect(destination):
    host, port, protocol = destination
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    with socket.socket(type=kind) as client:
        client.settimeout({_PATIENCE})
        try:
            client.connect((host, port))
            if protocol == "udp":
                client.send(b"?")
                client.recv(1)
        except OSError:
            return False
    return True

asked = json.loads(sys.argv[1])
with ThreadPoolExecutor(len(asked)) as threads:
    print(json.dumps(list(threads.map(can_connect, asked))))
"""


def can_connect(where: Release, pod: str, destinations: Sequence[tuple[str, int, str]]) -> list[bool]:
    """Whether a pod can connect to each of these: host, port, `tcp` or `udp`."""
    found: list[bool] = json.loads(
        where.kubectl("exec", pod, "--", "python3", "-c", _CONNECT, json.dumps(destinations))
    )
    return found


@dataclass(frozen=True)
class Connection:
    """From a pod to a port of a pod or Service."""

    source: str
    target: str
    port: int
    protocol: str = "tcp"

    @classmethod
    def read(cls, text: str) -> Connection:
        """As tests write it: `api > world:53/udp`."""
        source, _, destination = text.partition(" > ")
        address, _, protocol = destination.partition("/")
        target, _, port = address.rpartition(":")
        return cls(source, target, int(port), protocol or "tcp")


@dataclass
class StandIns:
    """The pods by name, and the address of everything that they connect to."""

    ports: Sequence[int]
    namespaces: dict[str, Release] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)

    def start(self, where: Release, pods: Mapping[str, Document]) -> None:
        """Pods with these labels and named ports."""
        where.apply(*(self._pod(where, name, **about) for name, about in pods.items()))
        self.namespaces |= dict.fromkeys(pods, where)

    def serve(self, name: str, pod: str, port: int, target: int) -> None:
        """Put a Service in front of the pod whose label `app` is its name: `port` leads to the pod's `target`."""
        where = self.namespaces[pod]
        ports = [
            {"name": each.lower(), "protocol": each, "port": port, "targetPort": target} for each in ("TCP", "UDP")
        ]
        where.apply({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": where.namespace},
            "spec": {"selector": {"app": pod}, "ports": ports},
        })  # fmt: skip
        self.addresses[name] = where.get("service", name)["spec"]["clusterIP"]

    def wait(self) -> None:
        """Until each answers, and its address is known."""
        for where in {id(each): each for each in self.namespaces.values()}.values():
            where.kubectl("wait", "pod", "--all", "--for=condition=Ready", "--timeout=120s")
            for pod in where.items("pods"):
                self.addresses[pod["metadata"]["name"]] = pod["status"]["podIP"]

    def connected(self, wanted: Iterable[Connection]) -> set[Connection]:
        """The connections that succeed."""
        by_source: dict[str, list[Connection]] = {}
        for each in sorted(set(wanted), key=str):
            by_source.setdefault(each.source, []).append(each)
        with ThreadPoolExecutor(4) as threads:
            return set[Connection]().union(*threads.map(self._ask, by_source, by_source.values()))

    def _ask(self, source: str, wanted: list[Connection]) -> set[Connection]:
        asked = [(self.addresses[each.target], each.port, each.protocol) for each in wanted]
        answers = can_connect(self.namespaces[source], source, asked)
        return {each for each, answered in zip(wanted, answers, strict=True) if answered}

    def _pod(self, where: Release, name: str, labels: Mapping[str, str], ports: Sequence[Document] = ()) -> Document:
        probed = {"tcpSocket": {"port": self.ports[-1]}, "periodSeconds": 1}
        container: dict[str, Any] = {
            "name": "stand-in", "image": _IMAGE, "imagePullPolicy": "Never", "ports": list(ports),
            "command": ["python3", "-c", _ANSWER, *map(str, self.ports)], "readinessProbe": probed,
            "resources": {"requests": {"cpu": "1m", "memory": "16Mi"}},
            "securityContext": {
                "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}
            },
        }  # fmt: skip
        # The pods run without root and listen on 53 and 443.
        low_ports = [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]
        return {
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": where.namespace, "labels": dict(labels)},
            "spec": {
                "containers": [container], "enableServiceLinks": False, "automountServiceAccountToken": False,
                "terminationGracePeriodSeconds": 0,
                "securityContext": {
                    "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}, "sysctls": low_ports
                },
            },
        }  # fmt: skip
