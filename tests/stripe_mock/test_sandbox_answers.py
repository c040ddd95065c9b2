"""The sandbox answers as Stripe does: its fields and their types are those of Stripe's own examples."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from aiohttp import web

from hingecraft_sandbox.app import SandboxConfig, sandbox_app
from support.sandbox import STRIPE_KEY

AUTH = {"Authorization": f"Bearer {STRIPE_KEY}"}
INTENT = {
    "amount": "1900", "currency": "usd", "automatic_payment_methods[enabled]": "true",
    "automatic_payment_methods[allow_redirects]": "always", "description": "A design", "metadata[payment_id]": "p_1",
    "setup_future_usage": "off_session", "statement_descriptor_suffix": "DESIGN", "capture_method": "automatic",
}  # fmt: skip


class Both:
    """Stripe's stateless stand-in and our sandbox."""

    def __init__(self, sandbox: aiohttp.ClientSession, mock: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self.mock = mock

    async def ask(self, method: str, path: str, data: dict[str, str] | None = None) -> tuple[Any, Any]:
        """The answers of the sandbox and of stripe-mock, which also says whether the request is a valid one."""
        found = []
        for client in (self.sandbox, self.mock):
            async with client.request(method, f"/v1/{path}", data=data, headers=AUTH) as response:
                answer = await response.json()
                assert response.status == 200, answer
                found.append(answer)
        return found[0], found[1]


@pytest.fixture
async def both(stripe_mock):
    runner = web.AppRunner(sandbox_app(SandboxConfig(address="http://127.0.0.1:1")), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with aiohttp.ClientSession(address) as sandbox, aiohttp.ClientSession(stripe_mock) as mock:
        yield Both(sandbox, mock)
    await runner.cleanup()


# Of these the examples of stripe-mock show only a part.
FREE = frozenset(
    {"amount_details", "automatic_payment_methods", "flexible", "last_payment_error", "metadata", "next_action",
     "payment", "payment_method_options", "pricing"}
)  # fmt: skip
# Of PaymentIntents, since 2025 or for products that we do not use.
LEFT_OUT = frozenset(
    {"allowed_payment_method_types", "customer_account", "excluded_payment_method_types", "managed_payments",
     "payment_method_configuration_details"}
)  # fmt: skip


def differences(ours: Any, theirs: Any, path: str = "") -> list[str]:
    """Where an answer of the sandbox has what Stripe's has not, or of another type."""
    if ours is None or theirs is None:
        return []
    if isinstance(ours, dict) and isinstance(theirs, dict):
        unknown = [f"{path}.{name} is unknown" for name in sorted(ours.keys() - theirs.keys())]
        both = (name for name in ours if name in theirs and name not in FREE)
        return unknown + [each for name in both for each in differences(ours[name], theirs[name], f"{path}.{name}")]
    if isinstance(ours, list) and isinstance(theirs, list):
        return differences(ours[0], theirs[0], f"{path}[]") if ours and theirs else []
    return [] if type(ours) is type(theirs) else [f"{path} is {type(ours).__name__}, not {type(theirs).__name__}"]


async def test_differences_are_found():
    """Without this the tests below could not fail."""
    assert differences({"a": 1, "b": [{"c": 1}]}, {"b": [{"c": "1"}]}) == [".a is unknown", ".b[].c is int, not str"]


async def test_payment_intents(both):
    made, example = await both.ask("POST", "payment_intents", INTENT)
    assert differences(made, example) == []
    assert example.keys() - made.keys() == LEFT_OUT
    for method, path, data in (
        ("GET", f"payment_intents/{made['id']}?expand[0]=customer", None),
        ("POST", f"payment_intents/{made['id']}/cancel", {"cancellation_reason": "abandoned"}),
        ("GET", "payment_intents?limit=3&created[gte]=1", None),
    ):
        assert differences(*await both.ask(method, path, data)) == [], path


async def test_what_follows_a_payment(both):
    made, _ = await both.ask("POST", "payment_intents", INTENT)
    for act in ("pay", "refund_half", "dispute"):
        async with both.sandbox.post(f"/pay/stripe/i/{made['id']}/{act}", allow_redirects=False) as response:
            assert response.status == 303
    paid, example = await both.ask("GET", f"payment_intents/{made['id']}?expand[0]=latest_charge.balance_transaction")
    assert paid["latest_charge"]["balance_transaction"]["amount"] == 1900
    assert differences(paid, example) == []
    for kind in ("charges", "refunds", "disputes"):
        listed, example = await both.ask("GET", f"{kind}?payment_intent={made['id']}")
        assert len(listed["data"]) == 1
        assert differences(listed, example) == [], kind


SUBSCRIPTION = {
    "items[0][price_data][currency]": "usd", "items[0][price_data][unit_amount]": "900",
    "items[0][price_data][recurring][interval]": "month", "items[0][price_data][recurring][interval_count]": "3",
    "items[0][quantity]": "1", "payment_behavior": "default_incomplete",
    "payment_settings[save_default_payment_method]": "on_subscription", "metadata[payment_id]": "p_1",
    "description": "All designs", "billing_mode[type]": "flexible", "expand[0]": "latest_invoice.confirmation_secret",
}  # fmt: skip


async def test_subscriptions_that_wait_for_their_first_payment(both):
    await both.ask("POST", "products", {"id": "hc_1", "name": "All designs"})
    customer, _ = await both.ask("POST", "customers", {})
    asked = SUBSCRIPTION | {"customer": customer["id"], "items[0][price_data][product]": "hc_1"}
    made, example = await both.ask("POST", "subscriptions", asked)
    assert made["latest_invoice"]["confirmation_secret"]["type"] == "payment_intent"
    assert differences(made, example) == []
    for method, path in (
        ("GET", f"invoices/{made['latest_invoice']['id']}?expand[0]=payments&expand[1]=confirmation_secret"),
        ("GET", f"invoice_payments?invoice={made['latest_invoice']['id']}"),
        ("GET", f"subscriptions/{made['id']}?expand[0]=latest_invoice.confirmation_secret"),
        ("GET", f"subscriptions?customer={customer['id']}&status=all&created[gte]=1"),
        ("DELETE", f"subscriptions/{made['id']}"),
    ):
        assert differences(*await both.ask(method, path)) == [], path


async def test_coupons_and_promotion_codes(both):
    coupon = {
        "name": "Spring", "percent_off": "12.5", "duration": "repeating", "duration_in_months": "3",
        "max_redemptions": "9", "redeem_by": "1999999999", "metadata[a]": "b",
    }  # fmt: skip
    ours, theirs = await both.ask("POST", "coupons", coupon)
    assert differences(ours, theirs) == []
    amount = {"amount_off": "300", "currency": "usd", "duration": "once"}
    assert differences(*await both.ask("POST", "coupons", amount)) == []
    code = {"promotion[type]": "coupon", "promotion[coupon]": ours["id"], "code": "SPRING", "max_redemptions": "9"}
    assert differences(*await both.ask("POST", "promotion_codes", {**code, "expires_at": "1999999999"})) == []
    assert differences(*await both.ask("GET", "promotion_codes?code=SPRING")) == []
    assert differences(*await both.ask("GET", f"coupons/{ours['id']}")) == []
