"""Subscriptions: how they begin, go on and end, in the shape of API version 2026-10-28.endive."""

from __future__ import annotations

from hingecraft_sandbox.providers.book import Document, new_id
from hingecraft_sandbox.providers.stripe import lines, shapes
from hingecraft_sandbox.providers.stripe.acts import Acts
from hingecraft_sandbox.providers.stripe.clock import Clock
from hingecraft_sandbox.providers.stripe.discounts import Discounts
from hingecraft_sandbox.providers.stripe.forms import StripeRejectedError, checked
from hingecraft_sandbox.providers.stripe.invoices import Invoices
from hingecraft_sandbox.providers.stripe.objects import without
from hingecraft_sandbox.providers.stripe.periods import DAY, period_end

KIND = "subscriptions"
OVER = frozenset({"canceled", "incomplete_expired"})


class Subscriptions:
    """Subscriptions start with a Checkout Session of that mode and renew until they are cancelled."""

    def __init__(self, acts: Acts, clock: Clock, invoices: Invoices) -> None:
        self._acts = acts
        self._book = acts.objects.book
        self._clock = clock
        self._invoices = invoices
        self.discounts = Discounts(acts, clock)
        acts.subscribing = self

    def begin(self, session: Document) -> Document:
        """The first period is paid on the session's page; a trial's first period is free."""
        invoice = self._billed(session)
        self._invoices.pay(invoice)
        session["payment_status"] = "paid" if invoice["amount_due"] else "no_payment_required"
        return self._completed(session)

    def _billed(self, session: Document) -> Document:
        session["customer"] = session["customer"] or self._customer(session["customer_email"])
        subscription, invoice = self.start(session)
        session |= {"status": "complete", "subscription": subscription["id"], "invoice": invoice["id"]}
        return invoice

    def _completed(self, session: Document) -> Document:
        self._book.put("sessions", session)
        self._acts.emit("checkout.session.completed", session)
        return session

    def start(self, session: Document) -> tuple[Document, Document]:
        """A subscription to what a session sells, and its first invoice, which is not paid yet."""
        subscription = self.made(session)
        self.discounts.begin(subscription, session.get("discounts", []))
        self._book.put(KIND, subscription)
        self._acts.emit("customer.subscription.created", subscription)
        return subscription, self.bill(subscription, "subscription_create")

    def promise(self, session: Document) -> Document:
        """A delayed payment method: the subscription runs, and its first invoice stays open until the money comes."""
        intent = self._acts.objects.find("payment_intents", self._intent_of(self._billed(session)["id"]))
        self._book.put("payment_intents", intent | {"status": "processing"})
        return self._completed(session)

    def arrive(self, session: Document) -> Document:
        """The bank transfer for the first invoice arrived."""
        self._invoices.pay(self._invoices.find(session["invoice"]))
        self._book.put("sessions", session | {"payment_status": "paid"})
        self._acts.emit("checkout.session.async_payment_succeeded", session | {"payment_status": "paid"})
        return session

    def bounce(self, session: Document) -> Document:
        """The bank transfer failed: the invoice stays open, and the session stays complete and unpaid."""
        invoice = self._invoices.find(session["invoice"])
        self._acts.bounce_intent(self._intent_of(invoice["id"]))
        self._acts.emit("invoice.payment_failed", invoice)
        self.update(self.alive(session["subscription"]) | {"status": "past_due"})
        return session

    def _intent_of(self, invoice_id: str) -> str:
        payment = self._invoices.payment_of(invoice_id)
        assert payment is not None, "a period that costs something has a payment"
        return str(payment["payment"]["payment_intent"])

    def _customer(self, email: str | None) -> str:
        made = self._acts.objects.make("customers", {"email": email} if email else {})
        self._acts.emit("customer.created", made)
        return str(made["id"])

    def made(self, session: Document) -> Document:
        """A subscription to what a session sells, not stored yet."""
        now, said = self._clock.now(), session["subscription_data"]
        trial = said.get("trial_end") or (
            now + said["trial_period_days"] * DAY if "trial_period_days" in said else None
        )
        subscription = _shape(new_id("sub_")[:28], now, session, said)
        subscription |= {
            "status": "trialing" if trial else "active",
            "billing_cycle_anchor": trial or now,
            "trial_start": now if trial else None,
            "trial_end": trial,
        }
        items = [self._item(item, subscription) for item in session["items"]]
        subscription["items"]["data"] = items
        return subscription

    def _item(self, item: Document, subscription: Document) -> Document:
        price = self._acts.objects.find("prices", item["price"])
        now = self._clock.now()
        end = subscription["trial_end"] or period_end(subscription["billing_cycle_anchor"], now, price["recurring"])
        return {
            "id": new_id("si_")[:18],
            "object": "subscription_item",
            "created": now,
            "current_period_start": now,
            "current_period_end": end,
            "discounts": [],
            "metadata": {},
            "price": price,
            "quantity": item["quantity"],
            "subscription": subscription["id"],
            "tax_rates": [],
        }

    def bill(self, subscription: Document, reason: str) -> Document:
        """A finalised invoice for the present period of every item."""
        free = subscription["status"] == "trialing"
        found = [lines.regular(subscription, item, free=free) for item in subscription["items"]["data"]]
        found = self.discounts.applied(subscription, found)
        invoice = self._invoices.draft(self.head(subscription), found, reason=reason)
        subscription["latest_invoice"] = invoice["id"]
        self._book.put(KIND, subscription)
        return self._invoices.finalise(invoice)

    def head(self, subscription: Document) -> Document:
        """The fields of an invoice that come from its subscription; its period is the one before."""
        details = {"metadata": subscription["metadata"], "subscription": subscription["id"]}
        now = self._clock.now()
        return {
            "customer": subscription["customer"],
            "currency": subscription["currency"],
            "parent": {"type": "subscription_details", "quote_details": None, "subscription_details": details},
            "period_start": now,
            "period_end": now,
        }

    def cancel(self, subscription_id: str, raw: Document) -> Document:
        """Cancel the subscription now."""
        checked(raw, shapes.SUBSCRIPTION_CANCEL)
        return self.end(self.alive(subscription_id), because="cancellation_requested")

    def give_up(self, subscription: Document) -> Document:
        """The first payment never came: its invoice is void, and its intent cannot be paid any more."""
        invoice = self._invoices.find(subscription["latest_invoice"])
        if invoice["status"] != "void":
            self._invoices.void(invoice)
        return self.update(subscription | {"status": "incomplete_expired", "ended_at": self._clock.now()})

    def altered(self, subscription_id: str, raw: Document) -> tuple[Document, Document]:
        """The subscription with what a merchant changes, not stored yet, and the parameters."""
        unset = {name for name in ("cancel_at", "pause_collection") if raw.get(name) == ""}
        params = checked(without(raw, *unset), shapes.SUBSCRIPTION_UPDATE) | dict.fromkeys(unset)
        subscription = self.alive(subscription_id)
        if subscription["status"] == "incomplete" and params.keys() - {"metadata", "expand"}:
            raise StripeRejectedError("An incomplete subscription's metadata can be changed, and nothing else.")
        if "cancel_at_period_end" in params:
            self._cancel_later(subscription, cancel=params["cancel_at_period_end"])
        if "cancel_at" in params:
            subscription["cancel_at"] = params["cancel_at"]
        if "pause_collection" in params:
            subscription["pause_collection"] = params["pause_collection"]
        subscription["metadata"] |= params.get("metadata", {})
        return subscription, params

    def _cancel_later(self, subscription: Document, *, cancel: bool) -> None:
        end = max(item["current_period_end"] for item in subscription["items"]["data"])
        subscription |= {
            "cancel_at_period_end": cancel,
            "cancel_at": end if cancel else None,
            "canceled_at": self._clock.now() if cancel else None,
        }

    def update(self, subscription: Document) -> Document:
        """Store it, and send its event."""
        self._book.put(KIND, subscription)
        self._acts.emit("customer.subscription.updated", subscription)
        return subscription

    def pause(self, subscription: Document) -> Document:
        """A trial has ended without a card."""
        subscription |= {"status": "paused"}
        self._book.put(KIND, subscription)
        self._acts.emit("customer.subscription.paused", subscription)
        return subscription

    def resume(self, subscription_id: str, raw: Document) -> Document:
        """Go on after a pause: a new period starts now."""
        checked(raw, shapes.SUBSCRIPTION_RESUME)
        subscription = self.alive(subscription_id)
        if subscription["status"] != "paused":
            raise StripeRejectedError("Only a paused subscription can be resumed.")
        now = self._clock.now()
        subscription |= {"status": "active", "billing_cycle_anchor": now}
        for item in subscription["items"]["data"]:
            item |= {
                "current_period_start": now,
                "current_period_end": period_end(now, now, item["price"]["recurring"]),
            }
        subscription["sandbox"]["card"] = "works"
        self._book.put(KIND, subscription)
        self._acts.emit("customer.subscription.resumed", subscription)
        self._invoices.pay(self.bill(subscription, "subscription_update"))
        return subscription

    def end(self, subscription: Document, *, because: str | None = None) -> Document:
        """End the subscription, and its draft invoices with it."""
        now = self._clock.now()
        subscription["canceled_at"] = subscription["canceled_at"] or now
        if subscription["status"] == "incomplete":
            return self.give_up(subscription)
        subscription |= {"status": "canceled", "ended_at": now}
        subscription["cancellation_details"]["reason"] = because
        self._book.put(KIND, subscription)
        self._acts.emit("customer.subscription.deleted", subscription)
        return subscription

    def set_card(self, subscription_id: str, card: str) -> Document:
        """The card works, is declined, or is missing from now on."""
        subscription = self.alive(subscription_id)
        subscription["sandbox"]["card"] = card
        return self._book.put(KIND, subscription)

    def alive(self, subscription_id: str) -> Document:
        """A subscription that has not ended."""
        subscription = self._acts.objects.find(KIND, subscription_id)
        if subscription["status"] in OVER:
            raise StripeRejectedError(f"This subscription is already {subscription['status']}.")
        return subscription


def _shape(subscription_id: str, now: int, session: Document, said: Document) -> Document:
    return {
        "id": subscription_id,
        "object": "subscription",
        "billing_mode": {"type": "flexible", "flexible": {"proration_discounts": "included"}}
        | said.get("billing_mode", {}),
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": "charge_automatically",
        "created": now,
        "currency": session["currency"],
        "customer": session["customer"],
        "description": said.get("description"),
        "discounts": [],
        "ended_at": None,
        "items": {
            "object": "list",
            "data": [],
            "has_more": False,
            "url": f"/v1/subscription_items?subscription={subscription_id}",
        },
        "latest_invoice": None,
        "livemode": session["livemode"],
        "metadata": said.get("metadata", {}),
        "pause_collection": None,
        "pending_setup_intent": None,
        "schedule": None,
        "start_date": now,
        "trial_settings": said.get("trial_settings") or {"end_behavior": {"missing_payment_method": "create_invoice"}},
        "sandbox": {"card": "works"},
    }
