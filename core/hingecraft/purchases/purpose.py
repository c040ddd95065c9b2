"""Records a purchase when it is paid, and ends or restores access when its money goes back or comes again.

In the transaction that books the money (decision 66).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
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
from hingecraft.purchases import store
from hingecraft.purchases.model import PURPOSE, Because
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
            await _stand(conn, settled)


def _became_paid(moved: Moved) -> bool:
    return moved.after.status in SETTLED and moved.before.status not in SETTLED


async def _of_users(conn: Connection, paid: Sequence[Moved]) -> list[Moved]:
    """Those of users that still exist; for the others it is only recorded that they were paid."""
    if not paid:
        return []
    deleted = await deletion_store.deleted(conn, {_user_of(each) for each in paid})
    for each in paid:
        if each.after.user_id in deleted:
            await _tell(conn, each, "access_not_granted", because="the user was deleted")
    return [each for each in paid if each.after.user_id not in deleted]


async def _grant(conn: Connection, paid: Sequence[Moved]) -> None:
    known = {each.id: each for each in await products.some(conn, {_product_of(each) for each in paid})}
    now = await conn.fetchval(store.NOW)
    bought = [_bought(each, _required(known, _product_of(each)), now) for each in paid]
    made = await store.grant(conn, bought)
    for each, one in zip(paid, bought, strict=True):
        if one.payment_id in made:
            end = {"until": one.ends_at.isoformat()} if one.ends_at is not None else {}
            purchase = str(made[one.payment_id])
            await _tell(conn, each, "access_granted", purchase=purchase, product=str(one.product_id), **end)


def _bought(moved: Moved, product: Product, now: datetime) -> Bought:
    starts_at = moved.finding.paid_at or now
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


async def _stand(conn: Connection, settled: Iterable[Moved]) -> None:
    """The last status of each payment counts."""
    last = {each.after.id: each for each in settled}
    standing = {payment_id: _REVOKED.get(each.after.status) for payment_id, each in last.items()}
    changed = await store.stand(conn, standing)
    for payment_id, purchase_id in changed.items():
        because = standing[payment_id]
        action, why = ("access_restored", {}) if because is None else ("access_ended", {"because": because})
        await _tell(conn, last[payment_id], action, purchase=str(purchase_id), **why)


def _user_of(moved: Moved) -> UUID:
    if moved.after.user_id is None:
        raise NotYetError("nobody knows whose payment it is")
    return moved.after.user_id


def _product_of(moved: Moved) -> UUID:
    try:
        return UUID(moved.after.product)
    except (TypeError, ValueError):
        raise NotYetError("nobody knows what was bought") from None


def _required(known: dict[UUID, Product], product_id: UUID) -> Product:
    if product_id not in known:
        raise NotYetError(f"the product {product_id} is not in the table products")
    return known[product_id]


async def _tell(conn: Connection, moved: Moved, action: str, **details: Any) -> None:
    cause = moved.cause
    await audit.append(
        conn, actor=cause.actor, action=action, request_id=cause.request_id, payment_id=moved.after.id, **details
    )


PURCHASES = Purchases()
