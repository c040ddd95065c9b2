"""Changes of Stripe's objects, and the events that report them."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from functools import partial
from typing import Protocol

from hingecraft_sandbox.providers.book import Document, new_id, now
from hingecraft_sandbox.providers.stripe import versions
from hingecraft_sandbox.providers.stripe.balance import arriving, balance_transaction
from hingecraft_sandbox.providers.stripe.forms import StripeRejectedError
from hingecraft_sandbox.providers.stripe.intent_shapes import failed_charge, new_intent
from hingecraft_sandbox.providers.stripe.objects import Objects, public
from hingecraft_sandbox.providers.switches import Switches
from hingecraft_sandbox.providers.webhooks import Notification, WebhookSender, stripe_headers

_FEE_SHARE, _FEE_FIXED = 0.029, 30
_DECLINED = {
    "type": "card_error",
    "code": "card_declined",
    "decline_code": "generic_decline",
    "message": "Your card was declined.",
}


class Subscribing(Protocol):
    """How a session in subscription mode is paid: at once, or by a delayed method."""

    def begin(self, session: Document) -> Document:
        """The card is charged."""
        ...

    def promise(self, session: Document) -> Document:
        """A bank transfer was started."""
        ...

    def arrive(self, session: Document) -> Document:
        """The bank transfer arrived."""
        ...

    def bounce(self, session: Document) -> Document:
        """The bank transfer failed."""
        ...


class Acts:
    """Payments, failures, expiry and refunds."""

    def __init__(self, objects: Objects, sender: WebhookSender, switches: Switches, target: str, secret: str) -> None:
        self.objects = objects
        self._book = objects.book
        self._sender = sender
        self._switches = switches
        self._target = target
        self._secret = secret
        # How a session of that mode is paid; set by `Subscriptions`.
        self.subscribing: Subscribing = _NoSubscriptions()

    def note(self, kind: str, document: Document) -> Document:
        """Store an event for `events.list`, of a type that the endpoint is not subscribed to."""
        version = self._switches.webhooks.api_version
        event = {
            "id": new_id("evt_")[:32],
            "object": "event",
            "api_version": version,
            "created": now(),
            "livemode": document.get("livemode", False),
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": kind,
            "data": {"object": versions.shape_in(version, self._book, public(document))},
            **self._sender.stripe_account(),
        }
        return self._book.put("events", event)

    def emit(self, kind: str, document: Document) -> None:
        """Store an event for `events.list`, and send it; in an older API version it may not exist."""
        name = versions.name_in(self._switches.webhooks.api_version, kind)
        if name is None:
            return
        event = self.note(name, document)
        target = self._sender.stripe_target(self._target)
        if target:
            body = json.dumps(event).encode()
            headers = partial(stripe_headers, self._secret, body)
            self._sender.send(Notification("stripe", name, target, body, headers))

    def open_session(self, session_id: str) -> Document:
        """A session that can still be paid."""
        session = self.objects.find("sessions", session_id)
        if session["status"] == "open" and session["expires_at"] <= now():
            self.expire(session_id)
            session = self.objects.find("sessions", session_id)
        if session["status"] != "open":
            raise StripeRejectedError(f"This Checkout Session is {session['status']}: it can be used only once.")
        return session

    def pay(self, session_id: str) -> Document:
        """The card is charged."""
        session = self.open_session(session_id)
        if session["mode"] == "subscription":
            return self.subscribing.begin(session)
        if session["amount_total"]:
            session |= {"payment_status": "paid", "payment_intent": self._charged(session)["id"]}
        else:
            # Nothing is left to pay, so there is no intent.
            session |= {"payment_status": "no_payment_required"}
        session |= {"status": "complete"}
        self._book.put("sessions", session)
        self.emit("checkout.session.completed", session)
        return session

    def _costing(self, session_id: str) -> Document:
        session = self.open_session(session_id)
        if not session["amount_total"]:
            raise StripeRejectedError("Nothing is left to pay.")
        return session

    def pay_later(self, session_id: str) -> Document:
        """A bank transfer was started: the session is complete, but not paid yet."""
        session = self._costing(session_id)
        if session["mode"] == "subscription":
            return self.subscribing.promise(session)
        intent = self._promised(session) | {"status": "processing"}
        self._book.put("payment_intents", intent)
        session |= {"status": "complete", "payment_intent": intent["id"]}
        self._book.put("sessions", session)
        self.emit("checkout.session.completed", session)
        return session

    def _awaited(self, session_id: str) -> Document:
        session = self.objects.find("sessions", session_id)
        if (session["status"], session["payment_status"]) != ("complete", "unpaid"):
            raise StripeRejectedError("This Checkout Session is not waiting for a payment.")
        return session

    def arrive(self, session_id: str) -> Document:
        """The bank transfer arrived."""
        session = self._awaited(session_id)
        if session["mode"] == "subscription":
            return self.subscribing.arrive(session)
        self._charged(session)
        session |= {"payment_status": "paid"}
        self._book.put("sessions", session)
        self.emit("checkout.session.async_payment_succeeded", session)
        return session

    def bounce(self, session_id: str) -> Document:
        """The bank transfer failed."""
        session = self._awaited(session_id)
        if session["mode"] == "subscription":
            self.subscribing.bounce(session)
        else:
            self.bounce_intent(session["payment_intent"])
        self.emit("checkout.session.async_payment_failed", session)
        return session

    def bounce_intent(self, intent_id: str) -> None:
        """The bank transfer failed: the intent waits for another payment method."""
        intent = self.objects.find("payment_intents", intent_id)
        intent |= {
            "status": "requires_payment_method",
            "last_payment_error": {"code": "payment_intent_payment_attempt_failed"},
        }
        self._book.put("payment_intents", intent)
        self.emit("payment_intent.payment_failed", intent)

    def _charged(self, session: Document) -> Document:
        return self.charge(
            amount=session["amount_total"],
            currency=session["currency"],
            livemode=session["livemode"],
            metadata=session["intent_metadata"],
            intent_id=session["payment_intent"],
        )

    def charge(
        self,
        *,
        amount: int,
        currency: str,
        livemode: bool,
        metadata: Document,
        intent_id: str | None = None,
        customer: str | None = None,
        paid: bool = True,
    ) -> Document:
        """Charge a card, and send the events of the intent and the charge."""
        earlier = self._book.get("payment_intents", intent_id or "") or {}
        intent = new_intent(amount, currency, metadata, intent_id=intent_id) | earlier
        intent |= {"amount": amount, "currency": currency, "metadata": metadata}
        intent |= {"livemode": livemode, "customer": customer}
        return self.take(intent) if paid else self.decline(intent)

    def take(self, intent: Document) -> Document:
        """Charge the amount of an intent, and send its events and those of the charge."""
        amount, currency = intent["amount"], intent["currency"]
        arrives = arriving(amount, currency)
        fee = int(arrives * _FEE_SHARE) + _FEE_FIXED
        charge_id = new_id("ch_")[:27]
        balance = balance_transaction("charge", charge_id, currency, arrives, fee)
        charge = {
            "id": charge_id,
            "object": "charge",
            "amount": amount,
            "amount_refunded": 0,
            "currency": currency,
            "created": now(),
            "livemode": intent["livemode"],
            "paid": True,
            "status": "succeeded",
            "refunded": False,
            "disputed": False,
            "payment_intent": intent["id"],
            "customer": intent["customer"],
            "balance_transaction": None if self._switches.balance.late else balance["id"],
            "metadata": intent["metadata"],
        }
        intent |= {"status": "succeeded", "amount_received": amount, "latest_charge": charge_id}
        intent |= {"next_action": None, "last_payment_error": None}
        intent["payment_method"] = intent["payment_method"] or new_id("pm_")[:27]
        self._book.put("balance_transactions", balance)
        self._book.put("charges", charge)
        self._book.put("payment_intents", intent)
        self.emit("payment_intent.succeeded", intent)
        self.emit("charge.succeeded", charge)
        if self._switches.balance.late and self._switches.balance.seconds is not None:
            asyncio.get_running_loop().call_later(self._switches.balance.seconds, self._value_by_itself, charge_id)
        return intent

    def promise(self, *, amount: int, currency: str, livemode: bool, customer: str) -> Document:
        """An intent that waits for a card; that of an invoice has no metadata."""
        intent = new_intent(amount, currency, {}) | {"livemode": livemode, "customer": customer}
        self._book.put("payment_intents", intent)
        self.emit("payment_intent.created", intent)
        return intent

    def decline(self, intent: Document, error: Document | None = None) -> Document:
        """The attempt failed, and the intent waits for another card."""
        error = error or dict(_DECLINED)
        charge = failed_charge(intent, error)
        intent |= {"status": "requires_payment_method", "last_payment_error": error, "latest_charge": charge["id"]}
        intent |= {"next_action": None, "payment_method": None}
        self._book.put("payment_intents", intent)
        self._book.put("charges", charge)
        self.emit("charge.failed", charge)
        self.emit("payment_intent.payment_failed", intent)
        return intent

    def cancel_intent(self, intent: Document, reason: str | None) -> Document:
        """Cancel the intent: it can no longer be paid."""
        intent |= {"status": "canceled", "canceled_at": now(), "cancellation_reason": reason, "next_action": None}
        self._book.put("payment_intents", intent)
        self.emit("payment_intent.canceled", intent)
        return intent

    def value(self, charge_id: str) -> Document:
        """The balance transaction appears some time after the payment."""
        charge = self.objects.find("charges", charge_id)
        if charge["balance_transaction"] is not None:
            raise StripeRejectedError("This charge already has its balance transaction.")
        (balance,) = self._book.all("balance_transactions", lambda each: each["source"] == charge_id)
        charge["balance_transaction"] = balance["id"]
        self._book.put("charges", charge)
        self.emit("charge.updated", charge)
        return charge

    def _value_by_itself(self, charge_id: str) -> None:
        with suppress(StripeRejectedError):  # a button was pressed first, or the storage was emptied
            self.value(charge_id)

    def fail(self, session_id: str) -> Document:
        """The card is declined; the session stays open, since the payer may try another."""
        session = self._costing(session_id)
        intent = self._promised(session)
        self._book.put("sessions", session | {"payment_intent": intent["id"]})
        self.decline(intent)
        return session

    def _promised(self, session: Document) -> Document:
        amount, currency, metadata = session["amount_total"], session["currency"], session["intent_metadata"]
        intent = new_intent(amount, currency, metadata, intent_id=session["payment_intent"])
        return intent | {"livemode": session["livemode"]}

    def expire(self, session_id: str) -> Document:
        """The session expires unpaid."""
        session = self.objects.find("sessions", session_id)
        if session["status"] != "open":
            raise StripeRejectedError(f"Only open sessions can expire: this one is {session['status']}.")
        self._book.put("sessions", session | {"status": "expired"})
        self.emit("checkout.session.expired", session | {"status": "expired"})
        return session | {"status": "expired"}

    def refund(self, params: Document) -> Document:
        """Refund a charge, fully or in part."""
        intent_id = (
            params.get("payment_intent") or self.objects.find("charges", params.get("charge", ""))["payment_intent"]
        )
        intent = self.objects.find("payment_intents", intent_id)
        if intent["status"] != "succeeded":
            raise StripeRejectedError("This PaymentIntent has no successful charge to refund.")
        charge = self.objects.find("charges", intent["latest_charge"])
        if self._book.all("disputes", lambda each: each["charge"] == charge["id"] and bool(taken_by(each))):
            raise StripeRejectedError("This charge has been charged back.", code="charge_disputed")
        left = charge["amount"] - charge["amount_refunded"]
        amount = params.get("amount", left)
        if not 0 < amount <= left:
            raise StripeRejectedError(
                f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left}).",
                code="charge_already_refunded" if not left else None,
                param="amount",
            )
        refund = {
            "id": new_id("re_")[:27],
            "object": "refund",
            "amount": amount,
            "currency": charge["currency"],
            "charge": charge["id"],
            "payment_intent": intent_id,
            "created": now(),
            "status": "succeeded",
            "reason": params.get("reason"),
            "metadata": params.get("metadata", {}),
        }
        refunded = charge["amount_refunded"] + amount
        charge |= {"amount_refunded": refunded, "refunded": refunded == charge["amount"]}
        self._book.put("charges", charge)
        self._book.put("refunds", refund)
        self.emit("refund.created", refund)
        self.emit("charge.refunded", charge)
        return refund

    def fail_refund(self, refund_id: str) -> Document:
        """A refund fails afterwards: the bank returned the money."""
        refund = self.objects.find("refunds", refund_id)
        if refund["status"] != "succeeded":
            raise StripeRejectedError("Only a succeeded refund can fail afterwards.")
        charge = self.objects.find("charges", refund["charge"])
        left = charge["amount_refunded"] - refund["amount"]
        self._book.put("charges", charge | {"amount_refunded": left, "refunded": False})
        refund |= {"status": "failed", "failure_reason": "declined"}
        self._book.put("refunds", refund)
        self.emit("refund.updated", refund)
        self.emit("refund.failed", refund)
        return refund


def taken_by(dispute: Document) -> int:
    """The amount that a dispute still withholds, in the account's currency."""
    moved: list[int] = [each["amount"] for each in dispute["balance_transactions"]]
    return -sum(moved)


class _NoSubscriptions:
    def begin(self, _session: Document) -> Document:
        raise StripeRejectedError("This sandbox does not support subscriptions.")

    promise = arrive = bounce = begin
