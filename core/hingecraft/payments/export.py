"""The job that exports payments as CSV, page by page: neither this process nor Postgres ever holds all of it.

Postgres writes the lines. A text that a spreadsheet would run as a formula gets an apostrophe before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from hingecraft.db.connection import Database
from hingecraft.jobs.model import Progress
from hingecraft.jobs.running import RunningJob
from hingecraft.payments.filters import PaymentFilter, of_stored

KIND = "export"

# Payments that are read in one statement, whether or not they pass the filter: about two megabytes of lines.
PAGE = 10_000
_COUNTED_WITHIN = 60.0
_LAST_ID = UUID(int=2**128 - 1)
# What begins a formula in Excel, Google Sheets or LibreOffice, also in full width and after spaces.
_FORMULA = r"^[[:space:]]*[=+@＝＋－＠-]|^[\t\r\n]"  # noqa: RUF001 - full width


def _text(column: str) -> str:
    safe = f"CASE WHEN {column} ~ E'{_FORMULA}' THEN '''' || {column} ELSE {column} END"
    return f"""coalesce('"' || replace({safe}, '"', '""') || '"', '')"""


def _moment(column: str) -> str:
    return f"""coalesce(to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), '')"""


_COLUMNS: Mapping[str, str] = {
    "id": "p.id::text",
    "createdAt": _moment("p.created_at"),
    "status": _text("p.status"),
    "amount": "coalesce(p.amount::text, '')",
    "priceCurrency": _text("coalesce(p.price_currency, hc_currency_key(p.currency))"),
    "currency": _text("hc_currency_key(p.currency)"),
    "provider": _text("p.provider"),
    "providerId": _text("p.provider_id"),
    "purpose": _text("p.purpose"),
    "source": _text("p.source"),
    "livemode": "coalesce(p.livemode::text, '')",
    "updatedAt": _moment("coalesce(p.updated_at, p.created_at)"),
}
_END = "\r\n"
HEADER = ",".join(_COLUMNS) + _END
_LINE = " || ',' || ".join(_COLUMNS.values())

TOTAL = """
SELECT count(*) FROM payments p
WHERE (p.created_at, p.id) < ($1, $2) AND ($3::timestamptz IS NULL OR p.created_at >= $3)
"""
_LINES = f"""
WITH page AS MATERIALIZED (
    SELECT * FROM payments p
    WHERE (p.created_at, p.id) < ($1, $2) AND ($3::timestamptz IS NULL OR p.created_at >= $3)
    ORDER BY p.created_at DESC, p.id DESC LIMIT $4
), lines AS (
    SELECT string_agg({_LINE} || E'\\r\\n', '' ORDER BY p.created_at DESC, p.id DESC) AS body, count(*) AS rows
    FROM page p WHERE {{condition}}
)
SELECT lines.body, lines.rows, (SELECT count(*) FROM page) AS read, last.created_at, last.id
FROM lines LEFT JOIN (SELECT created_at, id FROM page ORDER BY created_at, id LIMIT 1) last ON true
"""


def lines_of(wanted: PaymentFilter) -> str:
    """The statement that reads a page: before which payment ($1, $2), since when ($3), and how many ($4)."""
    return _LINES.format(condition=wanted.condition(5))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """How far the export has come: the payments before this one are left, of all that were there when it began."""

    created_at: datetime
    id: UUID
    total: int
    read: int = 0
    rows: int = 0
    size: int = 0

    @property
    def stored(self) -> Mapping[str, Any]:
        return {
            "createdAt": self.created_at.isoformat(), "id": str(self.id), "total": self.total, "read": self.read,
            "rows": self.rows, "size": self.size,
        }  # fmt: skip

    @classmethod
    def of_stored(cls, fields: Mapping[str, Any]) -> _Place:
        return cls(
            created_at=datetime.fromisoformat(fields["createdAt"]), id=UUID(fields["id"]), total=fields["total"],
            read=fields["read"], rows=fields["rows"], size=fields["size"],
        )  # fmt: skip

    @property
    def progress(self) -> Progress:
        # 100 is for a file that is complete.
        percent = min(99, self.read * 100 // max(self.total, 1))
        return Progress(percent=percent, step=f"Reading payments: {self.read:,} of {self.total:,}")


class PaymentExport:
    """Writes the payments that pass a filter, newest first, as they are when they are read.

    Those that begin after the job was asked for are left out, so that its end does not run away.
    """

    kind = KIND

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self, job: RunningJob) -> Mapping[str, Any]:
        """Go on from the last part that was saved."""
        wanted = of_stored(job.claimed.request)
        place = _Place.of_stored(job.position) if job.position else await self._begin(job, wanted)
        reached = place

        def progress() -> Progress:
            return reached.progress

        job.progress = progress
        while (page := await self._page(reached, wanted)) is not None:
            body, reached = page
            await job.save(reached.stored, body or None)
        return {"rows": reached.rows, "bytes": reached.size}

    async def _begin(self, job: RunningJob, wanted: PaymentFilter) -> _Place:
        before = min(job.claimed.created_at, wanted.until or job.claimed.created_at)
        job.progress = lambda: Progress(percent=0, step="Counting payments")
        async with self._database.connection() as conn:
            total = await conn.fetchval(TOTAL, before, _LAST_ID, wanted.since, timeout=_COUNTED_WITHIN)
        start = _Place(created_at=before, id=_LAST_ID, total=total, size=len(HEADER))
        await job.save(start.stored, HEADER)
        return start

    async def _page(self, place: _Place, wanted: PaymentFilter) -> tuple[str, _Place] | None:
        """The lines of the next page, and the place behind it; None at the end."""
        async with self._database.connection() as conn:
            row = await conn.fetchrow(
                lines_of(wanted), place.created_at, place.id, wanted.since, PAGE, *wanted.arguments
            )
        assert row is not None
        if not row["read"]:
            return None
        body: str = row["body"] or ""
        behind = replace(
            place,
            created_at=row["created_at"],
            id=row["id"],
            read=place.read + row["read"],
            rows=place.rows + row["rows"],
            size=place.size + len(body.encode()),
        )
        return body, behind
