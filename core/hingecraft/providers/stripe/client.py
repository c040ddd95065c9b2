"""Stripe behind the port: Checkout Sessions, and Payment Links for the standing links.

The SDK's own retries are off: what is tried again, when, and for how long is decided in one place for
all providers (`patience`), and the idempotency key is ours and kept, so that it survives a crash.
"""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, TypeVar, cast

import aiohttp
import httpx
import stripe
from httpx_aiohttp import AiohttpTransport

from hingecraft.money.minor_units import to_stripe
from hingecraft.providers.addresses import checked
from hingecraft.providers.patience import Deadline, GivenUpError, TokenBucket, TransientError, patiently, seconds_in
from hingecraft.providers.port import (
    Opened,
    Order,
    ProviderKeyError,
    ProviderMissingError,
    ProviderRefusedError,
    ProviderUnknownError,
    Rejected,
)
from hingecraft.providers.settings import ProviderSettings
from hingecraft.providers.stripe import NAME

log = logging.getLogger(__name__)

# Stripe takes 24 h at most and 30 min at least, counted by its own clock. The rest is room for a pod whose clock is
# ahead; and a call that is repeated with the same time after 22 h (REPLAYED_FOR) still finds it an hour away.
SESSION_LIFE = timedelta(hours=23)
DOMAIN = "stripe.com"
_LIVE_RATE, _TEST_RATE = 80, 20
_CONNECTIONS = 1000
_CONNECT_TIMEOUT = 3.0
_ASKED_FOR = 20.0
_EMAIL = "customer_email"
_WITHOUT_EMAIL = "_without_email"
_TRY_AGAIN = frozenset({HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS})
_THROTTLED = HTTPStatus.TOO_MANY_REQUESTS
_REFUSED = range(400, 500)

_Result = TypeVar("_Result")


class _Client(stripe.HTTPXClient):
    """The SDK's client over aiohttp's connections (docs/decisions/0007).

    Its own pool takes a hundred calls at once and looks through all of them for each: at five hundred, a call
    costs 20 ms of CPU instead of 2.
    """

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(timeout=httpx.Timeout(None, connect=_CONNECT_TIMEOUT))

        def session() -> aiohttp.ClientSession:
            return settings.proxies.session(settings.stripe_api_base, _connector())

        self._client_async = httpx.AsyncClient(transport=AiohttpTransport(client=session), trust_env=False)


def _connector() -> aiohttp.TCPConnector:
    # OpenSSL's own variable, for a company whose proxy signs again; else the authorities that the SDK ships.
    trust = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE") or stripe.ca_bundle_path)
    return aiohttp.TCPConnector(limit=_CONNECTIONS, ssl=trust)


class _EmailRefusedError(ProviderRefusedError):
    """The e-mail address is not one that Stripe takes."""


class StripeProvider:
    """One account of Stripe."""

    name = NAME

    def __init__(self, settings: ProviderSettings, key_rejected: Rejected = lambda _provider: None) -> None:
        self._settings = settings
        self._key_rejected = key_rejected
        usual = _LIVE_RATE if settings.stripe_livemode else _TEST_RATE
        self._bucket = TokenBucket(settings.stripe_rate or usual)
        self._suspended: str | None = None
        self._http: _Client | None = None
        self._client: stripe.StripeClient | None = None

    @property
    def livemode(self) -> bool:
        """Whether real money moves."""
        return self._settings.stripe_livemode

    @property
    def configured(self) -> bool:
        """A provider without keys is off."""
        return bool(self._settings.stripe_secret)

    def idempotency_key(self, order: Order) -> str:
        """One payment, one session."""
        return f"hc_{order.kind}_{order.payment_id}"

    def request_for(self, order: Order) -> dict[str, Any]:
        """A Checkout Session for one payer."""
        metadata = {"payment_id": order.payment_id, "source": order.source, **order.metadata}
        price = {
            "currency": order.currency.code.lower(),
            "unit_amount": to_stripe(order.amount, order.currency),
            "product_data": {"name": order.description},
        }
        request: dict[str, Any] = {
            "mode": "payment",
            "submit_type": order.submit_type,
            "line_items": [{"quantity": 1, "price_data": price}],
            "client_reference_id": order.payment_id,
            "metadata": metadata,
            # Captured at once, so that Stripe nearly always knows the value in USD when it tells us of the payment.
            "payment_intent_data": {"metadata": metadata, "capture_method": "automatic"},
            "success_url": f"{order.success_url}&session_id={{CHECKOUT_SESSION_ID}}",
            "cancel_url": order.cancel_url,
            "expires_at": int((order.opened_at + SESSION_LIFE).timestamp()),
        }
        if order.email:
            request[_EMAIL] = order.email
        return request

    async def open(self, request: Mapping[str, Any], key: str, deadline: Deadline) -> Opened:
        """Make the session, or get the one that the same key has made before.

        An e-mail that Stripe refuses must not cost a payment: the session is made without it, under a second key,
        since a key goes with its parameters. The second key is derived from the first, so that a repeat after a crash
        takes the same two steps and finds the same session.
        """
        try:
            return await self._open(request, key, deadline)
        except _EmailRefusedError:
            without = {name: value for name, value in request.items() if name != _EMAIL}
            return replace(await self._open(without, f"{key}{_WITHOUT_EMAIL}", deadline), email_refused=True)

    async def _open(self, request: Mapping[str, Any], key: str, deadline: Deadline) -> Opened:
        params = cast("Any", request)

        async def create() -> stripe.checkout.Session:
            return await self.client.v1.checkout.sessions.create_async(params, options=self.options(key))

        session = await self.call(create, deadline)
        with _readable():
            session_id, url = str(session.id), session.url
            expires_at = datetime.fromtimestamp(session.expires_at, UTC)
        if not session_id.startswith("cs_"):
            raise ProviderUnknownError("Stripe did not return a session")
        return Opened(
            provider_id=session_id,
            url=checked(url, api_base=self._settings.stripe_api_base, domain=DOMAIN, provider_id=session_id),
            expires_at=expires_at,
        )

    @property
    def client(self) -> stripe.StripeClient:
        """Made when it is first needed, so that a pod without keys never makes one."""
        if self._client is None:
            self._http = _Client(self._settings)
            self._client = stripe.StripeClient(
                self._settings.stripe_secret.newest,
                http_client=self._http,
                max_network_retries=0,
                base_addresses={"api": self._settings.stripe_api_base},
            )
        return self._client

    def options(self, key: str | None = None) -> stripe.RequestOptions:
        """For each call: the key of the day, since it may have been rotated, and our idempotency key."""
        options: stripe.RequestOptions = {"api_key": self._settings.stripe_secret.newest}
        if key is not None:
            options["idempotency_key"] = key
        return options

    async def call(self, attempt: Callable[[], Awaitable[_Result]], deadline: Deadline) -> _Result:
        """One call with its repeats, and its end in the words of the port."""
        try:
            self._require_our_account()
            return await self._ended(attempt, deadline)
        except ProviderKeyError as error:
            self._complain(error)
            raise

    def suspend(self, reason: str | None) -> None:
        """Refuse every call for that reason, since the key is of another account; None: the key is ours."""
        self._suspended = reason

    def _require_our_account(self) -> None:
        if self._suspended is not None:
            raise ProviderKeyError(self._suspended)

    async def account(self) -> str | None:
        """The account that the key belongs to; None where a restricted key may not read that."""
        retrieve = self.client.v1.accounts.retrieve_current_async
        try:
            found = await self._ended(lambda: retrieve(options=self.options()), Deadline.within(_ASKED_FOR))
        except ProviderKeyError as error:
            if error.forbidden:
                return None
            self._complain(error)
            raise
        return str(found.id)

    async def has_session(self, session_id: str) -> bool:
        """Whether the key's account knows a session, asked whether the key is of our account or not."""
        retrieve = self.client.v1.checkout.sessions.retrieve_async
        try:
            await self._ended(lambda: retrieve(session_id, options=self.options()), Deadline.within(_ASKED_FOR))
        except ProviderMissingError:
            return False
        return True

    def _complain(self, error: ProviderKeyError) -> None:
        log.error("%s. Set STRIPE_SECRET to a valid key with the permissions that we need", error)
        self._key_rejected(self.name)

    async def _ended(self, attempt: Callable[[], Awaitable[_Result]], deadline: Deadline) -> _Result:
        async def once() -> _Result:
            with _transient():
                return await attempt()

        try:
            return await patiently(once, deadline, self._bucket)
        except GivenUpError as error:
            if error.maybe_done:
                raise ProviderUnknownError(error.reason) from error
            raise ProviderRefusedError(error.reason, code="provider_busy") from error

    async def close(self) -> None:
        """Let go of the connections."""
        if self._http is not None:
            await self._http.close_async()  # type: ignore[no-untyped-call]  # the SDK declares no type here


@contextmanager
def _transient() -> Iterator[None]:
    """Tell what may pass from what will not. Stripe's message can repeat what a donor typed, so it is not kept."""
    try:
        yield
    except stripe.StripeError as error:
        status = error.http_status
        reason = _reason(error)
        if status in _REFUSED and status not in _TRY_AGAIN:
            raise _refusal(status, error.code, reason) from error
        raise TransientError(
            reason, maybe_done=status != _THROTTLED, retry_after=_retry_after(error.headers or {})
        ) from error
    except (AttributeError, TypeError, ValueError, KeyError) as error:
        # The SDK trips over an answer that is JSON but no object of Stripe's.
        raise TransientError(f"Stripe's answer cannot be read ({type(error).__name__})", maybe_done=True) from error


def _reason(error: stripe.StripeError) -> str:
    param = getattr(error, "param", None)
    code = error.code or type(error).__name__
    return f"Stripe answered {error.http_status or 'nothing'}: {code}{f' ({param})' if param else ''}"


def _refusal(status: int | None, code: str | None, reason: str) -> ProviderRefusedError:
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return ProviderKeyError(reason, forbidden=status == HTTPStatus.FORBIDDEN)
    if code == "email_invalid":
        return _EmailRefusedError(reason)
    return ProviderMissingError(reason) if status == HTTPStatus.NOT_FOUND else ProviderRefusedError(reason)


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise ProviderUnknownError("Stripe's answer lacks what a session has") from error


def _retry_after(headers: Mapping[str, str]) -> float | None:
    return seconds_in(headers.get("retry-after", headers.get("Retry-After", "")))
