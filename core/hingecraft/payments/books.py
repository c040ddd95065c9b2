"""Writes down what a provider says: whose it is, the money, the moves, the trail and the news, in one transaction.

Checkouts are locked before their payment, here as everywhere, so that two who write never wait for each other.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import simplejson

from hingecraft.db.connection import Connection
from hingecraft.money.model import plain
from hingecraft.outbox import service as outbox
from hingecraft.payments import origins
from hingecraft.payments.ledger import (
    SETTLED,
    AnotherCheckoutError,
    AskFirstError,
    Decision,
    Known,
    Settled,
    UnknownPaymentError,
    Value,
    decide,
)
from hingecraft.payments.model import Status
from hingecraft.providers.findings import Finding, Stands

log = logging.getLogger(__name__)

LOCK = """
WITH checkouts AS MATERIALIZED (
    SELECT id FROM external_payments WHERE payment_id = ANY ($1::uuid[]) ORDER BY payment_id, id FOR UPDATE
)
SELECT p.id, p.status, p.amount, hc_currency_key(p.currency) AS currency,
       coalesce(p.price_currency, hc_currency_key(p.currency)) AS price_currency,
       coalesce(p.provider, 'other') AS provider, p.livemode
FROM (SELECT count(*) FROM checkouts) AS locked, payments p WHERE p.id = ANY ($1::uuid[])
ORDER BY p.id FOR UPDATE OF p
"""
# Read after the lock is held: in the same statement it would see what was there before the wait.
# A settlement is worth what its corrections say; its amount is what the provider said.
SETTLEMENTS = """
SELECT s.payment_id, s.kind, s.provider_ref AS ref, s.amount, s.currency,
       s.usd_amount + coalesce((SELECT sum(c.usd_amount) FROM settlements c WHERE c.corrects = s.id), 0) AS usd
FROM settlements s WHERE s.payment_id = ANY ($1::uuid[]) AND s.kind <> 'correction' ORDER BY s.created_at, s.id
"""
CHECKOUTS = """
SELECT payment_id, provider, provider_id FROM external_payments
WHERE payment_id = ANY ($1::uuid[]) AND kind = 'single' AND provider IS NOT NULL
"""
OF_CHARGE = """
SELECT payment_id FROM settlements
WHERE provider = $1 AND livemode = $2 AND kind = 'charge' AND provider_ref = ANY ($3::text[])
ORDER BY provider_ref = $3[1] DESC LIMIT 1
"""
MOVE = "UPDATE payments SET status = $2, updated_at = now() WHERE id = $1"
# Once: a settlement that has a value keeps it.
VALUE = """
UPDATE settlements s SET usd_amount = v.usd FROM unnest($2::text[], $3::text[], $4::numeric[]) AS v (kind, ref, usd)
WHERE s.payment_id = $1 AND s.kind = v.kind AND s.provider_ref = v.ref AND s.usd_amount IS NULL
"""
RECORD = """
WITH moneys AS (
    INSERT INTO settlements (payment_id, provider, livemode, kind, provider_ref, amount, currency, usd_amount)
    SELECT $1, $2, $3, m.kind, m.ref, m.amount, m.currency, CASE
        WHEN m.currency = 'USD' THEN m.amount
        WHEN m.usd IS NOT NULL THEN m.usd
        WHEN m.worth_in = 'USD' THEN m.worth
        ELSE coalesce(
            m.worth * (SELECT usd FROM fx_rates WHERE currency = m.worth_in AND day = (now() AT TIME ZONE 'UTC')::date),
            m.amount * (SELECT usd FROM fx_rates WHERE currency = m.currency AND day = (now() AT TIME ZONE 'UTC')::date)
        ) END
    FROM unnest($4::text[], $5::text[], $6::numeric[], $7::text[], $8::numeric[], $9::numeric[], $10::text[])
        AS m (kind, ref, amount, currency, usd, worth, worth_in)
), moved AS (
    UPDATE payments SET status = coalesce($11::text, status), reconciled = true, updated_at = now(),
        provider_id = CASE WHEN provider = $2 THEN coalesce(provider_id, $12::text) ELSE provider_id END
    WHERE id = $1 AND ($11::text IS NOT NULL OR cardinality($4::text[]) > 0)
), checkout AS (
    UPDATE external_payments SET status = $13::text, reconciled = true, updated_at = now(),
        provider_id = coalesce(provider_id, $12::text)
    WHERE payment_id = $1 AND provider = $2 AND kind = 'single' AND $13::text IS NOT NULL AND status <> $13::text
      AND status <> 'completed' AND (provider_id = $12::text OR provider_id IS NULL OR $12::text IS NULL)
)
INSERT INTO payment_audit (actor, action, payment_id, request_id, details) VALUES ($14, $15, $1, $16, $17::jsonb)
"""
TOLD = "INSERT INTO payment_audit (actor, action, payment_id, request_id, details) VALUES ($1, $2, $3, $4, $5::jsonb)"
_NEWS = {
    Status.COMPLETED: "payment.completed",
    Status.FAILED: "payment.failed",
    Status.EXPIRED: "payment.failed",
    Status.ERROR: "payment.failed",
    Status.REFUNDED: "payment.refunded",
    Status.PARTIALLY_REFUNDED: "payment.refunded",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Teller:
    """Who writes, what is being done, and under which request or event."""

    actor: str
    action: str
    request_id: str | None = None
    # Whether something that changes nothing is worth a row in the trail.
    always: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What has been written down."""

    payment_id: UUID
    provider: str
    price_currency: str
    amount: Decimal
    before: Status
    after: Status
    movements: int
    # How many new settlements have a value that we do not believe.
    without_value: int = 0
    # How many settlements that were written down before have got their value.
    valued: int = 0

    @property
    def paid(self) -> bool:
        """Whether it is paid now and was not before: what was whole again after a refund was counted once."""
        return self.after is Status.COMPLETED and self.before not in SETTLED

    @property
    def changed(self) -> bool:
        """Whether the payment or its money is not as it was."""
        return self.before != self.after or self.movements > 0 or self.valued > 0


async def record(conn: Connection, finding: Finding, teller: Teller) -> Recorded:
    """Write down one finding; a repeat finds everything written and changes nothing."""
    if finding.must_ask and not finding.fresh:
        raise AskFirstError("nothing is done on what was told alone")
    known = await _known(conn, finding)
    origins.require_readable(finding)
    recorded, _ = await _write(conn, known, finding, teller)
    await _announce(conn, [(known, recorded.after)])
    return recorded


async def record_together(conn: Connection, told: Sequence[tuple[Finding, Teller]]) -> list[Recorded]:
    """Findings that name their payments, in one transaction: each is looked up and locked once, in one order."""
    books = await _locked(conn, {finding.payment_id for finding, _ in told if finding.payment_id is not None})
    done, news = [], []
    for finding, teller in told:
        known = books.get(finding.payment_id) if finding.payment_id is not None else None
        if known is None:
            raise UnknownPaymentError(finding.payment_id)
        recorded, books[known.id] = await _write(conn, known, finding, teller)
        done.append(recorded)
        news.append((known, recorded.after))
    await _announce(conn, news)
    return done


async def _known(conn: Connection, finding: Finding) -> Known:
    payment_id = finding.payment_id
    if payment_id is not None:
        found = await _locked(conn, {payment_id})
        if found:
            return found[payment_id]
        if not await origins.came_through_link(conn, finding):
            await origins.restore_payment(conn, finding, payment_id)
            return await locked(conn, payment_id)
    if finding.charge is not None:
        if finding.link_id is not None:
            # Two events of one charge, or of a charge and what was added to it, must not each make a payment.
            await conn.execute(origins.ONE_AT_A_TIME, f"{finding.provider}:{finding.parent or finding.charge}")
        charges = [charge for charge in (finding.charge, finding.parent) if charge is not None]
        payment_id = await conn.fetchval(OF_CHARGE, finding.provider, finding.livemode, charges)
    return await locked(conn, payment_id or await origins.payment_of_link(conn, finding))


async def locked(conn: Connection, payment_id: UUID) -> Known:
    """A payment with its money, held until the transaction ends."""
    found = await _locked(conn, {payment_id})
    if payment_id not in found:
        raise UnknownPaymentError(payment_id)
    return found[payment_id]


async def _locked(conn: Connection, payment_ids: Collection[UUID]) -> dict[UUID, Known]:
    rows = await conn.fetch(LOCK, payment_ids)
    money: dict[UUID, list[Settled]] = {row["id"]: [] for row in rows}
    for row in await conn.fetch(SETTLEMENTS, payment_ids):
        each = dict(row)
        money[each.pop("payment_id")].append(Settled(**each))
    checkouts: dict[UUID, set[tuple[str, str | None]]] = {row["id"]: set() for row in rows}
    for row in await conn.fetch(CHECKOUTS, payment_ids):
        checkouts[row["payment_id"]].add((row["provider"], row["provider_id"]))
    return {
        row["id"]: Known(
            **{**dict(row), "status": Status(row["status"])},
            settled=tuple(money[row["id"]]),
            checkouts=frozenset(checkouts[row["id"]]),
        )
        for row in rows
    }


async def _write(conn: Connection, known: Known, finding: Finding, teller: Teller) -> tuple[Recorded, Known]:
    """What follows from the finding, and the payment as it stands afterwards."""
    try:
        decision = decide(known, finding)
    except AnotherCheckoutError as error:
        log.error("%s: %s. Find out who made it, and refund it if it was paid", finding.provider, error)  # noqa: TRY400 - no fault of the code
        raise
    if decision.changes or teller.always:
        await _write_down(conn, known, finding, decision, teller)
    if decision.mismatch and decision.changes:
        log.error("payment %s was paid with another %s than was asked for", known.id, decision.mismatch)
    doubtful = [entry for entry in decision.entries if entry.doubt]
    for entry in doubtful:
        log.error(
            "payment %s: %s %s from %s (%s) are kept without a value: %s. Look the deposit up and enter its value",
            known.id, plain(entry.amount), entry.currency, finding.provider, entry.ref, entry.doubt,
        )  # fmt: skip
    after = known.after(decision)
    recorded = Recorded(
        payment_id=known.id,
        provider=known.provider,
        price_currency=known.price_currency,
        amount=known.amount,
        before=known.status,
        after=after.status,
        movements=len(decision.entries),
        without_value=len(doubtful),
        valued=len(decision.values),
    )
    return recorded, after


async def _write_down(conn: Connection, known: Known, finding: Finding, decision: Decision, teller: Teller) -> None:
    for status in decision.path[:-1]:
        await conn.execute(MOVE, known.id, status)
    await give_values(conn, known.id, decision.values)
    entries = decision.entries
    await conn.execute(
        RECORD,
        known.id,
        finding.provider,
        finding.livemode,
        [entry.kind for entry in entries],
        [entry.ref for entry in entries],
        [entry.amount for entry in entries],
        [entry.currency for entry in entries],
        [entry.usd for entry in entries],
        [entry.worth.amount if entry.worth else None for entry in entries],
        [entry.worth.currency if entry.worth else None for entry in entries],
        decision.path[-1] if decision.path else None,
        finding.checkout_id,
        decision.checkout,
        teller.actor,
        teller.action,
        teller.request_id,
        simplejson.dumps(_details(known, finding, decision)),
    )


async def give_values(conn: Connection, payment_id: UUID, values: Sequence[Value]) -> None:
    """Write down what settlements turned out to be worth; the payment is locked."""
    if values:
        kinds, refs, worths = zip(*((value.kind, value.ref, value.usd) for value in values), strict=True)
        await conn.execute(VALUE, payment_id, kinds, refs, worths)


def _details(known: Known, finding: Finding, decision: Decision) -> Mapping[str, Any]:
    details: dict[str, Any] = {"toldBy": finding.told_by, "provider": finding.provider, **finding.details}
    if finding.stands is not None:
        details["stands"] = finding.stands
    if decision.path:
        details |= {"from": known.status, "to": decision.path[-1]}
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


async def _announce(conn: Connection, moves: Iterable[tuple[Known, Status]]) -> None:
    """A payment that is whole again after a refund has failed was announced when it was paid."""
    await outbox.announce_payments(
        conn,
        [
            (_NEWS[after], _news_of(known, after))
            for known, after in moves
            if after in _NEWS and after != known.status and not (after is Status.COMPLETED and known.status in SETTLED)
        ],
    )


def _news_of(known: Known, after: Status) -> Mapping[str, Any]:
    """What the site is told of a payment."""
    return {
        "paymentId": str(known.id),
        "status": after.value,
        "amount": Decimal(plain(known.amount)),
        "currency": known.price_currency,
    }


async def tell(conn: Connection, teller: Teller, payment_id: UUID | None, details: Mapping[str, Any]) -> None:
    """A row in the trail about something that moves nothing."""
    await conn.execute(TOLD, teller.actor, teller.action, payment_id, teller.request_id, simplejson.dumps(details))


def whole(findings: Sequence[Finding]) -> list[Finding]:
    """Findings of one look: a charge before what was added to it, and before what was done to it."""
    return sorted(
        (replace(finding, fresh=True) for finding in findings),
        key=lambda finding: (finding.parent is not None, finding.stands is not Stands.PAID),
    )
