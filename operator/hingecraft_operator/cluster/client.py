"""The Kubernetes API as the operator asks it: plain JSON, a time limit on every call, patience where it is asked for.

The generated classes of the client are not used: they turn each answer into thousands of objects, and this operator
reads a handful of fields.
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
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, urlencode

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration

from hingecraft.errors import HingecraftError, OperatorError
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
    """The API server cannot be reached, or did not answer in time."""


class ClusterRejectedError(HingecraftError):
    """The API server has said no."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object, and where its objects are."""

    api_version: str
    plural: str

    def path(self, namespace: str | None, name: str = "", sub: str = "") -> str:
        """Where one object, or all of a namespace or of the cluster, is asked for."""
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

    def __init__(self, configuration: Configuration) -> None:
        configuration.connection_pool_maxsize = _CONNECTIONS
        # Left to itself, the client takes HTTPS_PROXY from the environment; `proxy-url` of a kubeconfig is still used.
        configuration.client_session_kwargs = {"trust_env": False}
        self.configuration = configuration
        # Parts of the client carry no types.
        self._client: Any = ApiClient(configuration)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.close()

    @property
    def identity(self) -> str:
        """What tells this cluster from others: its certificate authority, which every pod is given."""
        authority = self.configuration.ssl_ca_cert
        text = Path(authority).read_bytes() if authority else self.configuration.host.encode()
        return hashlib.sha256(text).hexdigest()[:16]

    async def get(self, kind: Kind, namespace: str, name: str) -> Document | None:
        """One object, or None where there is none."""
        try:
            return await self.request("GET", kind.path(namespace, name))
        except ClusterRejectedError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    async def list(self, kind: Kind, namespace: str | None, **selectors: str) -> list[Document]:
        """All objects of a namespace, or of the cluster."""
        found = await self.request("GET", kind.path(namespace), query=selectors)
        items: list[Document] = found.get("items") or []
        return items

    async def apply(self, kind: Kind, document: Document, *, sub: str = "") -> Document:
        """Server-side apply: what is said here is ours, whoever has said otherwise."""
        metadata = document["metadata"]
        path = kind.path(metadata.get("namespace"), metadata["name"], sub)
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        return await self.request("PATCH", path, document, query=query, content="application/apply-patch+yaml")

    async def create(self, kind: Kind, namespace: str, document: Document) -> Document:
        """A new object."""
        return await self.request("POST", kind.path(namespace), document, query={"fieldManager": FIELD_MANAGER})

    async def replace(self, kind: Kind, namespace: str, name: str, document: Document) -> Document:
        """The whole object, if it is still the one that was read: a conflict is told, not tried again."""
        path = kind.path(namespace, name)
        return await self.request("PUT", path, document, query={"fieldManager": FIELD_MANAGER}, tries=1)

    async def delete(self, kind: Kind, namespace: str, name: str) -> None:
        """And all that belongs to it; nothing where it is gone already."""
        try:
            await self.request("DELETE", kind.path(namespace, name), query={"propagationPolicy": "Background"})
        except ClusterRejectedError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise

    async def authorize(self, headers: dict[str, str]) -> None:
        """Add who we are; a token that is renewed in its file is read anew."""
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
        """One call, tried again where the server is busy or somebody else was quicker."""
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
            async with asyncio.timeout(TIMEOUT):
                answer = await self._client.rest_client.request(
                    method, url, headers, document if document is not None else None, _request_timeout=TIMEOUT
                )
                body = await answer.read()
        except _UNREACHABLE as error:
            raise ClusterUnavailableError(f"the API server does not answer: {type(error).__name__}") from error
        wait = answer.headers.get("Retry-After", "") if answer.headers else ""
        return answer.status, _parsed(body), min(float(wait), _LONGEST_WAIT) if wait.isdecimal() else 0.0


def _parsed(body: bytes) -> Document:
    try:
        return cast("Document", json.loads(body))
    except ValueError:
        return {"message": body[:200].decode(errors="replace")}


def _kubeconfig() -> str:
    named = os.environ.get("KUBECONFIG") or "~/.kube/config"
    if not any(Path(part).expanduser().exists() for part in named.split(os.pathsep)):
        raise OperatorError(f"no Kubernetes to talk to ({named} does not exist): run in a cluster, or set KUBECONFIG")
    return named


async def connect() -> Cluster:
    """As a pod of the cluster, or as KUBECONFIG says."""
    configuration = Configuration()
    loading: Any = config
    try:
        if os.environ.get("KUBERNETES_SERVICE_HOST"):
            loading.load_incluster_config(client_configuration=configuration)
        else:
            await loading.load_kube_config(_kubeconfig(), client_configuration=configuration)
    except (config.ConfigException, OSError) as error:
        raise OperatorError(f"no Kubernetes to talk to ({error}): run in a cluster, or set KUBECONFIG") from error
    return Cluster(configuration)


@asynccontextmanager
async def connected() -> AsyncIterator[Cluster]:
    """An API server for as long as it is needed."""
    cluster = await connect()
    try:
        yield cluster
    finally:
        await cluster.close()
