"""A thin client of the Kubernetes API: plain JSON, a time limit on every call, retries that honour Retry-After.

The generated classes of the official client are not used: they turn each response into thousands of objects, and this
operator reads a handful of fields (docs/decisions/0044).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, urlencode

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration

from hingecraft.errors import HingecraftError, UsageError
from hingecraft_operator.custom_resource.spec import API_VERSION, PLURAL

log = logging.getLogger(__name__)

FIELD_MANAGER = "hingecraft-operator"
TIMEOUT = 5.0
_TRIES = 4
_FIRST_PAUSE = 0.2
_LONGEST_WAIT = 10.0
_CONNECTIONS = 32
_RETRIED = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.CONFLICT)
_UNREACHABLE = (aiohttp.ClientError, OSError, TimeoutError)

Document = dict[str, Any]


class ClusterUnavailableError(HingecraftError):
    """The API server cannot be reached, or did not respond in time."""


class ClusterRejectedError(HingecraftError):
    """The API server responded with an error; `status` is its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object, with the path of its objects in the API."""

    api_version: str
    plural: str

    def path(self, namespace: str | None, name: str = "", sub: str = "") -> str:
        """The path of one object, or of all in a namespace (or in the cluster, if it is None)."""
        root = "/api" if self.api_version == "v1" else "/apis"
        where = f"namespaces/{quote(namespace, safe='')}" if namespace else ""
        parts = [root, self.api_version, where, self.plural, quote(name, safe=""), sub]
        return "/".join(part for part in parts if part)


PAYMENT_ROUTES = Kind(API_VERSION, PLURAL)
SECRETS = Kind("v1", "secrets")
SLICES = Kind("discovery.k8s.io/v1", "endpointslices")
CRON_JOBS = Kind("batch/v1", "cronjobs")
JOBS = Kind("batch/v1", "jobs")
EVENTS = Kind("events.k8s.io/v1", "events")
LEASES = Kind("coordination.k8s.io/v1", "leases")


class Cluster:
    """One API server."""

    def __init__(self, configuration: Configuration, timeout: float = TIMEOUT) -> None:
        configuration.connection_pool_maxsize = _CONNECTIONS
        # Do not take HTTPS_PROXY from the environment; `proxy-url` of a kubeconfig is still used.
        configuration.client_session_kwargs = {"trust_env": False}
        self.configuration = configuration
        self._timeout = timeout
        # Parts of the client are untyped.
        self._client: Any = ApiClient(configuration)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    @property
    def identity(self) -> str:
        """Identifies this cluster: a hash of its certificate authority, which every pod is given."""
        authority = self.configuration.ssl_ca_cert
        text = Path(authority).read_bytes() if authority else self.configuration.host.encode()
        return hashlib.sha256(text).hexdigest()[:16]

    async def get(self, kind: Kind, namespace: str, name: str) -> Document | None:
        """One object, or None if it does not exist."""
        try:
            return await self.request("GET", kind.path(namespace, name))
        except ClusterRejectedError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    async def list(self, kind: Kind, namespace: str | None, **selectors: str) -> list[Document]:
        """All objects in the namespace, or in the cluster if it is None."""
        found = await self.request("GET", kind.path(namespace), query=selectors)
        items: list[Document] = found.get("items") or []
        return items

    async def apply(self, kind: Kind, document: Document, *, sub: str = "") -> Document:
        """Server-side apply; takes fields over from other managers."""
        metadata = document["metadata"]
        path = kind.path(metadata.get("namespace"), metadata["name"], sub)
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        return await self.request("PATCH", path, document, query=query, content="application/apply-patch+yaml")

    async def create(self, kind: Kind, namespace: str, document: Document) -> Document:
        """Create the object; raises a conflict if it exists."""
        return await self.request("POST", kind.path(namespace), document, query={"fieldManager": FIELD_MANAGER})

    async def replace(self, kind: Kind, namespace: str, name: str, document: Document) -> Document:
        """Replace the object if its resource version is unchanged; a conflict is raised, not retried."""
        path = kind.path(namespace, name)
        return await self.request("PUT", path, document, query={"fieldManager": FIELD_MANAGER}, tries=1)

    async def delete(self, kind: Kind, namespace: str, name: str) -> None:
        """Delete the object and what it owns; does nothing if it does not exist."""
        try:
            await self.request("DELETE", kind.path(namespace, name), query={"propagationPolicy": "Background"})
        except ClusterRejectedError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise

    async def authorize(self, headers: dict[str, str]) -> None:
        """Add credentials to the headers; a token that was rotated in its file is read again."""
        await self._client.update_params_for_auth(headers, [], ["BearerToken"], "", "GET", None)

    async def request(
        self,
        method: str,
        path: str,
        document: Document | None = None,
        *,
        query: Mapping[str, str] | None = None,
        content: str = "application/json",
        tries: int = _TRIES,
    ) -> Document:
        """One call; repeated on 429 and on conflicts."""
        for left in range(tries - 1, -1, -1):
            status, answer, wait = await self._request_once(method, path, document, query or {}, content)
            if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
                return answer
            if left == 0 or status not in _RETRIED:
                raise ClusterRejectedError(status, str(answer.get("message") or f"HTTP {status}"))
            pause = wait or _FIRST_PAUSE * 2 ** (tries - 1 - left)
            await asyncio.sleep(pause * random.uniform(1, 1.3))  # noqa: S311 - jitter, not a secret
        raise AssertionError("unreachable")

    async def _request_once(
        self, method: str, path: str, document: Document | None, query: Mapping[str, str], content: str
    ) -> tuple[int, Document, float]:
        url = f"{self.configuration.host}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": "application/json", "Content-Type": content, "User-Agent": FIELD_MANAGER}
        await self.authorize(headers)
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._client.rest_client.request(
                    method, url, headers, document if document is not None else None, _request_timeout=self._timeout
                )
                body = await answer.read()
        except _UNREACHABLE as error:
            raise ClusterUnavailableError(f"the API server does not respond: {type(error).__name__}") from error
        wait = answer.headers.get("Retry-After", "") if answer.headers else ""
        return answer.status, _parsed(body), min(float(wait), _LONGEST_WAIT) if wait.isdecimal() else 0.0


def _parsed(body: bytes) -> Document:
    try:
        return cast("Document", json.loads(body))
    except ValueError:
        return {"message": body[:200].decode(errors="replace")}


def micro_time() -> str:
    """The present time in Kubernetes' format MicroTime."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _kubeconfig() -> str:
    named = os.environ.get("KUBECONFIG") or "~/.kube/config"
    if not any(Path(part).expanduser().exists() for part in named.split(os.pathsep)):
        raise UsageError(f"no cluster found ({named} does not exist): run in a cluster, or set KUBECONFIG")
    return named


async def connect() -> Cluster:
    """Connect with the pod's service account, or with KUBECONFIG outside a cluster."""
    configuration = Configuration()
    loading: Any = config
    try:
        if os.environ.get("KUBERNETES_SERVICE_HOST"):
            loading.load_incluster_config(client_configuration=configuration)
        else:
            await loading.load_kube_config(_kubeconfig(), client_configuration=configuration)
    except (config.ConfigException, OSError) as error:
        raise UsageError(f"no cluster found ({error}): run in a cluster, or set KUBECONFIG") from error
    return Cluster(configuration)


@asynccontextmanager
async def connected() -> AsyncIterator[Cluster]:
    """Connect, and close the connections when the context ends."""
    cluster = await connect()
    try:
        yield cluster
    finally:
        await cluster.close()
