"""`hingecraft operator`: waits for the Lease, and works only while it holds it."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import threading
from contextlib import suppress

from hingecraft import process
from hingecraft.cli import EXIT_FAILED, EXIT_OK, Command
from hingecraft.observability.metrics import new_registry
from hingecraft.settings import load
from hingecraft_operator import probes, slices
from hingecraft_operator.cluster import connected
from hingecraft_operator.fleet import Fleet
from hingecraft_operator.lease import Elector, LeadershipLostError
from hingecraft_operator.metrics import OperatorMetrics
from hingecraft_operator.settings import OperatorSettings
from hingecraft_operator.slices import Locate
from hingecraft_operator.surroundings import Surroundings

log = logging.getLogger(__name__)

_ENDS_WITHIN = 5.0


async def operate(settings: OperatorSettings, locate: Locate) -> None:
    """One replica, from standing by to giving the Lease back; an error when it has lost it."""
    registry, pulse = new_registry("operator"), probes.Pulse()
    metrics = OperatorMetrics(registry)
    # The election has connections of its own: hundreds of resources must not cost the lead.
    async with connected() as cluster, connected() as election, probes.serving(settings.operator_port, pulse, registry):
        elector = Elector(
            election,
            namespace=settings.operator_namespace,
            identity=settings.operator_name,
            isolated=metrics.isolated.set,
        )
        pulse.watch("the election", lambda: elector.tried_at)
        await elector.acquire()
        metrics.leads.set(1)
        around = Surroundings(cluster=cluster, settings=settings, metrics=metrics, locate=locate)
        try:
            await _lead(around, elector, pulse)
        finally:
            # Whatever was begun has ended by now: the next leader may begin.
            await elector.release()


async def _lead(around: Surroundings, elector: Elector, pulse: probes.Pulse) -> None:
    fleet = Fleet(around)
    pulse.watch_all(lambda: fleet.progress)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_hold(elector))
            tasks.create_task(fleet.run())
    except* LeadershipLostError as errors:
        raise errors.exceptions[0] from None


async def _hold(elector: Elector) -> None:
    try:
        await elector.hold()
    except LeadershipLostError:
        # Another may lead by now: should anything here take its time to end, it ends without being asked.
        timer = threading.Timer(_ENDS_WITHIN, os._exit, (EXIT_FAILED,))
        timer.daemon = True
        timer.start()
        raise


def run(settings: OperatorSettings, locate: Locate = slices.locate) -> int:
    """Until told to stop (0), or until the lease is lost (1)."""
    process.start_observing(settings, "operator")
    with suppress(KeyboardInterrupt):
        try:
            process.run(process.until_stopped(operate(settings, locate)))
        except LeadershipLostError as error:
            log.warning("%s: this process ends, and another leads", error)
            return EXIT_FAILED
    return EXIT_OK


def _run(_arguments: argparse.Namespace) -> int:
    return run(load(OperatorSettings))


COMMAND = Command(summary="serve PaymentRoutes resources of a Kubernetes cluster", run=_run)
