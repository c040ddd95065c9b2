"""Corrects the value of a settlement: an admin gives the right one, and the difference is booked with a reason."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from hingecraft import audit
from hingecraft.db.connection import Connection, Database
from hingecraft.errors import ConflictError, InvalidError
from hingecraft.money.model import decimals_of, plain
from hingecraft.payments import books
from hingecraft.payments.ledger import values_of
from hingecraft.payments.model import unknown_settlement
from hingecraft.payments.writing import give_values

PAYMENT_OF = "SELECT payment_id FROM settlements WHERE id = $1"
# Read after the payment is locked.
SETTLEMENT = """
SELECT s.id, s.kind, s.provider_ref, s.amount, s.usd_amount, s.corrects, last.id AS last_correction,
       coalesce(last.number, 0) AS corrections, s.usd_amount + coalesce(last.sum, 0) AS worth
FROM settlements s LEFT JOIN LATERAL (
    SELECT sum(c.usd_amount) AS sum, count(*) AS number, (array_agg(c.id ORDER BY c.created_at DESC, c.id))[1] AS id
    FROM settlements c WHERE c.corrects = s.id
) last ON true
WHERE s.id = $1
"""
CORRECT = """
INSERT INTO settlements (payment_id, provider, livemode, kind, provider_ref, amount, currency, usd_amount, purpose,
                         corrects, reason, created_at)
SELECT payment_id, provider, livemode, 'correction', id || '/' || $2::int,
       CASE WHEN currency = 'USD' THEN $3::numeric ELSE 0 END,
       currency, $3::numeric, purpose, id, $4, clock_timestamp()
FROM settlements WHERE id = $1 RETURNING id
"""
ROW = """
SELECT id, created_at, payment_id, provider, livemode, kind, provider_ref, amount, currency, usd_amount, corrects,
       reason
FROM settlements WHERE id = $1
"""
LONGEST_REASON = 500
_SHORTEST_REASON = 5
_MOST_DECIMALS, _LARGEST = 8, Decimal(10) ** 12
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_GOING_BACK = frozenset({"refund", "dispute"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionRequest:
    """The right value of a settlement, and the reason. Raises InvalidError if either cannot be stored."""

    settlement: UUID
    usd: Decimal
    reason: str

    def __post_init__(self) -> None:
        if abs(self.usd) >= _LARGEST or decimals_of(self.usd) > _MOST_DECIMALS:
            raise _wrong("usdAmount", f"must be below {plain(_LARGEST)} and have at most {_MOST_DECIMALS} decimals")
        if not _SHORTEST_REASON <= len(self.reason.strip()) <= LONGEST_REASON or not self.reason.isprintable():
            raise _wrong("reason", f"must have {_SHORTEST_REASON} to {LONGEST_REASON} characters on one line")
        if _EMAIL.search(self.reason):
            raise _wrong("reason", "must not contain an e-mail address, because it is kept permanently")


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """The correction, or the settlement itself if its value was unknown before."""

    settlement: Mapping[str, Any]
    usd_before: Decimal | None
    usd_after: Decimal
    changed: bool


async def correct(database: Database, wanted: CorrectionRequest, *, actor: str, request_id: str | None) -> Corrected:
    """Book the difference. A repeat books nothing; of two admins at once the second corrects the first."""
    async with database.transaction() as conn:
        payment_id = await conn.fetchval(PAYMENT_OF, wanted.settlement)
        if payment_id is None:
            raise unknown_settlement()
        await books.locked(conn, payment_id)
        found = await _read(conn, SETTLEMENT, wanted.settlement)
        _check(wanted, found)
        before: Decimal | None = found["worth"]
        if before == wanted.usd:
            same = found["last_correction"] or wanted.settlement
            return Corrected(
                settlement=await _read(conn, ROW, same), usd_before=before, usd_after=wanted.usd, changed=False
            )
        if before is None:
            written = await _give_value(conn, payment_id, wanted, found)
        else:
            number, difference = found["corrections"] + 1, wanted.usd - before
            written = await conn.fetchval(CORRECT, wanted.settlement, number, difference, wanted.reason)
        await audit.append(
            conn,
            actor=actor,
            action="settlement_corrected",
            request_id=request_id,
            payment_id=payment_id,
            settlement=str(wanted.settlement),
            kind=found["kind"],
            ref=found["provider_ref"],
            usdBefore=plain(before) if before is not None else None,
            usdAfter=plain(wanted.usd),
            reason=wanted.reason,
        )
        return Corrected(
            settlement=await _read(conn, ROW, written), usd_before=before, usd_after=wanted.usd, changed=True
        )


def _check(wanted: CorrectionRequest, found: Mapping[str, Any]) -> None:
    if found["kind"] == "correction":
        raise ConflictError(
            "is_a_correction",
            f"This settlement is itself a correction. Correct settlement {found['corrects']} again.",
        )
    if found["kind"] in _GOING_BACK and wanted.usd > 0:
        raise _wrong("usdAmount", f"must be 0 or less for a {found['kind']}, since its money went back")
    if found["kind"] not in _GOING_BACK and wanted.usd < 0:
        raise _wrong("usdAmount", "must be 0 or more, since its money came in")


async def _give_value(conn: Connection, payment_id: UUID, wanted: CorrectionRequest, found: Mapping[str, Any]) -> UUID:
    """Set an unknown value; refunds and disputes that were booked before get their share of it."""
    payment = await books.locked(conn, payment_id)
    worth = {(str(found["kind"]), str(found["provider_ref"])): wanted.usd}
    await give_values(conn, payment_id, values_of(payment.settled, worth))
    return wanted.settlement


async def _read(conn: Connection, sql: str, settlement: UUID) -> Mapping[str, Any]:
    row = await conn.fetchrow(sql, settlement)
    assert row is not None, "settlements are never deleted"
    return dict(row)


def _wrong(field: str, sentence: str) -> InvalidError:
    return InvalidError("invalid_request", f"Please correct: {field} {sentence}.", fields={field: sentence})
