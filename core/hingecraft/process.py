"""Shared by all long-running processes: logs, error reports, traces, and an end within ten seconds of a signal."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

import uvloop

from hingecraft.observability.logs import secrets_of, start_logging
from hingecraft.observability.sentry import start_sentry
from hingecraft.observability.traces import start_tracing
from hingecraft.settings import LogSettings

log = logging.getLogger(__name__)

_BEGIN_AGAIN_AFTER = 1.0
# New objects between two collections. Python's 700 are fewer than one event makes, and most of those are freed without
# a collection; a full one comes after a hundred times as many.
_COLLECT_AFTER = 10_000
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def start_observing(settings: LogSettings, process: str) -> None:
    """Start logs, error reports and traces; call this first."""
    secrets = secrets_of(settings)
    start_logging(settings.log_level, secrets)
    start_sentry(settings.sentry_dsn, process, secrets)
    start_tracing(settings.otel_exporter_otlp_endpoint, settings.otel_exporter_otlp_headers, process, secrets)


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a process's main coroutine on uvloop."""
    uvloop.run(main)


def collect_rarely() -> None:
    """Collect garbage rarely, and never visit what exists now again. Call it once the process is set up.

    A collection stops the event loop: 0.3 s for a full one with the modules of the operator, 2 ms for a small one.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)


async def run_forever(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Run work that must never end: log an unexpected error and start the work again."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("%s failed, restarting", name)
            await asyncio.sleep(_BEGIN_AGAIN_AFTER)
        else:
            return


async def cancel(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait until it has ended. If the caller is cancelled meanwhile, that is not lost."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled() and task.exception() is not None:
        log.error("%s failed while it was stopped", task.get_name(), exc_info=task.exception())


def stop_on_signals(task: asyncio.Task[Any]) -> None:
    """Cancel the task when the process is told to stop; replaces earlier signal handlers."""
    for number in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)


async def until_stopped(work: Coroutine[Any, Any, object]) -> None:
    """Run until the work ends or the process is told to stop; then the work is cancelled and may clean up."""
    task = asyncio.get_running_loop().create_task(work)
    stop_on_signals(task)
    # The handlers stay: a second Ctrl-C does not interrupt an orderly end.
    with suppress(asyncio.CancelledError):
        await task
