"""NOWPayments' API over HTTP."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web

from hingecraft_sandbox.json_body import object_in
from hingecraft_sandbox.providers.nowpayments import PREFIX
from hingecraft_sandbox.providers.nowpayments.acts import (
    COINS,
    FIAT,
    NowPaymentsActs,
    NowPaymentsRejectedError,
    public,
)
from hingecraft_sandbox.providers.switches import Switches

_TOKEN_LIFE = 300.0
_LARGEST_PAGE = 500

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class NowPaymentsApi:
    """`/nowpayments/v1/...`."""

    def __init__(self, acts: NowPaymentsActs, switches: Switches) -> None:
        self._acts = acts
        self._switches = switches
        self._tokens: dict[str, float] = {}

    def add_to(self, app: web.Application) -> None:
        """The routes of the API."""
        for method, path, handler, keyed in (
            ("GET", "/status", self.status, False),
            ("POST", "/auth", self.auth, False),
            ("POST", "/invoice", self.invoice, True),
            ("GET", "/min-amount", self.minimum, True),
            ("GET", "/estimate", self.estimate, True),
            ("GET", "/currencies", self.currencies, True),
            ("GET", "/merchant/coins", self.coins, True),
            ("GET", "/payment/{id}", self.payment, True),
            ("GET", "/payment/", self.payments, True),
        ):
            app.router.add_route(method, PREFIX + path, self._served(handler, keyed=keyed))

    def _served(self, handler: Handler, *, keyed: bool) -> Handler:
        async def answered(request: web.Request) -> web.StreamResponse:
            try:
                if keyed:
                    self._require_key(request)
                return await handler(request)
            except NowPaymentsRejectedError as error:
                return web.json_response(error.body, status=error.status)

        async def serve(request: web.Request) -> web.StreamResponse:
            return await self._switches.around("nowpayments", request, answered)

        return serve

    def _require_key(self, request: web.Request) -> None:
        key = request.headers.get("x-api-key")
        if not key or key in self._switches.revoked:
            raise NowPaymentsRejectedError("Invalid api key", status=HTTPStatus.FORBIDDEN, code="INVALID_API_KEY")

    async def status(self, _request: web.Request) -> web.Response:
        """The status of the API."""
        return web.json_response({"message": "OK"})

    async def auth(self, request: web.Request) -> web.Response:
        """A token for lists, valid for five minutes."""
        asked = await _json(request)
        if not asked.get("email") or not asked.get("password"):
            raise NowPaymentsRejectedError("Wrong e-mail or password", status=HTTPStatus.FORBIDDEN, code="AUTH_ERROR")
        token = secrets.token_urlsafe(32)
        self._tokens[token] = time.monotonic() + _TOKEN_LIFE
        return web.json_response({"token": token})

    async def invoice(self, request: web.Request) -> web.Response:
        """Create an invoice."""
        return web.json_response(self._acts.make_invoice(await _json(request), bad_url=request.get("bad_url")))

    async def minimum(self, request: web.Request) -> web.Response:
        """The minimum amount of a coin."""
        coin, fiat = request.query.get("currency_from", ""), request.query.get("fiat_equivalent", "usd")
        if coin not in COINS or fiat not in FIAT:
            raise NowPaymentsRejectedError("Unknown currency")
        least = self._acts.minimum(coin)
        return web.json_response(
            {
                "currency_from": coin,
                "currency_to": request.query.get("currency_to", coin),
                "min_amount": float(least) / float(COINS[coin]),
                "fiat_equivalent": float(least) / float(FIAT[fiat]),
            }
        )

    async def estimate(self, request: web.Request) -> web.Response:
        """Convert a price to a coin."""
        query = request.query
        amount, fiat, coin = (query.get(name, "") for name in ("amount", "currency_from", "currency_to"))
        return web.json_response(self._acts.estimate(amount, fiat, coin))

    async def currencies(self, _request: web.Request) -> web.Response:
        """All coins."""
        return web.json_response({"currencies": list(COINS)})

    async def coins(self, _request: web.Request) -> web.Response:
        """The coins that this account accepts."""
        return web.json_response({"selectedCurrencies": [coin.upper() for coin in COINS]})

    async def payment(self, request: web.Request) -> web.Response:
        """One payment."""
        found = self._acts.book.get("payments", request.match_info["id"])
        if found is None:
            raise NowPaymentsRejectedError("Payment not found", status=HTTPStatus.NOT_FOUND, code="PAYMENT_NOT_FOUND")
        return web.json_response(public(found))

    async def payments(self, request: web.Request) -> web.Response:
        """The payments on an invoice."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or self._tokens.get(token, 0.0) < time.monotonic():
            raise NowPaymentsRejectedError(
                "Authorization header is empty or wrong", status=HTTPStatus.UNAUTHORIZED, code="AUTH_REQUIRED"
            )
        invoice = request.query.get("invoiceId")
        since = request.query.get("dateFrom", "")
        found = [
            each
            for each in self._acts.book.all("payments")
            if invoice in {None, str(each["invoice_id"])} and each["created_at"] >= since
        ]
        limit = min(int(request.query.get("limit", "10")), _LARGEST_PAGE)
        first = int(request.query.get("page", "0")) * limit
        data = [public(each) for each in found[first : first + limit]]
        return web.json_response({"data": data, "limit": limit, "page": first // limit, "total": len(found)})


async def _json(request: web.Request) -> dict[str, Any]:
    found = await object_in(request)
    if found is None:
        raise NowPaymentsRejectedError("Send a JSON object")
    return found
