"""Stripe's webhooks: the signature over the raw body, compared in constant time. Pure."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence

from hingecraft.inbox.model import InboundEvent
from hingecraft.inbox.webhook import Webhook, document_of, name_of, not_an_event
from hingecraft.providers.stripe import NAME

# Either way: Stripe's own libraries take a time stamp of next year.
_TOLERANCE = 300
_LONGEST_HEADER = 2000
# Events that only name an object: Stripe is always asked for the rest.
_ASKED_ABOUT = ("invoice.paid", "customer.subscription.")
_SECONDS = re.compile(r"[0-9]{1,12}")
# With it a browser pays an intent: it is stored nowhere.
_CLIENT_SECRET = re.compile(rb'("client_secret"\s*:\s*)"[^"\\]*"')


def is_plausible(header: str, now: float) -> bool:
    """Whether the header has the shape and the time of a signature: no body can make up for that."""
    return _stamped(header, now) is not None


def is_genuine(secrets: Sequence[str], header: str, body: bytes, now: float) -> bool:
    """`t=<unix seconds>,v1=<hex HMAC-SHA256 of t.body>`, perhaps with a signature for each of two secrets."""
    found = _stamped(header, now)
    if found is None:
        return False
    stamp, signatures = found
    signed = stamp.encode() + b"." + body
    wanted = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets if secret]
    return any([hmac.compare_digest(mine, theirs) for mine in wanted for theirs in signatures])  # noqa: C419 - all of them, so that time tells nothing


def _stamped(header: str, now: float) -> tuple[str, list[str]] | None:
    """The time and the signatures, when there is one time and it is about now."""
    if len(header) > _LONGEST_HEADER or not header.isascii():
        return None
    parts = [part.partition("=")[::2] for part in header.split(",")]
    stamps = [value for name, value in parts if name.strip() == "t"]
    signatures = [value.strip() for name, value in parts if name.strip() == "v1"]
    if len(stamps) != 1 or not signatures or not _SECONDS.fullmatch(stamps[0]):
        return None
    return (stamps[0], signatures) if abs(now - int(stamps[0])) <= _TOLERANCE else None


def event_of(body: bytes) -> InboundEvent:
    """An event of Stripe's, named by its id."""
    document = document_of(body)
    subject = document.get("data")
    if not isinstance(subject, dict) or not isinstance(subject.get("object"), dict):
        raise not_an_event()
    if not isinstance(document.get("livemode"), bool):
        raise not_an_event()
    event_id, kind = name_of(document.get("id")), name_of(document.get("type"))
    must_ask = kind.startswith(_ASKED_ABOUT)
    stored = _CLIENT_SECRET.sub(rb"\1null", body)
    return InboundEvent(source=NAME, event_id=event_id, type=kind, body=stored, must_ask=must_ask)


WEBHOOK = Webhook(
    source=NAME,
    header="Stripe-Signature",
    plausible=is_plausible,
    genuine=is_genuine,
    event=event_of,
    usual=16 * 1024,
    # An invoice with many lines is far larger than anything that a page sends.
    largest=1024 * 1024,
)
