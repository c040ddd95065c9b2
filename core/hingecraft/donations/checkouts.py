"""Chooses a provider, standing invoice or wallet for a donor, by policy, currency and bounds."""

from __future__ import annotations

import uuid
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from hingecraft.db.connection import Connection, Database
from hingecraft.donations import prefills, situation
from hingecraft.donations.model import MICRO, Checkout, GiftRequest
from hingecraft.donations.purpose import DONATE, DONATIONS
from hingecraft.donations.situation import Situation
from hingecraft.errors import InvalidError
from hingecraft.money.model import plain
from hingecraft.payments import attempts, store
from hingecraft.payments.attempts import Attempt, Attempts, Failure, OpenCheckout
from hingecraft.payments.model import ProviderDisabledError, Status
from hingecraft.payments.store import NewCheckout
from hingecraft.providers import wallet
from hingecraft.providers.nowpayments.client import INVOICE_LIFE
from hingecraft.providers.port import CheckoutProvider, Order
from hingecraft.providers.registry import Providers
from hingecraft.providers.wallet import Wallet


class Checkouts:
    """Chooses the way to pay for each gift, and opens its checkout."""

    def __init__(self, database: Database, providers: Providers) -> None:
        self._database = database
        self._providers = providers
        self._attempts = Attempts(database, providers)

    async def open(self, wanted: GiftRequest) -> Checkout:
        """A link for this donor; raises an error that says why not."""
        earlier = await self._resumed(wanted)
        if earlier is not None:
            return earlier
        situation = await self._situation(wanted)
        _refuse_unusable(wanted, situation)
        if wanted.currency.kind == "crypto":
            return await self._open_crypto(wanted, situation)
        return await self._open_card(wanted, situation)

    async def _resumed(self, wanted: GiftRequest) -> Checkout | None:
        """Finish the checkout of an earlier request with this key; None if it failed."""
        if wanted.claim is None or wanted.claim.resource is None:
            return None
        found = await self._attempts.resume(uuid.UUID(wanted.claim.resource))
        if isinstance(found, Attempt):
            return await self._call(found, wanted, await self._situation(wanted))
        return None if found is None else _checkout_of(found)

    async def _situation(self, wanted: GiftRequest) -> Situation:
        async with self._database.connection() as conn:
            return await situation.read(
                conn, wanted.currency.code, wanted.intent_id, wanted.amount, wanted.price_currency.code
            )

    async def _open_card(self, wanted: GiftRequest, situation: Situation) -> Checkout:
        provider = self._providers.stripe
        if not provider.configured or provider.name in situation.disabled_providers:
            raise ProviderDisabledError(
                "provider_disabled",
                "Card payments are currently unavailable. Try a cryptocurrency, or try again later.",
            )
        return await self._open_at(provider, wanted, situation)

    async def _open_crypto(self, wanted: GiftRequest, situation: Situation) -> Checkout:
        provider = self._providers.nowpayments
        switched_off = provider.name in situation.disabled_providers
        if situation.standing_url is not None and not switched_off:
            return Checkout(
                kind="standing",
                provider=provider.name,
                url=situation.standing_url,
                payment_id=None,
                expires_at=situation.standing_expires_at,
            )
        if switched_off or not provider.configured:
            if situation.wallet is None:
                raise ProviderDisabledError(
                    "provider_disabled",
                    f"{wanted.currency.name} is currently unavailable. Choose another currency or pay by card.",
                )
            return await self._open_wallet(wanted, situation, situation.wallet, "provider_disabled")
        if situation.wallet is not None:
            least = await provider.minimum(wanted.currency, wanted.price_currency, wanted.deadline)
            if least is not None and wanted.amount < least:
                asking = await self._with_amount(situation.wallet, wanted)
                return await self._open_wallet(wanted, situation, asking, "below_minimum")
        return await self._open_at(provider, wanted, situation, life=INVOICE_LIFE)

    async def _open_at(
        self, provider: CheckoutProvider, wanted: GiftRequest, situation: Situation, *, life: timedelta | None = None
    ) -> Checkout:
        async with self._writing(situation) as conn:
            order = self._order(wanted, situation, email=await _email(conn, wanted, situation))
            new = replace(
                _new(wanted, order, provider.name, livemode=provider.livemode),
                life=life,
                key=order.key,
                request=provider.request_for(order),
            )
            attempt = await self._attempts.begin(conn, provider, new, wanted.claim, wanted.request_id)
        return await self._call(attempt, wanted, situation)

    def _writing(self, situation: Situation) -> AbstractAsyncContextManager[Connection]:
        """Take the e-mail out of a prefill, in the transaction that records the checkout with it."""
        return self._database.transaction() if situation.intent_has_email else self._database.connection()

    async def _with_amount(self, shown: Wallet, wanted: GiftRequest) -> Wallet:
        """The wallet, with the amount in coins if the provider can convert the price."""
        worth = await self._providers.nowpayments.estimate(wanted.amount, wanted.price_currency, wanted.currency)
        return shown if worth is None else shown.asking_for(worth, wanted.currency)

    async def _open_wallet(self, wanted: GiftRequest, situation: Situation, shown: Wallet, because: str) -> Checkout:
        order = self._order(wanted, situation, email=None)
        new = _new(wanted, order, wallet.NAME, livemode=self._providers.nowpayments.livemode)
        wallet_payment = replace(
            new,
            status=Status.AWAITING_CONFIRMATION,
            url=wallet.url_of(shown.address),
            request=shown.as_shown(),
            details={**new.details, **_on_network(shown), "reason": because},
            actions=(*new.actions, "wallet_fallback"),
        )
        async with self._database.connection() as conn:
            await attempts.write(conn, wallet_payment, wanted.claim, wanted.request_id)
        return _to_wallet(new.payment_id, shown)

    async def _call(self, attempt: Attempt, wanted: GiftRequest, situation: Situation) -> Checkout:
        """The provider's link, otherwise the coin's wallet if it has one."""
        result = await self._attempts.call(attempt, wanted.deadline, wanted.request_id)
        if isinstance(result, OpenCheckout):
            return _checkout_of(result)
        if situation.wallet is None or wanted.currency.kind != "crypto":
            return await self._attempts.fail(attempt, result, wanted.request_id)
        return await self._fall_back(attempt, result, situation.wallet, wanted.request_id)

    async def _fall_back(self, attempt: Attempt, failure: Failure, shown: Wallet, request_id: str) -> Checkout:
        outcome = replace(failure.outcome, details={**failure.outcome.details, **_on_network(shown)})
        async with self._database.connection() as conn:
            mine = await store.fall_back(
                conn,
                attempt.checkout_id,
                outcome,
                wallet=shown,
                url=wallet.url_of(shown.address),
                request_id=request_id,
            )
        if not mine:
            return _checkout_of(await self._attempts.as_it_stands(attempt.payment_id))
        return _to_wallet(attempt.payment_id, shown)

    def _order(self, wanted: GiftRequest, situation: Situation, *, email: str | None) -> Order:
        payment_id = str(uuid.uuid4())
        kind = "micro" if wanted.source == MICRO else "checkout"
        method = "card" if wanted.currency.kind == "fiat" else wanted.currency.code
        cancelled = {
            "status": "cancelled",
            "donationAmount": plain(wanted.amount),
            "paymentMethod": method,
            "currency": wanted.currency.code,
        }
        return Order(
            payment_id=payment_id,
            amount=wanted.amount,
            currency=wanted.currency,
            price_currency=wanted.price_currency,
            success_url=f"{wanted.back}?{urlencode({'status': 'success', 'payment': payment_id})}",
            cancel_url=f"{wanted.back}?{urlencode(cancelled)}",
            opened_at=datetime.now(UTC),
            source=wanted.source,
            description=DONATIONS.description,
            key=f"hc_{kind}_{payment_id}",
            submit_type=DONATE,
            email=email,
            metadata={**wanted.metadata, "installation": str(situation.installation)},
        )


async def _email(conn: Connection, wanted: GiftRequest, situation: Situation) -> str | None:
    """The e-mail address for Stripe; NOWPayments takes none."""
    if wanted.email is not None or not situation.intent_has_email or wanted.currency.kind == "crypto":
        return wanted.email
    assert wanted.intent_id is not None, "only a prefill can have an e-mail"
    return await prefills.take_email(conn, wanted.intent_id)


def _refuse_unusable(wanted: GiftRequest, situation: Situation) -> None:
    if not situation.currency_enabled:
        raise InvalidError(
            "currency_disabled",
            f"{wanted.currency.name} is currently not accepted. GET /routes lists the currencies that are.",
            fields={"currency": "is switched off"},
        )
    if wanted.intent_id is not None and not situation.intent_known:
        raise InvalidError(
            "unknown_prefill",
            "Unknown prefillId. Leave it out, or send the one that POST /mission-support/other returned.",
            fields={"prefillId": "is unknown"},
        )


def _new(wanted: GiftRequest, order: Order, provider: str, *, livemode: bool) -> NewCheckout:
    details: dict[str, Any] = {
        "provider": provider,
        "amount": plain(order.amount),
        "currency": order.currency.code,
        "priceCurrency": order.price_currency.code,
        "source": wanted.source,
    }
    if wanted.currency_defaulted:
        details["currencyDefaulted"] = True
    else:
        details["requestedCurrency"] = wanted.requested_currency or order.currency.code
    return NewCheckout(
        payment_id=uuid.UUID(order.payment_id),
        amount=order.amount,
        currency=order.currency.code,
        price_currency=order.price_currency.code,
        status=Status.CREATING,
        provider=provider,
        livemode=livemode,
        source=wanted.source,
        purpose=DONATIONS.name,
        user_id=None,
        intent_id=wanted.intent_id,
        carries_email=order.email is not None,
        life=None,
        key=order.payment_id,
        request={},
        url=None,
        details=details,
    )


def _on_network(shown: Wallet) -> dict[str, str]:
    return {"network": shown.network} if shown.network is not None else {}


def _to_wallet(payment_id: uuid.UUID, shown: Wallet) -> Checkout:
    return Checkout(
        kind="wallet",
        provider=wallet.NAME,
        url=wallet.url_of(shown.address),
        payment_id=str(payment_id),
        wallet=shown,
    )


def _checkout_of(found: OpenCheckout) -> Checkout:
    if found.provider == wallet.NAME:
        return _to_wallet(found.payment_id, wallet.shown_earlier(found.request, found.url))
    return Checkout(
        kind="checkout",
        provider=found.provider,
        url=found.url,
        payment_id=str(found.payment_id),
        provider_id=found.provider_id,
        expires_at=found.expires_at,
    )
