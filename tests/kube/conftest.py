from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator

import pytest
import trustme

from hingecraft.settings import Secret
from support.control_plane import ControlPlane, control_plane
from support.folders import open_folder
from support.kube import PROVIDERS, Namespace, OperatorProcess, define, namespace_of, operating
from support.pods import Running, running_pod
from support.receiver import Receiver, receiving
from toolchain.go_tools import MissingToolError


@pytest.fixture(scope="session")
def started_plane() -> Iterator[ControlPlane]:
    """One for each worker, so that a test that takes it away disturbs no other."""
    with open_folder() as folder:
        try:
            with control_plane(folder) as plane:
                yield plane
        except MissingToolError as error:
            pytest.fail(str(error), pytrace=False)


@pytest.fixture
async def plane(started_plane: ControlPlane) -> ControlPlane:
    """With the CustomResourceDefinition as it is in `crds/`."""
    await define(started_plane)
    return started_plane


@pytest.fixture
async def namespace(plane: ControlPlane) -> AsyncIterator[Namespace]:
    async with namespace_of(plane) as made:
        yield made


@pytest.fixture
async def pod(dsn: Secret) -> AsyncIterator[Running]:
    async with running_pod(dsn) as running:
        yield running


@pytest.fixture
async def served(namespace: Namespace, pod: Running, dsn: Secret) -> AsyncIterator[OperatorProcess]:
    """A resource that is served by one pod and one operator."""
    async with operating(namespace) as operator:
        await namespace.pods(pod.internal)
        await namespace.database_secret(dsn.newest)
        await namespace.make(namespace.routes())
        await namespace.becomes("FanoutComplete", "True", "Complete")
        yield operator


@pytest.fixture
async def healthy(namespace: Namespace, served: OperatorProcess) -> OperatorProcess:
    """Served, with what its reconciliation needs."""
    await namespace.secret("providers", **PROVIDERS)
    await namespace.edit("main", reconcile={"envFrom": [{"secretRef": {"name": "providers"}}]})
    await namespace.becomes("ReconcileHealthy", "Unknown", "NoRunYet")
    return served


@pytest.fixture
async def site(namespace: Namespace) -> AsyncIterator[Receiver]:
    """An https endpoint whose certificate the operator trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(namespace.folder / "site-ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    async with receiving(context) as receiver:
        yield receiver
