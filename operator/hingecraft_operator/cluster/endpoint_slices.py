"""Finds the pods of the API's Service in its EndpointSlices, including pods that are not ready."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hingecraft_operator.cluster.client import SLICES, Cluster, Document
from hingecraft_operator.custom_resource.spec import Service

SERVICE_LABEL = "kubernetes.io/service-name"

UrlOf = Callable[[str, int], str]


@dataclass(frozen=True, slots=True)
class PodAddress:
    """The URL at which a pod receives pushes, and the pod's name."""

    url: str
    name: str


def url_of(address: str, port: int) -> str:
    """The URL of an address; IPv6 goes into brackets."""
    host = f"[{address}]" if ":" in address else address
    return f"http://{host}:{port}"


async def read_pods(cluster: Cluster, namespace: str, service: Service, to_url: UrlOf) -> Mapping[str, str]:
    """The name of each pod, by its URL."""
    found = await cluster.list(SLICES, namespace, labelSelector=f"{SERVICE_LABEL}={service.name}")
    return {pod.url: pod.name for pod in addresses(found, service.port, to_url)}


def addresses(slices: Sequence[Document], port_name: str, to_url: UrlOf) -> list[PodAddress]:
    """Each address once, without pods that are terminating."""
    pods: dict[str, PodAddress] = {}
    for endpoint_slice in slices:
        port = next(
            (port.get("port") for port in endpoint_slice.get("ports") or [] if port.get("name") == port_name), None
        )
        if port is None:
            continue
        for endpoint in endpoint_slice.get("endpoints") or []:
            if (endpoint.get("conditions") or {}).get("terminating"):
                continue
            for address in endpoint["addresses"][:1]:
                url = to_url(address, port)
                pods[url] = PodAddress(url, (endpoint.get("targetRef") or {}).get("name") or address)
    return list(pods.values())
