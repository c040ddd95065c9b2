"""Changes of a subscription's plan: what is credited and debited for the rest of the period."""

from __future__ import annotations

from fractions import Fraction

from hingecraft_sandbox.providers.book import Document, new_id
from hingecraft_sandbox.providers.stripe import invoices as bills
from hingecraft_sandbox.providers.stripe import lines
from hingecraft_sandbox.providers.stripe.acts import Acts
from hingecraft_sandbox.providers.stripe.clock import Clock
from hingecraft_sandbox.providers.stripe.forms import StripeRejectedError
from hingecraft_sandbox.providers.stripe.invoices import Invoices
from hingecraft_sandbox.providers.stripe.periods import period_end
from hingecraft_sandbox.providers.stripe.subscriptions import Subscriptions


class PlanChanges:
    """Upgrades and downgrades in the flexible billing mode: each proration is a line, from what was debited."""

    def __init__(self, acts: Acts, clock: Clock, invoices: Invoices, subscriptions: Subscriptions) -> None:
        self._objects = acts.objects
        self._book = acts.objects.book
        self._clock = clock
        self._invoices = invoices
        self._subscriptions = subscriptions

    def change(self, subscription_id: str, raw: Document) -> Document:
        """`POST /v1/subscriptions/{id}`."""
        subscription, params = self._subscriptions.altered(subscription_id, raw)
        behavior = params.get("proration_behavior", "create_prorations")
        found: list[Document] = []
        for wanted in params.get("items", []):
            found += self._changed(subscription, wanted)
        if behavior == "create_prorations":
            waiting = subscription["sandbox"].get("pending", [])
            subscription["sandbox"]["pending"] = [*waiting, *map(lines.pending, found)]
        elif behavior == "always_invoice" and found:
            self._bill(subscription, found)
        return self._subscriptions.update(subscription)

    def _bill(self, subscription: Document, found: list[Document]) -> None:
        head = self._subscriptions.head(subscription)
        invoice = self._invoices.draft(head, found, reason="subscription_update")
        self._invoices.finalise(invoice)
        subscription["latest_invoice"] = invoice["id"]
        self._invoices.pay(invoice, works=subscription["sandbox"]["card"] == "works")
        if invoice["status"] != "paid":
            subscription["status"] = "past_due"

    def _changed(self, subscription: Document, wanted: Document) -> list[Document]:
        items = subscription["items"]["data"]
        item = next((each for each in items if each["id"] == wanted.get("id")), None)
        if item is None and "id" in wanted:
            raise StripeRejectedError(f"No such subscription_item: '{wanted['id']}'", param="items[0][id]")
        credited = self._credited(subscription, item) if item else []
        if wanted.get("deleted"):
            items.remove(item)
            return credited
        if item is None:
            item = {**items[0], "id": new_id("si_")[:18], "quantity": 1, "created": self._clock.now()}
            items.append(item)
        return [*credited, *self._debited(subscription, item, wanted)]

    def _credited(self, subscription: Document, item: Document) -> list[Document]:
        """The rest of what was debited for the present period."""
        debited = self._last_debit(item)
        if debited is None:
            return []
        period = {"start": self._clock.now(), "end": item["current_period_end"]}
        left = _share(period, debited["period"])
        line = lines.proration(subscription, item, -round(debited["amount"] * left), period)
        taken = [{**each, "amount": -round(each["amount"] * left)} for each in debited["discount_amounts"]]
        return [_shown(subscription, {**line, "discount_amounts": taken})]

    def _last_debit(self, item: Document) -> Document | None:
        for invoice in self._book.all(bills.KIND):
            found: list[Document] = invoice["lines"]
            for line in found:
                details = line["parent"].get("subscription_item_details") or {}
                same = details.get("subscription_item") == item["id"]
                if same and line["amount"] > 0 and line["period"]["end"] == item["current_period_end"]:
                    return line
        return None

    def _debited(self, subscription: Document, item: Document, wanted: Document) -> list[Document]:
        price = self._objects.find("prices", wanted.get("price", item["price"]["id"]))
        restarts = price["recurring"] != item["price"]["recurring"]
        item |= {"price": price, "quantity": wanted.get("quantity", item["quantity"])}
        if subscription["status"] == "trialing":
            return []
        now = self._clock.now()
        if restarts:
            subscription["billing_cycle_anchor"] = now
            item |= {"current_period_start": now, "current_period_end": period_end(now, now, price["recurring"])}
            return self._subscriptions.discounts.applied(subscription, [lines.regular(subscription, item)])
        whole = {"start": item["current_period_start"], "end": item["current_period_end"]}
        period = {"start": now, "end": item["current_period_end"]}
        share = _share(period, whole)
        amount = round(price["unit_amount"] * item["quantity"] * share)
        line = lines.proration(subscription, item, amount, period)
        return [
            _shown(subscription, each) for each in self._subscriptions.discounts.applied(subscription, [line], share)
        ]


def _share(part: Document, whole: Document) -> Fraction:
    return Fraction(part["end"] - part["start"], whole["end"] - whole["start"])


def _shown(subscription: Document, line: Document) -> Document:
    """Itemized: the amount is before discounts, which stand beside it. Included: it is after them."""
    if subscription["billing_mode"]["flexible"]["proration_discounts"] == "itemized":
        return line
    amount = line["amount"] - sum(each["amount"] for each in line["discount_amounts"])
    shown = [{**each, "amount": 0} for each in line["discount_amounts"]]
    return {**line, "amount": amount, "subtotal": amount, "discount_amounts": shown}
