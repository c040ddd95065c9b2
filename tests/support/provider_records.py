"""Our payments as the providers have them: the status of each, its money net of refunds, and its charges."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from support.sandbox import Sandbox

Truth = dict[str, tuple[str, Decimal, int]]


async def sessions_of(sandbox: Sandbox) -> Truth:
    """Card payments by our id; what was paid through a standing link, by its session."""
    found: Truth = {}
    for session in await _all(sandbox, "checkout/sessions"):
        payment = session["client_reference_id"]
        if session["payment_link"] and session["payment_status"] == "paid":
            payment = session["id"]
        if payment is None:
            continue
        assert payment not in found, f"{payment} has two sessions"
        found[payment] = await _session(sandbox, session)
    return found


async def _session(sandbox: Sandbox, session: dict[str, Any]) -> tuple[str, Decimal, int]:
    if session["payment_status"] != "paid":
        return await _unpaid(sandbox, session), Decimal(0), 0
    charge = await _charge(sandbox, session["payment_intent"])
    disputes = [each for each in await _all(sandbox, "disputes") if each["charge"] == charge["id"]]
    taken = sum(each["amount"] for each in disputes if sum(move["amount"] for move in each["balance_transactions"]))
    left = Decimal(charge["amount"] - charge["amount_refunded"] - taken) / 100
    status = "partially_refunded" if charge["amount_refunded"] else "completed"
    status = "disputed" if taken else status
    status = "refunded" if charge["amount_refunded"] == charge["amount"] else status
    return status, left, 1


async def _unpaid(sandbox: Sandbox, session: dict[str, Any]) -> str:
    if session["status"] != "complete":
        return {"open": "pending"}.get(session["status"], "expired")
    intent = await sandbox.stripe(f"payment_intents/{session['payment_intent']}")
    return "pending" if intent["status"] == "processing" else "failed"


async def _charge(sandbox: Sandbox, intent: str) -> dict[str, Any]:
    return next(each for each in await _all(sandbox, "charges") if each["payment_intent"] == intent)


async def _all(sandbox: Sandbox, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    more = True
    while more:
        after = f"&starting_after={found[-1]['id']}" if found else ""
        page = await sandbox.stripe(f"{path}?limit=100{after}")
        found += page["data"]
        more = page["has_more"]
    return found


async def coins_of(sandbox: Sandbox) -> Truth:
    """Coin payments that have come to an end."""
    found: Truth = {}
    for order, payment in await _by_order(sandbox):
        if payment["payment_status"] == "finished":
            _, before, charges = found.get(order, ("", Decimal(0), 0))
            found[order] = ("completed", before + Decimal(str(payment["actually_paid"])), charges + 1)
    return found


async def _by_order(sandbox: Sandbox) -> list[tuple[str, dict[str, Any]]]:
    """Each payment with its order; a later deposit has none of its own, but a parent that does."""
    payments = await coin_payments(sandbox)
    orders = {payment["payment_id"]: payment["order_id"] for payment in payments}
    return [(payment["order_id"] or orders[payment["parent_payment_id"]], payment) for payment in payments]


async def coin_payments(sandbox: Sandbox) -> list[dict[str, Any]]:
    """All payments of all invoices."""
    login = await sandbox.ask("POST", "/nowpayments/v1/auth", json={"email": "shop@example.com", "password": "x"})
    headers = {"x-api-key": "sandbox-key", "Authorization": f"Bearer {login['token']}"}
    page = await sandbox.ask("GET", "/nowpayments/v1/payment/?limit=500", headers=headers)
    found: list[dict[str, Any]] = page["data"]
    return found


async def kept_coins(sandbox: Sandbox) -> dict[str, Decimal]:
    """The coins that each of our payments received and kept, however they got there."""
    found: dict[str, Decimal] = {}
    for order, payment in await _by_order(sandbox):
        if payment["payment_status"] in {"finished", "partially_paid"}:
            found[order] = found.get(order, Decimal(0)) + Decimal(str(payment["actually_paid"]))
    return found
