"""Invoices, their payments, and what happens to those on the blockchain."""

from __future__ import annotations

import json
import re
import secrets
import time
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any

from hingecraft_sandbox.providers.book import Book, Document
from hingecraft_sandbox.providers.webhooks import Notification, WebhookSender, nowpayments_headers

COINS = {
    "btc": "97000", "eth": "3400", "sol": "190", "xlm": "0.4", "ltc": "95", "doge": "0.35", "xrp": "2.2", "ada": "0.9",
    "usdc": "1", "usdcsol": "1", "usdttrc20": "1", "usdterc20": "1", "usdtbsc": "1",
}  # fmt: skip
FIAT = {"usd": "1", "eur": "1.09", "gbp": "1.27", "jpy": "0.0066", "chf": "1.12", "cad": "0.72", "aud": "0.65"}
_MINIMUM_USD = Decimal(3)
# NOWPayments has paid these coins out to the shop, so all that can follow is a refund.
_PAID_OUT = frozenset({"finished", "partially_paid"})
_FINAL = _PAID_OUT | {"failed", "refunded", "expired"}
_KNOWN = frozenset(
    {
        "price_amount",
        "price_currency",
        "pay_currency",
        "ipn_callback_url",
        "order_id",
        "order_description",
        "success_url",
        "cancel_url",
        "partially_paid_url",
        "is_fixed_rate",
        "is_fee_paid_by_user",
    }
)
_SATOSHI = Decimal("0.00000001")


class NowPaymentsRejectedError(Exception):
    """NOWPayments' response to a rejected request."""

    def __init__(self, message: str, *, status: int = 400, code: str = "INVALID_REQUEST_PARAMS") -> None:
        super().__init__(message)
        self.status = status
        self.body = {"status": False, "statusCode": status, "code": code, "message": message}


class NowPaymentsActs:
    """The actions of merchants, donors and the blockchain."""

    def __init__(self, book: Book, sender: WebhookSender, address: str, secret: str) -> None:
        self.book = book
        self._sender = sender
        self._address = address
        self._secret = secret
        self.minimums: dict[str, Decimal] = {}
        # The factor on each coin's usual rate.
        self.rates: dict[str, Decimal] = {}

    def minimum(self, coin: str) -> Decimal:
        """The minimum amount of a coin in USD."""
        return self.minimums.get(coin, _MINIMUM_USD)

    def estimate(self, amount: str, fiat: str, coin: str) -> Document:
        """Convert a price to a coin."""
        if fiat not in FIAT or coin not in COINS or not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,8})?", amount):
            raise NowPaymentsRejectedError("Unknown currency or amount")
        worth = (Decimal(amount) * _usd(fiat) / Decimal(COINS[coin])).quantize(_SATOSHI)
        return {
            "currency_from": fiat,
            "amount_from": float(amount),
            "currency_to": coin,
            "estimated_amount": format(worth, "f"),
        }

    def make_invoice(self, raw: Document, *, bad_url: str | None = None) -> Document:
        """An invoice that several may pay."""
        for name in raw:
            if name not in _KNOWN:
                raise NowPaymentsRejectedError(f'"{name}" is not allowed')
        price, currency, coin = _amount(raw.get("price_amount")), raw.get("price_currency"), raw.get("pay_currency")
        if currency not in FIAT and currency not in COINS:
            raise NowPaymentsRejectedError(f"Currency {currency} is not supported")
        if coin is not None and coin not in COINS:
            raise NowPaymentsRejectedError(f"Currency {coin} is not supported")
        if coin is not None and price * _usd(currency) < self.minimum(coin):
            raise NowPaymentsRejectedError("amountTo is too small", code="AMOUNT_MINIMAL_ERROR")
        invoice_id = str(secrets.randbelow(9 * 10**9) + 10**9)
        moment = _moment()
        return self.book.put(
            "invoices",
            {
                "id": invoice_id,
                "token_id": str(secrets.randbelow(10**10)),
                "order_id": raw.get("order_id"),
                "order_description": raw.get("order_description"),
                "price_amount": str(price),
                "price_currency": currency.upper(),
                "pay_currency": coin.upper() if coin else None,
                "ipn_callback_url": raw.get("ipn_callback_url"),
                "invoice_url": bad_url or f"{self._address}/pay/nowpayments/{invoice_id}",
                "success_url": raw.get("success_url"),
                "cancel_url": raw.get("cancel_url"),
                "created_at": moment,
                "updated_at": moment,
            },
        )

    def begin(self, invoice: Document, coin: str) -> Document:
        """A payer opens the invoice and chooses a coin."""
        price = Decimal(invoice["price_amount"])
        currency = invoice["price_currency"].lower()
        pay = (price * _usd(currency) / self._worth(coin)).quantize(_SATOSHI)
        payment = {
            "id": secrets.randbelow(9 * 10**9) + 10**9,
            "invoice_id": int(invoice["id"]),
            "payment_status": "waiting",
            "pay_address": f"sandbox{secrets.token_hex(14)}",
            "price_amount": float(price),
            "price_currency": currency,
            "pay_amount": float(pay),
            "actually_paid": 0,
            "pay_currency": coin,
            "order_id": invoice["order_id"],
            "order_description": invoice["order_description"],
            "purchase_id": str(secrets.randbelow(10**10)),
            "parent_payment_id": None,
            "outcome_amount": 0,
            "outcome_currency": coin,
            "created_at": _moment(),
            "updated_at": _moment(),
        }
        self.book.put("payments", payment)
        self._emit(payment)
        return payment

    def move(self, payment: Document, status: str, *, paid: Decimal | None = None) -> Document:
        """Move the payment to its next state, and send an IPN for each step."""
        before = payment["payment_status"]
        if before in _FINAL and not (before in _PAID_OUT and status == "refunded"):
            raise NowPaymentsRejectedError(f"This payment is already {before}.", status=409)
        payment |= {"payment_status": status, "updated_at": _moment()}
        if paid is not None:
            payment |= {"actually_paid": float(paid), "outcome_amount": float(paid)}
        self.book.put("payments", payment)
        self._emit(payment)
        return payment

    def deposit(self, payment: Document, share: Decimal) -> Document:
        """Coins arrive: the full amount, or only a part."""
        paid = (Decimal(str(payment["pay_amount"])) * share).quantize(_SATOSHI)
        for status in ("confirming", "confirmed"):
            payment = self.move(payment, status, paid=paid)
        if share < 1:
            return self.move(payment, "partially_paid")
        self.move(payment, "sending")
        return self.move(payment, "finished")

    def rest(self, parent: Document) -> Document:
        """The payer sends the missing coins to the same address."""
        sent = Decimal(str(parent["pay_amount"])) - Decimal(str(parent["actually_paid"]))
        return self._child(parent, parent["pay_currency"], sent)

    def again(self, parent: Document) -> Document:
        """The payer sends the same amount to the same address again."""
        return self._child(parent, parent["pay_currency"], Decimal(str(parent["pay_amount"])))

    def wrong_asset(self, parent: Document) -> Document:
        """The payer sends a different coin than the payment expects."""
        coin = "eth" if parent["pay_currency"] == "usdttrc20" else "usdttrc20"
        price = Decimal(str(parent["price_amount"])) * _usd(parent["price_currency"])
        return self._child(parent, coin, (price / self._worth(coin)).quantize(_SATOSHI))

    def _child(self, parent: Document, coin: str, sent: Decimal) -> Document:
        """Each later deposit becomes a new payment at the current rate, without order and invoice."""
        if sent <= 0 or parent["parent_payment_id"] is not None:
            raise NowPaymentsRejectedError("This address cannot receive more.", status=409)
        payment = {
            **parent,
            "id": secrets.randbelow(9 * 10**9) + 10**9,
            "parent_payment_id": parent["id"],
            "invoice_id": None,
            "order_id": None,
            "order_description": None,
            "payment_status": "waiting",
            "price_amount": float(sent * self._worth(coin) / _usd(parent["price_currency"])),
            "pay_currency": coin,
            "pay_amount": float(sent),
            "actually_paid": 0,
            "outcome_currency": coin,
            "created_at": _moment(),
        }
        self.book.put("payments", payment)
        return self.deposit(payment, Decimal(1))

    def _worth(self, coin: str) -> Decimal:
        return Decimal(COINS[coin]) * self.rates.get(coin, Decimal(1))

    def _emit(self, payment: Document) -> None:
        first = self.book.get("payments", str(payment["parent_payment_id"])) or payment
        invoice = self.book.get("invoices", str(first["invoice_id"])) or {}
        url = invoice.get("ipn_callback_url")
        if url:
            told = public(payment)
            body = json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()
            headers = partial(nowpayments_headers, self._secret, told)
            self._sender.send(Notification("nowpayments", f"payment {told['payment_status']}", url, body, headers))


def public(payment: Document) -> dict[str, Any]:
    """The payment as the API returns it."""
    return {"payment_id": payment["id"], **{name: value for name, value in payment.items() if name != "id"}}


def _amount(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise NowPaymentsRejectedError('"price_amount" must be a number')
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise NowPaymentsRejectedError('"price_amount" must be a number') from None
    if not amount.is_finite() or amount <= 0:
        raise NowPaymentsRejectedError('"price_amount" must be greater than 0')
    return amount


def _usd(currency: str) -> Decimal:
    return Decimal(FIAT.get(currency) or COINS[currency])


def _moment() -> str:
    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
