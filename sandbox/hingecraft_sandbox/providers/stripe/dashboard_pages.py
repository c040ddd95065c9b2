"""The page by which somebody makes invoices and subscriptions beside the backend, as in Stripe's dashboard."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

from aiohttp import web

from hingecraft_sandbox.providers.book import Document
from hingecraft_sandbox.providers.pages import Button, buttons, page
from hingecraft_sandbox.providers.stripe.acts import Acts
from hingecraft_sandbox.providers.stripe.dashboard import Dashboard, Sold
from hingecraft_sandbox.providers.stripe.discounts import COUPONS, taken_off
from hingecraft_sandbox.providers.stripe.forms import StripeRejectedError
from hingecraft_sandbox.providers.stripe.payment_buttons import shown

PATH = "/pay/stripe/dashboard"
_MOST = 10_000


class DashboardPages:
    """`/pay/stripe/dashboard`."""

    def __init__(self, acts: Acts, dashboard: Dashboard) -> None:
        self._book = acts.objects.book
        self._dashboard = dashboard

    def add_to(self, app: web.Application) -> None:
        """The routes of the page."""
        app.router.add_get(PATH, self.show)
        app.router.add_post(f"{PATH}/invoice", self.invoice)
        app.router.add_post(f"{PATH}/subscription", self.subscribe)

    async def show(self, _request: web.Request) -> web.Response:
        """Show the forms for an invoice and for a subscription."""
        customers = self._book.all("customers", lambda each: not each.get("deleted"))
        if not customers:
            return page(
                "Stripe's dashboard", "<p>There is no customer yet: members get one with their first checkout.</p>"
            )
        who = _select("customer", "Customer", [(each["id"], each["email"] or each["id"]) for each in customers])
        coupons = [("", "no coupon"), *((each["id"], taken_off(each)) for each in self._book.all(COUPONS))]
        more = _select("coupon", "Coupon", coupons)
        more += '<p><label>Days of trial <input name="trial_days" inputmode="numeric" value="0"></label></p>'
        body = (
            '<p class="note">What somebody makes in Stripe\'s dashboard: the backend hears of it by events only. '
            "Write one line for each price; a number behind it is the quantity.</p>"
            f"<h2>Invoice</h2>{self._form('invoice', who, recurring=False)}"
            f"<h2>Subscription</h2>{self._form('subscription', who, recurring=True, more=more)}"
        )
        return page("Stripe's dashboard", body)

    def _form(self, what: str, who: str, *, recurring: bool, more: str = "") -> str:
        prices = self._book.all(
            "prices",
            lambda each: each["active"] and each["unit_amount"] and (each["recurring"] is not None) == recurring,
        )
        offered = "".join(
            f"<li><code>{escape(each['id'])}</code>: {shown(each['unit_amount'], each['currency'])}</li>"
            for each in prices
        )
        first = escape(prices[0]["id"]) if prices else ""
        text = f'<p><label>Prices<br><textarea name="lines" rows="3" cols="40" required>{first}</textarea></label></p>'
        button = Button("Make it and charge the card", f"{PATH}/{what}", "go", who + text + more)
        return f'<ul class="note">{offered}</ul>{buttons([button])}'

    async def invoice(self, request: web.Request) -> web.Response:
        """Make an invoice."""
        form = await request.post()

        def make() -> Document:
            return self._dashboard.invoice(str(form.get("customer", "")), _sold(form))

        return _made(make, "/pay/stripe/invoice/")

    async def subscribe(self, request: web.Request) -> web.Response:
        """Make a subscription."""
        form = await request.post()

        def make() -> Document:
            coupon, days = str(form.get("coupon", "")) or None, _whole(str(form.get("trial_days", "0")))
            return self._dashboard.subscribe(str(form.get("customer", "")), _sold(form), coupon=coupon, trial_days=days)

        return _made(make, "/pay/stripe/subscription/")


def _made(make: Callable[[], Document], place: str) -> web.Response:
    try:
        found = make()
    except StripeRejectedError as error:
        return page("That is not possible", f"<p>{escape(error.body['error']['message'])}</p>", status=409)
    raise web.HTTPSeeOther(f"{place}{found['id']}")


def _sold(form: Any) -> Sold:
    """The prices and quantities of the form: one on each line, such as `price_QUICK_SCAN 2`."""
    found = [line.split() for line in str(form.get("lines", "")).splitlines() if line.strip()]
    if any(len(words) > 2 for words in found):  # noqa: PLR2004 - a price and its quantity
        raise StripeRejectedError("Write a price and its quantity on each line.")
    return [(words[0], _whole(words[1]) if len(words) > 1 else 1) for words in found]


def _whole(text: str) -> int:
    if not text.isdecimal() or int(text) > _MOST:
        raise StripeRejectedError(f"{text} is not a number from 0 to {_MOST}.")
    return int(text)


def _select(name: str, label: str, choices: list[tuple[str, str]]) -> str:
    options = "".join(f'<option value="{escape(value)}">{escape(text)}</option>' for value, text in choices)
    return f'<p><label>{label} <select name="{name}">{options}</select></label></p>'
