"""Renewals of subscriptions under the clock: drafts, payments, repeated attempts, trials, pauses and ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from hingecraft_sandbox.providers.book import Document
from hingecraft_sandbox.providers.stripe import invoices as bills
from hingecraft_sandbox.providers.stripe import lines, shapes
from hingecraft_sandbox.providers.stripe.acts import Acts
from hingecraft_sandbox.providers.stripe.clock import Clock
from hingecraft_sandbox.providers.stripe.forms import StripeRejectedError, checked
from hingecraft_sandbox.providers.stripe.invoices import Invoices
from hingecraft_sandbox.providers.stripe.periods import DAY, HOUR, period_end
from hingecraft_sandbox.providers.stripe.subscriptions import KIND, OVER, Subscriptions
from hingecraft_sandbox.providers.switches import Switches

# Stripe's "smart retries" differ; these are its usual schedule.
_ATTEMPTS_AFTER = (3 * DAY, 5 * DAY, 7 * DAY)
_TRIAL_REMINDER = 3 * DAY
_INCOMPLETE_FOR = 23 * HOUR
_RENEWING = frozenset({"trialing", "active", "past_due", "unpaid"})


@dataclass(frozen=True, slots=True)
class _Due:
    at: int
    act: Callable[[], object]


class Renewals:
    """Does what is due when time passes."""

    def __init__(
        self, acts: Acts, clock: Clock, invoices: Invoices, subscriptions: Subscriptions, switches: Switches
    ) -> None:
        self._acts = acts
        self._book = acts.objects.book
        self._clock = clock
        self._invoices = invoices
        self._subscriptions = subscriptions
        self._switches = switches

    def advance(self, moment: int) -> None:
        """Let it become that moment: everything that is due until then happens in its order."""
        running = self._book.all(KIND, lambda each: each["status"] not in OVER)
        if running and moment < self._clock.now():
            raise StripeRejectedError("The clock moves only forward while there are running subscriptions.")
        with self._clock.still():
            while (due := min(self._dues(), key=lambda each: each.at, default=None)) is not None and due.at <= moment:
                self._clock.set(max(due.at, self._clock.now()))
                due.act()
            self._clock.set(moment)

    def next_period(self, subscription_id: str) -> None:
        """Advance until the next period's invoice has been charged."""
        subscription = self._subscriptions.alive(subscription_id)
        with self._clock.still():
            self.advance(max(_end(subscription), self._clock.now()) + HOUR)

    def _dues(self) -> Iterator[_Due]:
        for subscription in self._book.all(KIND, lambda each: each["status"] not in OVER):
            yield from self._of_subscription(subscription)
        for invoice in self._book.all(bills.KIND, lambda each: each["status"] in {"draft", "open"}):
            if invoice["status"] == "draft" and invoice.get("sandbox", {}).get("finalise_at"):
                yield _Due(invoice["sandbox"]["finalise_at"], partial(self._finalise, invoice))
            if invoice["status"] == "open" and invoice["next_payment_attempt"]:
                yield _Due(invoice["next_payment_attempt"], partial(self.collect, invoice))

    def _of_subscription(self, subscription: Document) -> Iterator[_Due]:
        if subscription["cancel_at"] is not None:
            yield _Due(subscription["cancel_at"], lambda: self._subscriptions.end(subscription))
        if subscription["status"] in _RENEWING:
            yield _Due(_end(subscription), lambda: self._renew(subscription))
        if subscription["status"] == "incomplete":
            yield _Due(subscription["created"] + _INCOMPLETE_FOR, lambda: self._subscriptions.give_up(subscription))
        if subscription["status"] == "trialing" and not subscription["sandbox"].get("reminded"):
            yield _Due(subscription["trial_end"] - _TRIAL_REMINDER, lambda: self._remind(subscription))
        resumes = (subscription["pause_collection"] or {}).get("resumes_at")
        if resumes is not None:
            yield _Due(resumes, lambda: self._subscriptions.update(subscription | {"pause_collection": None}))

    def _remind(self, subscription: Document) -> None:
        subscription["sandbox"]["reminded"] = True
        self._book.put(KIND, subscription)
        self._acts.emit("customer.subscription.trial_will_end", subscription)

    def _renew(self, subscription: Document) -> None:
        if subscription["cancel_at_period_end"]:
            self._subscriptions.end(subscription)
            return
        if subscription["status"] == "trialing" and not self._trial_ends(subscription):
            return
        scheduled = subscription["sandbox"].pop("next_price", None)
        if scheduled is not None:
            subscription["items"]["data"][0]["price"] = self._acts.objects.find("prices", scheduled)
        for item in subscription["items"]["data"]:
            if item["current_period_end"] <= self._clock.now():
                start = item["current_period_start"] = item["current_period_end"]
                anchor, recurring = subscription["billing_cycle_anchor"], item["price"]["recurring"]
                item["current_period_end"] = period_end(anchor, start, recurring)
        self._draft(subscription)
        self._subscriptions.update(subscription)

    def _trial_ends(self, subscription: Document) -> bool:
        """Whether the subscription goes on: a missing card may cancel or pause it."""
        subscription["status"] = "active"
        then = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
        if subscription["sandbox"]["card"] != "missing" or then == "create_invoice":
            return True
        if then == "cancel":
            self._subscriptions.end(subscription)
            return False
        self._subscriptions.pause(subscription)
        return False

    def _draft(self, subscription: Document) -> None:
        found = [lines.regular(subscription, item) for item in subscription["items"]["data"]]
        found = self._subscriptions.discounts.applied(subscription, found)
        waiting = subscription["sandbox"].pop("pending", [])
        head = self._subscriptions.head(subscription)
        invoice = self._invoices.draft(head, [*waiting, *found], reason="subscription_cycle")
        # An unpaid subscription's invoices stay drafts.
        if subscription["status"] != "unpaid":
            invoice["sandbox"] = {"finalise_at": self._clock.now() + HOUR}
        self._book.put(bills.KIND, invoice)
        subscription["latest_invoice"] = invoice["id"]

    def _finalise(self, invoice: Document) -> None:
        paused = self._subscription_of(invoice)["pause_collection"]
        invoice["sandbox"] = {}
        if paused and paused["behavior"] == "keep_as_draft":
            self._book.put(bills.KIND, invoice | {"auto_advance": False})
            return
        self._invoices.finalise(invoice)
        if not paused:
            self.collect(invoice)
        elif paused["behavior"] == "void":
            self._invoices.void(invoice)
        else:
            self._invoices.write_off(invoice)

    def _subscription_of(self, invoice: Document) -> Document:
        return self._acts.objects.find(KIND, invoice["parent"]["subscription_details"]["subscription"])

    def collect(self, invoice: Document) -> Document:
        """Charge the card for an open invoice; the subscription's status follows."""
        if invoice["parent"] is None:
            return self._invoices.pay(invoice)
        subscription = self._subscription_of(invoice)
        self._invoices.pay(invoice, works=subscription["sandbox"]["card"] == "works")
        if subscription["status"] in OVER:
            return invoice
        if invoice["status"] == "paid":
            self._recover(subscription)
        elif subscription["status"] != "incomplete":
            self._try_again(invoice, subscription)
        return invoice

    def _recover(self, subscription: Document) -> None:
        if subscription["status"] in {"past_due", "unpaid", "incomplete"}:
            self._subscriptions.update(subscription | {"status": "active"})

    def _try_again(self, invoice: Document, subscription: Document) -> None:
        attempts = invoice["attempt_count"]
        if attempts <= len(_ATTEMPTS_AFTER):
            invoice["next_payment_attempt"] = self._clock.now() + _ATTEMPTS_AFTER[attempts - 1]
            self._book.put(bills.KIND, invoice)
            self._subscriptions.update(subscription | {"status": "past_due"})
            return
        self._book.put(bills.KIND, invoice | {"next_payment_attempt": None, "auto_advance": False})
        then = self._switches.billing.after_failures
        if then == "cancel":
            self._subscriptions.end(subscription, because="payment_failed")
        else:
            self._subscriptions.update(subscription | {"status": then})

    def pay(self, invoice_id: str, raw: Document) -> Document:
        """`POST /v1/invoices/{id}/pay`."""
        checked(raw, shapes.READ)
        invoice = self.collect(self._invoices.find(invoice_id))
        if invoice["status"] != "paid":
            raise StripeRejectedError("Your card was declined.", status=402, code="card_declined", kind="card_error")
        return invoice


def _end(subscription: Document) -> int:
    return min(int(item["current_period_end"]) for item in subscription["items"]["data"])
