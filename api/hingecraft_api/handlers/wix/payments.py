"""The owner's dashboard: payments, with filters and search, and the history of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime

from hingecraft.dashboard import payments
from hingecraft.dashboard.payments import LONGEST_SEARCH
from hingecraft.payments import history
from hingecraft.payments.history import PaymentHistory
from hingecraft.payments.model import Status, unknown_payment
from hingecraft.payments.refunds.model import Refund, Refundable
from hingecraft.payments.refunds.service import RefundService
from hingecraft.routes.model import timestamp
from hingecraft.trail.plain_words import in_plain_words
from hingecraft_api.handlers.admin.payments import EntryAnswer, StoryAnswer
from hingecraft_api.handlers.pagination import CURSOR, CursorQuery, cursor_of
from hingecraft_api.handlers.wix.amounts import Number, amount_in
from hingecraft_api.handlers.wix.modes import Mode, mode_of
from hingecraft_api.handlers.wix.owner_endpoints import owners
from hingecraft_api.handlers.wix.payment_filters import PaymentFilterInput
from hingecraft_api.messages.answers import Answer
from hingecraft_api.messages.described import MOMENT, PAYMENT, SESSION, described
from hingecraft_api.messages.rows import as_json
from hingecraft_api.web.call import Call

_REFUND = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"


class PaymentsQuery(PaymentFilterInput, CursorQuery):
    """A page of the payments that pass every filter."""

    search: Annotated[
        str | None,
        described(
            "a payment's id, the id of its checkout or charge at the provider, or the payer's e-mail address where it "
            "is known: whole, in any case",
            "payer@example.com",
            min_length=1,
            max_length=LONGEST_SEARCH,
        ),
    ] = None


class PaymentItem(Answer):
    """One payment."""

    id: Annotated[str, described("the payment's id", PAYMENT)]
    status: Annotated[Status, described("see `GET /payments/{id}`", "completed")]
    provider: Annotated[str | None, described("`stripe`, `nowpayments` or `wallet`", "stripe")]
    provider_id: Annotated[str | None, described("the id of its checkout at the provider", SESSION)]
    purpose: Annotated[str, described("`donation`, `credits` or `purchase`", "donation")]
    amount: Annotated[float | None, described("the price, in `priceCurrency`", 25)]
    price_currency: Annotated[str | None, described("the currency of `amount`", "EUR")]
    currency: Annotated[str | None, described("what the payer was asked to pay in", "EUR")]
    paid_amount: Annotated[Number | None, described("what came in, before refunds; null: nothing", 25)]
    paid_currency: Annotated[str | None, described("the currency of `paidAmount` and `wentBack`", "EUR")]
    went_back: Annotated[Number | None, described("what was refunded or taken back by a bank", 0)]
    source: Annotated[str | None, described("where it began; null for older software", "charter")]
    mode: Annotated[Mode, described("real money or a test payment", "live")]
    created_at: Annotated[AwareDatetime, described("when it began", MOMENT)]
    updated_at: Annotated[AwareDatetime, described("when it last changed", MOMENT)]


class PaymentItemsAnswer(Answer):
    """A page of payments, newest first."""

    items: Annotated[list[PaymentItem], described("the payments")]
    next_cursor: Annotated[str | None, described("`cursor` of the next page; null on the last one", CURSOR)]


class RefundableAnswer(Answer):
    """The amount that can be refunded now."""

    amount: Annotated[float | None, described("at most this; null: nothing", 25)]
    currency: Annotated[str | None, described("its currency", "EUR")]
    why_not: Annotated[str | None, described("why nothing can be refunded, and what to do instead; null: it can", None)]


class RefundAnswer(Answer):
    """One refund."""

    refund_id: Annotated[str, described("its id here", _REFUND)]
    payment_id: Annotated[str, described("the payment", PAYMENT)]
    reference: Annotated[str, described("the name that the caller gave it", "refund-2026-11-0001")]
    amount: Annotated[float, described("how much", 12.5)]
    currency: Annotated[str, described("in which currency", "EUR")]
    reason: Annotated[
        Literal["requested_by_customer", "duplicate", "fraudulent"], described("why", "requested_by_customer")
    ]
    status: Annotated[
        Literal["asked", "pending", "succeeded", "failed"],
        described("`asked`: Stripe has not answered yet; `pending`: the payer's bank has not", "succeeded"),
    ]
    booked: Annotated[bool, described("whether Stripe's event has arrived, by which the money is booked", example=True)]
    provider_ref: Annotated[str | None, described("its id at Stripe", "re_3Qb4cdEfGh5iJkLm")]
    failure: Annotated[str | None, described("why it failed, or why it is still `asked`", None)]
    created_at: Annotated[AwareDatetime, described("when it was asked for", MOMENT)]


class TrailEntryAnswer(EntryAnswer):
    """One row of the audit log, and what it means."""

    text: Annotated[str, described("what happened, in plain English", "Stripe accepted the payment.")]


class PaymentHistoryAnswer(StoryAnswer):
    """One payment with everything about it."""

    trail: Annotated[Sequence[TrailEntryAnswer], described("the payment's rows in the audit log, in order")]
    refundable: Annotated[RefundableAnswer, described("what can be refunded now")]
    refunds: Annotated[list[RefundAnswer], described("the refunds that were asked for here, in order")]


async def get_payments(call: Call) -> Any:
    query: PaymentsQuery = call.query
    rows, following = await payments.page(call.pod.database, query.wanted, query.search, query.after, query.limit)
    return {"items": [_item(call, row) for row in rows], "nextCursor": cursor_of(following)}


async def get_payment(call: Call) -> Any:
    found = await history.of_payment(call.pod.database, payment_id_of(call))
    state = await call.pod.parts[RefundService].state(found)
    return {
        "payment": {**as_json(found.payment), "purpose": found.payment["purpose"]},
        "checkouts": [as_json(row) for row in found.checkouts],
        "settlements": [as_json(row) for row in found.settlements],
        "trail": _trail(found),
        "refundable": _refundable(state.refundable),
        "refunds": [refund_answer(each) for each in state.refunds],
    }


def payment_id_of(call: Call) -> UUID:
    """The payment that the path names."""
    try:
        return UUID(call.named("id"))
    except ValueError:
        raise unknown_payment() from None


def refund_answer(refund: Refund) -> dict[str, Any]:
    """A refund as it is answered."""
    return {
        "refundId": str(refund.id),
        "paymentId": str(refund.payment_id),
        "reference": refund.reference,
        "amount": refund.amount,
        "currency": refund.currency,
        "reason": refund.reason,
        "status": refund.status.value,
        "booked": refund.booked,
        "providerRef": refund.provider_ref,
        "failure": refund.failure,
        "createdAt": timestamp(refund.created_at),
    }


def _item(call: Call, row: Mapping[str, Any]) -> dict[str, Any]:
    found = as_json({name: value for name, value in row.items() if name != "livemode"})
    paid_in = row["paid_currency"]
    return {
        **found,
        "paidAmount": amount_in(call, paid_in, row["paid_amount"]),
        "wentBack": amount_in(call, paid_in, row["went_back"]) if paid_in is not None else None,
        "mode": mode_of(row["livemode"]),
    }


def _trail(found: PaymentHistory) -> list[dict[str, Any]]:
    return [{**as_json(row), "text": in_plain_words(row)} for row in found.entries]


def _refundable(found: Refundable) -> dict[str, Any]:
    return {
        "amount": found.left if found.why_not is None else None,
        "currency": found.currency,
        "whyNot": found.why_not,
    }


PAYMENT_ID = {"id": {"type": "string", "description": "the payment's id", "examples": [PAYMENT]}}

ENDPOINTS = [
    owners(
        "GET",
        "payments",
        get_payments,
        "List payments of the dashboard",
        PaymentItemsAnswer,
        description="Newest first, page by page, of all purposes. Filters and search can be combined; an export takes "
        "the same filters.",
        query=PaymentsQuery,
        errors=("invalid_cursor",),
    ),
    owners(
        "GET",
        "payments/{id}",
        get_payment,
        "Get the history of a payment",
        PaymentHistoryAnswer,
        description="Checkouts at providers, movements of money, the audit log in sentences, and what can be refunded.",
        parts=PAYMENT_ID,
        errors=("unknown_payment",),
    ),
]
