"""An admin's calls on payments: lists, one payment's history, the audit log, and confirming payments to a wallet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime

from hingecraft.payments import history, settlements
from hingecraft.payments.model import Status, unknown_payment
from hingecraft.payments.settlements import Deposit
from hingecraft_api.handlers.admin.shared import admin, as_json
from hingecraft_api.handlers.pagination import CURSOR, CursorQuery, PageQuery, cursor_of
from hingecraft_api.messages.amounts import Amount
from hingecraft_api.messages.answers import Answer, number
from hingecraft_api.messages.bodies import Input, wrong_field
from hingecraft_api.messages.described import HASH, MOMENT, PAYMENT, SESSION, SETTLEMENT, described
from hingecraft_api.messages.sentences import Shape
from hingecraft_api.web.call import Call

_HASH = Shape("^[A-Za-z0-9]{16,128}$", "must be a transaction hash: 16 to 128 letters and digits")


class PaymentRowAnswer(Answer):
    """One payment."""

    id: Annotated[str, described("the payment's id", PAYMENT)]
    status: Annotated[Status, described("see `GET /payments/{id}`", "completed")]
    legacy_status: Annotated[str | None, described("the status that older software gave it")]
    provider: Annotated[str | None, described("`stripe`, `nowpayments` or `wallet`", "stripe")]
    provider_id: Annotated[str | None, described("its id at the provider", SESSION)]
    amount: Annotated[float | None, described("the price, in `priceCurrency`", 25)]
    currency: Annotated[str | None, described("what the donor was asked to pay in", "EUR")]
    price_currency: Annotated[str | None, described("the currency of `amount`", "EUR")]
    source: Annotated[str | None, described("where the donation began; null for older software", "charter")]
    livemode: Annotated[bool | None, described("whether real money moves", example=True)]
    created_at: Annotated[AwareDatetime | None, described("when it began", MOMENT)]
    updated_at: Annotated[AwareDatetime | None, described("when it last changed", MOMENT)]


class PaymentsAnswer(Answer):
    """A page of payments, newest first."""

    items: Annotated[list[PaymentRowAnswer], described("the payments")]
    next_cursor: Annotated[str | None, described("`cursor` of the next page; null on the last one", CURSOR)]


class EntryAnswer(Answer):
    """One row of the audit log."""

    id: Annotated[int, described("grows with time", 1001)]
    created_at: Annotated[AwareDatetime, described("when it happened", MOMENT)]
    actor: Annotated[str, described("who did it", "admin")]
    action: Annotated[str, described("what was done", "policy_changed")]
    payment_id: Annotated[str | None, described("the payment that it is about", PAYMENT)]
    request_id: Annotated[str | None, described("the request that caused it", "8db4145d8032f9390000000a")]
    details: Annotated[dict[str, Any], described("depends on `action`", {"paused": False})]


class AuditAnswer(Answer):
    """A page of the audit log, newest first."""

    items: Annotated[list[EntryAnswer], described("the rows")]
    next_cursor: Annotated[str | None, described("`cursor` of the next page; null on the last one", "951")]


class StoryAnswer(Answer):
    """One payment with its checkouts, settlements and audit log, each in order of time."""

    payment: Annotated[
        dict[str, Any],
        described("the fields of `GET /admin/payments`, and more", {"id": PAYMENT, "status": "completed"}),
    ]
    checkouts: Annotated[
        list[dict[str, Any]],
        described("sessions and invoices at providers", [{"provider": "stripe", "providerId": SESSION}]),
    ]
    settlements: Annotated[
        list[dict[str, Any]],
        described(
            "movements of money",
            [{"id": SETTLEMENT, "kind": "charge", "amount": 25, "currency": "EUR", "usdAmount": 26}],
        ),
    ]
    trail: Annotated[Sequence[EntryAnswer], described("the payment's rows in the audit log")]


class ConfirmInput(Input):
    """A transaction that was seen on the chain."""

    tx_hash: Annotated[str, _HASH, described("the transaction; each counts once", HASH)]
    amount: Annotated[Amount, described("how many coins arrived: a number or a numeric string", "0.00026")]
    coin: Annotated[
        str, described("the coin that the payment waits for: code or name", "BTC", min_length=1, max_length=64)
    ]
    note: Annotated[
        str | None,
        described("stays in the audit log for good; e-mail addresses in it are masked", "seen by hand", max_length=500),
    ] = None


class ConfirmAnswer(Answer):
    """The confirmed payment."""

    id: Annotated[str, described("the payment's id", PAYMENT)]
    status: Annotated[Literal["completed"], described("the payment's new status")]
    usd_amount: Annotated[float | None, described("what the coins were worth in USD; null: unknown", 25)]


async def get_payments(call: Call) -> Any:
    page: CursorQuery = call.query
    rows, following = await history.payments(call.pod.database, page.after, page.limit)
    return {"items": [as_json(row) for row in rows], "nextCursor": cursor_of(following)}


async def get_history(call: Call) -> Any:
    found = await history.of_payment(call.pod.database, _payment_id(call))
    return {
        "payment": as_json(found.payment),
        "checkouts": [as_json(row) for row in found.checkouts],
        "settlements": [as_json(row) for row in found.settlements],
        "trail": [as_json(row) for row in found.entries],
    }


async def get_audit(call: Call) -> Any:
    page: PageQuery = call.query
    rows, following = await history.entries(call.pod.database, int(page.cursor) if page.cursor else None, page.limit)
    return {"items": [as_json(row) for row in rows], "nextCursor": str(following) if following is not None else None}


async def post_confirm(call: Call) -> Any:
    """A wallet payment has arrived."""
    wanted: ConfirmInput = call.body
    payment_id = _payment_id(call)
    coin = call.pod.currencies.table.recognise(wanted.coin)
    if coin is None or coin.kind != "crypto":
        raise wrong_field("unknown_currency", "coin", "must be one of the coins that GET /config lists")
    if wanted.amount <= 0:
        raise wrong_field("invalid_amount", "amount", "must be more than 0")
    deposit = Deposit(tx_hash=wanted.tx_hash, amount=wanted.amount, coin=coin.code, note=wanted.note)
    settled = await settlements.confirm(
        call.pod.database,
        call.pod.books,
        payment_id,
        deposit,
        actor=call.principal.actor,
        request_id=call.request_id,
    )
    usd = settled["usdAmount"]
    return {"id": str(payment_id), "status": "completed", "usdAmount": number(usd) if usd is not None else None}


def _payment_id(call: Call) -> UUID:
    try:
        return UUID(call.named("id"))
    except ValueError:
        raise unknown_payment() from None


_PAYMENT_ID = {"id": {"type": "string", "description": "the payment's id", "examples": [PAYMENT]}}

ENDPOINTS = [
    admin(
        "GET",
        "/admin/payments",
        get_payments,
        "List payments",
        PaymentsAnswer,
        description="Newest first, page by page.",
        query=CursorQuery,
        errors=("invalid_cursor",),
    ),
    admin(
        "GET",
        "/admin/payments/{id}",
        get_history,
        "Get everything about a payment",
        StoryAnswer,
        description="The payment history: checkouts at providers, settlements and audit log.",
        parts=_PAYMENT_ID,
        errors=("unknown_payment",),
    ),
    admin(
        "GET",
        "/admin/audit",
        get_audit,
        "List the audit log",
        AuditAnswer,
        description="Newest first. Every change by an admin, a provider or the backend itself is in it.",
        query=PageQuery,
    ),
    admin(
        "POST",
        "/admin/payments/{id}/confirm",
        post_confirm,
        "Confirm a wallet payment",
        ConfirmAnswer,
        description="Completes a payment whose `status` is `awaiting_confirmation`, after you have seen the "
        "transaction on the chain. A repeated request gets 409 and counts nothing.",
        parts=_PAYMENT_ID,
        body=ConfirmInput,
        errors=(
            "counted_before",
            "hash_counted",
            "illegal_move",
            "invalid_amount",
            "not_a_wallet",
            "not_awaiting",
            "unknown_currency",
            "unknown_payment",
            "wrong_coin",
        ),
    ),
]
