"""What providers send: verified over the raw body, kept, answered. The inbox does the rest.

Anybody can send here, so the cheap checks come first: the header's shape before the body is read, the body's size
before it is parsed. An address that has sent many forgeries gets the work that a message of the usual size needs,
and no more.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal, TypeVar

from aiohttp import web

from hingecraft.errors import RefusedError
from hingecraft.inbox import signatures
from hingecraft.inbox.model import ProviderEvent, of_nowpayments, of_stripe
from hingecraft.payments.model import ProviderDisabledError
from hingecraft.settings import Secret
from hingecraft_api.answers import Answer
from hingecraft_api.bodies import LARGEST_EVENT, LARGEST_IPN, raw_body
from hingecraft_api.call import SUSPECT_KEY, Call
from hingecraft_api.described import PAYMENT, SESSION, described
from hingecraft_api.endpoint import Endpoint, Limit
from hingecraft_api.failures import ForgedError, OversizeError
from hingecraft_api.server import EnvelopeProtocol
from hingecraft_api.settings import ApiSettings

log = logging.getLogger(__name__)


_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sender:
    """How the messages of one provider are told from forged ones."""

    name: str
    header: str
    secret: Callable[[ApiSettings], Secret]
    # By the header: whether the body is worth reading.
    plausible: Callable[[str, float], bool]
    genuine: Callable[[Sequence[str], str, bytes, float], bool]
    event: Callable[[bytes], ProviderEvent]
    # In bytes. Work on more than the usual is done in a thread, and not at all for a suspect.
    usual: int
    largest: int


_STRIPE = _Sender(
    name="stripe_webhook",
    header=signatures.STRIPE_HEADER,
    secret=lambda settings: settings.stripe_webhook_secret,
    plausible=signatures.may_be_stripes,
    genuine=signatures.is_stripes,
    event=of_stripe,
    usual=16 * 1024,
    largest=LARGEST_EVENT,
)
_NOWPAYMENTS = _Sender(
    name="nowpayments_webhook",
    header=signatures.NOWPAYMENTS_HEADER,
    secret=lambda settings: settings.nowpayments_ipn_secret,
    plausible=lambda header, _now: signatures.may_be_nowpayments(header),
    genuine=lambda secrets, header, body, _now: signatures.is_nowpayments(secrets, header, body),
    event=of_nowpayments,
    usual=4 * 1024,
    largest=LARGEST_IPN,
)


class ReceivedAnswer(Answer):
    """It is kept, now or before."""

    received: Annotated[Literal[True], described("the message is stored")]


async def _receive(sender: _Sender, call: Call) -> Any:
    secret = sender.secret(call.pod.settings)
    if not secret:
        raise ProviderDisabledError("provider_disabled", "This provider has no keys here, so nothing of it is taken.")
    try:
        body = await _verified_or_forged(sender, secret, call)
    except ForgedError:
        call.pod.refusals.note(sender.name, call.request_id)
        if isinstance(call.request.protocol, EnvelopeProtocol):
            call.request.protocol.read_no_further()
        raise
    await call.pod.inbox.put(await _worked_out(sender, body, partial(sender.event, body)))
    return {"received": True}


async def _verified_or_forged(sender: _Sender, secret: Secret, call: Call) -> bytes:
    try:
        return await _verified_body(sender, secret, call)
    except (RefusedError, web.HTTPException, ConnectionError):
        raise
    except Exception:
        # Anybody can make this happen again and again, so not each of them is worth an alert.
        if call.pod.refusals.is_first_in_a_minute(f"{sender.name} that breaks the verification"):
            log.exception("a message to %s cannot be verified and counts as forged", call.request.path)
        raise _forged() from None


async def _verified_body(sender: _Sender, secret: Secret, call: Call) -> bytes:
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


async def _worked_out(sender: _Sender, body: bytes, work: Callable[[], _Result]) -> _Result:
    return work() if len(body) <= sender.usual else await asyncio.to_thread(work)


def _forged() -> ForgedError:
    return ForgedError(
        "invalid_signature", "The signature over the raw body is missing, wrong or stale: check the secret."
    )


def _endpoint(path: str, sender: _Sender, summary: str, description: str, shape: Mapping[str, Any]) -> Endpoint:
    async def handler(call: Call) -> Any:
        return await _receive(sender, call)

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
    _endpoint(
        "/webhooks/stripe",
        _STRIPE,
        "Receive an event from Stripe",
        "Stripe calls this: register its address in the Stripe dashboard. The signature is checked with "
        "`STRIPE_WEBHOOK_SECRET`. 200 means that the event is stored and will be processed, once.",
        _STRIPE_EVENT,
    ),
    _endpoint(
        "/webhooks/nowpayments",
        _NOWPAYMENTS,
        "Receive an IPN from NOWPayments",
        "NOWPayments calls this: each invoice names its address. The signature is checked with "
        "`NOWPAYMENTS_IPN_SECRET`. 200 means that the message is stored and will be processed, once.",
        _NOWPAYMENTS_IPN,
    ),
]
