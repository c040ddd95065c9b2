"""An admin's calls on settlements: what one should be worth."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, Field

from hingecraft.errors import MissingError
from hingecraft.payments import corrections
from hingecraft.payments.corrections import Wanted
from hingecraft_api.amounts import SignedAmount
from hingecraft_api.answers import Answer
from hingecraft_api.bodies import Input
from hingecraft_api.call import Call
from hingecraft_api.handlers.admin import admin, as_json


class CorrectInput(Input):
    """What the settlement should be worth, and why; the correction books the difference."""

    usd_amount: Annotated[SignedAmount, Field(description="in USD; 0 or less for a refund or dispute")]
    reason: Annotated[
        str,
        Field(min_length=1, max_length=corrections.LONGEST_REASON, description="kept for good: nothing personal in it"),
    ]


class CorrectionAnswer(Answer):
    """The correction; where the value was unknown until now, the settlement itself, whose value is known now."""

    id: str
    kind: str
    payment_id: str
    provider: str
    provider_ref: str
    livemode: bool
    amount: float
    currency: str
    usd_amount: Annotated[float, Field(description="what this row adds to the total: of a correction the difference")]
    corrects: Annotated[str | None, Field(description="the settlement that it corrects")]
    reason: str | None
    created_at: AwareDatetime
    usd_before: Annotated[float | None, Field(description="what the settlement was worth; null: it was unknown")]
    usd_after: Annotated[float, Field(description="what it is worth now")]
    changed: Annotated[bool, Field(description="false: it was worth that already, and nothing was written")]


async def post_correct(call: Call) -> Any:
    """A settlement's value is put right."""
    body: CorrectInput = call.body
    wanted = Wanted(settlement=_settlement_id(call), usd=body.usd_amount, reason=body.reason)
    done = await corrections.correct(call.pod.database, wanted, actor="admin", request_id=call.request_id)
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
        raise MissingError("unknown_settlement", "There is no settlement with this id.") from None


ENDPOINTS = [
    admin(
        "POST",
        "/admin/settlements/{id}/correct",
        post_correct,
        "Say what a settlement should be worth",
        CorrectionAnswer,
        body=CorrectInput,
        refusals=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
    ),
]
