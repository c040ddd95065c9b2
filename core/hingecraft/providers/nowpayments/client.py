"""NOWPayments behind the port: an invoice for one payer, and the least that a coin takes.

It has no idempotency keys: a repeated call makes another invoice on the same `order_id`. That is harmless,
since no payer has seen the first one's address, and money is counted by payment, never by invoice.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from typing import Any

import aiohttp
import simplejson
from yarl import URL

from hingecraft.errors import InvalidError
from hingecraft.money.minor_units import to_nowpayments
from hingecraft.money.model import Currency, parse_decimal, plain
from hingecraft.money.tickers import ticker_of
from hingecraft.providers.account import Account
from hingecraft.providers.addresses import checked
from hingecraft.providers.nowpayments import NAME
from hingecraft.providers.patience import Deadline, TransientError, seconds_in
from hingecraft.providers.port import (
    Opened,
    Order,
    ProviderKeyError,
    ProviderMissingError,
    ProviderRejectedError,
    ProviderUnknownError,
    Rejected,
)
from hingecraft.providers.settings import ProviderSettings

IPN_PATH = "/webhooks/nowpayments"
# No lifetime of an invoice is documented; a payment without a deposit expires after seven days.
INVOICE_LIFE = timedelta(days=7)
_DOMAIN = "nowpayments.io"
_RATE = 10
_MINIMUM_KEPT = 600.0
# Time for one attempt: the minimum only spares a rejection, and the payer's time is for the invoice.
_MINIMUM_WITHIN = 1.5
# A login lives for five minutes; the last one is not used.
_LOGIN_KEPT = 240.0
_ASKED_FOR = 20.0
# It only saves the payer some arithmetic, so it may not take long.
_ESTIMATED_WITHIN = 1.5
_PAGE = 500
_TRY_AGAIN = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.CONFLICT})


@dataclass(frozen=True, slots=True)
class _Minimum:
    """The lowest price, and how long we use it."""

    amount: Decimal
    until: float


class NowPaymentsProvider(Account):
    """One account of NOWPayments."""

    name = NAME
    remedy = "Check NOWPAYMENTS_API_KEY, and the login if one is set"

    def __init__(self, settings: ProviderSettings, key_rejected: Rejected = lambda _provider: None) -> None:
        super().__init__(settings, key_rejected, per_second=_RATE)
        self._session: aiohttp.ClientSession | None = None
        self._minimums: dict[tuple[str, str], _Minimum] = {}
        self._login: tuple[str, float] | None = None

    @property
    def livemode(self) -> bool:
        """Whether real money moves: only on the real host."""
        return URL(self._settings.nowpayments_api_base).host == f"api.{_DOMAIN}"

    @property
    def takes_real_money(self) -> bool | None:
        """Whether links of this account do; None at a stand-in, which may play either."""
        return {f"api.{_DOMAIN}": True, f"api-sandbox.{_DOMAIN}": False}.get(
            URL(self._settings.nowpayments_api_base).host or ""
        )

    @property
    def configured(self) -> bool:
        """A provider without keys is off."""
        return bool(self._settings.nowpayments_api_key)

    def request_for(self, order: Order) -> dict[str, Any]:
        """An invoice for one payer, priced as they asked, payable in their coin."""
        request = {
            "price_amount": to_nowpayments(order.amount, order.price_currency),
            "price_currency": order.price_currency.code.lower(),
            "pay_currency": ticker_of(order.currency),
            "order_id": order.payment_id,
            "order_description": order.description,
            "success_url": order.success_url,
            "cancel_url": order.cancel_url,
        }
        if self._settings.public_url:
            request["ipn_callback_url"] = f"{self._settings.public_url}{IPN_PATH}"
        return request

    async def open(self, request: Mapping[str, Any], key: str, deadline: Deadline) -> Opened:
        """Make an invoice. There are no keys: a repeat makes another one, on the same `order_id`."""
        del key
        invoice = await self._call("POST", "invoice", deadline, body=request)
        invoice_id = invoice.get("id")
        if not isinstance(invoice_id, str | int) or not str(invoice_id):
            raise ProviderUnknownError("NOWPayments did not return an invoice")
        url = checked(
            invoice.get("invoice_url"),
            api_base=self._settings.nowpayments_api_base,
            domain=_DOMAIN,
            provider_id=str(invoice_id),
        )
        return Opened(provider_id=str(invoice_id), url=url)

    async def minimum(self, coin: Currency, price_currency: Currency, deadline: Deadline) -> Decimal | None:
        """The lowest price that can be paid in that coin; None if it is not available now."""
        asked = (coin.code, price_currency.code)
        known = self._minimums.get(asked)
        if known is not None and known.until > time.monotonic():
            return known.amount
        query = {
            "currency_from": ticker_of(coin),
            "currency_to": ticker_of(coin),
            "fiat_equivalent": price_currency.code.lower(),
        }
        try:
            answer = await self._call("GET", "min-amount", deadline.sooner(_MINIMUM_WITHIN), query=query)
            amount = parse_decimal(answer.get("fiat_equivalent"))
        except (ProviderRejectedError, ProviderUnknownError, InvalidError):
            return None
        self._minimums[asked] = _Minimum(amount, time.monotonic() + _MINIMUM_KEPT)
        return amount

    async def estimate(self, amount: Decimal, price_currency: Currency, coin: Currency) -> Decimal | None:
        """The price in coins now; None if it is not available soon enough."""
        query = {
            "amount": plain(amount),
            "currency_from": price_currency.code.lower(),
            "currency_to": ticker_of(coin),
        }
        try:
            answer = await self._call("GET", "estimate", Deadline.within(_ESTIMATED_WITHIN), query=query)
            worth = parse_decimal(answer.get("estimated_amount"))
        except (ProviderRejectedError, ProviderUnknownError, InvalidError):
            return None
        return worth if worth > 0 else None

    async def payment(self, payment_id: str) -> dict[str, Any]:
        """One payment, as it is now."""
        return await self._call("GET", f"payment/{payment_id}", Deadline.within(_ASKED_FOR))

    @property
    def may_list(self) -> bool:
        """Whether payments can be listed, which needs the account's e-mail and password."""
        return bool(self._settings.nowpayments_email and self._settings.nowpayments_password)

    async def payments_of(self, invoice_id: str) -> list[dict[str, Any]]:
        """Every payment on an invoice: several may pay one."""
        return [payment async for payment in self._listed({"invoiceId": invoice_id})]

    def payments_since(self, moment: datetime) -> AsyncIterator[dict[str, Any]]:
        """Every payment that was begun since then, on whichever invoice."""
        return self._listed({"dateFrom": moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")})

    async def _listed(self, wanted: Mapping[str, str]) -> AsyncIterator[dict[str, Any]]:
        for page in itertools.count():
            query = {**wanted, "limit": str(_PAGE), "page": str(page)}
            token = await self._token()
            answer = await self._call("GET", "payment/", Deadline.within(_ASKED_FOR), query=query, token=token)
            data = answer.get("data")
            for each in data if isinstance(data, list) else []:
                if isinstance(each, dict):
                    yield each
            if not isinstance(data, list) or len(data) < _PAGE:
                return

    async def _token(self) -> str:
        """The token of a login, which is valid for five minutes."""
        if self._login is None or self._login[1] < time.monotonic():
            secret = self._settings.nowpayments_password.newest
            login = {"email": self._settings.nowpayments_email, "password": secret}
            answer = await self._call("POST", "auth", Deadline.within(_ASKED_FOR), body=login)
            self._login = (str(answer.get("token")), time.monotonic() + _LOGIN_KEPT)
        return self._login[0]

    async def _call(
        self,
        method: str,
        path: str,
        deadline: Deadline,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        token: str | None = None,
    ) -> dict[str, Any]:
        data = _written(body) if body is not None else None

        async def once() -> dict[str, Any]:
            return await self._once(method, path, data, query, token)

        return await self.call(once, deadline)

    def key_failed(self, error: ProviderKeyError) -> None:
        """Drop the login as well, since it may have expired."""
        self._login = None
        super().key_failed(error)

    async def _once(
        self, method: str, path: str, data: bytes | None, query: Mapping[str, str] | None, token: str | None
    ) -> dict[str, Any]:
        headers = {"x-api-key": self._settings.nowpayments_api_key.newest, "Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        address = f"{self._settings.nowpayments_api_base}/{path}"
        try:
            async with self._open_session().request(
                method, address, data=data, params=query, headers=headers, allow_redirects=False
            ) as response:
                text = await response.read()
                return _document(response.status, response.headers.get("Retry-After", ""), text)
        except (aiohttp.ClientError, OSError) as error:
            raise TransientError(f"NOWPayments cannot be reached ({type(error).__name__})", maybe_done=True) from error

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0)
            self._session = self._settings.proxies.session(self._settings.nowpayments_api_base, connector)
        return self._session

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


def _document(status: int, retry_after: str, text: bytes) -> dict[str, Any]:
    """The answer, if it is an object with a successful status."""
    reason = f"NOWPayments answered {status}"
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _TRY_AGAIN:
        raise _refusal(status, f"{reason}: {_message(text)}"[:500])
    if status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
        raise TransientError(
            reason, maybe_done=status != HTTPStatus.TOO_MANY_REQUESTS, retry_after=seconds_in(retry_after)
        )
    found = _parsed(text)
    if found is None:
        raise TransientError("NOWPayments' answer cannot be read", maybe_done=True)
    return found


def _refusal(status: int, reason: str) -> ProviderRejectedError:
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return ProviderKeyError(reason)
    return ProviderMissingError(reason) if status == HTTPStatus.NOT_FOUND else ProviderRejectedError(reason)


def _parsed(text: bytes) -> dict[str, Any] | None:
    try:
        found = simplejson.loads(text, use_decimal=True)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _message(text: bytes) -> str:
    found = _parsed(text) or {}
    return str(found.get("message") or found.get("code") or "no reason given")


def _written(request: Mapping[str, Any]) -> bytes:
    """The amount is kept as text, which loses nothing, and sent as the number that it is."""
    amount = {"price_amount": Decimal(request["price_amount"])} if "price_amount" in request else {}
    return simplejson.dumps({**request, **amount}).encode()
