"""Writes decisions: moves, settlements, checkouts and the audit log, for many payments in one statement.

The triggers of a settlement, such as the one for the totals, run once for each statement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import simplejson

from hingecraft.db.connection import Connection
from hingecraft.money.model import plain
from hingecraft.payments.ledger import BookedPayment, Decision, Value
from hingecraft.payments.model import Status
from hingecraft.providers.findings import Finding

MOVE = "UPDATE payments SET status = $2, updated_at = now() WHERE id = $1"
# Only once: a known value never changes.
VALUE = """
UPDATE settlements s SET usd_amount = v.usd FROM unnest($2::text[], $3::text[], $4::numeric[]) AS v (kind, ref, usd)
WHERE s.payment_id = $1 AND s.kind = v.kind AND s.provider_ref = v.ref AND s.usd_amount IS NULL
"""
RECORD = """
WITH change AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::boolean[], $4::text[], $5::text[], $6::text[], $7::text[],
                         $8::text[], $9::text[], $10::jsonb[], $11::text[])
        AS t (payment_id, provider, livemode, status, checkout_id, checkout, actor, action, request_id, details,
              purpose)
), money AS MATERIALIZED (
    SELECT * FROM unnest($12::uuid[], $13::text[], $14::text[], $15::numeric[], $16::text[], $17::numeric[])
        AS m (payment_id, kind, ref, amount, currency, usd)
), settled AS (
    INSERT INTO settlements (payment_id, purpose, provider, livemode, kind, provider_ref, amount, currency, usd_amount)
    SELECT t.payment_id, t.purpose, t.provider, t.livemode, m.kind, m.ref, m.amount, m.currency, m.usd
    FROM money m JOIN change t USING (payment_id)
), moved AS (
    UPDATE payments p SET status = coalesce(t.status, p.status), reconciled = true, updated_at = now(),
        provider_id = CASE WHEN p.provider = t.provider THEN coalesce(p.provider_id, t.checkout_id)
                           ELSE p.provider_id END
    FROM change t
    WHERE p.id = t.payment_id AND p.id = ANY ($1)
      AND (t.status IS NOT NULL OR EXISTS (SELECT FROM money m WHERE m.payment_id = t.payment_id))
), checkouts AS (
    UPDATE external_payments e SET status = t.checkout, reconciled = true, updated_at = now(),
        provider_id = coalesce(e.provider_id, t.checkout_id)
    FROM change t
    WHERE e.payment_id = t.payment_id AND e.payment_id = ANY ($1) AND e.provider = t.provider AND e.kind = 'single'
      AND e.status <> t.checkout AND e.status <> 'completed'
      AND (e.provider_id = t.checkout_id OR e.provider_id IS NULL OR t.checkout_id IS NULL)
)
INSERT INTO payment_audit (actor, action, payment_id, request_id, details)
SELECT actor, action, payment_id, request_id, details FROM change
"""
_MONEY_COLUMNS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """The actor and the action of a change, and the request or event behind it, for the audit log."""

    actor: str
    action: str
    request_id: str | None = None
    # Whether the audit log also gets a row if nothing changes.
    always: bool = True


@dataclass(frozen=True, slots=True)
class Change:
    """A decision about one payment, with its finding and actor. The payment is locked."""

    payment: BookedPayment
    finding: Finding
    decision: Decision
    cause: Cause


async def write_down(conn: Connection, changes: Sequence[Change]) -> None:
    """Write changes in the order of the decisions: a payment's second change follows its first."""
    left = [change for change in changes if change.decision.changes or change.cause.always]
    while left:
        first = {change.payment.id: change for change in reversed(left)}
        await _write_first(conn, list(first.values()))
        left = [change for change in left if change is not first[change.payment.id]]


async def give_values(conn: Connection, payment_id: UUID, values: Sequence[Value]) -> None:
    """Set the values of settlements; the payment is locked."""
    if values:
        kinds, refs, worths = zip(*((value.kind, value.ref, value.usd) for value in values), strict=True)
        await conn.execute(VALUE, payment_id, kinds, refs, worths)


async def _write_first(conn: Connection, changes: Sequence[Change]) -> None:
    """Write one change for each payment."""
    for change in changes:
        for status in change.decision.path[:-1]:
            await conn.execute(MOVE, change.payment.id, status)
        await give_values(conn, change.payment.id, change.decision.values)
    columns = zip(*(_columns(change) for change in changes), strict=True)
    money = [row for change in changes for row in _money(change)]
    await conn.execute(RECORD, *columns, *(zip(*money, strict=True) if money else [()] * _MONEY_COLUMNS))


def _columns(
    change: Change,
) -> tuple[UUID, str, bool, Status | None, str | None, Status | None, str, str, str | None, str, str]:
    finding, decision, cause = change.finding, change.decision, change.cause
    return (
        change.payment.id,
        finding.provider,
        finding.livemode,
        decision.path[-1] if decision.path else None,
        finding.checkout_id,
        decision.checkout,
        cause.actor,
        cause.action,
        cause.request_id,
        simplejson.dumps(_details(change)),
        change.payment.purpose,
    )


def _money(change: Change) -> list[tuple[Any, ...]]:
    return [
        (
            change.payment.id,
            entry.kind,
            entry.ref,
            entry.amount,
            entry.currency,
            entry.usd,
        )
        for entry in change.decision.entries
    ]


def _details(change: Change) -> Mapping[str, Any]:
    payment, finding, decision = change.payment, change.finding, change.decision
    details: dict[str, Any] = {"toldBy": finding.told_by, "provider": finding.provider, **finding.details}
    if finding.checkout_status is not None:
        details["stands"] = finding.checkout_status
    if decision.path:
        details |= {"from": payment.status, "to": decision.path[-1]}
    if decision.entries:
        details["money"] = [
            {
                "kind": entry.kind,
                "ref": entry.ref,
                "amount": plain(entry.amount),
                "currency": entry.currency,
                **({"noValue": entry.doubt} if entry.doubt else {}),
            }
            for entry in decision.entries
        ]
    if decision.values:
        details["values"] = [
            {"kind": value.kind, "ref": value.ref, "usd": plain(value.usd)} for value in decision.values
        ]
    if decision.mismatch:
        details["mismatch"] = decision.mismatch
    return details
