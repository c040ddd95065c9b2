"""Refunds at Stripe, each once: written down, then asked for under a key of its own, and booked by Stripe's events.

A process that dies before the call leaves a row that a repeat of the request, or a reconciliation, sends again with
the same key and parameters. One that dies after the call gets the same answer again. Where Stripe keeps an error of its
own for the key, its list of the payment's refunds decides, and some minutes later a second key may be used.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from hingecraft import audit
from hingecraft.db.connection import Connection, Database
from hingecraft.errors import ConflictError
from hingecraft.identity.principal import Actor
from hingecraft.money.book import CurrencyBook
from hingecraft.money.minor_units import to_stripe
from hingecraft.money.model import plain
from hingecraft.payments import books
from hingecraft.payments.history import PaymentHistory
from hingecraft.payments.ledger import BookedPayment, UnknownPaymentError
from hingecraft.payments.model import (
    REPLAYED_FOR,
    ProviderDisabledError,
    ProviderFailedError,
    Settled,
    Status,
    unknown_payment,
)
from hingecraft.payments.refunds import store
from hingecraft.payments.refunds.model import (
    REFUND,
    Refund,
    Refundable,
    RefundReferenceTakenError,
    RefundRequest,
    State,
    refundable,
    too_much,
)
from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import ErrorKeptError, ProviderRejectedError, ProviderUnknownError
from hingecraft.providers.stripe import ports

log = logging.getLogger(__name__)

_STATES: Mapping[object, State] = {
    "succeeded": State.SUCCEEDED,
    "failed": State.FAILED,
    "canceled": State.FAILED,
}
_LATER = (
    "Stripe does not answer right now. The refund is kept: send the same request again, or wait. It is made once, and "
    "the next reconciliation asks again."
)
# Stripe may still finish what it has answered with an error of its own.
_FINISHED_WITHIN = timedelta(minutes=5)
_NEVER_MADE = "Stripe did not answer in time and has no such refund. Ask for it again with a new reference"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundState:
    """The rest of a payment that can be refunded, and its refunds."""

    refundable: Refundable
    refunds: list[Refund]


class RefundService:
    """Refunds of one process, in the mode of its key."""

    def __init__(
        self,
        database: Database,
        stripe: ports.Refunds,
        currencies: CurrencyBook,
        *,
        livemode: bool,
        configured: bool,
    ) -> None:
        self._database = database
        self._stripe = stripe
        self._currencies = currencies
        self._livemode = livemode
        self._configured = configured

    async def state(self, found: PaymentHistory) -> RefundState:
        """Of a payment whose history was read."""
        async with self._database.connection() as conn:
            refunds = await store.of_payment(conn, found.payment["id"])
        settled = [
            Settled(kind=row["kind"], ref=row["provider_ref"], amount=row["amount"], currency=row["currency"], usd=None)
            for row in found.settlements
            if row["kind"] != "correction"
        ]
        status, provider = Status(found.payment["status"]), found.payment["provider"]
        left = self._in_mode(refundable(status, provider, settled, refunds), found.payment["livemode"])
        return RefundState(refundable=left, refunds=refunds)

    async def refund(self, wanted: RefundRequest, deadline: Deadline, actor: Actor) -> Refund:
        """Make it, or find what became of it: a reference names one refund of its payment."""
        async with self._database.transaction() as conn:
            payment = await _locked(conn, wanted.payment_id)
            found = await store.of_reference(conn, wanted.payment_id, wanted.reference)
            if found is None:
                found = await self._write_down(conn, payment, wanted, actor)
            elif not found.is_asked_by(wanted):
                raise RefundReferenceTakenError
        if found.state is not State.ASKED:
            return found
        try:
            return await self.finish(found, deadline, actor)
        except (ProviderUnknownError, ProviderRejectedError) as error:
            log.warning("the refund %s is not answered yet: %s", found.id, error)
            raise ProviderFailedError("provider_unavailable", _LATER) from error

    async def finish(self, refund: Refund, deadline: Deadline, actor: Actor) -> Refund:
        """Have Stripe make a refund that is written down, or say what became of it.

        Raises ProviderUnknownError or a passing ProviderRejectedError while that is not known.
        """
        try:
            made = await self._made(refund, deadline, actor)
        except ProviderRejectedError as error:
            if error.passing:
                raise
            return await self._answered(refund, State.FAILED, None, error.reason, actor)
        if made is None:
            return await self._answered(refund, State.FAILED, None, _NEVER_MADE, actor)
        state = _STATES.get(made.get("status"), State.PENDING)
        failure = str(made.get("failure_reason") or made["status"]) if state is State.FAILED else None
        return await self._answered(refund, state, str(made["id"]), failure, actor)

    async def _made(self, refund: Refund, deadline: Deadline, actor: Actor) -> ports.Document | None:
        """Stripe forgets keys after a day: an older refund is looked up, and never made again."""
        if refund.age >= REPLAYED_FOR:
            return await self._listed(refund)
        try:
            return await self._stripe.create(refund.request, refund.key, deadline)
        except ErrorKeptError as error:
            return await self._listed(refund) or await self._made_again(refund, error, deadline, actor)

    async def _made_again(
        self, refund: Refund, error: ErrorKeptError, deadline: Deadline, actor: Actor
    ) -> ports.Document:
        """Under a second key, which is the same for everybody who asks; raises the error until it may be used."""
        if refund.error_kept_for is None or refund.error_kept_for < _FINISHED_WITHIN:
            await self._keep_error(refund, error, actor)
            raise error
        try:
            return await self._stripe.create(refund.request, refund.second_key, deadline)
        except ProviderRejectedError:
            # Stripe rejects a second refund of the same money, so the first may have appeared meanwhile.
            made = await self._listed(refund)
            if made is None:
                raise
            return made

    async def _listed(self, refund: Refund) -> ports.Document | None:
        """The refund in Stripe's list of the payment's refunds, which is never behind what was made."""
        return await self._stripe.made_with({REFUND: str(refund.id)}, str(refund.request["payment_intent"]))

    async def _keep_error(self, refund: Refund, error: ErrorKeptError, actor: Actor) -> None:
        async with self._database.transaction() as conn:
            if await store.keep_error(conn, refund.id, error.reason):
                await audit.append(
                    conn,
                    actor=actor.name,
                    action="refund_delayed",
                    request_id=actor.request_id,
                    payment_id=refund.payment_id,
                    refund=str(refund.id),
                    because=error.reason,
                )

    def _in_mode(self, found: Refundable, livemode: bool | None) -> Refundable:  # noqa: FBT001 - as it is stored
        if found.why_not is not None or (livemode is not False) is self._livemode:
            return found
        mode = "live" if livemode is not False else "test"
        return Refundable(
            why_not=f"This is a payment in {mode} mode, and this backend has a key of the other mode. Refund it in "
            "Stripe's Dashboard."
        )

    async def _write_down(
        self, conn: Connection, payment: BookedPayment, wanted: RefundRequest, actor: Actor
    ) -> Refund:
        """The payment is locked, so two refunds never count on the same money."""
        refunds = await store.of_payment(conn, payment.id)
        found = self._in_mode(refundable(payment.status, payment.provider, payment.settled, refunds), payment.livemode)
        if found.why_not is not None or found.currency is None or found.charge is None:
            raise ConflictError("not_refundable", found.why_not or "There is nothing to refund.")
        if not self._configured:
            raise ProviderDisabledError("provider_disabled", "Card payments are switched off: set STRIPE_SECRET.")
        amount = found.left if wanted.amount is None else wanted.amount
        if amount > found.left:
            raise too_much(found)
        refund_id = uuid4()
        request = self._request(refund_id, payment, found.charge, amount, found.currency, wanted)
        await store.ask(conn, refund_id, wanted, amount, found.currency, request, actor.name)
        await audit.append(
            conn,
            actor=actor.name,
            action="refund_asked",
            request_id=actor.request_id,
            payment_id=payment.id,
            refund=str(refund_id),
            reference=wanted.reference,
            amount=plain(amount),
            currency=found.currency,
            reason=wanted.reason,
            note=wanted.note,
        )
        made = await store.of_reference(conn, payment.id, wanted.reference)
        assert made is not None, "it was just written"
        return made

    def _request(
        self,
        refund_id: UUID,
        payment: BookedPayment,
        charge: str,
        amount: Decimal,
        currency: str,
        wanted: RefundRequest,
    ) -> dict[str, Any]:
        return {
            "payment_intent": charge,
            "amount": to_stripe(amount, self._currencies.by_code(currency)),
            "reason": wanted.reason,
            "metadata": {REFUND: str(refund_id), "payment_id": str(payment.id)},
        }

    async def _answered(
        self, refund: Refund, state: State, provider_ref: str | None, failure: str | None, actor: Actor
    ) -> Refund:
        async with self._database.transaction() as conn:
            if await store.answer(conn, refund.id, state, provider_ref=provider_ref, failure=failure):
                await audit.append(
                    conn,
                    actor=actor.name,
                    action="refund_answered",
                    request_id=actor.request_id,
                    payment_id=refund.payment_id,
                    refund=str(refund.id),
                    status=state.value,
                    ref=provider_ref,
                    because=failure,
                )
            found = await store.of_reference(conn, refund.payment_id, refund.reference)
        assert found is not None, "refunds are never deleted"
        return found


async def _locked(conn: Connection, payment_id: UUID) -> BookedPayment:
    try:
        return await books.locked(conn, payment_id)
    except UnknownPaymentError:
        raise unknown_payment() from None
