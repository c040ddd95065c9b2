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
from hingecraft.errors import AskFirstError
from hingecraft.money.model import plain
from hingecraft.outbox import service as outbox
from hingecraft.payments import origins
from hingecraft.payments.ledger import SETTLED, AnotherCheckoutError, Known, Settled, UnknownPaymentError, decide
from hingecraft.payments.model import Status
from hingecraft.payments.writing import Change, Teller, write_down
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
    change, recorded, _ = _decided(known, finding, teller)
    await write_down(conn, [change])
    await _announce(conn, [(known, recorded.after)])
    return recorded


async def record_together(conn: Connection, told: Sequence[tuple[Finding, Teller]]) -> list[Recorded]:
    """Findings that name their payments, in one transaction: each is looked up and locked once, in one order."""
    books = await _locked(conn, {finding.payment_id for finding, _ in told if finding.payment_id is not None})
    changes, done, news = [], [], []
    for finding, teller in told:
        known = books.get(finding.payment_id) if finding.payment_id is not None else None
        if known is None:
            raise UnknownPaymentError(finding.payment_id)
        change, recorded, books[known.id] = _decided(known, finding, teller)
        changes.append(change)
        done.append(recorded)
        news.append((known, recorded.after))
    await write_down(conn, changes)
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


def _decided(known: Known, finding: Finding, teller: Teller) -> tuple[Change, Recorded, Known]:
    """What follows from the finding, and the payment as it stands afterwards."""
    try:
        decision = decide(known, finding)
    except AnotherCheckoutError as error:
        log.error("%s: %s. Find out who made it, and refund it if it was paid", finding.provider, error)  # noqa: TRY400 - no fault of the code
        raise
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
    return Change(known, finding, decision, teller), recorded, after


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
