"""Writes decisions: moves, settlements, checkouts and the audit log, for many payments in one statement.

The triggers of a settlement, such as the one for the totals, run once for each statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import simplejson

from hingecraft.db.connection import Connection
from hingecraft.money.model import plain
from hingecraft.payments.ledger import BookedPayment, Decision, Value
from hingecraft.payments.model import MadeFor, Status
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
# A payment that is made for this money, with its checkout, as if it had been pending before.
MAKE = """
WITH payment AS (
    INSERT INTO payments (id, amount, currency, price_currency, status, provider, provider_id, source, livemode,
                          purpose, user_id, reconciled, created_at, updated_at)
    VALUES ($1::uuid, $2::numeric, $3::text, $4::text, coalesce($5::text, 'pending'), $6::text, $7::text, $8::text,
            $9::boolean, $10::text, $11::uuid, $12::boolean, now(), now())
), checkout AS (
    INSERT INTO external_payments (payment_id, gateway, provider, provider_id, currency, amount, price_currency,
                                   status, kind, idempotency_key, request, livemode, updated_at)
    VALUES ($1, $6, $6, $7, $3, $2, $4, $13::text, $14::text, $7, '{}', $9, now())
), settled AS (
    INSERT INTO settlements (payment_id, purpose, provider, livemode, kind, provider_ref, amount, currency, usd_amount)
    SELECT $1, $10, $6, $9, m.kind, m.ref, m.amount, m.currency, m.usd
    FROM unnest($19::text[], $20::text[], $21::numeric[], $22::text[], $23::numeric[])
        AS m (kind, ref, amount, currency, usd)
)
INSERT INTO payment_audit (actor, action, payment_id, request_id, details)
VALUES ($15::text, $16::text, $1, $17::text, $18::jsonb)
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
    left = [each for each in changes if each.decision.changes or each.cause.always or each.payment.made_for is not None]
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
        if change.payment.made_for is not None:
            await _make(conn, change, change.payment.made_for)
    known = [change for change in changes if change.payment.made_for is None]
    if known:
        await _record(conn, known)


async def _make(conn: Connection, change: Change, made_for: MadeFor) -> None:
    payment, finding, decision, cause = change.payment, change.finding, change.decision, change.cause
    status = decision.path[-1] if decision.path else None
    money = [row[1:] for row in _money(change)]
    await conn.execute(
        MAKE, payment.id, payment.amount, payment.currency, payment.price_currency, status, payment.provider,
        made_for.provider_id, made_for.source, finding.livemode, payment.purpose, payment.user_id,
        status is not None or bool(money), made_for.status, made_for.kind, cause.actor, cause.action, cause.request_id,
        simplejson.dumps(_details(change)), *_transposed(money, _MONEY_COLUMNS - 1),
    )  # fmt: skip


async def _record(conn: Connection, changes: Sequence[Change]) -> None:
    for change in changes:
        for status in change.decision.path[:-1]:
            await conn.execute(MOVE, change.payment.id, status)
        await give_values(conn, change.payment.id, change.decision.values)
    columns = zip(*(_columns(change) for change in changes), strict=True)
    money = [row for change in changes for row in _money(change)]
    await conn.execute(RECORD, *columns, *_transposed(money, _MONEY_COLUMNS))


def _transposed(rows: Sequence[tuple[Any, ...]], columns: int) -> Iterable[Sequence[Any]]:
    """The columns of the rows, which may be none."""
    return zip(*rows, strict=True) if rows else [()] * columns


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
