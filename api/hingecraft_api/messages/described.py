"""Fields as the reference shows them: what they mean, and one value that they may have."""

from __future__ import annotations

from typing import Any

from pydantic import Field

# Values that stand for the same thing in every example.
PAYMENT = "a51ab48c-fcc1-48e3-b9fd-743938b0d330"
SETTLEMENT = "0f7c9f5e-5a37-4a52-8f4e-0a6d0a1f3a11"
SESSION = "cs_test_a1B2c3D4e5F6g7H8i9J0kLmN"
USER = "3f1c0b52-6a0e-4b9c-9f43-0b6f0d7f2a11"
PRODUCT = "0d8a9e52-6c1b-4f9e-8b53-7f0e2c4b9a10"
PURCHASE = "5e0f1b7c-2d34-4a86-9c1f-3b8d6e7a4f21"
JOB = "b7f3f7d2-1c55-4f0e-9d8e-4a6f2f9e7c30"
PREFILL = "prefill_1795672800000_5f2b8c0d9e1a4b7c8d6e5f4a3b2c1d0e"
VERSION = 42
CHECKSUM = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
# As long as a real one.
DOWNLOAD = "AaUarEj8wUjjuf10OTiw0zAAAAAAab3wAG9uZSBkb3dubG9hZCBvZiBhIGRlc2lnbiBmb3IgYSBkb2M"
MOMENT = "2026-11-26T06:00:00.000Z"
LATER = "2026-11-27T06:00:00.000Z"
ADDRESS = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"
HASH = "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"
REQUEST = "7f0e2c4b9a10d5830000002a"
IDEMPOTENCY_KEY = "order-2026-11-0001"


def described(text: str, example: Any = None, **constraints: Any) -> Any:
    """A pydantic field. Without an example the reference makes one: from the parts of an object, else null."""
    return Field(description=text, examples=[example] if example is not None else None, **constraints)
