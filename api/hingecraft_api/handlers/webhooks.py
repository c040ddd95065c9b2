"""Webhooks of the providers: each is verified over the raw body, stored and answered. The inbox does the rest.

Anybody can send here, so the cheap checks come first: the header's shape before the body is read, the body's size
before it is parsed. An address that has sent many forgeries gets the work that a message of the usual size needs,
and no more.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Literal, TypeVar

from aiohttp import web

from hingecraft.errors import RejectedError
from hingecraft.inbox.webhook import Webhook
from hingecraft.payments.model import ProviderDisabledError
from hingecraft.providers import nowpayments, stripe
from hingecraft.providers.nowpayments import webhook as nowpayments_webhook
from hingecraft.providers.stripe import webhook as stripe_webhook
from hingecraft.settings import Secret
from hingecraft_api.access.limits import Limit
from hingecraft_api.messages.answers import Answer
from hingecraft_api.messages.bodies import raw_body
from hingecraft_api.messages.described import PAYMENT, SESSION, described
from hingecraft_api.messages.errors import ForgedError, OversizeError
from hingecraft_api.settings import ApiSettings
from hingecraft_api.web.call import SUSPECT_KEY, Call
from hingecraft_api.web.endpoint import Endpoint
from hingecraft_api.web.server import EnvelopeProtocol

log = logging.getLogger(__name__)


_Result = TypeVar("_Result")


class ReceivedAnswer(Answer):
    """The event is stored, now or by an earlier delivery."""

    received: Annotated[Literal[True], described("the message is stored")]


async def _receive(sender: Webhook, secret: Secret, call: Call) -> Any:
    if not secret:
        raise ProviderDisabledError(
            "provider_disabled", "This provider is not configured, so its webhooks are rejected."
        )
    try:
        body = await _verified_or_forged(sender, secret, call)
    except ForgedError:
        call.pod.rejected_calls.record(_kind(sender), call.request_id)
        if isinstance(call.request.protocol, EnvelopeProtocol):
            call.request.protocol.read_no_further()
        raise
    await call.pod.inbox.put(await _worked_out(sender, body, partial(sender.event, body)))
    return {"received": True}


async def _verified_or_forged(sender: Webhook, secret: Secret, call: Call) -> bytes:
    try:
        return await _verified_body(sender, secret, call)
    except (RejectedError, web.HTTPException, ConnectionError):
        raise
    except Exception:
        # Anyone can cause this repeatedly, so it is not logged each time.
        if call.pod.rejected_calls.is_first_in_a_minute(f"{_kind(sender)} that breaks the verification"):
            log.exception("a message to %s could not be verified and is treated as forged", call.request.path)
        raise _forged() from None


async def _verified_body(sender: Webhook, secret: Secret, call: Call) -> bytes:
    header, now = call.request.headers.get(sender.header, ""), time.time()
    if not sender.plausible(header, now):
        raise _forged()
    suspect = call.request[SUSPECT_KEY]
    try:
        body = await raw_body(call.request, sender.usual if suspect else sender.largest)
    except web.HTTPRequestEntityTooLarge:
        raise OversizeError("too_large", f"The body is too large: the limit is {sender.largest // 1024} KB.") from None
    if not await _worked_out(sender, body, partial(sender.genuine, secret.values, header, body, now)):
        raise _forged()
    return body


async def _worked_out(sender: Webhook, body: bytes, work: Callable[[], _Result]) -> _Result:
    return work() if len(body) <= sender.usual else await asyncio.to_thread(work)


def _forged() -> ForgedError:
    return ForgedError(
        "invalid_signature", "The signature over the raw body is missing, wrong or too old. Check the secret."
    )


def _kind(sender: Webhook) -> str:
    """The name of its forgeries in metrics and the audit log."""
    return f"{sender.source}_webhook"


def endpoint_for(
    sender: Webhook,
    path: str,
    secret: Callable[[ApiSettings], Secret],
    summary: str,
    description: str,
    shape: Mapping[str, Any],
) -> Endpoint:
    """The endpoint for a source's events."""

    async def handler(call: Call) -> Any:
        return await _receive(sender, secret(call.pod.settings), call)

    header = {"type": "string", "maxLength": 2000, "description": "the provider's signature over the raw body"}
    return Endpoint(
        method="POST",
        path=path,
        handler=handler,
        summary=summary,
        tag="Provider webhooks",
        description=f"{description} The body can have up to {sender.largest // 1024} KB.",
        answer=ReceivedAnswer,
        headers={sender.header: header},
        raw_body=shape,
        errors=(
            "database_unavailable",
            "invalid_body",
            "invalid_event",
            "invalid_signature",
            "provider_disabled",
            "request_timeout",
            "too_large",
        ),
        limit=Limit.FORGERIES,
    )


_STRIPE_EVENT = {
    "type": "object",
    "description": "a Stripe event",
    "examples": [
        {
            "id": "evt_1a2b3c4d5e6f",
            "object": "event",
            "type": "checkout.session.completed",
            "livemode": False,
            "data": {"object": {"id": SESSION, "object": "checkout.session", "payment_status": "paid"}},
        }
    ],
}
_NOWPAYMENTS_IPN = {
    "type": "object",
    "description": "a NOWPayments IPN",
    "examples": [{"payment_id": 4409701815, "payment_status": "finished", "order_id": PAYMENT, "price_amount": 25}],
}

ENDPOINTS = [
    endpoint_for(
        stripe_webhook.WEBHOOK,
        f"/webhooks/{stripe.NAME}",
        lambda settings: settings.stripe_webhook_secret,
        "Receive an event from Stripe",
        "Stripe calls this: register its address in the Stripe dashboard. The signature is checked with "
        "`STRIPE_WEBHOOK_SECRET`. 200 means that the event is stored and will be processed, once.",
        _STRIPE_EVENT,
    ),
    endpoint_for(
        nowpayments_webhook.WEBHOOK,
        f"/webhooks/{nowpayments.NAME}",
        lambda settings: settings.nowpayments_ipn_secret,
        "Receive an IPN from NOWPayments",
        "NOWPayments calls this: each invoice names its address. The signature is checked with "
        "`NOWPAYMENTS_IPN_SECRET`. 200 means that the message is stored and will be processed, once.",
        _NOWPAYMENTS_IPN,
    ),
]
