"""Making a checkout, safe at every step.

Write down the intent, call the provider holding no connection, write down how it ended. A crash in between
leaves a row that says what was asked and with which key; whoever comes next finishes it.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from hingecraft.db.connection import Connection, Database
from hingecraft.donations import prefills, situation
from hingecraft.donations.model import MICRO, Checkout, Wanted
from hingecraft.donations.purpose import DONATE, DONATIONS
from hingecraft.donations.situation import Situation
from hingecraft.errors import ErrorCode, InvalidError
from hingecraft.idempotency.model import InFlightError
from hingecraft.money.model import plain
from hingecraft.payments import store
from hingecraft.payments.model import REPLAYED_FOR, ProviderDisabledError, ProviderFailedError, Status
from hingecraft.payments.store import KeptCheckout, NewCheckout, Outcome
from hingecraft.providers import wallet
from hingecraft.providers.nowpayments.client import INVOICE_LIFE
from hingecraft.providers.port import CheckoutProvider, Order, ProviderRefusedError, ProviderUnknownError
from hingecraft.providers.registry import Providers
from hingecraft.providers.wallet import Wallet

log = logging.getLogger(__name__)

_UNFINISHED = frozenset({Status.CREATING, Status.UNKNOWN})
_ENDED = frozenset({Status.FAILED, Status.EXPIRED, Status.ERROR})
# Named by the contract; the row says which provider it was.
_FAILED_ACTION = "stripe_session_failed"
_UNAVAILABLE: ErrorCode = "provider_unavailable"
_SENTENCES: Mapping[ErrorCode, str] = {
    "provider_refused": "The payment provider rejected this payment. Try another amount or currency.",
    "provider_busy": "The payment provider has too many requests right now. Try again in a few seconds.",
    _UNAVAILABLE: "The payment provider cannot be reached right now. Try again in a minute.",
    "bad_url": "The payment provider returned a link that we cannot trust. Try again later.",
}


@dataclass(frozen=True, slots=True)
class _Begun:
    """A checkout that is written down and not yet known to exist."""

    provider: CheckoutProvider
    checkout_id: uuid.UUID
    payment_id: uuid.UUID
    request: Mapping[str, Any]
    key: str
    expires_at: datetime | None


class Checkouts:
    """Opens checkouts at the providers."""

    def __init__(self, database: Database, providers: Providers) -> None:
        self._database = database
        self._providers = providers

    async def open(self, wanted: Wanted) -> Checkout:
        """A link for this donor, or the reason why there is none."""
        if wanted.claim is not None and wanted.claim.resource is not None:
            earlier = await self._resume(wanted, uuid.UUID(wanted.claim.resource))
            if earlier is not None:
                return earlier
        situation = await self._situation(wanted)
        _refuse_unusable(wanted, situation)
        if wanted.currency.kind == "crypto":
            return await self._open_crypto(wanted, situation)
        return await self._open_card(wanted, situation)

    async def _situation(self, wanted: Wanted) -> Situation:
        async with self._database.connection() as conn:
            return await situation.read(
                conn, wanted.currency.code, wanted.intent_id, wanted.amount, wanted.price_currency.code
            )

    async def _open_card(self, wanted: Wanted, situation: Situation) -> Checkout:
        provider = self._providers.stripe
        if not provider.configured or provider.name in situation.disabled_providers:
            raise ProviderDisabledError(
                "provider_disabled",
                "Card payments are currently unavailable. Try a cryptocurrency, or try again later.",
            )
        return await self._open_at(provider, wanted, situation)

    async def _open_crypto(self, wanted: Wanted, situation: Situation) -> Checkout:
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
        self, provider: CheckoutProvider, wanted: Wanted, situation: Situation, *, life: timedelta | None = None
    ) -> Checkout:
        async with self._writing(situation) as conn:
            order = self._order(wanted, situation, email=await _email(conn, wanted, situation))
            request, key = provider.request_for(order), provider.idempotency_key(order)
            new = _new(wanted, order, provider.name, livemode=provider.livemode)
            new = replace(new, life=life, key=key, request=request)
            checkout_id, expires_at = await _write_down(conn, new, wanted)
        return await self._call(
            _Begun(provider, checkout_id, new.payment_id, request, key, expires_at), wanted, situation
        )

    def _writing(self, situation: Situation) -> AbstractAsyncContextManager[Connection]:
        """A prefill gives its e-mail away only together with the checkout that carries it."""
        return self._database.transaction() if situation.intent_has_email else self._database.connection()

    async def _with_amount(self, shown: Wallet, wanted: Wanted) -> Wallet:
        """With the coins to send, where the provider says what the price is worth in them."""
        worth = await self._providers.nowpayments.estimate(wanted.amount, wanted.price_currency, wanted.currency)
        return shown if worth is None else shown.asking_for(worth, wanted.currency)

    async def _open_wallet(self, wanted: Wanted, situation: Situation, shown: Wallet, because: str) -> Checkout:
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
            await _write_down(conn, wallet_payment, wanted)
        return _to_wallet(new.payment_id, shown)

    async def _call(self, begun: _Begun, wanted: Wanted, situation: Situation) -> Checkout:
        started = time.monotonic()
        try:
            result = await begun.provider.open(begun.request, begun.key, wanted.deadline)
        except ProviderRefusedError as error:
            self._observe(begun, "refused", started)
            details = {"reason": error.reason, "code": error.code, "outcome": "failed"}
            outcome = Outcome(status=Status.FAILED, details=details, provider_id=error.provider_id)
            return await self._without(begun, wanted, situation, outcome, error.code)
        except ProviderUnknownError as error:
            self._observe(begun, "unknown", started)
            outcome = Outcome(status=Status.UNKNOWN, details={"reason": error.reason, "outcome": "unknown"})
            return await self._without(begun, wanted, situation, outcome, _UNAVAILABLE)
        seconds = self._observe(begun, "opened", started)
        result = replace(result, expires_at=result.expires_at or begun.expires_at)
        async with self._database.connection() as conn:
            mine = await store.opened(conn, begun.checkout_id, result, wanted.request_id, round(seconds * 1000))
        if not mine:
            return await self._as_it_stands(begun.payment_id)
        return Checkout(
            kind="checkout",
            provider=begun.provider.name,
            url=result.url,
            payment_id=str(begun.payment_id),
            provider_id=result.provider_id,
            expires_at=result.expires_at,
        )

    def _observe(self, begun: _Begun, outcome: str, started: float) -> float:
        seconds = time.monotonic() - started
        self._providers.observe(begun.provider.name, outcome, seconds)
        return seconds

    async def _without(
        self, begun: _Begun, wanted: Wanted, situation: Situation, outcome: Outcome, code: ErrorCode
    ) -> Checkout:
        """No link from the provider: the wallet, where the coin has one, else an honest refusal."""
        log.warning("no checkout at %s: %s", begun.provider.name, outcome.details["reason"])
        shown = situation.wallet if wanted.currency.kind == "crypto" else None
        async with self._database.connection() as conn:
            if shown is None:
                await store.not_opened(
                    conn, begun.checkout_id, outcome, action=_FAILED_ACTION, request_id=wanted.request_id
                )
                raise ProviderFailedError(code, _SENTENCES[code])
            outcome = replace(outcome, details={**outcome.details, **_on_network(shown)})
            mine = await store.fall_back(
                conn,
                begun.checkout_id,
                outcome,
                wallet=shown,
                url=wallet.url_of(shown.address),
                request_id=wanted.request_id,
            )
        if not mine:
            return await self._as_it_stands(begun.payment_id)
        return _to_wallet(begun.payment_id, shown)

    async def _resume(self, wanted: Wanted, payment_id: uuid.UUID) -> Checkout | None:
        """Finish what an earlier request with this key began; None when that came to nothing."""
        async with self._database.connection() as conn:
            kept = await store.latest_checkout(conn, payment_id)
        if kept is None or kept.payment_status in _ENDED:
            return None
        if kept.payment_status not in _UNFINISHED:
            return _kept_link(kept)
        if kept.age > REPLAYED_FOR:
            raise ProviderFailedError(_UNAVAILABLE, _SENTENCES[_UNAVAILABLE])
        begun = _Begun(
            self._providers.of(kept.provider),
            kept.id,
            kept.payment_id,
            kept.request,
            kept.idempotency_key,
            kept.expires_at,
        )
        return await self._call(begun, wanted, await self._situation(wanted))

    async def _as_it_stands(self, payment_id: uuid.UUID) -> Checkout:
        """Somebody else, such as the recoverer, has finished it meanwhile."""
        async with self._database.connection() as conn:
            kept = await store.latest_checkout(conn, payment_id)
        if kept is None or kept.provider_url is None:
            raise ProviderFailedError(_UNAVAILABLE, _SENTENCES[_UNAVAILABLE])
        return _kept_link(kept)

    def _order(self, wanted: Wanted, situation: Situation, *, email: str | None) -> Order:
        payment_id = str(uuid.uuid4())
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
            submit_type=DONATE,
            kind="micro" if wanted.source == MICRO else "checkout",
            email=email,
            metadata={**wanted.metadata, "installation": str(situation.installation)},
        )


async def _email(conn: Connection, wanted: Wanted, situation: Situation) -> str | None:
    """What is sent to Stripe; NOWPayments takes none."""
    if wanted.email is not None or not situation.intent_has_email or wanted.currency.kind == "crypto":
        return wanted.email
    assert wanted.intent_id is not None, "only a prefill can have an e-mail"
    return await prefills.take_email(conn, wanted.intent_id)


async def _write_down(conn: Connection, new: NewCheckout, wanted: Wanted) -> tuple[uuid.UUID, datetime | None]:
    written = await store.open_checkout(conn, new, wanted.claim, wanted.request_id)
    if written is None:
        raise InFlightError(
            "idempotency_in_flight", "Another request with this Idempotency-Key took over. Send this request again."
        )
    return written


def _refuse_unusable(wanted: Wanted, situation: Situation) -> None:
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


def _new(wanted: Wanted, order: Order, provider: str, *, livemode: bool) -> NewCheckout:
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


def _kept_link(kept: KeptCheckout) -> Checkout:
    url = kept.provider_url or ""
    if kept.provider == wallet.NAME:
        return _to_wallet(kept.payment_id, wallet.shown_earlier(kept.request, url))
    return Checkout(
        kind="checkout",
        provider=kept.provider,
        url=url,
        payment_id=str(kept.payment_id),
        provider_id=kept.provider_id,
        expires_at=kept.expires_at,
    )
