"""An admin's calls on payments: lists, the story of one, the whole trail, and confirming what came to a wallet."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, Field

from hingecraft.errors import InvalidError, MissingError
from hingecraft.payments import history, settlements
from hingecraft.payments.history import Place
from hingecraft.payments.settlements import Seen
from hingecraft_api.amounts import Amount
from hingecraft_api.answers import Answer, number
from hingecraft_api.bodies import Input, wrong_field
from hingecraft_api.call import Call
from hingecraft_api.handlers.admin import LARGEST_PAGE, USUAL_PAGE, PageQuery, admin, as_json

_HASH = r"^[A-Za-z0-9]{16,128}$"


class PlaceQuery(Input):
    """Keyset pagination over payments."""

    cursor: Annotated[
        str | None, Field(pattern="^[A-Za-z0-9_-]{1,200}$", description="nextCursor of the page before")
    ] = None
    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE, strict=False)] = USUAL_PAGE


class PaymentRowAnswer(Answer):
    """One payment."""

    id: str
    status: str
    legacy_status: str | None
    provider: str | None
    provider_id: str | None
    amount: float | None
    currency: str | None
    price_currency: str | None
    source: str | None
    livemode: bool | None
    created_at: AwareDatetime | None
    updated_at: AwareDatetime | None


class PaymentsAnswer(Answer):
    """A page, newest first."""

    items: list[PaymentRowAnswer]
    next_cursor: str | None


class EntryAnswer(Answer):
    """One row of the trail."""

    id: int
    created_at: AwareDatetime
    actor: str
    action: str
    payment_id: str | None
    request_id: str | None
    details: dict[str, Any]


class AuditAnswer(Answer):
    """A page of the trail, newest first."""

    items: list[EntryAnswer]
    next_cursor: str | None


class StoryAnswer(Answer):
    """One payment, its checkouts, its money and its trail, each in order."""

    payment: dict[str, Any]
    checkouts: list[dict[str, Any]]
    settlements: list[dict[str, Any]]
    trail: list[EntryAnswer]


class ConfirmInput(Input):
    """What was seen on the chain."""

    tx_hash: Annotated[str, Field(pattern=_HASH)]
    amount: Amount
    coin: Annotated[str, Field(min_length=1, max_length=64)]
    note: Annotated[
        str | None,
        Field(max_length=500, description="stays in the audit log for good; e-mail addresses in it are masked"),
    ] = None


class ConfirmAnswer(Answer):
    """The payment is complete."""

    id: str
    status: str
    usd_amount: float | None


async def get_payments(call: Call) -> Any:
    """A page of payments."""
    page: PlaceQuery = call.query
    rows, following = await history.payments(call.pod.database, _place(page.cursor), page.limit)
    return {"items": [as_json(row) for row in rows], "nextCursor": _cursor(following)}


async def get_story(call: Call) -> Any:
    """The whole story of one payment."""
    story = await history.story(call.pod.database, _payment_id(call))
    return {
        "payment": as_json(story.payment),
        "checkouts": [as_json(row) for row in story.checkouts],
        "settlements": [as_json(row) for row in story.settlements],
        "trail": [as_json(row) for row in story.trail],
    }


async def get_audit(call: Call) -> Any:
    """A page of the trail."""
    page: PageQuery = call.query
    rows, following = await history.entries(call.pod.database, int(page.cursor) if page.cursor else None, page.limit)
    return {"items": [as_json(row) for row in rows], "nextCursor": str(following) if following is not None else None}


async def post_confirm(call: Call) -> Any:
    """A wallet payment has arrived."""
    seen: ConfirmInput = call.body
    payment_id = _payment_id(call)
    coin = call.pod.currencies.table.recognise(seen.coin)
    if coin is None or coin.kind != "crypto":
        raise wrong_field("unknown_currency", "coin", "must be one of the coins that GET /config lists")
    if seen.amount <= 0:
        raise wrong_field("invalid_amount", "amount", "must be more than 0")
    arrived = Seen(tx_hash=seen.tx_hash, amount=seen.amount, coin=coin.code, note=seen.note)
    settled = await settlements.confirm(call.pod.database, payment_id, arrived, call.request_id)
    usd = settled["usdAmount"]
    return {"id": str(payment_id), "status": "completed", "usdAmount": number(usd) if usd is not None else None}


def _payment_id(call: Call) -> UUID:
    try:
        return UUID(call.named("id"))
    except ValueError:
        raise MissingError("unknown_payment", "There is no payment with this id.") from None


def _cursor(place: Place | None) -> str | None:
    if place is None:
        return None
    text = f"{place.created_at.isoformat()}|{place.id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _place(cursor: str | None) -> Place | None:
    if cursor is None:
        return None
    try:
        moment, _, payment = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition("|")
        created_at = datetime.fromisoformat(moment)
        if created_at.tzinfo is not None:
            return Place(created_at.astimezone(UTC), UUID(payment))
    except (ValueError, OverflowError, binascii.Error):
        pass  # answered like a cursor without a time zone
    raise InvalidError(
        "invalid_cursor", "Send the nextCursor of the page before.", fields={"cursor": "is not a nextCursor"}
    )


ENDPOINTS = [
    admin(
        "GET",
        "/admin/payments",
        get_payments,
        "Payments, newest first",
        PaymentsAnswer,
        query=PlaceQuery,
        refusals=(HTTPStatus.BAD_REQUEST,),
    ),
    admin(
        "GET",
        "/admin/payments/{id}",
        get_story,
        "The whole story of a payment",
        StoryAnswer,
        refusals=(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND),
    ),
    admin(
        "GET",
        "/admin/audit",
        get_audit,
        "The audit trail, newest first",
        AuditAnswer,
        query=PageQuery,
        refusals=(HTTPStatus.BAD_REQUEST,),
    ),
    admin(
        "POST",
        "/admin/payments/{id}/confirm",
        post_confirm,
        "A wallet payment was seen on the chain",
        ConfirmAnswer,
        body=ConfirmInput,
        refusals=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
    ),
]
