"""Events of Stripe's, signed, each of which completes a payment."""

from __future__ import annotations

import hashlib
import hmac
import json
import time

SECRET = "whsec_bench"


def signed(payment: str) -> tuple[bytes, str]:
    """The body of an event, and its signature header."""
    session = {
        "id": f"cs_test_{payment}", "object": "checkout.session", "mode": "payment", "livemode": False,
        "currency": "usd", "amount_total": 500, "amount_subtotal": 500, "status": "complete", "payment_status": "paid",
        "payment_intent": f"pi_{payment}", "payment_link": None, "client_reference_id": payment,
        "metadata": {"payment_id": payment}, "padding": "x" * 1500,
    }  # fmt: skip
    event = {"id": f"evt_{payment}", "object": "event", "type": "checkout.session.completed", "livemode": False,
             "created": int(time.time()), "data": {"object": session}}  # fmt: skip
    body = json.dumps(event).encode()
    at = int(time.time())
    signature = hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return body, f"t={at},v1={signature}"
