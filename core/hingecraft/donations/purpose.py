"""Announces donations to the site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from hingecraft.db.connection import Connection
from hingecraft.money.model import plain
from hingecraft.outbox import service as outbox
from hingecraft.payments.ledger import SETTLED
from hingecraft.payments.model import Status
from hingecraft.payments.purpose import Moved

NEWS = {
    Status.COMPLETED: "payment.completed",
    Status.FAILED: "payment.failed",
    Status.EXPIRED: "payment.failed",
    Status.ERROR: "payment.failed",
    Status.REFUNDED: "payment.refunded",
    Status.PARTIALLY_REFUNDED: "payment.refunded",
}
# The text of Stripe's button.
DONATE = "donate"


class Donations:
    """The purpose of a donation."""

    name = "donation"
    description = "Donation to HingeCraft"

    async def moved(self, conn: Connection, moves: Sequence[Moved]) -> None:
        """Announce each payment whose status has changed."""
        await outbox.announce_payments(
            conn, [(NEWS[each.after.status], _news_of(each)) for each in moves if _is_news(each)]
        )


def _is_news(moved: Moved) -> bool:
    """Whether to announce the change. A payment that is whole again after a failed refund was announced before."""
    before, after = moved.before.status, moved.after.status
    return after in NEWS and after != before and not (after is Status.COMPLETED and before in SETTLED)


def _news_of(moved: Moved) -> Mapping[str, Any]:
    """The data of the webhook to the site."""
    return {
        "paymentId": str(moved.after.id),
        "status": moved.after.status.value,
        "amount": Decimal(plain(moved.after.amount)),
        "currency": moved.after.price_currency,
        "requestId": moved.after.request_id,
    }


DONATIONS = Donations()
