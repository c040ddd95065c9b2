"""Discounts: what a coupon takes off the lines of a subscription's invoices, and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from hingecraft_sandbox.providers.book import Document, new_id
from hingecraft_sandbox.providers.stripe.acts import Acts
from hingecraft_sandbox.providers.stripe.clock import Clock
from hingecraft_sandbox.providers.stripe.payment_buttons import shown
from hingecraft_sandbox.providers.stripe.periods import months_after

KIND, COUPONS = "discounts", "coupons"


class Discounts:
    """The discounts of subscriptions."""

    def __init__(self, acts: Acts, clock: Clock) -> None:
        self._acts = acts
        self._objects = acts.objects
        self._book = acts.objects.book
        self._clock = clock

    def begin(self, subscription: Document, redeemed: Sequence[Document]) -> None:
        """Give the subscription the discounts of a session: each names a coupon or a promotion code."""
        for each in redeemed:
            code = self._objects.find("promotion_codes", each["promotion_code"]) if each["promotion_code"] else None
            coupon = self._objects.find(COUPONS, code["promotion"]["coupon"] if code else each["coupon"])
            for kind, used in ((COUPONS, coupon), ("promotion_codes", code)):
                if used is not None:
                    self._book.put(kind, used | {"times_redeemed": used["times_redeemed"] + 1})
            subscription["discounts"].append(self._made(subscription, coupon, code)["id"])

    def _made(self, subscription: Document, coupon: Document, code: Document | None) -> Document:
        now, months = self._clock.now(), coupon["duration_in_months"]
        discount: Document = {
            "id": new_id("di_")[:27],
            "object": "discount",
            "checkout_session": None,
            "customer": subscription["customer"],
            "end": months_after(now, months) if months else None,
            "invoice": None,
            "invoice_item": None,
            "promotion_code": code["id"] if code else None,
            "source": {"type": "coupon", "coupon": coupon["id"]},
            "start": now,
            "subscription": subscription["id"],
            "subscription_item": None,
        }
        self._book.put(KIND, discount)
        self._acts.emit("customer.discount.created", discount)
        return discount

    def applied(self, subscription: Document, lines: list[Document], part: Fraction = Fraction(1)) -> list[Document]:
        """The lines with what is taken off them; they are for a part of a period, or for the whole.

        A discount that was for one invoice, or is over, leaves the subscription, which the caller stores.
        """
        for discount_id in list(subscription["discounts"]):
            discount = self._objects.find(KIND, discount_id)
            if discount["end"] is not None and discount["end"] <= self._clock.now():
                self._end(subscription, discount)
                continue
            coupon = self._objects.find(COUPONS, discount["source"]["coupon"])
            lines = _taken(lines, discount_id, shares_of(coupon, [_left(each) for each in lines], part))
            if coupon["duration"] == "once" and any(each["discount_amounts"] for each in lines):
                self._end(subscription, discount)
        return lines

    def _end(self, subscription: Document, discount: Document) -> None:
        subscription["discounts"].remove(discount["id"])
        self._acts.emit("customer.discount.deleted", discount)


def shares_of(coupon: Document, amounts: Sequence[int], part: Fraction = Fraction(1)) -> list[int]:
    """The coupon's share of each amount; an amount off all of them is divided in proportion."""
    if coupon["percent_off"] is not None:
        return [round(Fraction(amount) * Fraction(str(coupon["percent_off"])) / 100) for amount in amounts]
    whole = sum(amounts)
    off = min(round(coupon["amount_off"] * part), whole)
    shares: list[int] = []
    for place in range(1, len(amounts) + 1):
        until = round(Fraction(off * sum(amounts[:place]), whole)) if whole else 0
        shares.append(until - sum(shares))
    return shares


def taken_off(coupon: Document) -> str:
    """A coupon in words, such as 50 % off for 3 months."""
    percent = coupon["percent_off"]
    what = f"{Decimal(str(percent)).normalize():f} %" if percent else shown(coupon["amount_off"], coupon["currency"])
    long = {"once": "once", "forever": "forever"}.get(coupon["duration"], f"for {coupon['duration_in_months']} months")
    return f"{what} off {long}"


def _left(line: Document) -> int:
    """The amount of the line after other discounts."""
    left: int = line["amount"] - sum(each["amount"] for each in line["discount_amounts"])
    return left


def _taken(lines: list[Document], discount_id: str, shares: list[int]) -> list[Document]:
    return [
        {
            **line,
            "discounts": [*line["discounts"], discount_id],
            "discount_amounts": [*line["discount_amounts"], {"amount": off, "discount": discount_id}],
        }
        if off
        else line
        for line, off in zip(lines, shares, strict=True)
    ]
