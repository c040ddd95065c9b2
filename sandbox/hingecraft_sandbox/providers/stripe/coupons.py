"""Coupons and promotion codes, in the shape of API version 2026-10-28.endive."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from hingecraft_sandbox.providers.book import Document, new_id
from hingecraft_sandbox.providers.stripe import shapes
from hingecraft_sandbox.providers.stripe.acts import Acts
from hingecraft_sandbox.providers.stripe.api import Billing
from hingecraft_sandbox.providers.stripe.clock import Clock
from hingecraft_sandbox.providers.stripe.discounts import COUPONS, shares_of, taken_off
from hingecraft_sandbox.providers.stripe.forms import StripeRejectedError, checked, required
from hingecraft_sandbox.providers.stripe.objects import without

CODES = "promotion_codes"
_CODE = re.compile(r"[A-Za-z0-9-]{1,500}")
_MOST_PERCENT = 100


class Coupons:
    """Makes coupons and codes, and applies a code to a Checkout Session."""

    def __init__(self, acts: Acts, clock: Clock) -> None:
        self._acts = acts
        self._objects = acts.objects
        self._book = acts.objects.book
        self._clock = clock

    def endpoints(self) -> Billing:
        """Method, path and what answers it; both are read and listed as all other objects are."""
        return (
            ("POST", "/v1/coupons", lambda _path, params: self.make(params)),
            ("POST", "/v1/promotion_codes", lambda _path, params: self.make_code(params)),
        )

    def make(self, raw: Document) -> Document:
        """`POST /v1/coupons`."""
        params = checked(raw, shapes.COUPON)
        if ("percent_off" in params) == ("amount_off" in params):
            raise StripeRejectedError("You must pass exactly one of percent_off and amount_off.", param="percent_off")
        if "amount_off" in params and ("currency" not in params or params["amount_off"] <= 0):
            raise StripeRejectedError("amount_off needs a currency, and must be positive.", param="amount_off")
        if (params.get("duration") == "repeating") != ("duration_in_months" in params):
            raise StripeRejectedError("duration_in_months is for the duration repeating.", param="duration_in_months")
        if "id" in params and self._book.get(COUPONS, params["id"]):
            raise StripeRejectedError("Coupon already exists.", code="resource_already_exists", param="id")
        usual = dict.fromkeys(
            ("name", "amount_off", "currency", "percent_off", "duration_in_months", "max_redemptions", "redeem_by")
        )
        head = {"id": new_id("")[:8], "object": "coupon", "created": self._clock.now(), "livemode": False}
        rest = {"duration": "once", "metadata": {}, "times_redeemed": 0, "valid": True}
        percent = {"percent_off": _percent(params["percent_off"])} if "percent_off" in params else {}
        return self._book.put(COUPONS, {**head, **usual, **rest, **without(params, "expand"), **percent})

    def make_code(self, raw: Document) -> Document:
        """`POST /v1/promotion_codes`; customers do not tell small letters from capitals."""
        params = checked(raw, shapes.PROMOTION_CODE)
        required(params, "promotion")
        coupon = params["promotion"].get("coupon")
        if coupon is None or self._book.get(COUPONS, coupon) is None:
            raise StripeRejectedError(f"No such coupon: '{coupon}'", code="resource_missing", param="promotion[coupon]")
        code = params.get("code") or new_id("")[:8].upper()
        if not _CODE.fullmatch(code):
            raise StripeRejectedError("A code has letters, digits and hyphens.", param="code")
        if self._active(code) is not None:
            raise StripeRejectedError("An active promotion code with that code already exists.", param="code")
        usual = dict.fromkeys(("customer", "expires_at", "max_redemptions"))
        head = {"id": new_id("promo_")[:30], "object": "promotion_code", "created": self._clock.now()}
        rest = {"active": True, "livemode": False, "metadata": {}, "times_redeemed": 0}
        return self._book.put(CODES, {**head, **usual, **rest, **without(params, "expand"), "code": code})

    def _active(self, code: str) -> Document | None:
        """The promotion code that a customer may type."""
        typed = code.strip().casefold()
        found = self._book.all(CODES, lambda each: each["active"] and each["code"].casefold() == typed)
        return found[0] if found else None

    def offered(self) -> list[tuple[str, str]]:
        """The active codes, each with what it takes off in words."""
        codes = self._book.all(CODES, lambda each: bool(each["active"]))
        return [(each["code"], taken_off(self._objects.find(COUPONS, each["promotion"]["coupon"]))) for each in codes]

    def enter(self, session_id: str, typed: str) -> Document:
        """The payer enters a code on the session's page; it replaces an earlier one."""
        session = self._acts.open_session(session_id)
        if not session.get("allow_promotion_codes"):
            raise StripeRejectedError("This Checkout Session takes no promotion codes.")
        code = self._active(typed)
        if code is None or self._is_used_up(code, session):
            raise StripeRejectedError("This code is invalid.")
        coupon = self._objects.find(COUPONS, code["promotion"]["coupon"])
        if self._is_used_up(coupon, session) or coupon["currency"] not in {None, session["currency"]}:
            raise StripeRejectedError("This code is invalid.")
        shares = shares_of(coupon, [item["amount"] for item in session["items"]])
        session["items"] = [{**item, "discount": off} for item, off in zip(session["items"], shares, strict=True)]
        session["discounts"] = [{"coupon": None, "promotion_code": code["id"]}]
        session["total_details"] |= {"amount_discount": sum(shares)}
        return self._book.put("sessions", session | {"amount_total": session["amount_subtotal"] - sum(shares)})

    def _is_used_up(self, found: Document, session: Document) -> bool:
        most, ends = found["max_redemptions"], found.get("expires_at") or found.get("redeem_by")
        return (
            (most is not None and found["times_redeemed"] >= most)
            or (ends is not None and ends <= self._clock.now())
            or found.get("customer") not in {None, session["customer"]}
        )


def _percent(text: str) -> float:
    try:
        percent = Decimal(text)
    except InvalidOperation:
        percent = Decimal(0)
    if not 0 < percent <= _MOST_PERCENT:
        raise StripeRejectedError("percent_off must be more than 0 and at most 100.", param="percent_off")
    return float(percent)
