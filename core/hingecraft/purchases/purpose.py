"""Records a purchase when it is paid, and ends or restores access when its money goes back or comes again.

In the transaction that books the money (decision 66).
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from hingecraft import audit
from hingecraft.db.connection import Connection
from hingecraft.errors import NotYetError
from hingecraft.members.deletion import store as deletion_store
from hingecraft.payments.ledger import SETTLED
from hingecraft.payments.model import Status
from hingecraft.payments.purpose import Moved
from hingecraft.providers.findings import Line
from hingecraft.purchases import store
from hingecraft.purchases.access import Because
from hingecraft.purchases.model import PRODUCT_PREFIX, PURPOSE
from hingecraft.purchases.products import store as products
from hingecraft.purchases.products.model import Product
from hingecraft.purchases.store import Bought

log = logging.getLogger(__name__)

_REVOKED: dict[Status, Because] = {Status.REFUNDED: "refunded", Status.DISPUTED: "disputed"}


class Purchases:
    """The purpose of payments for products."""

    name = PURPOSE
    description = "Purchase"

    async def moved(self, conn: Connection, moves: Sequence[Moved]) -> None:
        """A status decides: paid gives access, all refunded or disputed ends it, anything else restores it."""
        paid = await _of_users(conn, [each for each in moves if _became_paid(each)])
        if paid:
            await _grant(conn, paid)
        settled = [each for each in moves if each.after.status in SETTLED]
        if settled:
            await _update_access(conn, settled)


def _became_paid(moved: Moved) -> bool:
    return moved.after.status in SETTLED and moved.before.status not in SETTLED


async def _of_users(conn: Connection, paid: Sequence[Moved]) -> list[Moved]:
    """The payments of users that still exist. For the others, only a row in the audit log is written."""
    if not paid:
        return []
    deleted = await deletion_store.deleted(conn, {_user_of(each) for each in paid})
    for each in paid:
        if each.after.user_id in deleted:
            await _record(conn, each, "access_not_granted", because="the user was deleted")
    return [each for each in paid if each.after.user_id not in deleted]


async def _grant(conn: Connection, paid: Sequence[Moved]) -> None:
    once = [each for each in paid if each.finding.subscription_id is None]
    if once:
        known = {each.id: each for each in await products.some(conn, {_product_of(each) for each in once})}
        now = await conn.fetchval(store.NOW)
        bought = [_bought(each, _required(known, _product_of(each)), now) for each in once]
        made = await store.grant(conn, bought)
        for each, one in zip(once, bought, strict=True):
            if one.payment_id in made:
                await _record_granted(conn, each, one, made[one.payment_id])
    for each in paid:
        if each.finding.subscription_id is not None:
            await _grant_period(conn, each, each.finding.subscription_id)


async def _grant_period(conn: Connection, moved: Moved, subscription_id: str) -> None:
    """The period of an invoice's regular line; prorations and a trial's line without an amount grant nothing."""
    lines = [each for each in moved.finding.lines or () if not each.proration and each.period and each.amount]
    if not lines:
        return
    found = await store.of_subscription(conn, subscription_id)
    product_id = found[1] if found is not None else _product_at_stripe(lines[0])
    (product,) = await products.some(conn, {product_id}) or (None,)
    if product is None:
        raise NotYetError(f"the product {product_id} is not in the table products")
    starts_at, ends_at = _span(lines)
    if moved.after.product is not None:
        # The first period begins when it is paid, also where Stripe's clock is ahead.
        starts_at = min(starts_at, await conn.fetchval(store.NOW))
    one = Bought(
        payment_id=moved.after.id,
        user_id=_user_of(moved),
        livemode=moved.finding.livemode,
        product_id=product_id,
        amount=moved.after.amount,
        currency=moved.after.currency,
        starts_at=starts_at,
        ends_at=ends_at,
        download_limit=product.download_limit,
    )
    purchase_id = await store.grant_period(conn, subscription_id, one)
    if purchase_id is not None:
        await _record_granted(conn, moved, one, purchase_id)


def _span(lines: Sequence[Line]) -> tuple[datetime, datetime]:
    periods = [each.period for each in lines if each.period is not None]
    return min(start for start, _ in periods), max(end for _, end in periods)


def _product_at_stripe(line: Line) -> UUID:
    try:
        return UUID((line.product or "").removeprefix(PRODUCT_PREFIX))
    except ValueError:
        raise NotYetError("the payment names no known product") from None


async def _record_granted(conn: Connection, moved: Moved, one: Bought, purchase_id: UUID) -> None:
    end = {"until": one.ends_at.isoformat()} if one.ends_at is not None else {}
    await _record(conn, moved, "access_granted", purchase=str(purchase_id), product=str(one.product_id), **end)


def _bought(moved: Moved, product: Product, now: datetime) -> Bought:
    # By Stripe's clock, which may be ahead of the database's.
    starts_at = min(moved.finding.paid_at or now, now)
    return Bought(
        payment_id=moved.after.id,
        user_id=_user_of(moved),
        livemode=moved.finding.livemode,
        product_id=product.id,
        amount=moved.after.amount,
        currency=moved.after.currency,
        starts_at=starts_at,
        ends_at=product.period.after(starts_at) if product.period is not None else None,
        download_limit=product.download_limit,
    )


async def _update_access(conn: Connection, settled: Iterable[Moved]) -> None:
    """The last status of each payment counts."""
    last = {each.after.id: each for each in settled}
    reasons = {payment_id: _REVOKED.get(each.after.status) for payment_id, each in last.items()}
    changed = await store.update_access(conn, reasons)
    for payment_id, purchase_id in changed.items():
        because = reasons[payment_id]
        action, why = ("access_restored", {}) if because is None else ("access_ended", {"because": because})
        await _record(conn, last[payment_id], action, purchase=str(purchase_id), **why)


def _user_of(moved: Moved) -> UUID:
    if moved.after.user_id is None:
        raise NotYetError("the payment has no user")
    return moved.after.user_id


def _product_of(moved: Moved) -> UUID:
    try:
        return UUID(moved.after.product)
    except (TypeError, ValueError):
        raise NotYetError("the payment names no known product") from None


def _required(known: dict[UUID, Product], product_id: UUID) -> Product:
    if product_id not in known:
        raise NotYetError(f"the product {product_id} is not in the table products")
    return known[product_id]


async def _record(conn: Connection, moved: Moved, action: str, **details: Any) -> None:
    cause = moved.cause
    await audit.append(
        conn, actor=cause.actor, action=action, request_id=cause.request_id, payment_id=moved.after.id, **details
    )


class ProductSubscriptions:
    """Each product is a family of its own."""

    purpose = PURPOSE

    async def sells(self, conn: Connection, names: Collection[str]) -> bool:
        """Whether one of these is the id of a product at Stripe."""
        return await products.any_of(conn, [name.removeprefix(PRODUCT_PREFIX) for name in names])


PURCHASES = Purchases()
