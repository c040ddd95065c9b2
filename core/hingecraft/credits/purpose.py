"""Grants credits when money is paid, and takes them back when it goes back (decision 63)."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any
from uuid import UUID

from hingecraft import audit
from hingecraft.credits import grant_store, modes
from hingecraft.credits.grant_store import GrantKey
from hingecraft.credits.grants import Grant, Offer, grants_of, prices_of
from hingecraft.credits.model import PURPOSE, Entry, Written
from hingecraft.credits.taking_back import INCOME, Change, Granted, changes_of
from hingecraft.db.connection import Connection
from hingecraft.errors import AskFirstError, NotYetError
from hingecraft.payments.ledger import SETTLED
from hingecraft.payments.purpose import Moved
from hingecraft.providers.findings import Finding, Line

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Planned:
    """One row that is to be written, because of one change of a payment."""

    moved: Moved
    entry: Entry


class Credits:
    """The purpose of packs and plans."""

    name = PURPOSE
    description = "Credits"

    async def moved(self, conn: Connection, moves: Sequence[Moved]) -> None:
        """Grant what was paid, and take or give back what money went back or came again.

        The first call of `_write` locks all accounts in one order. The second is only for payments that were paid
        and refunded in the same transaction, whose accounts are locked by then.
        """
        facts = await _facts(conn, moves)
        moves = await _of_mode(conn, moves, live=facts.livemode)
        paid = [each for each in moves if _became_paid(each)]
        new = await _grants(conn, paid, facts)
        fresh = {each.after.id for each in paid}
        later = await _changes(conn, [each for each in moves if each.after.id not in fresh])
        written = await _write(conn, [*new, *later])
        granted = [(plan, row) for plan, row in zip(new, written, strict=False) if row.transaction_id is not None]
        await _write(conn, list(_of_new_grants(granted, moves)))


def _became_paid(moved: Moved) -> bool:
    return moved.after.status in SETTLED and moved.before.status not in SETTLED


async def _of_mode(conn: Connection, moves: Sequence[Moved], *, live: bool | None) -> list[Moved]:
    """The payments in the mode of the credits. For the others, only a row in the audit log is written."""
    asked = sorted({bool(each.after.livemode) for each in moves})
    counted = {mode for mode in asked if live is mode or await modes.claim(conn, livemode=mode) is mode}
    because = "it was paid in test mode, and the credits are live"
    refused = [each for each in moves if bool(each.after.livemode) not in counted and _became_paid(each)]
    await audit.append_all(conn, [_audit_row(each, "credits_not_granted", because=because) for each in refused])
    return [each for each in moves if bool(each.after.livemode) in counted]


async def is_nothing(conn: Connection, finding: Finding) -> bool:
    """Whether it is for 0 and grants nothing."""
    if finding.lines is None or finding.money or finding.price is not None:
        return False
    return not grants_of(finding.lines, await grant_store.offers(conn, prices_of(finding.lines)))


async def _facts(conn: Connection, moves: Sequence[Moved]) -> grant_store.GrantFacts:
    paid = [each for each in moves if _became_paid(each)]
    return await grant_store.read(
        conn,
        users={each.after.user_id for each in paid if each.after.user_id is not None},
        payments=[each.after.id for each in paid if each.finding.invoice_id is None],
        prices={price for each in paid for price in prices_of(each.finding.lines or ())},
        events={_event_of(each) for each in paid},
        test=not all(each.after.livemode for each in moves),
    )


async def _grants(conn: Connection, paid: Sequence[Moved], facts: grant_store.GrantFacts) -> list[_Planned]:
    paid = await _of_users(conn, paid, facts)
    return [
        _Planned(each, _grant_entry(each, grant))
        for each in paid
        for grant in grants_of(_lines(each, facts), facts.offers)
        if not _is_repeat(each, grant.offer, facts)
    ]


async def _of_users(conn: Connection, paid: Sequence[Moved], facts: grant_store.GrantFacts) -> list[Moved]:
    """The payments of users that still exist. For the others, only a row in the audit log is written."""
    refused = [each for each in paid if each.after.user_id in facts.deleted]
    await audit.append_all(
        conn, [_audit_row(each, "credits_not_granted", because="the user was deleted") for each in refused]
    )
    return [each for each in paid if each.after.user_id not in facts.deleted]


def _lines(moved: Moved, facts: grant_store.GrantFacts) -> Sequence[Line]:
    """The sold lines: by our own request, else as the provider says."""
    lines = facts.sold.get(moved.after.id, moved.finding.lines)
    if lines is not None:
        return lines
    if not moved.finding.fresh:
        raise AskFirstError("the provider is asked what was sold")
    raise NotYetError("the provider does not say what was sold")


def _is_repeat(moved: Moved, offer: Offer, facts: grant_store.GrantFacts) -> bool:
    """Whether `add_user_credits` has granted it, as software of before does while it is replaced."""
    if GrantKey(event=_event_of(moved), price_id=offer.price_id) not in facts.granted:
        return False
    log.warning("event %s has granted %s by add_user_credits already", _event_of(moved), offer.price_id)
    return True


def _grant_entry(moved: Moved, grant: Grant) -> Entry:
    return Entry(
        user_id=_user_of(moved),
        delta=grant.credits,
        ref=f"{moved.finding.invoice_id or moved.finding.checkout_id}/{grant.line}",
        reason=grant.offer.reason,
        plan_type=grant.offer.plan_type,
        stripe_event_id=_event_of(moved),
        stripe_payment_id=next(iter(_charges(moved)), None),
        stripe_price_id=grant.offer.price_id,
        metadata={"payment": str(moved.after.id)},
    )


async def _changes(conn: Connection, moves: Sequence[Moved]) -> list[_Planned]:
    """The changes of grants that are in the ledger, by new movements."""
    moves = [each for each in moves if each.decision.entries]
    grants = await grant_store.grants(conn, {charge for each in moves for charge in _charges(each)})
    taken: dict[int, int] = {}
    planned: list[_Planned] = []
    for each in moves:
        existing = [grant for charge in _charges(each) for grant in grants.get(charge, ())]
        number = len(each.after.settled) - len(each.decision.entries)
        before, moved = each.after.settled[:number], each.after.settled[number:]
        now = [replace(grant, taken=taken.get(grant.id, grant.taken)) for grant in existing]
        for change in changes_of(now, before, moved):
            taken[change.granted.id] = taken.get(change.granted.id, change.granted.taken) - change.delta
            planned.append(_Planned(each, _change_entry(each, change)))
    return planned


def _of_new_grants(granted: Sequence[tuple[_Planned, Written]], moves: Sequence[Moved]) -> Iterator[_Planned]:
    """The changes of grants that were written just now, by all movements so far."""
    last = {each.after.id: each for each in moves}
    for plan, row in granted:
        each = last[plan.moved.after.id]
        went_back = [one for one in each.after.settled if one.kind not in INCOME]
        income = [one for one in each.after.settled if one.kind in INCOME]
        for change in changes_of([_granted(plan.entry, row)], income, went_back):
            yield _Planned(each, _change_entry(each, change))


def _granted(entry: Entry, row: Written) -> Granted:
    assert row.transaction_id is not None
    return Granted(
        id=row.transaction_id,
        user_id=entry.user_id,
        credits=entry.delta,
        reason=entry.reason,
        plan_type=entry.plan_type,
        price_id=entry.stripe_price_id,
    )


def _change_entry(moved: Moved, change: Change) -> Entry:
    granted = change.granted
    return Entry(
        user_id=granted.user_id,
        delta=change.delta,
        ref=change.ref,
        reason=change.reason,
        plan_type=granted.plan_type,
        stripe_event_id=_event_of(moved),
        stripe_payment_id=next(iter(_charges(moved)), None),
        stripe_price_id=granted.price_id,
        metadata={"payment": str(moved.after.id), "grant": granted.id},
        below_zero=True,
    )


async def _write(conn: Connection, planned: Sequence[_Planned]) -> list[Written]:
    """Write the rows, and one row in the audit log for each change of a payment. The rows of a change are together."""
    changes = [
        (
            _audit_row(moved, "credits_changed", user=str(moved.after.user_id)),
            [grant_store.Explained(plan.entry, _row_of(plan.entry)) for plan in plans],
        )
        for moved, plans in _by_change(planned)
    ]
    written = await grant_store.write(conn, changes) if changes else []
    for row in written:
        row.required()
    return written


def _by_change(planned: Sequence[_Planned]) -> Iterator[tuple[Moved, list[_Planned]]]:
    for _, group in groupby(planned, key=lambda plan: id(plan.moved)):
        plans = list(group)
        yield plans[0].moved, plans


def _row_of(entry: Entry) -> dict[str, Any]:
    return {"credits": entry.delta, "reason": entry.reason, "ref": entry.ref, "price": entry.stripe_price_id}


def _audit_row(moved: Moved, action: str, **details: Any) -> audit.Row:
    cause = moved.cause
    return audit.Row(
        actor=cause.actor, action=action, request_id=cause.request_id, payment_id=moved.after.id, details=details
    )


def _event_of(moved: Moved) -> str:
    """The event, or the object that a reconciliation read."""
    finding = moved.finding
    found = moved.cause.request_id or finding.invoice_id or finding.checkout_id or finding.charge
    return found or str(moved.after.id)


def _user_of(moved: Moved) -> UUID:
    if moved.after.user_id is None:
        raise NotYetError("the payment has no user")
    return moved.after.user_id


def _charges(moved: Moved) -> list[str]:
    """The payment's PaymentIntents, in order of their charges."""
    refs = (each.ref.partition("/")[0] for each in moved.after.settled if each.kind == "charge")
    return list(dict.fromkeys(refs))


CREDITS = Credits()
