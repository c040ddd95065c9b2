"""`hingecraft operator`: waits for the Lease, and reconciles only while it holds it."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import threading
from contextlib import suppress
from typing import Self

from hingecraft import process
from hingecraft.cli import EXIT_FAILED, EXIT_OK, Command
from hingecraft.observability.metrics import new_registry
from hingecraft.settings import load
from hingecraft_operator import probes
from hingecraft_operator.cluster import endpoint_slices
from hingecraft_operator.cluster.client import connected
from hingecraft_operator.cluster.endpoint_slices import UrlOf
from hingecraft_operator.context import Context
from hingecraft_operator.controller.controller import Controller
from hingecraft_operator.lease import LeaderElector, LeadershipLostError
from hingecraft_operator.metrics import OperatorMetrics
from hingecraft_operator.settings import OperatorSettings

log = logging.getLogger(__name__)

# Seconds.
_ENDS_WITHIN = 15.0


async def operate(settings: OperatorSettings, url_of: UrlOf) -> None:
    """Run one replica until cancelled: stand by, lead, and stand by again when the Lease is lost."""
    registry, liveness = new_registry("operator"), probes.Liveness()
    metrics = OperatorMetrics(registry)
    # The election has its own connections, so that hundreds of resources cannot delay a renewal.
    async with (
        connected() as cluster,
        connected() as election,
        probes.serving(settings.operator_port, liveness, registry),
    ):
        elector = LeaderElector(
            election,
            namespace=settings.operator_namespace,
            identity=settings.operator_name,
            isolated=metrics.isolated.set,
        )
        liveness.watch("the election", lambda: elector.tried_at)
        context = Context(cluster=cluster, settings=settings, metrics=metrics, url_of=url_of)
        process.collect_rarely()
        while True:
            await _lead_once(context, elector, liveness)


async def _lead_once(context: Context, elector: LeaderElector, liveness: probes.Liveness) -> None:
    """Wait for the Lease, and work until it is lost."""
    await elector.acquire()
    context.metrics.leads.set(1)
    try:
        with _Deadline() as deadline:
            await _work(context, elector, liveness, deadline)
    except LeadershipLostError as error:
        log.warning("%s: stopped reconciling, standing by", error)
    finally:
        context.metrics.leads.set(0)
        context.metrics.isolated.set(0)
        # All work has ended by now, so the next leader may start.
        await elector.release()


async def _work(context: Context, elector: LeaderElector, liveness: probes.Liveness, deadline: _Deadline) -> None:
    controller = Controller(context)
    try:
        with liveness.watching(lambda: controller.progress):
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_hold(elector, deadline))
                tasks.create_task(controller.run())
    except* LeadershipLostError as errors:
        raise errors.exceptions[0] from None


async def _hold(elector: LeaderElector, deadline: _Deadline) -> None:
    try:
        await elector.hold()
    except LeadershipLostError:
        deadline.begin()
        raise


class _Deadline:
    """Once begun, kills the process unless the context ends in time: another replica may already lead."""

    def __init__(self, within: float = _ENDS_WITHIN) -> None:
        self._timer = threading.Timer(within, os._exit, (EXIT_FAILED,))
        self._timer.daemon = True

    def begin(self) -> None:
        self._timer.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


def run(settings: OperatorSettings, url_of: UrlOf = endpoint_slices.url_of) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code."""
    process.start_observing(settings, "operator")
    with suppress(KeyboardInterrupt):
        process.run(process.until_stopped(operate(settings, url_of)))
    return EXIT_OK


def _run(_arguments: argparse.Namespace) -> int:
    return run(load(OperatorSettings))


COMMAND = Command(summary="reconcile the PaymentRoutes resources of a Kubernetes cluster", run=_run)
