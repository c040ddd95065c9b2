"""The pages of subscriptions and of invoices."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from aiohttp import web

from hingecraft_sandbox.providers.book import Document
from hingecraft_sandbox.providers.pages import Button, buttons, day_of, facts, page, table
from hingecraft_sandbox.providers.stripe import invoices as bills
from hingecraft_sandbox.providers.stripe.acts import Acts
from hingecraft_sandbox.providers.stripe.billing import StripeBilling
from hingecraft_sandbox.providers.stripe.forms import StripeRejectedError
from hingecraft_sandbox.providers.stripe.payment_buttons import PaymentButtons, shown
from hingecraft_sandbox.providers.stripe.subscriptions import KIND, OVER


class BillingPages:
    """`/pay/stripe/subscription/...` and `/pay/stripe/invoice/...`."""

    def __init__(self, acts: Acts, billing: StripeBilling) -> None:
        self._objects = acts.objects
        self._book = acts.objects.book
        self._billing = billing
        self._payments = PaymentButtons(acts)

    def add_to(self, app: web.Application) -> None:
        """The routes of the pages."""
        app.router.add_get("/pay/stripe/subscription/{id}", self.subscription)
        app.router.add_post("/pay/stripe/subscription/{id}/{act}", self.act)
        app.router.add_get("/pay/stripe/invoice/{id}", self.invoice)
        app.router.add_post("/pay/stripe/invoice/{id}/{act}", self.act_on_invoice)

    async def subscription(self, request: web.Request) -> web.Response:
        """A subscription, its invoices, and what can happen to it."""
        found = self._book.get(KIND, request.match_info["id"])
        if found is None:
            return page("This subscription does not exist", "<p>The sandbox may have been emptied.</p>", status=404)
        told = facts(
            [
                ("State", found["status"]),
                ("Customer", found["customer"]),
                ("The period ends", day_of(max(item["current_period_end"] for item in found["items"]["data"]))),
                ("It is cancelled on", day_of(found["cancel_at"])),
                ("The card", found["sandbox"]["card"]),
                ("The sandbox's clock", day_of(self._billing.clock.now())),
            ]
        )
        rows = [
            [
                f'<a href="/pay/stripe/invoice/{each["id"]}">{each["id"][:14]}</a>',
                shown(each["total"], each["currency"]), escape(each["billing_reason"]), escape(each["status"]),
            ]
            for each in self._book.all(bills.KIND)
            if each["id"] == found["latest_invoice"] or _subscription_of(each) == found["id"]
        ]  # fmt: skip
        invoices = table(["Invoice", "Total", "Reason", "State"], rows)
        return page("Subscription", f"{told}{buttons(_choices(found))}<h2>Invoices</h2>{invoices}")

    async def act(self, request: web.Request) -> web.Response:
        """Let time pass, change the card, or end it."""
        key, act = request.match_info["id"], request.match_info["act"]
        subscriptions, renewals = self._billing.subscriptions, self._billing.renewals

        def renew(card: str) -> None:
            subscriptions.set_card(key, card)
            renewals.next_period(key)

        acts: dict[str, Callable[[], object]] = {
            "renew": lambda: renew("works"),
            "decline": lambda: renew("declined"),
            "lose_card": lambda: subscriptions.set_card(key, "missing"),
            "fix_card": lambda: subscriptions.set_card(key, "works"),
            "break_card": lambda: subscriptions.set_card(key, "declined"),
            "cancel": lambda: subscriptions.cancel(key, {}),
            "cancel_later": lambda: self._billing.changes.change(key, {"cancel_at_period_end": "true"}),
            "keep": lambda: self._billing.changes.change(key, {"cancel_at_period_end": "false"}),
            "resume": lambda: subscriptions.resume(key, {}),
        }
        return _done(acts.get(act), f"/pay/stripe/subscription/{key}")

    async def invoice(self, request: web.Request) -> web.Response:
        """An invoice with its lines and what can happen to its payment."""
        found = self._book.get(bills.KIND, request.match_info["id"])
        if found is None:
            return page("This invoice does not exist", "<p>The sandbox may have been emptied.</p>", status=404)
        base = f"/pay/stripe/invoice/{found['id']}"
        payment = self._billing.invoices.payment_of(found["id"])
        choices = self._payments.choices(payment["payment"]["payment_intent"], base) if payment else []
        if found["status"] in {"draft", "open", "uncollectible"}:
            choices = [Button("Charge the card now", f"{base}/pay", "go"), Button("Pay half", f"{base}/pay_half")]
        rows = [
            [
                escape(_price_of(each)), str(each["quantity"]),
                shown(each["amount"], each["currency"]),
                f"{day_of(each['period']['start'])} to {day_of(each['period']['end'])}",
            ]
            for each in found["lines"]
        ]  # fmt: skip
        amount = f'<p class="amount">{shown(found["total"], found["currency"])}</p>'
        off = sum(each["amount"] for each in found["total_discount_amounts"])
        told = facts(
            [
                ("State", found["status"]),
                ("Reason", found["billing_reason"]),
                ("Customer", found["customer"]),
                ("Discount", shown(off, found["currency"]) if off else None),
                ("Charged", shown(found["amount_paid"], found["currency"])),
                *(self._payments.facts_of(payment["payment"]["payment_intent"]) if payment else ()),
            ]
        )
        by_card = ""
        if payment and found["status"] == "open":
            by_card = (
                f'<p><a href="/pay/stripe/i/{payment["payment"]["payment_intent"]}">Pay it with a new card</a></p>'
            )
        body = amount + told + buttons(choices) + by_card + table(["Price", "Quantity", "Amount", "Period"], rows)
        return page(f"Invoice {found['number'] or ''}", body)

    async def act_on_invoice(self, request: web.Request) -> web.Response:
        """Charge it, refund it or dispute it."""
        key, act = request.match_info["id"], request.match_info["act"]

        def on_payment() -> None:
            payment = self._billing.invoices.payment_of(key)
            self._payments.act(payment["payment"]["payment_intent"] if payment else "", act)

        def pay() -> None:
            self._billing.renewals.collect(self._billing.invoices.find(key))

        def pay_half() -> None:
            found = self._billing.invoices.find(key)
            self._billing.invoices.pay_part(found, found["amount_remaining"] // 2)

        acts = {"pay": pay, "pay_half": pay_half}
        return _done(acts.get(act, on_payment), f"/pay/stripe/invoice/{key}")


def _price_of(line: Document) -> str:
    """An amount that was typed in has no price."""
    return str(line["pricing"]["price_details"]["price"] if line["pricing"] else line["description"] or "")


def _done(work: Callable[[], object] | None, then: str) -> web.Response:
    if work is None:
        return page("That is not possible", "<p>This button does not exist.</p>", status=404)
    try:
        work()
    except StripeRejectedError as error:
        return page("That is not possible", f"<p>{escape(error.body['error']['message'])}</p>", status=409)
    raise web.HTTPSeeOther(then)


def _choices(subscription: Document) -> list[Button]:
    base = f"/pay/stripe/subscription/{subscription['id']}"
    if subscription["status"] in OVER:
        return []
    if subscription["status"] == "incomplete":
        return [Button("Cancel it now", f"{base}/cancel", "stop")]
    if subscription["status"] == "paused":
        return [Button("Resume it", f"{base}/resume", "go"), Button("Cancel it now", f"{base}/cancel", "stop")]
    later = (
        Button("Do not cancel it", f"{base}/keep")
        if subscription["cancel_at"]
        else Button("Cancel it at the period's end", f"{base}/cancel_later", "stop")
    )
    return [
        Button("Go to the next period: the card works", f"{base}/renew", "go"),
        Button("Go to the next period: the card is declined", f"{base}/decline", "stop"),
        Button("Remove the card", f"{base}/lose_card"),
        later,
        Button("Cancel it now", f"{base}/cancel", "stop"),
    ]


def _subscription_of(invoice: Document) -> str | None:
    parent = invoice["parent"]
    return parent["subscription_details"]["subscription"] if parent else None
