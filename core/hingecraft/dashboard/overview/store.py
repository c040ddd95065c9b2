"""Reads the figures of days from `figures` and what is still to be added to it, and how long payments took."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from hingecraft.dashboard.overview.model import Figures
from hingecraft.db.connection import Connection

NOW = "SELECT now()"
_HOUR = timedelta(hours=1)
_MEASURES = (
    "movements",
    "received",
    "refunded",
    "disputed",
    "usd",
    "without_value",
    "paid",
    "failed",
    "expired",
    "abandoned",
)
_COLUMNS = ", ".join(_MEASURES)
# Hours are summed up, and quarters only of an hour in which a day begins: that is an hour's fourth of the rows. `$1`
# are the beginnings of the days and the end of the last one; `$2` are the hours that one of them divides.
FIGURES = f"""
SELECT width_bucket(f.start, $1::timestamptz[]) AS number, f.livemode, f.currency,
       {", ".join(f"sum(f.{each}) AS {each}" for each in _MEASURES)}
FROM (
    SELECT start, livemode, currency, {_COLUMNS} FROM figures
    WHERE minutes = 60 AND start >= $3 AND start < $4 AND start <> ALL ($2::timestamptz[])
    UNION ALL
    SELECT q.start, q.livemode, q.currency, {", ".join(f"q.{each}" for each in _MEASURES)}
    FROM unnest($2::timestamptz[]) AS divided (hour)
    JOIN figures q ON q.minutes = 15 AND q.start >= divided.hour AND q.start < divided.hour + interval '1 hour'
    UNION ALL
    SELECT start, livemode, currency, {_COLUMNS} FROM figure_changes WHERE start >= $3 AND start < $4
) f
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
MOST_TIMES = 1000
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


async def now(conn: Connection) -> datetime:
    """The time of the transaction."""
    found: datetime = await conn.fetchval(NOW)
    return found


async def figures(conn: Connection, first: date, midnights: Sequence[datetime]) -> list[Figures]:
    """The sums of each day, mode and currency. `midnights` are the beginnings of the days, and the end of the last."""
    hours = [_hour_of(midnight) for midnight in midnights]
    divided = [hour for hour, midnight in zip(hours, midnights, strict=True) if hour != midnight]
    rows = await conn.fetch(FIGURES, midnights, divided, hours[0], max(midnights[-1], hours[-1] + _HOUR))
    return [
        Figures(day=first + timedelta(days=row["number"] - 1), **{name: row[name] for name in _NAMES})
        for row in rows
        if 0 < row["number"] < len(midnights)
    ]


_NAMES = ("livemode", "currency", *_MEASURES)


def _hour_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


async def median_seconds(conn: Connection, start: datetime, end: datetime, *, livemode: bool) -> float | None:
    """Half of the newest thousand payments of that time took at most this."""
    found: float | None = await conn.fetchval(MEDIAN, start, end, livemode, MOST_TIMES)
    return found


async def fold(conn: Connection, most: int) -> int:
    """Add changes to the figures; returns how many."""
    folded: int = await conn.fetchval(FOLD, most)
    return folded
