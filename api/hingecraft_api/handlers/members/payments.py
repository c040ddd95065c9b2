"""Members pay for designs, courses and subscriptions on our own page."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from hingecraft.errors import ErrorCode
from hingecraft.identity.principal import Kind
from hingecraft.payments.model import ProviderDisabledError, Status
from hingecraft.purchases.checkouts import ProductPayments
from hingecraft.purchases.intents import PaymentRequest
from hingecraft.purchases.model import MemberPayment, UnknownMemberPaymentError
from hingecraft.purchases.products.model import Type, UnknownProductError
from hingecraft_api.messages.answers import Answer, WithStatus, number
from hingecraft_api.messages.bodies import Input
from hingecraft_api.messages.described import PAYMENT, PRODUCT, PURCHASE, described
from hingecraft_api.web.call import Call
from hingecraft_api.web.endpoint import Endpoint

_TAG = "Purchases"
_OWNERS = (Kind.USER, Kind.ADMIN)


class PaymentInput(Input):
    """A product. What it costs is decided here, never by the client."""

    product_type: Annotated[Type, described("the product's `type`", "design")]
    product_id: Annotated[str, described("the product's `id`", PRODUCT, min_length=1, max_length=100)]


class BegunAnswer(Answer):
    """A payment that waits for its payer."""

    payment_id: Annotated[str, described("for `GET /api/v1/payments/{id}`", PAYMENT)]
    client_secret: Annotated[
        str, described("for Stripe.js, in the payer's browser only: do not log or store it", "pi_1_secret_2")
    ]
    publishable_key: Annotated[str, described("for Stripe.js", "pk_test_a1B2c3D4e5F6")]
    amount: Annotated[float, described("what will be charged, in `currency`", 12.5)]
    currency: Annotated[str, described("of `amount`", "USD")]


class MemberPaymentAnswer(Answer):
    """A payment of a product."""

    id: Annotated[str, described("the payment's id", PAYMENT)]
    status: Annotated[
        Status,
        described(
            "`creating`, `unknown`, `pending`: not paid yet. `completed`: the purchase is there. `expired`: it was "
            "cancelled, or not paid within 24 hours. `error`: what was paid is not what was asked for, and a person "
            "looks into it",
            "completed",
        ),
    ]
    product_id: Annotated[str, described("what is bought", PRODUCT)]
    product_type: Annotated[Type, described("its type", "design")]
    amount: Annotated[float, described("the price, in `currency`", 12.5)]
    currency: Annotated[str, described("of `amount`", "USD")]
    purchase_id: Annotated[str | None, described("once it is paid", PURCHASE)] = None


async def post_payment(call: Call) -> Any:
    """201 for a new payment, 200 for the one that is open already."""
    body: PaymentInput = call.body
    publishable_key = call.pod.settings.stripe_publishable_key
    if not publishable_key:
        raise ProviderDisabledError("provider_disabled", "Card payments are currently unavailable. Try again later.")
    begun = await call.pod.parts[ProductPayments].open(
        PaymentRequest(
            user_id=UUID(call.principal.id),
            email=call.principal.email,
            product_type=body.product_type,
            product_id=_product_id(body.product_id),
            request_id=call.request_id,
            deadline=call.deadline,
            claim=call.claim,
        )
    )
    answer = {
        "paymentId": str(begun.payment_id),
        "clientSecret": begun.client_secret,
        "publishableKey": publishable_key,
        "amount": number(begun.amount),
        "currency": begun.currency,
    }
    return answer if begun.created else WithStatus(answer, HTTPStatus.OK)


async def get_payment(call: Call) -> Any:
    """The caller's own payment; admins may read all."""
    return _payment(await call.pod.parts[ProductPayments].one(_payment_id(call), _owner(call)))


async def post_cancel(call: Call) -> Any:
    """Cancel a payment that is not paid yet."""
    cancelled = await call.pod.parts[ProductPayments].cancel(
        _payment_id(call), _owner(call), call.deadline, actor=call.principal.actor, request_id=call.request_id
    )
    return _payment(cancelled)


def _owner(call: Call) -> UUID | None:
    """The user whose payments the caller may see; None: everybody's."""
    return UUID(call.principal.id) if call.principal.kind is Kind.USER else None


def _product_id(given: str) -> UUID:
    try:
        return UUID(given)
    except ValueError:
        raise UnknownProductError from None


def _payment_id(call: Call) -> UUID:
    try:
        return UUID(call.named("id"))
    except ValueError:
        raise UnknownMemberPaymentError from None


def _payment(payment: MemberPayment) -> dict[str, Any]:
    return {
        "id": str(payment.id),
        "status": payment.status,
        "productId": str(payment.product_id),
        "productType": payment.product_type,
        "amount": number(payment.amount),
        "currency": payment.currency,
        **({"purchaseId": str(payment.purchase_id)} if payment.purchase_id is not None else {}),
    }


_PAYMENT_ID = {"id": {"type": "string", "description": "the payment's id", "examples": [PAYMENT]}}
_CALLED: tuple[ErrorCode, ...] = (
    "bad_url",
    "database_unavailable",
    "not_authorized",
    "provider_busy",
    "provider_unavailable",
)

ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/api/v1/payments",
        handler=post_payment,
        summary="Pay for a product",
        description="Begins a payment that the member pays on your page with Stripe's Payment Element. 200 with the "
        "same payment while one is open for the product; if its price has changed, that one is cancelled and a new "
        "one begins. The purchase follows from Stripe's event, not from the page.",
        tag=_TAG,
        answer=BegunAnswer,
        status=HTTPStatus.CREATED,
        may_exist=True,
        body=PaymentInput,
        access=(Kind.USER,),
        errors=(
            *_CALLED,
            "already_owned",
            "another_currency",
            "product_inactive",
            "provider_disabled",
            "provider_refused",
            "unknown_product",
        ),
        idempotent=True,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/payments/{id}",
        handler=get_payment,
        summary="Get a payment of a product",
        description="For the page that the member returns to. Poll it while `status` is `pending`.",
        tag=_TAG,
        answer=MemberPaymentAnswer,
        parts=_PAYMENT_ID,
        access=_OWNERS,
        errors=("database_unavailable", "not_authorized", "unknown_payment"),
    ),
    Endpoint(
        method="POST",
        path="/api/v1/payments/{id}/cancel",
        handler=post_cancel,
        summary="Cancel a payment of a product",
        description="While it is not paid: 409 `not_pending` afterwards, also when it has just been paid.",
        tag=_TAG,
        answer=MemberPaymentAnswer,
        parts=_PAYMENT_ID,
        access=_OWNERS,
        errors=(*_CALLED, "not_pending", "unknown_payment"),
    ),
]
