"""The job that brings routes up to date everywhere: publishes them, and waits for all pods and Wix endpoints."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from hingecraft.db.connection import Database
from hingecraft.errors import RejectedError
from hingecraft.identity.principal import Actor
from hingecraft.jobs.model import JobFailedError, Progress
from hingecraft.jobs.running import RunningJob
from hingecraft.outbox import service as outbox
from hingecraft.outbox.model import ROUTES_UPDATED, EndpointState
from hingecraft.routes import served, service
from hingecraft.routes.model import Publication
from hingecraft.routes.served import Reach

KIND = "resync"

_PODS_WITHIN = 60.0
_ENDPOINTS_WITHIN = 120.0
_POLL_EVERY = 0.5
_A_LOOK = 1.0


class Resync:
    """Safe to begin again: what is up to date already stays as it is."""

    kind = KIND

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self, job: RunningJob) -> Mapping[str, Any]:
        """Raises JobFailedError if some pods or endpoints could not be reached in time."""
        job.progress = lambda: Progress(percent=0, step="Publishing the routes")
        actor = Actor(name=job.claimed.owner, request_id=job.claimed.request_id)
        try:
            publication = await service.refresh(self._database, actor)
        except RejectedError as error:
            raise JobFailedError(error.sentence) from error
        version = publication.version or 0
        reach = await self._pods(job, version)
        states = await self._endpoints(job, publication, version)
        result = _result(version, reach, states)
        problem = _problem(reach, version, states)
        if problem:
            raise JobFailedError(problem, result)
        return result

    async def _pods(self, job: RunningJob, version: int) -> Reach:
        reach, loop = served.NOTHING_REPORTED, asyncio.get_running_loop()
        began = loop.time()

        def progress() -> Progress:
            waited = loop.time() - began
            lagging = f"{len(reach.lagging)} of {reach.pods} are behind" if reach.pods else "none has reported yet"
            return Progress(percent=33, step=f"Waiting for the pods: {lagging} ({waited:.0f} s)")

        job.progress = progress
        since = await served.ask(self._database)
        while not reach.has(version) and loop.time() - began < _PODS_WITHIN:
            reach = await served.wait(self._database, version, since=since, within=_A_LOOK)
        return reach

    async def _endpoints(self, job: RunningJob, publication: Publication, version: int) -> Sequence[EndpointState]:
        loop = asyncio.get_running_loop()
        behind = 0
        began = loop.time()

        def progress() -> Progress:
            waited = loop.time() - began
            return Progress(percent=66, step=f"Waiting for Wix endpoints: {behind} are behind ({waited:.0f} s)")

        job.progress = progress
        if not publication.changed:  # a new version was announced when it was published
            await service.announce_again(self._database)
        while True:
            states = [each for each in await outbox.endpoint_states(self._database) if ROUTES_UPDATED in each.events]
            behind = sum(each.is_behind(version) for each in states)
            if not behind or loop.time() - began > _ENDPOINTS_WITHIN:
                return states
            await asyncio.sleep(_POLL_EVERY)


def _result(version: int, reach: Reach, states: Sequence[EndpointState]) -> Mapping[str, Any]:
    return {
        "version": version,
        "pods": reach.pods,
        "podsBehind": list(reach.lagging),
        "endpoints": len(states),
        "endpointsBehind": [each.name for each in states if each.is_behind(version)],
    }


def _problem(reach: Reach, version: int, states: Sequence[EndpointState]) -> str:
    found = []
    if reach.pods == 0:
        found.append("No engine has reported any pod: check that the operator or hingecraft sync is running.")
    elif not reach.has(version):
        found.append(f"These pods do not serve version {version} yet: {', '.join(reach.lagging) or 'unknown'}.")
    behind = [f"{each.name} ({each.answer or 'no answer yet'})" for each in states if each.is_behind(version)]
    if behind:
        found.append(f"These Wix endpoints have not taken version {version} yet: {', '.join(behind)}.")
    return " ".join(found)
