"""Reads the figures of days from `figures` and what is still to be added to it, and how long payments took."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from hingecraft.dashboard.overview.model import Figures
from hingecraft.db.connection import Connection

# Compiling a statement to machine code takes longer than running it. Changes are only added until they are moved.
BEGIN = """
SELECT now() AS as_of, s.stamp, (SELECT count(*) FROM figure_changes) AS changes
FROM set_config('jit', 'off', true), figures_stamp s
"""
_DAY, _HOUR, _QUARTER = timedelta(days=1), timedelta(hours=1), timedelta(minutes=15)
_COUNTS = ("movements", "without_value", "paid", "failed", "expired", "abandoned")
_SUMMED = ("received", "refunded", "disputed", "usd")
_MEASURES = (*_COUNTS, *_SUMMED)
_COLUMNS = ", ".join(_MEASURES)
_NEGATED = ", ".join(f"-{each}" for each in _MEASURES)
# Adding up whole numbers is cheaper than adding up numerics, which their sum would be.
_SUMS = ", ".join(
    (*(f"sum({each})::bigint AS {each}" for each in _COUNTS), *(f"sum({each}) AS {each}" for each in _SUMMED))
)
# Days in UTC are taken whole, and where a span begins before or after them, the hours and quarters between are moved
# from one span to the other: the hours added up, the quarters as they are, since they are one or two. OFFSET has them
# looked up by the key. `$1` are the midnights in UTC that are nearest to the beginnings of the spans, and to the end of
# the last; `$2` those beginnings; `$3` to `$6` are the hours that move, `$7` to `$10` the quarters.
FIGURES = f"""
WITH moved AS MATERIALIZED (
    SELECT edge.gains, edge.loses, f.livemode, f.currency, {_COLUMNS}
    FROM unnest($3::int[], $4::int[], $5::timestamptz[], $6::timestamptz[]) AS edge (gains, loses, since, until)
    CROSS JOIN LATERAL (
        SELECT livemode, currency, {_SUMS} FROM figures
        WHERE minutes = 60 AND start >= edge.since AND start < edge.until GROUP BY livemode, currency OFFSET 0
    ) f
    UNION ALL
    SELECT edge.gains, edge.loses, f.livemode, f.currency, {_COLUMNS}
    FROM unnest($7::int[], $8::int[], $9::timestamptz[], $10::timestamptz[]) AS edge (gains, loses, since, until)
    CROSS JOIN LATERAL (
        SELECT livemode, currency, {_COLUMNS} FROM figures
        WHERE minutes = 15 AND start >= edge.since AND start < edge.until OFFSET 0
    ) f
)
SELECT number, livemode, currency, {_SUMS}
FROM (
    SELECT width_bucket(start, $1::timestamptz[]) AS number, livemode, currency, {_COLUMNS}
    FROM figures WHERE minutes = 1440 AND start >= $11 AND start < $12
    UNION ALL
    SELECT gains, livemode, currency, {_COLUMNS} FROM moved
    UNION ALL
    SELECT loses, livemode, currency, {_NEGATED} FROM moved
    UNION ALL
    SELECT width_bucket(start, $2::timestamptz[]), livemode, currency, {_COLUMNS}
    FROM figure_changes WHERE start >= $13 AND start < $14
) f
WHERE number BETWEEN 1 AND cardinality($1::timestamptz[]) - 1
GROUP BY number, livemode, currency ORDER BY number, livemode, currency
"""
MOST_TIMES = 500
# OFFSET has each payment looked up by its key. A payment that was made for its money has kept nobody waiting.
MEDIAN = """
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM newest.paid_at - begun.at))::float8
FROM (
    SELECT payment_id, created_at AS paid_at FROM settlements
    WHERE kind = 'charge' AND livemode = $3 AND created_at >= $1 AND created_at < $2
    ORDER BY created_at DESC LIMIT $4
) newest
CROSS JOIN LATERAL (SELECT created_at AS at FROM payments WHERE id = newest.payment_id OFFSET 0) begun
WHERE begun.at < newest.paid_at
"""
FOLD = "SELECT hc_fold_figures($1)"


class Stamp(NamedTuple):
    """Figures with the same stamp are the same."""

    figures: UUID
    # How many are still to be added.
    changes: int


async def begin(conn: Connection) -> tuple[datetime, Stamp]:
    """The time of the transaction, in which the other statements follow, and the stamp of the figures."""
    row = await conn.fetchrow(BEGIN)
    assert row is not None, "the stamp is there from the beginning"
    return row["as_of"], Stamp(figures=row["stamp"], changes=row["changes"])


async def figures(conn: Connection, spans: Sequence[date], begins: Sequence[datetime]) -> list[Figures]:
    """The sums of each span, mode and currency.

    `spans` is the first day of each; `begins` is when each begins, and when the last one ends.
    """
    midnights = [_nearest_midnight(moment) for moment in begins]
    edges = [_edges(number, *each) for number, each in enumerate(zip(midnights, begins, strict=True), 1)]
    columns = [column for kind in zip(*edges, strict=True) for column in _columns(kind)]
    ends = (midnights[0], midnights[-1], begins[0], begins[-1])
    rows = await conn.fetch(FIGURES, midnights, begins, *columns, *ends)
    return [Figures(spans[number - 1], *measures) for number, *measures in rows]


class _Edge(NamedTuple):
    """A time whose rows move from one span to another, both by their numbers."""

    gains: int
    loses: int
    since: datetime
    until: datetime


def _nearest_midnight(moment: datetime) -> datetime:
    return (moment.astimezone(UTC) + _DAY / 2).replace(hour=0, minute=0, second=0, microsecond=0)


def _edges(number: int, midnight: datetime, begin: datetime) -> tuple[_Edge, _Edge]:
    """The hours between a midnight in UTC and the beginning of a span, and the quarters that make it exact."""
    gains, loses = (number, number - 1) if begin < midnight else (number - 1, number)
    earlier = begin.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    hour = min((earlier, earlier + _HOUR), key=lambda each: abs(each - midnight) / _HOUR + abs(each - begin) / _QUARTER)
    hours = _Edge(gains, loses, min(hour, midnight), max(hour, midnight))
    if abs(hour - midnight) > abs(begin - midnight):
        gains, loses = loses, gains
    return hours, _Edge(gains, loses, min(hour, begin), max(hour, begin))


def _columns(edges: Sequence[_Edge]) -> list[list[Any]]:
    """Of those that are not empty."""
    rows = [edge for edge in edges if edge.since < edge.until]
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in _Edge._fields]


async def median_seconds(conn: Connection, start: datetime, end: datetime, *, livemode: bool) -> float | None:
    """Half of the newest five hundred payments of that time took at most this."""
    found: float | None = await conn.fetchval(MEDIAN, start, end, livemode, MOST_TIMES)
    return found


async def fold(conn: Connection, most: int) -> int:
    """Add changes to the figures; returns how many."""
    folded: int = await conn.fetchval(FOLD, most)
    return folded
