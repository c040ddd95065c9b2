"""Asks NOWPayments how a payment stands; its messages are hints, and nothing is done on them alone."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from hingecraft.errors import InvalidError
from hingecraft.money.model import parse_decimal
from hingecraft.providers.findings import Finding, ForeignError, Money, Price, Stands, UnreadableError
from hingecraft.providers.nowpayments import DESCRIPTION, NAME, NowPaymentsProvider
from hingecraft.providers.port import ProviderMissingError

Document = Mapping[str, Any]

_STANDS = {
    "finished": Stands.PAID,
    "failed": Stands.FAILED,
    "expired": Stands.EXPIRED,
}
# Before that, what was seen on the chain may still go away.
_MONEY_IS_THERE = frozenset({"finished", "partially_paid", "refunded"})


def hinted(document: Document) -> Finding:
    """What an IPN points at."""
    return Finding(
        provider=NAME,
        livemode=False,
        told_by=f"ipn {document.get('payment_status')}",
        charge=payment_id_of(document),
        must_ask=True,
    )


def payment_id_of(document: Document) -> str:
    """It is text when a payment is made and a number ever after."""
    found = document.get("payment_id")
    if isinstance(found, bool) or not isinstance(found, int | str) or not str(found).isalnum():
        raise UnreadableError("payment_id is missing")
    return str(found)


class NowPaymentsAsking:
    """One account of NOWPayments, asked."""

    def __init__(self, provider: NowPaymentsProvider) -> None:
        self.provider = provider

    async def again(self, finding: Finding) -> list[Finding]:
        """The payment that an IPN pointed at, as the API has it."""
        assert finding.charge is not None, "an IPN names its payment"
        try:
            document = await self.provider.payment(finding.charge)
        except ProviderMissingError:
            raise ForeignError("NOWPayments knows no such payment") from None
        return [await self.read(document, told_by=finding.told_by)]

    async def of_checkout(self, invoice_id: str, *, told_by: str) -> list[Finding]:
        """Every payment that was made on an invoice; needs the account's e-mail and password."""
        return [await self.read(document, told_by=told_by) for document in await self.provider.payments_of(invoice_id)]

    async def read(self, document: Document, *, told_by: str) -> Finding:
        """A payment of theirs; a repeated deposit is held against what the first was asked for."""
        status = str(document.get("payment_status"))
        parent = document.get("parent_payment_id")
        asked = await self.provider.payment(str(parent)) if parent else document
        coin = str(document.get("pay_currency")).upper()
        paid, due = _decimal(document, "actually_paid"), _decimal(asked, "pay_amount")
        price = Price(amount=_decimal(asked, "price_amount"), currency=str(asked.get("price_currency")).upper())
        invoice = document.get("invoice_id") or asked.get("invoice_id")
        money = _money(payment_id_of(document), status, paid, due, price, coin)
        stands = _STANDS.get(status, Stands.OPEN)
        if status == "refunded":
            stands = Stands.PAID if paid >= due else Stands.FAILED
        return Finding(
            provider=NAME,
            livemode=self.provider.livemode,
            told_by=told_by,
            payment_id=_uuid(document.get("order_id") or asked.get("order_id")),
            checkout_id=str(invoice) if invoice else None,
            link_id=str(invoice) if invoice else None,
            charge=payment_id_of(document),
            stands=stands,
            price=price,
            due=Price(amount=due, currency=coin) if status == "finished" else None,
            money=money,
            fresh=True,
            foreign=_why_foreign(document.get("order_description") or asked.get("order_description")),
            details={"paymentId": payment_id_of(document), "paymentStatus": status},
        )


def _money(ref: str, status: str, paid: Decimal, due: Decimal, price: Price, coin: str) -> tuple[Money, ...]:
    if status not in _MONEY_IS_THERE or paid <= 0:
        return ()
    worth = Price(amount=price.amount * paid / due, currency=price.currency) if due > 0 else None
    came = Money(kind="charge", ref=ref, amount=paid, currency=coin, worth=worth)
    if status != "refunded":
        return (came,)
    return (came, Money(kind="refund", ref=ref, amount=-paid, currency=coin))


def _why_foreign(description: object) -> str | None:
    """Another shop of the account may number its orders by UUIDs too, but describes them in its own words."""
    return "its description is not ours" if description and description != DESCRIPTION else None


def _decimal(document: Document, name: str) -> Decimal:
    try:
        return parse_decimal(document.get(name))
    except InvalidError:
        raise UnreadableError(f"{name} is no number") from None


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(str(value)) if value else None
    except ValueError:
        return None
