"""What providers send: verified over the raw body, kept, answered. The inbox does the rest."""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from hingecraft.inbox import signatures
from hingecraft.inbox.model import ProviderEvent, of_nowpayments, of_stripe
from hingecraft.payments.model import ProviderDisabledError
from hingecraft.settings import Secret
from hingecraft_api.answers import Answer
from hingecraft_api.bodies import LARGEST_EVENT, raw_body
from hingecraft_api.call import Call
from hingecraft_api.endpoint import Endpoint, Limit
from hingecraft_api.failures import ForgedError

_TEXT = {"type": "string", "maxLength": 2000}


class ReceivedAnswer(Answer):
    """It is kept, now or before."""

    received: bool


async def post_stripe(call: Call) -> Any:
    """An event of Stripe's."""
    secret = call.pod.settings.stripe_webhook_secret
    header = call.request.headers.get(signatures.STRIPE_HEADER, "")
    body = await _body(call, secret)
    genuine = signatures.is_stripes(secret.values, header, body, time.time())
    return await _kept(call, "stripe_webhook", genuine=genuine, event=lambda: of_stripe(body))


async def post_nowpayments(call: Call) -> Any:
    """An IPN of NOWPayments'."""
    secret = call.pod.settings.nowpayments_ipn_secret
    header = call.request.headers.get(signatures.NOWPAYMENTS_HEADER, "")
    body = await _body(call, secret)
    genuine = signatures.is_nowpayments(secret.values, header, body)
    return await _kept(call, "nowpayments_webhook", genuine=genuine, event=lambda: of_nowpayments(body))


async def _body(call: Call, secret: Secret) -> bytes:
    if not secret:
        raise ProviderDisabledError("provider_disabled", "This provider has no keys here, so nothing of it is taken.")
    return await raw_body(call.request, LARGEST_EVENT)


async def _kept(call: Call, reason: str, *, genuine: bool, event: Callable[[], ProviderEvent]) -> Any:
    if not genuine:
        call.pod.refusals.note(reason, call.request_id)
        raise ForgedError(
            "invalid_signature", "The signature over the raw body is missing, wrong or stale: check the secret."
        )
    await call.pod.inbox.put(event())
    return {"received": True}


def _endpoint(path: str, handler: Any, summary: str, header: str) -> Endpoint:
    return Endpoint(
        method="POST",
        path=path,
        handler=handler,
        summary=summary,
        tag="Webhooks",
        answer=ReceivedAnswer,
        headers={header: _TEXT},
        refusals=(
            HTTPStatus.BAD_REQUEST,
            HTTPStatus.REQUEST_TIMEOUT,
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            HTTPStatus.TOO_MANY_REQUESTS,
            HTTPStatus.SERVICE_UNAVAILABLE,
        ),
        limit=Limit.NONE,
    )


ENDPOINTS = [
    _endpoint("/webhooks/stripe", post_stripe, "An event of Stripe's, signed", signatures.STRIPE_HEADER),
    _endpoint("/webhooks/nowpayments", post_nowpayments, "An IPN, signed", signatures.NOWPAYMENTS_HEADER),
]
