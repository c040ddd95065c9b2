"""The events that the backend sends, for the section `webhooks` of the document."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel

from hingecraft.outbox.delivery import SEND_TIMEOUT
from hingecraft.outbox.model import AFTER_PAYMENT_PATH, ROUTES_UPDATED, TRIED_FOR
from hingecraft.payments.model import Status
from hingecraft_api.messages.answers import Answer
from hingecraft_api.messages.described import CHECKSUM, MOMENT, PAYMENT, REQUEST, VERSION, described
from hingecraft_api.reference.schemas import example_of, reference

TAG = "Event types"


class RoutesNews(Answer):
    """A new version of the routes."""

    version: Annotated[int, described("the newest version", VERSION)]
    checksum: Annotated[str, described("SHA-256 of its routes", CHECKSUM)]
    generated_at: Annotated[AwareDatetime, described("when it was made", MOMENT)]


class _PaymentNews(Answer):
    payment_id: Annotated[str, described("for `GET /payments/{id}`", PAYMENT)]
    amount: Annotated[float, described("the price of the payment, in `currency`", 25)]
    currency: Annotated[str, described("the currency of `amount`", "EUR")]
    request_id: Annotated[
        str | None,
        described("`X-Request-Id` of the call that began the payment; null: no call of this backend did", REQUEST),
    ] = None
    sequence: Annotated[int, described("of two events of one payment the later has the larger number", 1001)]


class CompletedNews(_PaymentNews):
    """A payment that was paid."""

    status: Annotated[Literal[Status.COMPLETED], described("the payment's new status", "completed")]


class FailedNews(_PaymentNews):
    """A payment that was not paid."""

    status: Annotated[
        Literal[Status.FAILED, Status.EXPIRED, Status.ERROR],
        described(
            "`failed`: rejected. `expired`: the donor did not pay in time. `error`: the provider could not finish it",
            "expired",
        ),
    ]


class RefundedNews(_PaymentNews):
    """A payment whose money went back."""

    status: Annotated[
        Literal[Status.REFUNDED, Status.PARTIALLY_REFUNDED], described("all of it, or a part", "refunded")
    ]


# For each type: the data, a summary, and when it is sent.
_EVENTS: Mapping[str, tuple[type[BaseModel], str, str]] = {
    ROUTES_UPDATED: (
        RoutesNews,
        "The routes have changed",
        "Get them from `GET /routes`. Several changes at once may come as one event, which names the newest version.",
    ),
    "payment.completed": (
        CompletedNews,
        "A payment was completed",
        "Sent once the provider has confirmed the money, or an admin has confirmed a wallet payment.",
    ),
    "payment.failed": (
        FailedNews,
        "A payment failed",
        "It was rejected, or not paid in time. If the donor pays late after all, `payment.completed` follows.",
    ),
    "payment.refunded": (RefundedNews, "A payment was refunded", "Sent for each refund, whole or in part."),
}
MODELS = [model for model, _, _ in _EVENTS.values()]
_SIGNED_BY = {
    "webhook-id": (
        "names the event: the same with every attempt, so that you can skip repeats",
        "msg_0f7c9f5e5a374a52",
    ),
    "webhook-timestamp": ("when this attempt was sent, in seconds since 1970", "1795672800"),
    "webhook-signature": (
        "signatures of id, time and body, separated by spaces",
        "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
    ),
}


def webhooks(schemas: Mapping[str, Any]) -> dict[str, Any]:
    """One entry for each type of event."""
    return {kind: {"post": _operation(kind, *event, schemas)} for kind, event in _EVENTS.items()}


def _operation(
    kind: str, model: type[BaseModel], summary: str, description: str, schemas: Mapping[str, Any]
) -> dict[str, Any]:
    schema = {
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {"const": kind, "description": "the type of the event"},
            "timestamp": {
                "type": "string",
                "format": "date-time",
                "description": "when it happened",
                "examples": [MOMENT],
            },
            "data": reference(model),
        },
    }
    return {
        "summary": summary,
        "description": description,
        "tags": [TAG],
        "operationId": "on" + "".join(part.title() for part in kind.split(".")),
        "parameters": [
            {
                "name": name,
                "in": "header",
                "required": True,
                "description": text,
                "schema": {"type": "string"},
                "example": example,
            }
            for name, (text, example) in _SIGNED_BY.items()
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema, "example": example_of(schemas, schema)}},
        },
        "responses": {
            "2XX": {"description": "You have it. It is not sent again."},
            "410": {"description": "You no longer want events. The endpoint is switched off."},
            "default": {"description": f"It is sent again, with growing pauses, for {_hours(TRIED_FOR)} hours."},
        },
    }


def _hours(time: timedelta) -> int:
    return int(time.total_seconds() // 3600)


def guide() -> str:
    """How events are received, in Markdown."""
    return f"""\
The backend sends a POST request to each endpoint in `WIX_WEBHOOK_ENDPOINTS`. An endpoint whose path ends in
`{AFTER_PAYMENT_PATH}` gets the payment events, any other `{ROUTES_UPDATED}`.

Events are signed by [Standard Webhooks](https://www.standardwebhooks.com/): use one of its libraries with
`WEBHOOK_SECRET`, or compare `webhook-signature` with `v1,` and the base64 of
HMAC-SHA256(key, `<webhook-id>.<webhook-timestamp>.<body>`), where the key is the base64 after `whsec_`. While a secret
is being replaced, the header holds a signature for each secret.

- Answer with a 2xx status within {SEND_TIMEOUT:.0f} seconds. Do slow work after that.
- Anything else is retried with growing pauses for {_hours(TRIED_FOR)} hours. 410 ends it at once. Redirects are not
  followed.
- Events can arrive more than once and out of order. Skip a `webhook-id` that you have seen, and a payment event whose
  `sequence` is smaller than the last one of that payment.
"""
