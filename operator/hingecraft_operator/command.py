"""`hingecraft operator`: waits for the Lease, and works only while it holds it."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import threading
from contextlib import suppress

from prometheus_client import CollectorRegistry

from hingecraft import process
from hingecraft.cli import EXIT_FAILED, EXIT_OK, Command
from hingecraft.settings import load
from hingecraft_operator import handlers, probes, slices
from hingecraft_operator.cluster import connect
from hingecraft_operator.fleet import Fleet
from hingecraft_operator.lease import Elector, LeadershipLostError
from hingecraft_operator.metrics import OperatorMetrics
from hingecraft_operator.settings import OperatorSettings
from hingecraft_operator.slices import Locate
from hingecraft_operator.surroundings import Surroundings

log = logging.getLogger(__name__)

_ENDS_WITHIN = 5.0


class ToldToStopError(Exception):
    """By a signal that kopf has taken for itself."""


async def operate(settings: OperatorSettings, locate: Locate) -> None:
    """One replica, from standing by to giving the Lease back; an error when it has lost it."""
    registry, pulse = CollectorRegistry(), probes.Pulse()
    metrics = OperatorMetrics(registry)
    cluster = await connect()
    try:
        async with probes.serving(settings.operator_port, pulse, registry):
            elector = Elector(cluster, namespace=settings.operator_namespace, identity=settings.operator_name)
            pulse.watch("the election", lambda: elector.tried_at)
            await elector.acquire()
            metrics.leads.set(1)
            around = Surroundings(cluster=cluster, settings=settings, metrics=metrics, locate=locate)
            try:
                await _lead(around, elector, pulse)
            finally:
                # Whatever was begun has ended by now: the next leader may begin.
                await elector.release()
    finally:
        await cluster.close()


async def _lead(around: Surroundings, elector: Elector, pulse: probes.Pulse) -> None:
    fleet, whole = Fleet(around), asyncio.current_task()
    assert whole is not None
    pulse.watch("the list of resources", lambda: fleet.progress_at)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_hold(elector))
            tasks.create_task(fleet.run())
            tasks.create_task(_watch(fleet, around, whole))
    except* LeadershipLostError as errors:
        raise errors.exceptions[0] from None
    except* ToldToStopError:
        log.info("%s was told to stop", around.settings.operator_name)


async def _hold(elector: Elector) -> None:
    try:
        await elector.hold()
    except LeadershipLostError:
        # Another may lead by now: should anything here take its time to end, it ends without being asked.
        threading.Timer(_ENDS_WITHIN, os._exit, (EXIT_FAILED,)).start()
        raise


async def _watch(fleet: Fleet, around: Surroundings, whole: asyncio.Task[object]) -> None:
    """A watch that fails is begun again; what it has missed is found by the fleet's own lists."""
    await process.outlive("watching", lambda: _watch_once(fleet, around, whole))
    raise ToldToStopError


async def _watch_once(fleet: Fleet, around: Surroundings, whole: asyncio.Task[object]) -> None:
    ready = asyncio.Event()
    reclaiming = asyncio.create_task(_reclaim_signals(ready, whole))
    try:
        await handlers.watch(fleet, around.cluster, around.settings, ready)
    finally:
        reclaiming.cancel()


async def _reclaim_signals(ready: asyncio.Event, whole: asyncio.Task[object]) -> None:
    """Kopf would end itself first, and take seconds; we end what publishes, and give the lease back."""
    await ready.wait()
    process.stop_on_signals(whole)


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
