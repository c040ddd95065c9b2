"""Books what a provider reports: the payment, settlements, moves, audit log and what follows, in one transaction.

All checkouts of a payment are locked in the order of their ids, and before the payment, here as everywhere, so that two
writers never deadlock.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

import asyncpg

from hingecraft.db.connection import KEEP_PLANS, Connection
from hingecraft.errors import AskFirstError
from hingecraft.money.model import plain
from hingecraft.payments import customer_payments, unassigned
from hingecraft.payments.ledger import (
    SETTLED,
    AnotherCheckoutError,
    BookedPayment,
    Rates,
    UnknownPaymentError,
    decide,
)
from hingecraft.payments.model import Settled, Status
from hingecraft.payments.purpose import Moved, Purposes
from hingecraft.payments.writing import Cause, Change, write_down
from hingecraft.providers.findings import CheckoutStatus, Finding

log = logging.getLogger(__name__)

LOCK = f"""
WITH checkouts AS MATERIALIZED (
    SELECT id FROM external_payments WHERE payment_id = ANY ($1::uuid[]) ORDER BY payment_id, id FOR UPDATE
)
SELECT p.id, p.status, p.amount, hc_currency_key(p.currency) AS currency,
       coalesce(p.price_currency, hc_currency_key(p.currency)) AS price_currency,
       coalesce(p.provider, 'other') AS provider, p.livemode, p.purpose, p.user_id, p.product,
       coalesce(extract(epoch FROM now() - p.created_at), 0)::float8 AS age
FROM (SELECT count(*), {KEEP_PLANS} FROM checkouts) AS locked, payments p WHERE p.id = ANY ($1::uuid[])
ORDER BY p.id FOR UPDATE OF p
"""
# Read in a statement after the lock: the locking statement would see the rows from before it waited. The call that
# began a payment wrote the first row of its audit log in the same statement: its month is known.
STATE = """
SELECT p.id, (
    SELECT a.request_id FROM payment_audit a
    WHERE a.payment_id = p.id AND a.created_at = p.created_at AND a.actor = 'api' AND a.action <> 'reconciled'
    ORDER BY a.id LIMIT 1
) AS request_id, ARRAY(
    SELECT ROW(s.id, s.kind, s.provider_ref, s.amount, s.currency, s.usd_amount, s.corrects)
    FROM settlements s WHERE s.payment_id = p.id ORDER BY s.created_at, s.id
) AS settled, ARRAY(
    SELECT ROW(e.provider, e.provider_id) FROM external_payments e
    WHERE e.payment_id = p.id AND e.kind = 'single' AND e.provider IS NOT NULL
) AS checkouts
FROM payments p WHERE p.id = ANY ($1::uuid[])
"""
OF_CHARGE = """
SELECT payment_id FROM settlements
WHERE provider = $1 AND livemode = $2 AND kind = 'charge' AND provider_ref = ANY ($3::text[])
ORDER BY provider_ref = $3[1] DESC LIMIT 1
"""
# What is known of an invoice: its payment, the payment that has its charge, else one of the old software.
OF_INVOICE = f"""
WITH known AS MATERIALIZED (
    SELECT ({OF_CHARGE}) AS of_charge, (
        SELECT payment_id FROM external_payments WHERE provider = $1 AND provider_id = $4::text AND kind <> 'standing'
    ) AS of_invoice
)
SELECT known.of_invoice, known.of_charge, old.id, old.went_back, old.was_paid
FROM known LEFT JOIN LATERAL ({
    unassigned.OLD_OF_STRIPE_BY.format(ids="CASE WHEN coalesce(of_invoice, of_charge) IS NULL THEN $5::text[] END")
}) AS old ON true
"""
RATES = """
SELECT currency, usd FROM fx_rates WHERE day = (now() AT TIME ZONE 'UTC')::date AND currency = ANY ($1::text[])
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The result of booking a finding."""

    payment_id: UUID
    purpose: str
    provider: str
    price_currency: str
    amount: Decimal
    before: Status
    after: Status
    movements: int
    # How many new settlements have no value because the provider's was implausible.
    without_value: int = 0
    # How many earlier settlements got their value.
    valued: int = 0
    # Seconds since the payment was begun; 0: it was made for this money.
    age: float = 0.0
    # Of the call that began the payment.
    request_id: str | None = None

    @property
    def paid(self) -> bool:
        """Whether the payment became paid. A payment that is whole again after a refund was counted before."""
        return self.after is Status.COMPLETED and self.before not in SETTLED

    @property
    def changed(self) -> bool:
        """Whether the payment or its settlements changed."""
        return self.before != self.after or self.movements > 0 or self.valued > 0


class Books:
    """Books findings and calls the purpose of each payment, all in the caller's transaction."""

    def __init__(self, purposes: Purposes) -> None:
        self.purposes = purposes

    async def record(self, conn: Connection, finding: Finding, cause: Cause) -> Recorded:
        """Book one finding; a repeat changes nothing."""
        if finding.must_ask and not finding.fresh:
            raise AskFirstError("the provider must be asked before this event is applied")
        payment = await self._payment_of(conn, finding)
        unassigned.require_readable(finding)
        change, recorded, after = _decided(payment, finding, cause, await _rates(conn, finding))
        await self._write_down(conn, [(change, after)])
        return recorded

    async def record_together(self, conn: Connection, reported: Sequence[tuple[Finding, Cause]]) -> list[Recorded]:
        """Book several findings in dollars that name their payments. Each payment is locked once, in one order."""
        books = await _locked(conn, {finding.payment_id for finding, _ in reported if finding.payment_id is not None})
        changes: list[tuple[Change, BookedPayment]] = []
        done: list[Recorded] = []
        for finding, cause in reported:
            payment = books.get(finding.payment_id) if finding.payment_id is not None else None
            if payment is None:
                raise UnknownPaymentError(finding.payment_id)
            change, recorded, books[payment.id] = _decided(payment, finding, cause, {})
            changes.append((change, books[payment.id]))
            done.append(recorded)
        await self._write_down(conn, changes)
        return done

    async def _write_down(self, conn: Connection, changes: Sequence[tuple[Change, BookedPayment]]) -> None:
        await write_down(conn, [change for change, _ in changes])
        moves: dict[str, list[Moved]] = {}
        for change, after in changes:
            if change.decision.changes:
                moves.setdefault(change.payment.purpose, []).append(_moved(change, after))
        # Locks are always taken in the same order.
        for name in sorted(moves):
            await self.purposes.of(name).moved(conn, moves[name])

    async def _payment_of(self, conn: Connection, finding: Finding) -> BookedPayment:
        if finding.invoice_id is not None:
            return await self._of_invoice(conn, finding)
        payment_id = finding.payment_id
        if payment_id is not None:
            found = await _locked(conn, {payment_id})
            if found:
                return found[payment_id]
            # The old software's order numbers may be UUIDs too.
            of_charge = await _of_charge(conn, finding)
            if of_charge is not None:
                return await locked(conn, of_charge)
            if not await unassigned.came_through_link(conn, finding):
                purpose = self.purposes.of(finding.purpose or self.purposes.unasked)
                await unassigned.restore_payment(conn, finding, payment_id, purpose.name)
                return await locked(conn, payment_id)
        if finding.charge is not None:
            if finding.link_id is not None:
                # Two events of one charge, or of a charge and a later deposit to it, must not create two payments.
                await conn.execute(unassigned.ONE_AT_A_TIME, f"{finding.provider}:{finding.parent or finding.charge}")
            payment_id = await _of_charge(conn, finding)
        if payment_id is None and customer_payments.is_customers(finding):
            payment_id = await customer_payments.booked(conn, finding)
            made = await customer_payments.made(conn, finding, self.purposes) if payment_id is None else None
            if made is not None:
                return made
        return await locked(conn, payment_id or await unassigned.payment_of_link(conn, finding, self.purposes.unasked))

    async def _of_invoice(self, conn: Connection, finding: Finding) -> BookedPayment:
        known = await _known_of_invoice(conn, finding) if finding.charge is not None else None
        payment_id = known["of_invoice"] if known is not None else await customer_payments.booked(conn, finding)
        if payment_id is None and finding.payment_id is not None:
            payment_id = await customer_payments.of_first_invoice(conn, finding, self.purposes)
        if payment_id is None and known is not None:
            payment_id = known["of_charge"] or unassigned.paid_to_old(finding, known)
        if payment_id is None:
            made = await customer_payments.made(conn, finding, self.purposes)
            assert made is not None, "an invoice has a customer and no link"
            return made
        payment = await locked(conn, payment_id)
        await customer_payments.keep_invoice(conn, finding, payment_id)
        return payment


async def _of_charge(conn: Connection, finding: Finding) -> UUID | None:
    """The payment that has the charge, or the old software's payment for it."""
    charges = _charges(finding)
    payment_id: UUID | None = await conn.fetchval(OF_CHARGE, finding.provider, finding.livemode, charges)
    return payment_id or await unassigned.old_payment(conn, finding, charges)


async def _known_of_invoice(conn: Connection, finding: Finding) -> asyncpg.Record:
    """The payments that an invoice may have, while nobody else books it."""
    await customer_payments.hold(conn, finding)
    charges = _charges(finding)
    ids = charges if finding.checkout_id is None else [*charges, finding.checkout_id]
    known = await conn.fetchrow(OF_INVOICE, finding.provider, finding.livemode, charges, finding.invoice_id, ids)
    assert known is not None, "it has one row"
    return known


def _charges(finding: Finding) -> list[str]:
    return [charge for charge in (finding.charge, finding.parent) if charge is not None]


def _moved(change: Change, after: BookedPayment) -> Moved:
    return Moved(
        before=change.payment, after=after, decision=change.decision, finding=change.finding, cause=change.cause
    )


async def locked(conn: Connection, payment_id: UUID) -> BookedPayment:
    """A payment with its money, held until the transaction ends."""
    found = await _locked(conn, {payment_id})
    if payment_id not in found:
        raise UnknownPaymentError(payment_id)
    return found[payment_id]


async def _locked(conn: Connection, payment_ids: Collection[UUID]) -> dict[UUID, BookedPayment]:
    payments = await conn.fetch(LOCK, payment_ids)
    states = {row["id"]: row for row in await conn.fetch(STATE, payment_ids)} if payments else {}
    return {
        row["id"]: BookedPayment(
            **{**dict(row), "status": Status(row["status"])},
            request_id=states[row["id"]]["request_id"],
            settled=_settled(states[row["id"]]["settled"]),
            checkouts=frozenset((provider, checkout) for provider, checkout in states[row["id"]]["checkouts"]),
        )
        for row in payments
    }


def _settled(rows: Sequence[asyncpg.Record]) -> tuple[Settled, ...]:
    """A settlement's value includes its corrections; its amount is the provider's."""
    corrected: dict[UUID, Decimal] = {}
    for *_, usd, corrects in rows:
        if corrects is not None:
            corrected[corrects] = corrected.get(corrects, Decimal(0)) + usd
    return tuple(
        Settled(
            kind=kind, ref=ref, amount=amount, currency=currency,
            usd=usd + corrected.get(settlement_id, Decimal(0)) if usd is not None else None,
        )
        for settlement_id, kind, ref, amount, currency, usd, _ in rows
        if kind != "correction"
    )  # fmt: skip


async def _rates(conn: Connection, finding: Finding) -> Rates:
    """The rates of the finding's currencies for which the provider gives no value in dollars."""
    currencies = {
        currency
        for money in finding.money
        if money.currency != "USD" and (money.worth is None or money.worth.currency != "USD")
        for currency in (money.currency, *((money.worth.currency,) if money.worth is not None else ()))
    }
    return {row["currency"]: row["usd"] for row in await conn.fetch(RATES, currencies)} if currencies else {}


def _decided(
    payment: BookedPayment, finding: Finding, cause: Cause, rates: Rates
) -> tuple[Change, Recorded, BookedPayment]:
    """The decision about a finding, and the payment's state after it."""
    try:
        decision = decide(payment, finding, rates)
    except AnotherCheckoutError as error:
        log.error("%s: %s. Find out who made it, and refund it if it was paid", finding.provider, error)  # noqa: TRY400 - not a bug, so no traceback
        raise
    if decision.mismatch and decision.changes:
        log.error("payment %s was paid with a different %s than requested", payment.id, decision.mismatch)
    doubtful = [entry for entry in decision.entries if entry.doubt]
    for entry in doubtful:
        log.error(
            "payment %s: %s %s from %s (%s) were recorded without a value: %s. Look up the deposit and enter its value",
            payment.id, plain(entry.amount), entry.currency, finding.provider, entry.ref, entry.doubt,
        )  # fmt: skip
    after = payment.after(decision)
    recorded = Recorded(
        payment_id=payment.id,
        purpose=payment.purpose,
        provider=payment.provider,
        price_currency=payment.price_currency,
        amount=payment.amount,
        before=payment.status,
        after=after.status,
        movements=len(decision.entries),
        without_value=len(doubtful),
        valued=len(decision.values),
        age=payment.age,
        request_id=payment.request_id,
    )
    return Change(payment, finding, decision, cause), recorded, after


def whole(findings: Sequence[Finding]) -> list[Finding]:
    """Sort the findings of one answer: a charge comes before its later deposits, refunds and disputes."""
    return sorted(
        (replace(finding, fresh=True) for finding in findings),
        key=lambda finding: (finding.parent is not None, finding.checkout_status is not CheckoutStatus.PAID),
    )
