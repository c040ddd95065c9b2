"""The owner's dashboard: refunds of payments."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from hingecraft.payments.refunds.model import Reason, RefundRequest
from hingecraft.payments.refunds.service import RefundService
from hingecraft_api.handlers.wix.owner_endpoints import actor_of, owners
from hingecraft_api.handlers.wix.payments import PAYMENT_ID, RefundAnswer, payment_id_of, refund_answer
from hingecraft_api.messages.amounts import Amount
from hingecraft_api.messages.bodies import Input, wrong_field
from hingecraft_api.messages.described import described
from hingecraft_api.web.call import Call

_LONGEST_REFERENCE = 200


class RefundInput(Input):
    """A refund."""

    reference: Annotated[
        str,
        described(
            "names this refund of this payment; a repeat with the same reference changes nothing",
            "refund-2026-11-0001",
            min_length=1,
            max_length=_LONGEST_REFERENCE,
        ),
    ]
    amount: Annotated[
        Amount | None, described("how much, in the currency that was paid; left out: all that is left", 12.5)
    ] = None
    reason: Annotated[Reason, described("what Stripe is told", "requested_by_customer")] = "requested_by_customer"
    note: Annotated[
        str | None,
        described("stays in the payment's history for good; e-mail addresses in it are masked", max_length=500),
    ] = None


async def post_refund(call: Call) -> Any:
    body: RefundInput = call.body
    if body.amount is not None and body.amount <= 0:
        raise wrong_field("invalid_amount", "amount", "must be more than 0")
    wanted = RefundRequest(
        payment_id=payment_id_of(call),
        reference=body.reference,
        amount=body.amount,
        reason=body.reason,
        note=body.note,
    )
    return refund_answer(await call.pod.parts[RefundService].refund(wanted, call.deadline, actor_of(call)))


ENDPOINTS = [
    owners(
        "POST",
        "payments/{id}/refunds",
        post_refund,
        "Refund a payment",
        RefundAnswer,
        description="Sends all or part of a card payment back through Stripe, once for each reference: if you get no "
        "answer, or `provider_unavailable`, send the same call again. The books follow Stripe's event, usually within "
        "seconds: `booked` says whether it has arrived. A refund that Stripe rejects has the status `failed`, and its "
        "reason in `failure`. Payments in coins cannot be refunded: `error` says what to do instead.",
        status=HTTPStatus.CREATED,
        parts=PAYMENT_ID,
        body=RefundInput,
        errors=(
            "amount_out_of_range",
            "invalid_amount",
            "not_refundable",
            "provider_disabled",
            "provider_unavailable",
            "reference_reused",
            "refund_too_large",
            "unknown_payment",
        ),
    ),
]
