"""`hingecraft api`: one pod."""

from __future__ import annotations

import argparse
import asyncio
import logging

from aiohttp import web

from hingecraft import process
from hingecraft.cli import EXIT_OK, Command
from hingecraft.errors import UsageError
from hingecraft.observability.metrics import new_registry
from hingecraft.settings import load
from hingecraft_api.app import build_pod, internal_app, public_app, works_of
from hingecraft_api.pod import Pod
from hingecraft_api.settings import ApiSettings
from hingecraft_api.startup import members_line, providers_line, wix_app_line
from hingecraft_api.web.server import Runner

log = logging.getLogger(__name__)

_BACKLOG = 4096
_KEEPALIVE = 75.0
_DRAIN_SECONDS = 8.0
# Within this time the load balancers notice that the pod is no longer ready.
_NOTICE_SECONDS = 0.5


async def serve(settings: ApiSettings) -> None:
    """Serve until told to stop, then finish what is under way."""
    registry = new_registry("api")
    pod = build_pod(settings, registry)
    log.info("%s", providers_line(pod))
    log.info("%s", members_line(settings))
    log.info("%s", wix_app_line(settings))
    runners = [
        Runner(app, access_log=None, keepalive_timeout=_KEEPALIVE, shutdown_timeout=_DRAIN_SECONDS)
        for app in (public_app(pod), internal_app(pod, registry))
    ]
    beside = [asyncio.create_task(process.run_forever(name, work)) for name, work in works_of(pod).items()]
    try:
        for runner, port in zip(runners, (settings.port, settings.internal_port), strict=True):
            await _listen(runner, settings.host, port)
        process.collect_rarely()
        log.info("listening", extra={"port": settings.port, "internal_port": settings.internal_port})
        await process.until_stopped(asyncio.Event().wait())
        await _drain(pod, runners)
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        for runner in runners:
            await runner.cleanup()
        await pod.close()


async def _listen(runner: Runner, host: str, port: int) -> None:
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=_BACKLOG).start()
    except OSError as error:
        raise UsageError(
            f"cannot listen on port {port} of {host} ({error.strerror}): stop what uses it, or set another port"
        ) from error


async def _drain(pod: Pod, runners: list[Runner]) -> None:
    """Report not ready, wait until that is noticed, then accept nothing new and finish open requests."""
    pod.draining.set()
    log.info("draining")
    await asyncio.sleep(_NOTICE_SECONDS)
    for runner in runners:
        await runner.cleanup()


def _run(_arguments: argparse.Namespace) -> int:
    settings = load(ApiSettings)
    process.start_observing(settings, "api")
    process.run(serve(settings))
    return EXIT_OK


COMMAND = Command(summary="run one API pod", run=_run)
