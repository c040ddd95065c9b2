"""The body of a push from an engine to a pod: the version's number, and its document if it is small.

Engines and pods of different releases meet during a rolling update, so a pod ignores fields that it does not know, and
an engine sends a document only to a pod that has said it takes them.
"""

from __future__ import annotations

import base64
import json
import zlib
from binascii import Error as NotBase64Error

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from hingecraft.routes.model import Document, RoutesVersion

# A larger document is not sent, and not opened further by a pod.
LARGEST_COMPRESSED = 64 * 1024
LARGEST_ROUTES = 1024 * 1024
# Base64 makes four bytes of three; the other fields take less than what is left.
LARGEST_PUSH = 96 * 1024
# The field of a pod's answer that says it takes documents.
TAKES_DOCUMENTS = "takesDocuments"


class _Packed(BaseModel):
    """A document on its way; `routes` is compressed with zlib, then base64."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    routes: str
    generated_at: AwareDatetime
    restored_from: int | None
    currencies: str


def without_document(version: int, checksum: str) -> bytes:
    """The body of a push after which the pod loads the version from Postgres."""
    return json.dumps({"version": version, "checksum": checksum}).encode()


def with_document(document: Document) -> bytes | None:
    """The body of a push that needs no query; None if the document is too large for it."""
    routes = document.version.routes.encode()
    if len(routes) > LARGEST_ROUTES:
        return None
    compressed = zlib.compress(routes)
    if len(compressed) > LARGEST_COMPRESSED:
        return None
    packed = _Packed(
        routes=base64.b64encode(compressed).decode(),
        generated_at=document.version.generated_at,
        restored_from=document.version.restored_from,
        currencies=document.currencies,
    )
    return json.dumps(
        {
            "version": document.version.version,
            "checksum": document.version.checksum,
            "document": packed.model_dump(mode="json", by_alias=True),
        }
    ).encode()


def unpacked(version: int, checksum: str, packed: object) -> Document | None:
    """The document of a push, its checksum not verified yet; None if it cannot be read."""
    try:
        found = _Packed.model_validate(packed)
        routes = _decompressed(base64.b64decode(found.routes, validate=True)).decode()
    except (ValidationError, NotBase64Error, zlib.error, ValueError):
        return None
    return Document(
        version=RoutesVersion(
            version=version,
            checksum=checksum,
            generated_at=found.generated_at,
            restored_from=found.restored_from,
            next_expiry=None,
            routes=routes,
        ),
        currencies=found.currencies,
    )


def _decompressed(compressed: bytes) -> bytes:
    opener = zlib.decompressobj()
    routes = opener.decompress(compressed, LARGEST_ROUTES)
    if not opener.eof:
        raise ValueError("the document is cut off or too large")
    return routes
