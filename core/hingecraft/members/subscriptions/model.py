"""A subscription as Stripe has it now. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

EVENT_TYPES = frozenset(
    f"customer.subscription.{what}"
    for what in ("created", "updated", "deleted", "paused", "resumed", "pending_update_applied", "trial_will_end")
)
# Stripe's statuses of a subscription that is not over. Of each family a user has at most one such subscription.
RUNNING = frozenset({"incomplete", "trialing", "active", "past_due", "unpaid", "paused"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """The fields that are copied from Stripe's subscription."""

    id: str
    livemode: bool
    customer_id: str
    # What our checkout wrote into the metadata. It only finds our rows.
    payment_id: str | None
    installation: str | None
    price_id: str | None
    product_id: str | None
    prices: tuple[str, ...]
    status: str
    period_start: datetime | None
    period_end: datetime | None
    cancels: bool
    paused_because: str | None
    created_at: datetime
    ended_at: datetime | None
    paid_invoice: str | None
    paid_invoice_at: datetime | None

    @property
    def running(self) -> bool:
        """Whether it is not over."""
        return self.status in RUNNING


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The owner's marks on a subscription. They do not change, so an old event has them too, in any API version."""

    livemode: bool
    customer_id: str
    payment_id: str | None
    installation: str | None


def mark_of(subscription: Mapping[str, Any]) -> Mark:
    """Read the object of an event."""
    metadata = subscription.get("metadata") or {}
    return Mark(
        livemode=bool(subscription["livemode"]),
        customer_id=_id_of(subscription["customer"]),
        payment_id=metadata.get("payment_id"),
        installation=metadata.get("installation"),
    )


def copy_of(subscription: Mapping[str, Any]) -> Copy:
    """Read Stripe's answer, which has the latest invoice in it."""
    items = subscription["items"]["data"]
    first: Mapping[str, Any] = items[0] if items else {}
    price: Mapping[str, Any] = first.get("price") or {}
    metadata = subscription.get("metadata") or {}
    invoice = subscription.get("latest_invoice")
    paid = isinstance(invoice, Mapping) and invoice.get("status") == "paid" and bool(invoice.get("amount_paid"))
    return Copy(
        id=str(subscription["id"]),
        livemode=bool(subscription["livemode"]),
        customer_id=_id_of(subscription["customer"]),
        payment_id=metadata.get("payment_id"),
        installation=metadata.get("installation"),
        price_id=price.get("id"),
        product_id=_id_of(price["product"]) if price.get("product") else None,
        prices=tuple(str(item["price"]["id"]) for item in items),
        status=str(subscription["status"]),
        period_start=_moment(first.get("current_period_start")),
        period_end=_moment(max((item["current_period_end"] for item in items), default=None)),
        # The portal sets only cancel_at in the flexible billing mode.
        cancels=bool(subscription.get("cancel_at_period_end")) or subscription.get("cancel_at") is not None,
        paused_because=_paused_because(subscription),
        created_at=datetime.fromtimestamp(subscription["created"], UTC),
        ended_at=_moment(subscription.get("ended_at")),
        paid_invoice=str(invoice["id"]) if paid and invoice else None,
        paid_invoice_at=_moment(invoice["status_transitions"]["paid_at"]) if paid and invoice else None,
    )


def _paused_because(subscription: Mapping[str, Any]) -> str | None:
    """`paused` is a status; a merchant's pause of the collection leaves the status as it is."""
    paused = ((subscription.get("status_details") or {}).get("paused") or {}).get("subscription") or {}
    if subscription["status"] == "paused":
        return str(paused.get("type") or "trial_end")
    collection = subscription.get("pause_collection")
    return f"collection_{collection['behavior']}" if collection else None


def _id_of(value: Any) -> str:
    """An id, or the object itself where it was expanded."""
    return str(value["id"] if isinstance(value, Mapping) else value)


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
