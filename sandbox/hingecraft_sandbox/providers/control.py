"""`/_sandbox/...`: shows and changes the switches of the providers, and what the sandbox has stored."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from hingecraft_sandbox.providers.nowpayments.acts import COINS, NowPaymentsActs
from hingecraft_sandbox.providers.switches import BalanceSwitch, BillingSwitch, Fault, Switches, WebhookSwitch

_LONGEST_LATENCY = 60.0


class Control:
    """`/_sandbox/...`: the switches, for tests and for people with curl."""

    def __init__(self, switches: Switches, nowpayments: NowPaymentsActs) -> None:
        self._switches = switches
        self._nowpayments = nowpayments

    def add_to(self, app: web.Application) -> None:
        """The routes of the switches."""
        app.router.add_get("/_sandbox/switches", self.show)
        app.router.add_delete("/_sandbox/switches", self.reset)
        app.router.add_post("/_sandbox/faults", self.fault)
        app.router.add_delete("/_sandbox/faults", self.no_faults)
        app.router.add_put("/_sandbox/webhooks", self.webhooks)
        app.router.add_put("/_sandbox/balance", self.balance)
        app.router.add_put("/_sandbox/billing", self.billing)
        app.router.add_put("/_sandbox/latency", self.latency)
        app.router.add_put("/_sandbox/revoked", self.revoke)
        app.router.add_put("/_sandbox/accounts", self.accounts)
        app.router.add_put("/_sandbox/permissions", self.permissions)
        app.router.add_put("/_sandbox/minimums", self.minimums)
        app.router.add_put("/_sandbox/rates", self.rates)
        app.router.add_patch("/_sandbox/{kind}/{id}", self.change)
        app.router.add_delete("/_sandbox/book", self.forget)
        app.router.add_delete("/_sandbox/book/{kind}", self.forget)

    async def show(self, _request: web.Request) -> web.Response:
        """The present state of the switches."""
        return web.json_response(
            {
                "faults": [fault.model_dump() for fault in self._switches.faults],
                "webhooks": self._switches.webhooks.model_dump(),
                "balance": self._switches.balance.model_dump(),
                "billing": self._switches.billing.model_dump(),
                "wix": self._switches.wix.model_dump(),
                "latency": self._switches.latency,
                "keys": dict(self._switches.keys),
                "revoked": sorted(self._switches.revoked),
                "accounts": self._switches.accounts,
                "permissions": {
                    key: {"allowed": sorted(allowed), "needed": sorted(self._switches.needed[key])}
                    for key, allowed in self._switches.permissions.items()
                },
                "minimums": {coin: str(amount) for coin, amount in self._nowpayments.minimums.items()},
                "rates": {coin: str(times) for coin, times in self._nowpayments.rates.items()},
            }
        )

    async def reset(self, request: web.Request) -> web.Response:
        """Reset all switches."""
        self._switches.reset()
        self._nowpayments.minimums.clear()
        self._nowpayments.rates.clear()
        return await self.show(request)

    async def revoke(self, request: web.Request) -> web.Response:
        """Reject calls with these keys, of both providers."""
        self._switches.revoked = set(await request.json())
        return await self.show(request)

    async def accounts(self, request: web.Request) -> web.Response:
        """These keys belong to another account of Stripe's: {"sk_test_other": "acct_other"}."""
        self._switches.accounts = {str(key): str(account) for key, account in (await _object(request)).items()}
        return await self.show(request)

    async def permissions(self, request: web.Request) -> web.Response:
        """Restrict keys of Stripe: {"rk_test_1": ["rak_charge_read"]}; `_write` includes `_read`."""
        restricted = await _object(request)
        for key, allowed in restricted.items():
            if not key.startswith("rk_test_") or not isinstance(allowed, list):
                raise web.HTTPBadRequest(text="send restricted keys (rk_test_...), each with a list of permissions")
        self._switches.permissions = {key: frozenset(map(str, allowed)) for key, allowed in restricted.items()}
        return await self.show(request)

    async def fault(self, request: web.Request) -> web.Response:
        """Make the next calls fail."""
        self._switches.faults.append(await _parsed(request, Fault))
        return await self.show(request)

    async def no_faults(self, request: web.Request) -> web.Response:
        """Remove all faults; the other switches stay."""
        self._switches.remove_faults()
        return await self.show(request)

    async def webhooks(self, request: web.Request) -> web.Response:
        """Set how events are delivered."""
        self._switches.webhooks = await _parsed(request, WebhookSwitch)
        return await self.show(request)

    async def balance(self, request: web.Request) -> web.Response:
        """Set when charges get their balance transaction."""
        self._switches.balance = await _parsed(request, BalanceSwitch)
        return await self.show(request)

    async def billing(self, request: web.Request) -> web.Response:
        """Set what becomes of subscriptions that are not paid."""
        self._switches.billing = await _parsed(request, BillingSwitch)
        return await self.show(request)

    async def latency(self, request: web.Request) -> web.Response:
        """Set the latency of every call."""
        seconds = (await _object(request)).get("seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= _LONGEST_LATENCY:
            raise web.HTTPBadRequest(text="seconds must be a number from 0 to 60")
        self._switches.latency = float(seconds)
        return await self.show(request)

    async def forget(self, request: web.Request) -> web.Response:
        """Delete all objects, or those of one kind, until the next start; the journal keeps them."""
        self._nowpayments.book.forget(request.match_info.get("kind"))
        return await self.show(request)

    async def change(self, request: web.Request) -> web.Response:
        """Change fields of an object without an event, such as {"amount_total": 1} of a session."""
        kind = request.match_info["kind"]
        found = self._nowpayments.book.get(kind, request.match_info["id"])
        if found is None:
            raise web.HTTPNotFound(text=f"no object in {kind} has this id")
        return web.json_response(self._nowpayments.book.put(kind, {**found, **await _object(request)}))

    async def minimums(self, request: web.Request) -> web.Response:
        """Set minimum amounts of coins in USD: {"btc": 20}."""
        self._nowpayments.minimums |= await _of_coins(request)
        return await self.show(request)

    async def rates(self, request: web.Request) -> web.Response:
        """Set the factor on the usual rate of coins: {"btc": 2}."""
        self._nowpayments.rates |= await _of_coins(request)
        return await self.show(request)


async def _of_coins(request: web.Request) -> dict[str, Decimal]:
    found = await _object(request)
    for coin, number in found.items():
        if coin not in COINS or isinstance(number, bool) or not isinstance(number, int | float) or number <= 0:
            raise web.HTTPBadRequest(text=f"{coin}: send coins that the sandbox knows, each with a number above 0")
    return {coin: Decimal(str(number)) for coin, number in found.items()}


async def _object(request: web.Request) -> dict[str, Any]:
    try:
        found = json.loads(await request.text())
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise web.HTTPBadRequest(text="send a JSON object")
    return found


async def _parsed(request: web.Request, model: Any) -> Any:
    try:
        return model.model_validate(await _object(request))
    except ValidationError as error:
        raise web.HTTPBadRequest(text=str(error)) from None
