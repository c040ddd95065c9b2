"""The version that every pod serves: an engine reports it, and calls that wait for a change read it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass, field
from datetime import datetime

from hingecraft.db import clock
from hingecraft.db.connection import Database
from hingecraft.routes import store

# A report follows the last acknowledgement by a millisecond or two.
_LOOK_EVERY = 0.02

# Pods never go backwards, so this version never falls: a late report of an engine that was stopped
# changes nothing.
REPORT = """
INSERT INTO routes_served AS served (version, pods, lagging, each_pod, reported_at)
VALUES ($1, $2, $3, $4::jsonb, clock_timestamp())
ON CONFLICT (only_row) DO UPDATE SET
    version = greatest(served.version, excluded.version), pods = excluded.pods,
    lagging = excluded.lagging, each_pod = excluded.each_pod, reported_at = excluded.reported_at
"""
REPORTED_SINCE = "SELECT version, pods, lagging FROM routes_served WHERE reported_at >= $1"
LATEST = "SELECT version, pods, lagging, each_pod::text AS each_pod, reported_at FROM routes_served"


@dataclass(frozen=True, slots=True, kw_only=True)
class PodReach:
    """One pod: the newest version that it has acknowledged, and why the last push did not arrive."""

    name: str
    version: int
    # Milliseconds from the change until it served that version; None: nobody measured it.
    latency_ms: int | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The version that every pod serves, or a newer one; and the pods that do not serve the newest yet."""

    version: int
    pods: int
    lagging: tuple[str, ...] = ()
    each: tuple[PodReach, ...] = field(default=(), compare=False)

    def has(self, version: int) -> bool:
        """Whether every pod serves that version or a newer one; False if no pod is known."""
        return self.pods > 0 and self.version >= version


NOTHING_REPORTED = Reach(version=0, pods=0)


async def report(database: Database, reach: Reach) -> None:
    """Record what the pods have acknowledged to an engine."""
    async with database.connection() as conn:
        each = json.dumps([asdict(pod) for pod in reach.each])
        await conn.execute(REPORT, reach.version, reach.pods, list(reach.lagging), each)


async def latest(database: Database) -> tuple[Reach, datetime] | None:
    """The last report of an engine, and when it was made; None: there was none yet."""
    async with database.connection() as conn:
        row = await conn.fetchrow(LATEST)
    if row is None:
        return None
    each = tuple(PodReach(**pod) for pod in json.loads(row["each_pod"]))
    reach = Reach(version=row["version"], pods=row["pods"], lagging=tuple(row["lagging"]), each=each)
    return reach, row["reported_at"]


async def ask(database: Database) -> datetime:
    """Wake the engines; returns the time after which a report counts."""
    async with database.transaction() as conn:
        since = await clock.moment(conn)
        await store.wake(conn)
    return since


async def wait(database: Database, version: int, *, since: datetime, within: float) -> Reach:
    """Wait for a newer report that every pod serves the version; returns it, or the last report in that time.

    Only a report that was made after the question counts: a database that was restored from a backup has an
    outdated one.
    """
    reach = NOTHING_REPORTED
    try:
        async with asyncio.timeout(within):
            while not reach.has(version):
                reach = await _reported(database, since)
                if not reach.has(version):
                    await asyncio.sleep(_LOOK_EVERY)
    except TimeoutError:
        pass
    return reach


async def _reported(database: Database, since: datetime) -> Reach:
    async with database.connection() as conn:
        row = await conn.fetchrow(REPORTED_SINCE, since)
    if row is None:
        return NOTHING_REPORTED
    return Reach(version=row["version"], pods=row["pods"], lagging=tuple(row["lagging"]))
