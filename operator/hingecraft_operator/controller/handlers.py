"""The kopf handlers. Each only reports what changed: events may come twice, late, or not at all."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import kopf

from hingecraft_operator.cluster.client import CRON_JOBS, JOBS, PAYMENT_ROUTES, SLICES, Cluster
from hingecraft_operator.cluster.endpoint_slices import SERVICE_LABEL
from hingecraft_operator.cronjob.manifest import RESOURCE_LABEL
from hingecraft_operator.custom_resource.spec import GROUP, PLURAL, VERSION

WATCHED = (PAYMENT_ROUTES, SLICES, CRON_JOBS, JOBS)
_SILENCE_ENDS_A_WATCH = 70.0
_CALL_TIMEOUT = 30.0
# For longer outages, `kopf_watch` waits until watching is allowed before it starts kopf again.
_TRIES_AFTER = (1.0, 2.0, 4.0)
# A worker that waits for more events of one object delays the shutdown.
_WORKER_WAITS = 0.5


@dataclass(frozen=True, slots=True)
class Revision:
    """A state of a resource: edits of its spec change the generation, anything changes the resource version."""

    generation: int | None
    resource_version: str | None


class ChangeListener(Protocol):
    """Receives changes. Called in kopf's thread, so an implementation must hand over to its own event loop."""

    def resource_changed(self, namespace: str, name: str, revision: Revision) -> None:
        """A resource was created or changed."""
        ...

    def resource_deleted(self, namespace: str, name: str, uid: str) -> None:
        """The resource with this uid was deleted; another with the same name may exist."""
        ...

    def pods_changed(self, namespace: str, service: str) -> None:
        """The addresses behind a Service have changed."""
        ...

    def reconciliation_changed(self, namespace: str, label: str) -> None:
        """A CronJob or a Job of the resource with that label has changed."""
        ...


def build_registry(listener: ChangeListener, cluster: Cluster) -> kopf.OperatorRegistry:
    """The handlers of one scope. None of them needs a finalizer or an annotation."""
    registry = kopf.OperatorRegistry()

    async def login(**_: Any) -> kopf.ConnectionInfo:
        return await connection_info(cluster)

    async def resource_changed(type: str | None, meta: Mapping[str, Any], **_: Any) -> None:  # noqa: A002 - kopf passes it by this name
        namespace, name = meta.get("namespace") or "", meta["name"]
        if type == "DELETED":
            listener.resource_deleted(namespace, name, meta["uid"])
        else:
            revision = Revision(meta.get("generation"), meta.get("resourceVersion"))
            listener.resource_changed(namespace, name, revision)

    async def pods_changed(*, namespace: str | None, labels: Mapping[str, str], **_: Any) -> None:
        listener.pods_changed(namespace or "", labels[SERVICE_LABEL])

    async def reconciliation_changed(*, namespace: str | None, labels: Mapping[str, str], **_: Any) -> None:
        listener.reconciliation_changed(namespace or "", labels[RESOURCE_LABEL])

    of_a_service = {SERVICE_LABEL: kopf.PRESENT}
    of_a_resource = {RESOURCE_LABEL: kopf.PRESENT}
    kopf.on.login(registry=registry)(login)
    kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)(resource_changed)
    kopf.on.event("discovery.k8s.io", "v1", "endpointslices", labels=of_a_service, registry=registry)(pods_changed)
    for plural in ("cronjobs", "jobs"):
        kopf.on.event("batch", "v1", plural, labels=of_a_resource, registry=registry)(reconciliation_changed)
    return registry


def kopf_settings() -> kopf.OperatorSettings:
    """Settings with which kopf only watches: the operator itself writes Events, the status and the log."""
    # kopf would log each event with all its settings, and in each thread that it cannot handle signals.
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)
    logging.getLogger("kopf._core.reactor.running").setLevel(logging.ERROR)
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.watching.inactivity_timeout = _SILENCE_ENDS_A_WATCH
    settings.watching.connect_timeout = _CALL_TIMEOUT
    settings.networking.request_timeout = _CALL_TIMEOUT
    settings.networking.error_backoffs = _TRIES_AFTER
    settings.queueing.idle_timeout = _WORKER_WAITS
    settings.queueing.exit_timeout = _WORKER_WAITS
    # kopf would kill the whole process if a thread is slow to stop.
    settings.process.ultimate_exiting_timeout = None
    return settings


async def connection_info(cluster: Cluster) -> kopf.ConnectionInfo:
    """The operator's own server and credentials, read again at each login."""
    headers: dict[str, str] = {}
    await cluster.authorize(headers)
    scheme, _, token = headers.get("authorization", "").partition(" ")
    configuration = cluster.configuration
    return kopf.ConnectionInfo(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert,
        insecure=not configuration.verify_ssl,
        scheme=scheme or None,
        token=token or None,
        certificate_path=configuration.cert_file,
        private_key_path=configuration.key_file,
    )
