"""A namespace of a test's own on the control plane, and what tests put into it."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import aiohttp
import yaml
from kubernetes.aio import config
from kubernetes.aio.client.configuration import Configuration

from hingecraft_operator.cluster.client import PAYMENT_ROUTES, SECRETS, SLICES, Cluster, Document, Kind
from hingecraft_operator.cluster.endpoint_slices import SERVICE_LABEL
from hingecraft_operator.custom_resource.crd import definition
from hingecraft_operator.custom_resource.spec import API_VERSION, KIND
from support.control_plane import ADMIN, ControlPlane
from support.folders import open_folder
from support.limits import PROGRESS
from support.pauses import Pauses
from support.pods import PUSH_SECRET
from support.processes import HingecraftProcess

ROOT = Path(__file__).parents[2]
RBAC = ROOT / "operator" / "rbac"
DEFINITIONS = Kind("apiextensions.k8s.io/v1", "customresourcedefinitions")
NAMESPACES = Kind("v1", "namespaces")
ROLES = Kind("rbac.authorization.k8s.io/v1", "roles")
ROLE_BINDINGS = Kind("rbac.authorization.k8s.io/v1", "rolebindings")
ACCOUNT = "hingecraft-operator"
IMAGE = "registry.example/hingecraft:test"
# Of an operator that looks at nothing again by itself.
NO_RESYNC = {"hingecraft_operator.controller.reconciler._RESYNC": 3600.0}
# What a reconciliation needs.
PROVIDERS = {"STRIPE_SECRET": "sk_test_abcdefgh", "SITE_URL": "https://www.example.com"}
_ADDRESSES = itertools.count(1)


async def admin_of(plane: ControlPlane, timeout: float = PROGRESS) -> Cluster:
    """The API server with all rights."""
    configuration = Configuration()
    loading: Any = config
    await loading.load_kube_config(str(plane.kubeconfig(ADMIN)), client_configuration=configuration)
    return Cluster(configuration, timeout=timeout)


async def define(plane: ControlPlane) -> None:
    """Have the API server know PaymentRoutes."""
    cluster = await admin_of(plane)
    name = definition()["metadata"]["name"]
    if await cluster.get(DEFINITIONS, "", name) is None:
        await cluster.request("POST", DEFINITIONS.path(None), definition())

        async def established() -> list[str]:
            found = await cluster.request("GET", DEFINITIONS.path(None, name))
            conditions = found.get("status", {}).get("conditions") or ()
            return [each["type"] for each in conditions if each["status"] == "True"]

        await until(established, lambda seen: "Established" in seen)
    await cluster.close()


class Namespace:
    """One namespace, in which an operator with just the rights of `operator/rbac` works."""

    def __init__(self, plane: ControlPlane, cluster: Cluster, name: str, folder: Path) -> None:
        self.plane = plane
        self.cluster = cluster
        self.name = name
        self.folder = folder

    async def allow(self) -> None:
        """Give the operator its rights."""
        await self._apply("own-namespace.yaml", operator=self.name)
        await self._apply("watched-namespace.yaml", operator=self.name)

    async def allow_also(self, operator: Namespace) -> None:
        """Let the operator of another namespace work here too."""
        await self.forbid()
        await self._apply("watched-namespace.yaml", operator=operator.name)

    async def forbid(self) -> None:
        """Take the operator's rights away."""
        await self.cluster.delete(ROLE_BINDINGS, self.name, ACCOUNT)
        await self.cluster.delete(ROLES, self.name, ACCOUNT)

    async def _apply(self, file: str, *, operator: str) -> None:
        for document in yaml.safe_load_all((RBAC / file).read_text()):
            document["metadata"]["namespace"] = self.name
            for subject in document.get("subjects", ()):
                subject["namespace"] = operator
            plural = {"ServiceAccount": "serviceaccounts"}.get(document["kind"], f"{document['kind'].lower()}s")
            await self.cluster.create(Kind(document["apiVersion"], plural), self.name, document)

    async def allow_user(self, user: str, rules: list[dict[str, list[str]]]) -> None:
        """Give a person rights in this namespace."""
        group = ROLES.api_version.split("/")[0]
        metadata = {"name": user, "namespace": self.name}
        await self.cluster.create(ROLES, self.name, {"metadata": metadata, "rules": rules})
        binding = {
            "metadata": metadata,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": user},
            "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
        }
        await self.cluster.create(ROLE_BINDINGS, self.name, binding)

    async def label(self, labels: dict[str, str]) -> None:
        """Label the namespace."""
        change = {"metadata": {"labels": labels}}
        path = NAMESPACES.path(None, self.name)
        await self.cluster.request("PATCH", path, change, content="application/merge-patch+json")

    async def token(self) -> str:
        """As a pod of the operator's service account would have it, but for four hours: nobody renews it here."""
        path = f"/api/v1/namespaces/{self.name}/serviceaccounts/{ACCOUNT}/token"
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": 14_400},
        }
        found = await self.cluster.request("POST", path, request)
        return str(found["status"]["token"])

    async def secret(self, name: str, **values: str) -> None:
        """Create or change a Secret."""
        data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        metadata = {"name": name, "namespace": self.name}
        await self.cluster.apply(SECRETS, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})

    async def pods(self, *internal: str, service: str = "api", ready: bool = True) -> None:
        """Make these the pods behind the Service: a slice for each, since their ports differ."""
        kept = {f"{service}-{urlsplit(url).port}": urlsplit(url).port for url in internal}
        for name, port in kept.items():
            number = next(_ADDRESSES) % 250 + 1
            await self.cluster.apply(
                SLICES,
                {
                    "apiVersion": SLICES.api_version, "kind": "EndpointSlice", "addressType": "IPv4",
                    "metadata": {"name": name, "namespace": self.name, "labels": {SERVICE_LABEL: service}},
                    "ports": [{"name": "internal", "port": port, "protocol": "TCP"}],
                    "endpoints": [{
                        "addresses": [f"192.0.2.{number}"], "conditions": {"ready": ready},
                        "targetRef": {"kind": "Pod", "name": f"pod-{port}", "namespace": self.name},
                    }],
                },
            )  # fmt: skip
        for piece in await self.cluster.list(SLICES, self.name, labelSelector=f"{SERVICE_LABEL}={service}"):
            if piece["metadata"]["name"] not in kept:
                await self.cluster.delete(SLICES, self.name, piece["metadata"]["name"])

    async def ports(self, service: str) -> list[int]:
        """On which the pods behind a Service take pushes."""
        found = await self.cluster.list(SLICES, self.name, labelSelector=f"{SERVICE_LABEL}={service}")
        return [piece["ports"][0]["port"] for piece in found]

    async def database_secret(self, dsn: str, name: str = "database") -> None:
        await self.secret(name, DATABASE_URL=dsn, PUSH_SECRET=PUSH_SECRET)

    def routes(self, name: str = "main", *, secret: str = "database", **spec: Any) -> Document:
        """A resource with what it must have."""
        return {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": name, "namespace": self.name},
            "spec": {
                "database": {"secretRef": {"name": secret, "key": "DATABASE_URL"}},
                "api": {
                    "service": {"name": "api"},
                    "pushSecretRef": {"name": secret, "key": "PUSH_SECRET"},
                },
                **spec,
            },
        }

    async def make(self, document: Document) -> Document:
        return await self.cluster.create(PAYMENT_ROUTES, self.name, document)

    async def edit(self, name: str, **spec: Any) -> Document:
        """A merge patch of the spec, as `kubectl patch` sends it; None takes a field away."""
        return await self.cluster.request(
            "PATCH",
            PAYMENT_ROUTES.path(self.name, name),
            {"spec": spec},
            content="application/merge-patch+json",
        )

    async def annotate(self, name: str, annotations: dict[str, str]) -> None:
        """As `kubectl annotate` does."""
        path = PAYMENT_ROUTES.path(self.name, name)
        change = {"metadata": {"annotations": annotations}}
        await self.cluster.request("PATCH", path, change, content="application/merge-patch+json")

    async def remove(self, name: str) -> None:
        await self.cluster.delete(PAYMENT_ROUTES, self.name, name)

    async def read(self, name: str = "main") -> Document:
        found = await self.cluster.get(PAYMENT_ROUTES, self.name, name)
        assert found is not None
        return found

    async def status(self, name: str = "main") -> Document:
        found: Document = (await self.read(name)).get("status") or {}
        return found

    async def condition(self, kind: str, name: str = "main") -> tuple[str, str, str]:
        """The status, reason and message of a condition."""
        for condition in (await self.status(name)).get("conditions", ()):
            if condition["type"] == kind:
                return condition["status"], condition["reason"], condition["message"]
        return "", "", ""

    async def becomes(self, kind: str, state: str, reason: str, name: str = "main", within: float = PROGRESS) -> str:
        """Wait for a condition; answers its message."""
        found: tuple[str, str, str] = await until(
            lambda: self.condition(kind, name), lambda seen: seen[:2] == (state, reason), within=within
        )
        return found[2]

    async def shows(self, name: str = "main", within: float = PROGRESS, **wanted: Any) -> Document:
        """Wait until the status says that."""
        found: Document = await until(
            lambda: self.status(name),
            lambda status: all(status.get(key) == value for key, value in wanted.items()),
            within=within,
        )
        return found

    def audited(self) -> list[Document]:
        """The operator's requests and their results, from the API server's audit log."""
        who = f"system:serviceaccount:{self.name}:{ACCOUNT}"
        events = [json.loads(line) for line in (self.plane.folder / "audit.log").read_text().splitlines()]
        return [event for event in events if event["user"]["username"] == who and "objectRef" in event]

    async def events(self) -> list[tuple[str, str]]:
        """Reason and note of each, as `kubectl describe` shows them."""
        found = await self.cluster.request("GET", f"/apis/events.k8s.io/v1/namespaces/{self.name}/events")
        return [(item["reason"], item.get("note", "")) for item in found["items"]]


async def ask(port: int, path: str) -> tuple[int, str]:
    """A probe or the metrics of an operator; 0 where nobody answers."""
    try:
        async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{port}{path}") as response:
            return response.status, await response.text()
    except aiohttp.ClientError:
        return 0, ""


async def until(look: Callable[[], Awaitable[Any]], good: Callable[[Any], bool], within: float = PROGRESS) -> Any:
    """Look until it is good; what was seen last is in the error."""
    seen: Any = None
    pauses = Pauses()
    try:
        async with asyncio.timeout(within):
            while True:
                seen = await look()
                if good(seen):
                    return seen
                await pauses.next()
    except TimeoutError:
        raise AssertionError(f"after {within} s: {seen}") from None


@asynccontextmanager
async def namespace_of(plane: ControlPlane, name: str = "") -> AsyncIterator[Namespace]:
    cluster = await admin_of(plane)
    name = name or f"t-{uuid.uuid4().hex[:12]}"
    document = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    await cluster.request("POST", NAMESPACES.path(None), document)
    try:
        with open_folder() as folder:
            namespace = Namespace(plane, cluster, name, folder)
            await namespace.allow()
            yield namespace
    finally:
        await cluster.delete(NAMESPACES, "", name)
        await cluster.close()


class OperatorProcess(HingecraftProcess):
    """A replica with the rights of the manifests and no others."""

    module = "support.operator_process"
    component: ClassVar[str] = "operator"

    def __init__(
        self,
        namespace: Namespace,
        token: str,
        name: str,
        *,
        periods: Mapping[str, float] | None = None,
        **environment: str,
    ) -> None:
        server = environment.pop("server", None)
        settings = {
            "KUBECONFIG": str(namespace.plane.kubeconfig(token, server=server, name=f"{namespace.name}-{name}")),
            "OPERATOR_NAMESPACE": namespace.name,
            "OPERATOR_NAME": name,
            "WATCH_NAMESPACES": namespace.name,
            "RECONCILE_IMAGE": IMAGE,
            "ALLOW_PRIVATE_WEBHOOKS": "true",
            "OPERATOR_PORT": "0",
            "PERIODS": json.dumps(periods or {}),
            **environment,
        }
        self.namespace = namespace
        # Of its probes and metrics; 0: any.
        self.port = int(settings["OPERATOR_PORT"])
        super().__init__(namespace.folder, name, **settings)

    async def exposition(self) -> str:
        """All metrics, as Prometheus reads them."""
        return (await ask(self.port, "/metrics"))[1]


@asynccontextmanager
async def operating(
    namespace: Namespace, name: str = "one", *, periods: Mapping[str, float] | None = None, **environment: str
) -> AsyncIterator[OperatorProcess]:
    process = OperatorProcess(namespace, await namespace.token(), name, periods=periods, **environment)
    await process.start()
    try:
        yield process
    finally:
        await process.stop()
