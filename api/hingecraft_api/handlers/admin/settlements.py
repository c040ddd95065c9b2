"""An admin's calls on settlements: what one should be worth."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime

from hingecraft.payments import corrections
from hingecraft.payments.corrections import CorrectionRequest
from hingecraft.payments.model import unknown_settlement
from hingecraft_api.handlers.admin.endpoints import admin
from hingecraft_api.messages.amounts import SignedAmount
from hingecraft_api.messages.answers import Answer
from hingecraft_api.messages.bodies import Input
from hingecraft_api.messages.described import MOMENT, PAYMENT, SETTLEMENT, described
from hingecraft_api.messages.rows import as_json
from hingecraft_api.web.call import Call


class CorrectInput(Input):
    """The right value of the settlement, and the reason. The correction books the difference."""

    usd_amount: Annotated[SignedAmount, described("in USD; 0 or less for a refund or dispute", "24.10")]
    reason: Annotated[
        str,
        described(
            "kept for good, so write nothing personal in it",
            "Bank statement of 26 November",
            min_length=1,
            max_length=corrections.LONGEST_REASON,
        ),
    ]


class CorrectionAnswer(Answer):
    """The correction. If the value was unknown until now: the settlement itself, whose value is now known."""

    id: Annotated[str, described("the id of this row", "6d4c9a35-8f0c-4a3e-9d0b-4f6b7f1f2c22")]
    kind: Annotated[
        Literal[
            "charge", "refund", "refund_reversal", "dispute", "dispute_reversal", "opening", "manual", "correction"
        ],
        described("`correction`, or the settlement's own kind if its value was unknown", "correction"),
    ]
    payment_id: Annotated[str, described("the payment that it belongs to", PAYMENT)]
    provider: Annotated[str, described("who took the money", "stripe")]
    provider_ref: Annotated[str, described("names the row at the provider, or the correction", f"{SETTLEMENT}/1")]
    livemode: Annotated[bool, described("whether real money moved", example=True)]
    amount: Annotated[float, described("in `currency`; 0 for a correction unless `currency` is USD", 0)]
    currency: Annotated[str, described("what was paid in", "EUR")]
    usd_amount: Annotated[float, described("what this row adds to the total; for a correction the difference", -1.9)]
    corrects: Annotated[str | None, described("the settlement that it corrects", SETTLEMENT)]
    reason: Annotated[str | None, described("as you sent it", "Bank statement of 26 November")]
    created_at: Annotated[AwareDatetime, described("when it was written", MOMENT)]
    usd_before: Annotated[float | None, described("what the settlement was worth; null: unknown", 26)]
    usd_after: Annotated[float, described("what it is worth now", 24.1)]
    changed: Annotated[bool, described("`false`: it was worth that already, and nothing was written", example=True)]


async def post_correct(call: Call) -> Any:
    """A settlement's value is put right."""
    body: CorrectInput = call.body
    wanted = CorrectionRequest(settlement=_settlement_id(call), usd=body.usd_amount, reason=body.reason)
    done = await corrections.correct(call.pod.database, wanted, actor=call.principal.actor, request_id=call.request_id)
    return as_json(
        {
            **done.settlement,
            "usd_before": done.usd_before,
            "usd_after": done.usd_after,
            "changed": done.changed,
        }
    )


def _settlement_id(call: Call) -> UUID:
    try:
        return UUID(call.named("id"))
    except ValueError:
        raise unknown_settlement() from None


ENDPOINTS = [
    admin(
        "POST",
        "/admin/settlements/{id}/correct",
        post_correct,
        "Correct the value of a settlement",
        CorrectionAnswer,
        description="Settlements never change. This books a correction that refers to the settlement and counts in the "
        "public total. Sending the same value twice changes nothing.",
        parts={
            "id": {
                "type": "string",
                "description": "a settlement: `GET /admin/payments/{id}` lists them",
                "examples": [SETTLEMENT],
            }
        },
        body=CorrectInput,
        errors=("is_a_correction", "unknown_settlement"),
    ),
]
