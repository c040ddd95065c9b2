"""Whether a message is a provider's: its signature over the raw body, compared in constant time. Pure."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence

from hingecraft.providers.nowpayments.canonical import canonical, parse

STRIPE_HEADER = "Stripe-Signature"
NOWPAYMENTS_HEADER = "x-nowpayments-sig"
# Either way: Stripe's own libraries take a time stamp of next year.
_TOLERANCE = 300
_LONGEST_HEADER = 2000
_SECONDS = re.compile(r"[0-9]{1,12}")
_HEX_OF_SHA512 = re.compile(r"[0-9a-fA-F]{128}")


def may_be_stripes(header: str, now: float) -> bool:
    """Whether the header has the shape and the time of a signature: no body can make up for that."""
    return _stripes(header, now) is not None


def is_stripes(secrets: Sequence[str], header: str, body: bytes, now: float) -> bool:
    """`t=<unix seconds>,v1=<hex HMAC-SHA256 of t.body>`, perhaps with a signature for each of two secrets."""
    found = _stripes(header, now)
    if found is None:
        return False
    stamp, signatures = found
    signed = stamp.encode() + b"." + body
    wanted = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets if secret]
    return any([hmac.compare_digest(mine, theirs) for mine in wanted for theirs in signatures])  # noqa: C419 - all of them, so that time tells nothing


def _stripes(header: str, now: float) -> tuple[str, list[str]] | None:
    """The time and the signatures, when there is one time and it is about now."""
    if len(header) > _LONGEST_HEADER or not header.isascii():
        return None
    parts = [part.partition("=")[::2] for part in header.split(",")]
    stamps = [value for name, value in parts if name.strip() == "t"]
    signatures = [value.strip() for name, value in parts if name.strip() == "v1"]
    if len(stamps) != 1 or not signatures or not _SECONDS.fullmatch(stamps[0]):
        return None
    return (stamps[0], signatures) if abs(now - int(stamps[0])) <= _TOLERANCE else None


def may_be_nowpayments(header: str) -> bool:
    """Whether the header has the shape of a signature."""
    return _HEX_OF_SHA512.fullmatch(header) is not None


def is_nowpayments(secrets: Sequence[str], header: str, body: bytes) -> bool:
    """Hex HMAC-SHA512 over the body with its keys sorted at every level."""
    if not may_be_nowpayments(header):
        return False
    try:
        document = parse(body)
        text = canonical(document).encode() if isinstance(document, dict) else b""
    except ValueError:
        return False
    wanted = [hmac.new(secret.encode(), text, hashlib.sha512).hexdigest() for secret in secrets if secret]
    return bool(text) and any([hmac.compare_digest(mine, header.lower()) for mine in wanted])  # noqa: C419 - all of them, so that time tells nothing
