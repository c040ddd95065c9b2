"""The pages on which a donor chooses a coin and pays an invoice."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from html import escape

from aiohttp import web

from hingecraft_sandbox.providers.book import Document
from hingecraft_sandbox.providers.nowpayments.acts import COINS, NowPaymentsActs, NowPaymentsRejectedError
from hingecraft_sandbox.providers.pages import Button, buttons, facts, page

_HALF = Decimal("0.5")
_TWICE = Decimal(2)


class NowPaymentsPages:
    """`/pay/nowpayments/...`."""

    def __init__(self, acts: NowPaymentsActs) -> None:
        self._acts = acts

    def add_to(self, app: web.Application) -> None:
        """The routes of the pages."""
        app.router.add_get("/payment/", self.button)
        app.router.add_get("/pay/nowpayments/{id}", self.invoice)
        app.router.add_post("/pay/nowpayments/{id}/begin", self.begin)
        app.router.add_get("/pay/nowpayments/payment/{id}", self.payment)
        app.router.add_post("/pay/nowpayments/payment/{id}/{act}", self.act)

    async def invoice(self, request: web.Request) -> web.Response:
        """The page of an invoice; several payers may open it."""
        found = self._acts.book.get("invoices", request.match_info["id"])
        if found is None:
            return _missing()
        amount = f'<p class="amount">{escape(found["price_amount"])} {escape(found["price_currency"])}</p>'
        told = facts([("For", found["order_description"]), ("Reference", found["order_id"])])
        coins = [found["pay_currency"].lower()] if found["pay_currency"] else list(COINS)
        options = "".join(f'<option value="{coin}">{coin.upper()}</option>' for coin in coins)
        field = f'<label>Pay with <select name="coin">{options}</select></label> '
        go = Button("Show the address", f"/pay/nowpayments/{found['id']}/begin", "go", field)
        leave = f'<p><a href="{escape(found["cancel_url"])}">Back to the site</a></p>' if found["cancel_url"] else ""
        return page("Pay in coins", amount + told + buttons([go]) + leave)

    async def button(self, request: web.Request) -> web.Response:
        """A payment button as the dashboard gives it out: `/payment/?iid=<invoice>&source=button`."""
        found = self._acts.book.get("invoices", request.query.get("iid", ""))
        if found is None:
            return _missing()
        raise web.HTTPSeeOther(f"/pay/nowpayments/{found['id']}")

    async def begin(self, request: web.Request) -> web.Response:
        """Each payer gets their own payment under the invoice."""
        found = self._acts.book.get("invoices", request.match_info["id"])
        if found is None:
            return _missing()
        coin = str((await request.post()).get("coin") or (found["pay_currency"] or "").lower())
        if coin not in COINS:
            return page("Choose a coin", f"<p>The sandbox knows {', '.join(COINS)}.</p>", status=400)
        raise web.HTTPSeeOther(f"/pay/nowpayments/payment/{self._acts.begin(found, coin)['id']}")

    async def payment(self, request: web.Request) -> web.Response:
        """The page of a payment in any state."""
        found = self._acts.book.get("payments", request.match_info["id"])
        return _missing() if found is None else self._shown(found)

    async def act(self, request: web.Request) -> web.Response:
        """Handle a pressed button."""
        found = self._acts.book.get("payments", request.match_info["id"])
        if found is None:
            return _missing()
        act = self._acts_on(found).get(request.match_info["act"])
        if act is None:
            return self._shown(found, "Unknown action.")
        try:
            act()
        except NowPaymentsRejectedError as error:
            return self._shown(found, error.body["message"])
        raise web.HTTPSeeOther(f"/pay/nowpayments/payment/{found['id']}")

    def _acts_on(self, payment: Document) -> dict[str, Callable[[], object]]:
        acts = self._acts
        return {
            "pay": lambda: acts.deposit(payment, Decimal(1)),
            "half": lambda: acts.deposit(payment, _HALF),
            "rest": lambda: acts.rest(payment),
            "again": lambda: acts.again(payment),
            "wrong_asset": lambda: acts.wrong_asset(payment),
            "twice": lambda: acts.deposit(payment, _TWICE),
            "fail": lambda: acts.move(payment, "failed"),
            "expire": lambda: acts.move(payment, "expired"),
            "refund": lambda: acts.move(payment, "refunded"),
            "finish": lambda: acts.move(payment, "finished"),
        }

    def _shown(self, payment: Document, error: object = "") -> web.Response:
        base = f"/pay/nowpayments/payment/{payment['id']}"
        amount = f'<p class="amount">{payment["pay_amount"]:.8f} {escape(payment["pay_currency"].upper())}</p>'
        told = facts(
            [
                ("Send to", payment["pay_address"]), ("Received", f"{payment['actually_paid']:.8f}"),
                ("State", payment["payment_status"]), ("Reference", payment["order_id"]),
            ]
        )  # fmt: skip
        wrong = f'<p class="error" role="alert">{escape(str(error))}</p>' if error else ""
        waiting = [
            Button("Send all of it", f"{base}/pay", "go"), Button("Send half", f"{base}/half"),
            Button("Send twice as much", f"{base}/twice"),
            Button("Send another coin", f"{base}/wrong_asset"), Button("Fail", f"{base}/fail", "stop"),
            Button("Let it expire", f"{base}/expire", "stop"),
        ]  # fmt: skip
        more = [] if payment["parent_payment_id"] else [Button("Send the same again", f"{base}/again")]
        finished = [*more, Button("Refund", f"{base}/refund", "stop")]
        short = [Button("Send the rest", f"{base}/rest", "go"), *finished]
        choices = {"waiting": waiting, "finished": finished, "partially_paid": short}.get(payment["payment_status"], [])
        return page(
            "Send the coins",
            amount + told + wrong + buttons(choices) + self._way_back(payment),
            status=409 if error else 200,
        )

    def _way_back(self, payment: Document) -> str:
        """A link back to the site; the real page redirects when the coins have arrived."""
        invoice = self._acts.book.get("invoices", str(payment["invoice_id"]))
        url = invoice and invoice["success_url" if payment["payment_status"] == "finished" else "cancel_url"]
        return f'<p><a href="{escape(url)}">Back to the site</a></p>' if url else ""


def _missing() -> web.Response:
    return page("There is no such invoice", "<p>Follow the link from the site again.</p>", status=404)
