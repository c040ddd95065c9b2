"""The fact about a plan in an event of Wix. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from hingecraft.errors import ForeignError
from hingecraft.wix_app.plans.model import LONGEST_NAME, Fact, Kind
from hingecraft.wix_app.webhooks.model import WixEvent

_PLAN_EVENTS: Mapping[str, Kind] = {
    "PaidPlanPurchased": Kind.BEGUN,
    "PaidPlanChanged": Kind.BEGUN,
    "PlanConvertedToPaid": Kind.BEGUN,
    "PlanTransferred": Kind.TRANSFERRED,
    "PlanReactivated": Kind.REACTIVATED,
    "PaidPlanAutoRenewalCancelled": Kind.CANCELLED,
}
PLAN_TYPES = frozenset(_PLAN_EVENTS)
INVOICE_TYPE = "InvoiceStatusUpdated"
_INVOICE_STATUSES: Mapping[str, Kind] = {
    "PAID": Kind.PAID,
    "PAYMENT_FAILED": Kind.PAYMENT_FAILED,
    "REFUNDED": Kind.RETURNED,
    "CHARGEDBACK": Kind.CHARGED_BACK,
}
# Wix lists no values; one of these is in public use. Any other ends access with the period.
_AT_ONCE = frozenset({"IMMEDIATE", "IMMEDIATELY"})


def plan_fact(event: WixEvent, fact_id: str) -> Fact:
    """The fact in an event about a plan."""
    kind = _PLAN_EVENTS[event.type]
    product = event.text("vendorProductId")
    if kind is Kind.CANCELLED:
        cancellation = (event.text("subscriptionCancellationType") or "").upper()
        return Fact(
            fact_id=fact_id,
            kind=kind,
            happened_at=event.happened_at,
            product=_name(event, "vendorProductId"),
            cycle=_name(event, "cycle"),
            at_once=cancellation in _AT_ONCE,
        )
    if product is None or len(product) > LONGEST_NAME:
        raise ForeignError(f"it names no plan: vendorProductId is {product!r}")
    return Fact(
        fact_id=fact_id,
        kind=kind,
        happened_at=event.happened_at,
        product=product,
        cycle=_name(event, "cycle"),
        ends_at=event.moment("expiresOn"),
        invoice_id=_name(event, "invoiceId"),
        is_change=event.type == "PaidPlanChanged",
    )


def invoice_fact(event: WixEvent, fact_id: str) -> Fact:
    """The fact in an event about an invoice. Raises ForeignError for a status that changes nothing."""
    status = event.text("status") or ""
    kind = _INVOICE_STATUSES.get(status)
    if kind is None:
        raise ForeignError(f"an invoice that is {status} changes nothing")
    return Fact(fact_id=fact_id, kind=kind, happened_at=event.happened_at, invoice_id=_name(event, "invoiceId"))


def _name(event: WixEvent, field: str) -> str | None:
    """A field that names something; None for a text that is too long for a name."""
    text = event.text(field)
    return text if text is not None and len(text) <= LONGEST_NAME else None
