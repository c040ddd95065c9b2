"""Pods that have the labels of others, answer on many ports and connect to each other: for NetworkPolicies to judge."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from support.release import Document, Release

_IMAGE = "localhost/hingecraft:dev"
# Longer than any connection that is let through takes; a plug-in that drops packets makes a blocked one take as long.
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

def connects(way):
    host, port, protocol = way
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

ways = json.loads(sys.argv[1])
with ThreadPoolExecutor(len(ways)) as threads:
    print(json.dumps(list(threads.map(connects, ways))))
"""


def connects(where: Release, pod: str, ways: Sequence[tuple[str, int, str]]) -> list[bool]:
    """Whether each of these hosts, ports and protocols can be reached from a pod."""
    found: list[bool] = json.loads(where.kubectl("exec", pod, "--", "python3", "-c", _CONNECT, json.dumps(ways)))
    return found


@dataclass(frozen=True)
class Way:
    """One connection: from a pod to a port of a pod or Service."""

    source: str
    target: str
    port: int
    protocol: str = "tcp"

    @classmethod
    def read(cls, text: str) -> Way:
        """As tests write it: `api > world:53/udp`."""
        source, _, destination = text.partition(" > ")
        address, _, protocol = destination.partition("/")
        target, _, port = address.rpartition(":")
        return cls(source, target, int(port), protocol or "tcp")


@dataclass
class StandIns:
    """Pods by their names in tests, and the addresses of all that they may connect to."""

    ports: Sequence[int]
    namespaces: dict[str, Release] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)

    def start(self, where: Release, pods: Mapping[str, Document]) -> None:
        """Pods with these labels and named ports."""
        where.apply(*(self._pod(where, name, **about) for name, about in pods.items()))
        self.namespaces |= dict.fromkeys(pods, where)

    def serve(self, name: str, pod: str, port: int, target: int) -> None:
        """A Service with a port of its own in front of a pod that has the label `app` of its name."""
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

    def connected(self, ways: Iterable[Way]) -> set[Way]:
        """Those of the connections that come about."""
        by_source: dict[str, list[Way]] = {}
        for way in sorted(set(ways), key=str):
            by_source.setdefault(way.source, []).append(way)
        with ThreadPoolExecutor(4) as threads:
            return set[Way]().union(*threads.map(self._ask, by_source, by_source.values()))

    def _ask(self, source: str, ways: list[Way]) -> set[Way]:
        asked = [(self.addresses[way.target], way.port, way.protocol) for way in ways]
        answers = connects(self.namespaces[source], source, asked)
        return {way for way, answered in zip(ways, answers, strict=True) if answered}

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
        # So that one who is not root may listen on 53 and 443.
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
