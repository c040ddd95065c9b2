"""The names in our metadata of Stripe's objects, and what an object's metadata says. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

Document = Mapping[str, Any]

# Names that begin so are ours; clients cannot send them.
OWN_PREFIX = "hingecraft_"
# A standing link's own name; Stripe copies it to each payer's session and intent.
MARK = "hingecraft_link"
# What is bought, and the kind of object that is the checkout.
PRODUCT, CHECKOUT = "hingecraft_product", "hingecraft_checkout"
INTENT = "payment_intent"
INSTALLATION = "installation"
PAYMENT = "payment_id"
USER = "userId"


def payment_of(document: Document) -> UUID | None:
    """The payment that the metadata names."""
    return uuid_or_none((document.get("metadata") or {}).get(PAYMENT))


def origin_of(document: Document) -> dict[str, Any]:
    """The fields of a `Finding` that tell environments apart, and restore a payment that a backup has lost."""
    metadata = document.get("metadata") or {}
    named = {name: metadata.get(name) for name in (INSTALLATION, "source", "purpose")}
    return {**named, "user": uuid_or_none(metadata.get(USER)), "product": metadata.get(PRODUCT)}


def uuid_or_none(named: object) -> UUID | None:
    """The id that metadata names, if it is one."""
    try:
        return UUID(str(named)) if named else None
    except ValueError:
        return None
