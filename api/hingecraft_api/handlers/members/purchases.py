"""Members read what they have bought, and whether they may use it."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime

from hingecraft.identity.principal import Kind
from hingecraft.purchases.access import Reason
from hingecraft.purchases.cancelling import Cancelling
from hingecraft.purchases.model import Purchase, PurchaseStatus, UnknownPurchaseError
from hingecraft.purchases.products.model import Type
from hingecraft.purchases.service import PurchaseReader
from hingecraft.routes.model import timestamp
from hingecraft_api.handlers.members.products import PeriodAnswer, product_id
from hingecraft_api.handlers.pagination import CURSOR, CursorQuery, cursor_of
from hingecraft_api.messages.answers import Answer, number
from hingecraft_api.messages.described import MOMENT, PRODUCT, PURCHASE, described
from hingecraft_api.web.call import Call
from hingecraft_api.web.endpoint import Endpoint

_TAG = "Purchases"
_OWNERS = (Kind.USER, Kind.ADMIN)


class PurchasesQuery(CursorQuery):
    """A page of purchases."""

    type: Annotated[Type | None, described("only products of this type", "design")] = None


class BoughtAnswer(Answer):
    """The product that was bought."""

    id: Annotated[str, described("its id", PRODUCT)]
    name: Annotated[str, described("its name now", "Brass hinge")]


class DownloadsAnswer(Answer):
    """Downloads of a purchase."""

    used: Annotated[int, described("so far; in the newest period of a subscription", 1)]
    limit: Annotated[int | None, described("how many there can be; null: no limit", 5)]


class PurchaseAnswer(Answer):
    """A purchase."""

    id: Annotated[str, described("its id", PURCHASE)]
    product_type: Annotated[Type, described("the product's type", "design")]
    product: Annotated[BoughtAnswer, described("the product")]
    amount: Annotated[float, described("what was paid, in `currency`", 12.5)]
    currency: Annotated[str, described("of `amount`", "USD")]
    period: Annotated[PeriodAnswer | None, described("only for subscriptions: how often `amount` is charged")] = None
    status: Annotated[
        PurchaseStatus,
        described("`refunded` and `disputed` end access; a partial refund leaves it `active`", "active"),
    ]
    starts_at: Annotated[AwareDatetime, described("when access began", MOMENT)]
    ends_at: Annotated[AwareDatetime | None, described("when it ends; without it, never", MOMENT)] = None
    cancel_at_period_end: Annotated[
        bool | None, described("only for subscriptions: whether it ends then instead of being renewed", example=False)
    ] = None
    downloads: Annotated[DownloadsAnswer | None, described("only for what can be downloaded")] = None


class PurchasesAnswer(Answer):
    """A page of purchases, newest first."""

    items: Annotated[list[PurchaseAnswer], described("the purchases")]
    next_cursor: Annotated[str | None, described("`cursor` of the next page; null on the last one", CURSOR)]


class AccessAnswer(Answer):
    """Whether the caller may use a product."""

    allowed: Annotated[bool, described("whether access is given now", example=True)]
    reason: Annotated[
        Reason,
        described("why: `owned` and `subscribed` allow it; of several past purchases the newest counts", "owned"),
    ]
    ends_at: Annotated[
        AwareDatetime | None, described("when access ends, or ended; without it, never or not bought", MOMENT)
    ] = None


async def get_purchases(call: Call) -> Any:
    """A page of the caller's own purchases; admins read all."""
    query: PurchasesQuery = call.query
    page, following = await call.pod.parts[PurchaseReader].page(
        _owner(call), kind=query.type, after=query.after, limit=query.limit
    )
    return {"items": [_purchase(each) for each in page], "nextCursor": cursor_of(following)}


async def get_purchase(call: Call) -> Any:
    return _purchase(await call.pod.parts[PurchaseReader].one(_purchase_id(call), _owner(call)))


async def post_purchase_cancel(call: Call) -> Any:
    """Cancel the subscription at the end of the paid period."""
    cancelled = await call.pod.parts[Cancelling].cancel(
        _purchase_id(call), _owner(call), call.deadline, actor=call.principal.actor, request_id=call.request_id
    )
    return _purchase(cancelled)


async def get_access(call: Call) -> Any:
    """Whether the caller may use a product, decided by entitlements only."""
    access = await call.pod.parts[PurchaseReader].access(UUID(call.principal.id), product_id(call, "productId"))
    return {
        "allowed": access.allowed,
        "reason": access.reason,
        **({"endsAt": timestamp(access.ends_at)} if access.ends_at is not None else {}),
    }


def _owner(call: Call) -> UUID | None:
    """The user whose objects the caller may see; None: everybody's."""
    return UUID(call.principal.id) if call.principal.kind is Kind.USER else None


def _purchase_id(call: Call) -> UUID:
    try:
        return UUID(call.named("id"))
    except ValueError:
        raise UnknownPurchaseError from None


def _purchase(purchase: Purchase) -> dict[str, Any]:
    period = purchase.period
    downloads = {"used": purchase.downloads_used, "limit": purchase.download_limit}
    return {
        "id": str(purchase.id),
        "productType": purchase.product_type,
        "product": {"id": str(purchase.product_id), "name": purchase.product_name},
        "amount": number(purchase.amount),
        "currency": purchase.currency,
        **({"period": {"unit": period.unit, "count": period.count}} if period is not None else {}),
        "status": purchase.status,
        "startsAt": timestamp(purchase.starts_at),
        **({"endsAt": timestamp(purchase.ends_at)} if purchase.ends_at is not None else {}),
        **({"cancelAtPeriodEnd": purchase.cancels} if purchase.cancels is not None else {}),
        **({"downloads": downloads} if purchase.product_type != "course" else {}),
    }


def _id(name: str, text: str, example: str) -> dict[str, Any]:
    return {name: {"type": "string", "description": text, "examples": [example]}}


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/purchases",
        handler=get_purchases,
        summary="List purchases",
        description="Users see their own, admins all. Newest first.",
        tag=_TAG,
        answer=PurchasesAnswer,
        query=PurchasesQuery,
        access=_OWNERS,
        errors=("database_unavailable", "invalid_cursor"),
    ),
    Endpoint(
        method="GET",
        path="/api/v1/purchases/{id}",
        handler=get_purchase,
        summary="Get a purchase",
        description="Users see their own, admins all.",
        tag=_TAG,
        answer=PurchaseAnswer,
        parts=_id("id", "the purchase's id", PURCHASE),
        access=_OWNERS,
        errors=("database_unavailable", "not_authorized", "unknown_purchase"),
    ),
    Endpoint(
        method="POST",
        path="/api/v1/purchases/{id}/cancel",
        handler=post_purchase_cancel,
        summary="Cancel a subscription",
        description="It ends with the period that is paid. Repeating the call changes nothing.",
        tag=_TAG,
        answer=PurchaseAnswer,
        parts=_id("id", "the purchase's id", PURCHASE),
        access=(Kind.USER,),
        errors=(
            "database_unavailable",
            "not_a_subscription",
            "not_authorized",
            "provider_busy",
            "provider_unavailable",
            "unknown_purchase",
        ),
    ),
    Endpoint(
        method="GET",
        path="/api/v1/access/{productId}",
        handler=get_access,
        summary="Check access to a product",
        description="Whether the caller may use it now, and why. A running subscription opens every design that is "
        "sold.",
        tag=_TAG,
        answer=AccessAnswer,
        parts=_id("productId", "the product's id", PRODUCT),
        access=(Kind.USER,),
        errors=("database_unavailable", "unknown_product"),
    ),
]
