"""Coupons and promotion codes that the account has at the sandbox."""

from __future__ import annotations

from typing import Any

from support.purchases import post
from support.sandbox import Sandbox


async def promotion_code(sandbox: Sandbox, code: str, **terms: Any) -> str:
    """A code for a new coupon with these terms, such as percent_off=50; answers the code."""
    coupon = await post(sandbox, "coupons", **{name: str(value) for name, value in terms.items()})
    made = await post(
        sandbox, "promotion_codes",
        **{"promotion[type]": "coupon", "promotion[coupon]": coupon["id"], "code": code},
    )  # fmt: skip
    found: str = made["code"]
    return found


async def enter_code(sandbox: Sandbox, session: str, code: str) -> None:
    """The payer enters a promotion code on the session's page."""
    await sandbox.ask("POST", f"/pay/stripe/c/{session}/code", data={"code": code}, allow_redirects=False)
