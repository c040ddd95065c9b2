"""One account of Stripe, called by the SDK.

The SDK's own retries are off: what is tried again, when, and for how long is decided in one place for
all providers (`patience`), and the idempotency key is ours and kept, so that it survives a crash.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from http import HTTPStatus
from typing import Any, TypeVar, cast

import aiohttp

from hingecraft.providers.account import Account
from hingecraft.providers.patience import Deadline, TransientError, seconds_in
from hingecraft.providers.port import (
    ErrorKeptError,
    ProviderKeyError,
    ProviderMissingError,
    ProviderRejectedError,
    Rejected,
)
from hingecraft.providers.settings import ProviderSettings
from hingecraft.providers.stripe import NAME
from hingecraft.providers.stripe.library import stripe
from hingecraft.providers.stripe.permissions import missing_permissions
from hingecraft.providers.stripe.ports import Document

_LIVE_RATE, _TEST_RATE = 80, 20
_CONNECTIONS = 1000
_CONNECT_TIMEOUT = 3.0
_ASKED_FOR = 20.0
_PAGE = 100
_TRY_AGAIN = frozenset({HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS})
_THROTTLED = HTTPStatus.TOO_MANY_REQUESTS
_REFUSED = range(400, 500)
_RETRY_AFTER, _KEPT = "Retry-After", "Idempotent-Replayed"
_MISSING = "resource_missing"
_COMBINES_CURRENCIES = "combine currencies on a single customer"
_ADD_PERMISSION = "Add it to the key in Stripe's Dashboard (Developers, API keys); it takes effect at once"

_Result = TypeVar("_Result")


class _Client(stripe.HTTPClient):
    """Carries the SDK's calls over one session of aiohttp (docs/decisions/0127)."""

    name = "aiohttp"

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__()
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: str | None = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Stripe's answer; stripe.APIConnectionError if there is none, or only a part of it."""
        if self._session is None:
            self._session = self._open()
        try:
            async with self._session.request(
                method, url, headers=headers, data=post_data, allow_redirects=False
            ) as response:
                return await response.read(), response.status, response.headers
        except (aiohttp.ClientError, OSError) as error:
            reason = f"No complete answer ({type(error).__name__})"
            raise stripe.APIConnectionError(reason) from error  # type: ignore[no-untyped-call]  # untyped there

    async def close_async(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        # OpenSSL's own variable, for a company whose proxy signs again; else the authorities that the SDK ships.
        trust = _trust(os.environ.get("SSL_CERT_FILE") or stripe.ca_bundle_path)
        connector = aiohttp.TCPConnector(limit=_CONNECTIONS, ssl=trust)
        # How long an answer may take is decided by the deadline of each call.
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_TIMEOUT)
        return self._settings.proxies.session(self._settings.stripe_api_base, connector, timeout=timeout)


@cache
def _trust(authorities: str) -> ssl.SSLContext:
    """Kept: loading hundreds of authorities takes 20 ms of CPU."""
    return ssl.create_default_context(cafile=authorities)


class EmailRejectedError(ProviderRejectedError):
    """The e-mail address is not one that Stripe takes."""


class StripeAccount(Account):
    """Shared by all calls to Stripe; the calls are in `objects` and `payment_links`."""

    name = NAME
    remedy = "Set STRIPE_SECRET to a valid key with the permissions that we need"

    def __init__(self, settings: ProviderSettings, key_rejected: Rejected = lambda _provider: None) -> None:
        usual = _LIVE_RATE if settings.stripe_livemode else _TEST_RATE
        super().__init__(settings, key_rejected, per_second=settings.stripe_rate or usual)
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

    @property
    def api_base(self) -> str:
        """Stripe's API, or a stand-in for it."""
        return self._settings.stripe_api_base

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
        """The options of one call: our idempotency key, and the newest API key, since it may have been rotated."""
        options: stripe.RequestOptions = {"api_key": self._settings.stripe_secret.newest}
        if key is not None:
            options["idempotency_key"] = key
        return options

    async def call(self, attempt: Callable[[], Awaitable[_Result]], deadline: Deadline) -> _Result:
        """One call, unless the key is known to be of another account."""

        async def if_ours() -> _Result:
            if self._suspended is not None:
                raise ProviderKeyError(self._suspended)
            return await attempt()

        return await super().call(if_ours, deadline)

    async def make(
        self, create: Callable[[stripe.RequestOptions], Awaitable[_Result]], key: str, deadline: Deadline
    ) -> _Result:
        """Make an object, under a second key that follows from the first if Stripe keeps an error for the first.

        Stripe may still finish the first, so this is for objects of which a second one does no harm.
        """
        try:
            return await self.call(lambda: create(self.options(key)), deadline)
        except ErrorKeptError:
            return await self.call(lambda: create(self.options(f"{key}_again")), deadline)

    async def repeated(self, attempt: Callable[[], Awaitable[_Result]], deadline: Deadline) -> _Result:
        """Like the base class; an error about a key of another account is recognised as well."""

        async def once() -> _Result:
            with _transient():
                return await attempt()

        return await super().repeated(once, deadline)

    async def ask(self, attempt: Callable[[], Awaitable[Any]]) -> Document:
        """Stripe's answer as plain JSON, which the SDK keeps beside its object."""
        found: Document = (await self.call(attempt, Deadline.within(_ASKED_FOR))).last_response.data
        return found

    async def pages(self, method: Callable[..., Awaitable[Any]], wanted: Mapping[str, Any]) -> AsyncIterator[Document]:
        """All that a list method of the SDK finds, page by page."""
        after: str | None = None
        while True:
            params = cast("Any", {**wanted, "limit": _PAGE, **({"starting_after": after} if after else {})})
            page = await self.ask(lambda: method(params, options=self.options()))  # noqa: B023 - called at once
            for each in page["data"]:
                yield each
            if not page["has_more"] or not page["data"]:
                return
            after = page["data"][-1]["id"]

    def suspend(self, reason: str | None) -> None:
        """Reject every call for that reason, since the key is of another account; None: the key is ours."""
        self._suspended = reason

    async def id(self) -> str | None:
        """The account that the key belongs to; None where a restricted key may not read that."""
        retrieve = self.client.v1.accounts.retrieve_current_async
        try:
            found = await self.repeated(lambda: retrieve(options=self.options()), Deadline.within(_ASKED_FOR))
        except ProviderKeyError as error:
            if error.forbidden:
                return None
            self.key_failed(error)
            raise
        return str(found.id)

    async def knows_session(self, session_id: str) -> bool:
        """Whether the key's account has made a session, asked whether the key is of our account or not."""
        retrieve = self.client.v1.checkout.sessions.retrieve_async
        try:
            await self.repeated(lambda: retrieve(session_id, options=self.options()), Deadline.within(_ASKED_FOR))
        except ProviderMissingError:
            return False
        return True

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.close_async()


@contextmanager
def _transient() -> Iterator[None]:
    """Separate temporary from final errors. Stripe's message can repeat a payer's input, so it is not kept."""
    try:
        yield
    except stripe.StripeError as error:
        status = error.http_status
        reason = _reason(error)
        if status in _REFUSED and status not in _TRY_AGAIN:
            raise _refusal(status, error, reason) from error
        if status is not None and status >= HTTPStatus.INTERNAL_SERVER_ERROR and _header(error, _KEPT):
            raise ErrorKeptError(reason) from error
        raise TransientError(
            reason, maybe_done=status != _THROTTLED, retry_after=seconds_in(_header(error, _RETRY_AFTER))
        ) from error
    except (AttributeError, TypeError, ValueError, KeyError) as error:
        # The SDK trips over an answer that is JSON but no object of Stripe's.
        raise TransientError(f"Stripe's answer cannot be read ({type(error).__name__})", maybe_done=True) from error


def _param(error: stripe.StripeError) -> str | None:
    param: str | None = getattr(error, "param", None)
    return param


def _reason(error: stripe.StripeError) -> str:
    param = _param(error)
    code = error.code or type(error).__name__
    return f"Stripe answered {error.http_status or 'nothing'}: {code}{f' ({param})' if param else ''}"


def _refusal(status: int | None, error: stripe.StripeError, reason: str) -> ProviderRejectedError:
    if status == HTTPStatus.UNAUTHORIZED:
        return ProviderKeyError(reason)
    if status == HTTPStatus.FORBIDDEN:
        return _forbidden(error, reason)
    if error.code == "email_invalid":
        return EmailRejectedError(reason)
    # Stripe gives this error no code.
    if _COMBINES_CURRENCIES in (error.user_message or ""):
        return ProviderRejectedError("Stripe takes one currency for a customer", code="another_currency")
    if status == HTTPStatus.NOT_FOUND:
        return ProviderMissingError(reason)
    # Of the object that is asked for, the status says so; of one that is named in a parameter, only the code does.
    return ProviderRejectedError(reason, missing=_param(error) if error.code == _MISSING else None)


def _forbidden(error: stripe.StripeError, reason: str) -> ProviderKeyError:
    missing = missing_permissions(str(error))
    if not missing:
        return ProviderKeyError(reason, forbidden=True)
    lacks = f"the key lacks the permission {' or '.join(missing)}"
    return ProviderKeyError(f"Stripe answered 403: {lacks}", forbidden=True, remedy=_ADD_PERMISSION)


def _header(error: stripe.StripeError, name: str) -> str:
    headers: Mapping[str, str] = error.headers or {}
    return headers.get(name.lower(), headers.get(name, ""))
