"""The sandbox's first page: the newest objects of each kind, with links to their pages."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

from aiohttp import web

from hingecraft_sandbox.providers.book import Book
from hingecraft_sandbox.providers.pages import page, table
from hingecraft_sandbox.providers.stripe.dashboard_pages import PATH as DASHBOARD
from hingecraft_sandbox.providers.stripe.payment_buttons import shown
from hingecraft_sandbox.wix import PREFIX as WIX

_RECENT = 25

Row = list[str]


def overview_of(book: Book) -> Callable[[web.Request], Any]:
    """The handler of the page."""

    async def overview(_request: web.Request) -> web.Response:
        body = (
            '<p class="note">The newest first. Switches: <code>GET /_sandbox/switches</code>.</p>'
            f'<p><a href="{DASHBOARD}">Stripe\'s dashboard</a>: make an invoice or a subscription for a customer</p>'
            f'<p><a href="{WIX}">Wix</a>: install our app on a site, buy a plan, cancel, refund</p>'
            f"<h2>Card checkouts</h2>{table(['Session', 'Amount', 'State', 'Source'], _sessions(book))}"
            f"<h2>Card payments on our page</h2>{table(['Intent', 'Amount', 'State', 'Customer'], _intents(book))}"
            f"<h2>Subscriptions</h2>{table(['Subscription', 'Price', 'State', 'Customer'], _subscriptions(book))}"
            f"<h2>Coin invoices</h2>{table(['Invoice', 'Price', 'Coin'], _coin_invoices(book))}"
            f"<h2>Coin payments</h2>{table(['Payment', 'Amount', 'State'], _coin_payments(book))}"
            f"<h2>Stripe events</h2>{table(['Type', 'Event'], _events(book))}"
            f"<h2>Payment links</h2>{table(['Link', 'For', 'State'], _links(book))}"
        )
        return page("Payment providers", body, wide=True)

    return overview


def _sessions(book: Book) -> list[Row]:
    return [
        [
            f'<a href="/pay/stripe/c/{each["id"]}">{each["id"][:18]}</a>',
            shown(each["amount_total"], each["currency"]),
            f"{each['status']}, {each['payment_status']}",
            escape(str(each["metadata"].get("source", each["payment_link"] or ""))),
        ]
        for each in book.all("sessions")[:_RECENT]
    ]


def _intents(book: Book) -> list[Row]:
    return [
        [
            f'<a href="/pay/stripe/i/{each["id"]}">{each["id"][:18]}</a>',
            shown(each["amount"], each["currency"]),
            escape(each["status"]),
            escape(each["customer"] or ""),
        ]
        for each in book.all("payment_intents", lambda each: bool(each.get("automatic_payment_methods")))[:_RECENT]
    ]


def _subscriptions(book: Book) -> list[Row]:
    return [
        [
            f'<a href="/pay/stripe/subscription/{each["id"]}">{each["id"][:18]}</a>',
            escape(", ".join(item["price"]["id"] for item in each["items"]["data"])),
            escape(each["status"]),
            escape(each["customer"]),
        ]
        for each in book.all("subscriptions")[:_RECENT]
    ]


def _links(book: Book) -> list[Row]:
    return [
        [
            f'<a href="/pay/stripe/l/{each["key"]}">{each["id"]}</a>',
            escape(each["metadata"].get("hingecraft_link", "")),
            "active" if each["active"] else "switched off",
        ]
        for each in book.all("payment_links")[:_RECENT]
    ]


def _coin_invoices(book: Book) -> list[Row]:
    return [
        [
            f'<a href="/pay/nowpayments/{each["id"]}">{each["id"]}</a>',
            f"{escape(each['price_amount'])} {escape(each['price_currency'])}",
            escape(each["pay_currency"] or "any coin"),
        ]
        for each in book.all("invoices")[:_RECENT]
    ]


def _coin_payments(book: Book) -> list[Row]:
    return [
        [
            f'<a href="/pay/nowpayments/payment/{each["id"]}">{each["id"]}</a>',
            f"{each['pay_amount']:.8f} {escape(each['pay_currency'].upper())}",
            escape(each["payment_status"]),
        ]
        for each in book.all("payments")[:_RECENT]
    ]


def _events(book: Book) -> list[Row]:
    return [[escape(each["type"]), each["id"][:18]] for each in book.all("events")[:_RECENT]]
