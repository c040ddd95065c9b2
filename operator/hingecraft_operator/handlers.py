"""What kopf watches. Each handler only says who should be looked at: events come twice, late, or not at all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import kopf

from hingecraft_operator.cluster import Cluster
from hingecraft_operator.cronjob import RESOURCE_LABEL
from hingecraft_operator.fleet import Fleet
from hingecraft_operator.settings import OperatorSettings
from hingecraft_operator.slices import SERVICE_LABEL
from hingecraft_operator.spec import GROUP, PLURAL, VERSION

_SILENCE_ENDS_A_WATCH = 70.0
_CALL_TIMEOUT = 30.0
# A worker that waits for more of one object holds up the end of the process.
_WORKER_WAITS = 0.5


def registry_of(fleet: Fleet, cluster: Cluster) -> kopf.OperatorRegistry:
    """The handlers of one replica while it leads; none of them needs a finalizer or an annotation."""
    registry = kopf.OperatorRegistry()

    async def login(**_: Any) -> kopf.ConnectionInfo:
        return await _connection(cluster)

    async def resource_changed(*, namespace: str | None, name: str, **_: Any) -> None:
        fleet.notice(namespace or "", name)

    async def pods_changed(*, namespace: str | None, labels: Mapping[str, str], **_: Any) -> None:
        fleet.notice_service(namespace or "", labels[SERVICE_LABEL])

    async def reconciliation_changed(*, namespace: str | None, labels: Mapping[str, str], **_: Any) -> None:
        fleet.notice_label(namespace or "", labels[RESOURCE_LABEL])

    of_a_service = {SERVICE_LABEL: kopf.PRESENT}
    of_a_resource = {RESOURCE_LABEL: kopf.PRESENT}
    kopf.on.login(registry=registry)(login)
    kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)(resource_changed)
    kopf.on.event("discovery.k8s.io", "v1", "endpointslices", labels=of_a_service, registry=registry)(pods_changed)
    for plural in ("cronjobs", "jobs"):
        kopf.on.event("batch", "v1", plural, labels=of_a_resource, registry=registry)(reconciliation_changed)
    return registry


def settings_of() -> kopf.OperatorSettings:
    """Watch, and write nothing: Events, status and log are written by the operator itself."""
    # It would log each event, with all of its settings.
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.watching.inactivity_timeout = _SILENCE_ENDS_A_WATCH
    settings.watching.connect_timeout = _CALL_TIMEOUT
    settings.networking.request_timeout = _CALL_TIMEOUT
    settings.queueing.idle_timeout = _WORKER_WAITS
    settings.queueing.exit_timeout = _WORKER_WAITS
    return settings


async def watch(fleet: Fleet, cluster: Cluster, settings: OperatorSettings, ready: asyncio.Event) -> None:
    """Until cancelled, or until a signal comes before it is ready: kopf takes the process's signals for itself."""
    everywhere = settings.scopes == (None,)
    await kopf.operator(
        registry=registry_of(fleet, cluster),
        settings=settings_of(),
        standalone=True,
        ready_flag=ready,
        clusterwide=everywhere,
        namespaces=[] if everywhere else list(settings.watch_namespaces),
    )


async def _connection(cluster: Cluster) -> kopf.ConnectionInfo:
    """The same server and the same credentials that the operator itself uses, read anew at each login."""
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
