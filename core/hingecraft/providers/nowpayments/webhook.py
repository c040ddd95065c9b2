"""IPNs: verified over the body with its keys sorted, compared in constant time. Pure."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence

from hingecraft.inbox.model import InboundEvent
from hingecraft.inbox.webhook import Webhook, document_of, name_of, not_an_event
from hingecraft.providers.nowpayments import NAME
from hingecraft.providers.nowpayments.canonical import canonical, parse

_HEX_OF_SHA512 = re.compile(r"[0-9a-fA-F]{128}")


def is_plausible(header: str, _now: float = 0.0) -> bool:
    """Whether the header has the shape of a signature."""
    return _HEX_OF_SHA512.fullmatch(header) is not None


def is_genuine(secrets: Sequence[str], header: str, body: bytes, _now: float = 0.0) -> bool:
    """Hex HMAC-SHA512 over the body with its keys sorted at every level."""
    if not is_plausible(header):
        return False
    try:
        document = parse(body)
        text = canonical(document).encode() if isinstance(document, dict) else b""
    except ValueError:
        return False
    wanted = [hmac.new(secret.encode(), text, hashlib.sha512).hexdigest() for secret in secrets if secret]
    return bool(text) and any([hmac.compare_digest(mine, header.lower()) for mine in wanted])  # noqa: C419 - all of them, so that time tells nothing


def event_of(body: bytes) -> InboundEvent:
    """An IPN has no id of its own: the payment, what it became, and the body it came in make one."""
    document = document_of(body)
    payment, status = document.get("payment_id"), name_of(document.get("payment_status"))
    if isinstance(payment, bool) or not isinstance(payment, int | str):
        raise not_an_event()
    event_id = name_of(f"{payment}:{status}:{hashlib.sha256(body).hexdigest()}")
    return InboundEvent(source=NAME, event_id=event_id, type=status, body=body, must_ask=True)


WEBHOOK = Webhook(
    source=NAME,
    header="x-nowpayments-sig",
    plausible=is_plausible,
    genuine=is_genuine,
    event=event_of,
    usual=4 * 1024,
    # NOWPayments sends 1 to 2 KB.
    largest=16 * 1024,
)
