"""An event of Wix, as its signed message says it. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hingecraft.errors import InvalidError
from hingecraft.inbox.model import InboundEvent
from hingecraft.inbox.webhook import document_of, name_of, not_an_event
from hingecraft.wix_app.instances.model import moment_of

SOURCE = "wix"
# Wix asks for an answer within 1250 ms.
ANSWERED_WITHIN = 1.1
_TIME = "operationTimeStamp"


@dataclass(frozen=True, slots=True, kw_only=True)
class WixEvent:
    """One event about one site. `data` is what its type says, with Wix's names."""

    type: str
    instance_id: UUID
    data: Mapping[str, Any]
    happened_at: datetime

    def text(self, name: str) -> str | None:
        """A field that is a text; None where it is missing, empty or something else."""
        value = self.data.get(name)
        return value if isinstance(value, str) and value else None

    def uuid(self, name: str) -> UUID | None:
        """A field that is a UUID; None where there is none."""
        try:
            return UUID(self.text(name) or "")
        except ValueError:
            return None

    def moment(self, name: str) -> datetime | None:
        """A field that is a time; None where there is none. Raises ValueError for anything else."""
        return moment_of(self.data.get(name))


def inbound(claims: Mapping[str, Any], now: datetime) -> InboundEvent:
    """The event in verified claims; raises InvalidError where they hold none.

    Wix gives events no id. One that says when it happened is the same whenever it is sent; of one that does not, the
    time of signing is a part of its name: a site can remove and install the app twice.
    """
    envelope = document_of(_text(claims.get("data")))
    kind, instance = name_of(envelope.get("eventType")), name_of(envelope.get("instanceId"))
    data = _text(envelope.get("data"))
    fields = document_of(data)
    signed_at = claims.get("iat", int(now.timestamp()))
    if isinstance(signed_at, bool) or not isinstance(signed_at, int | float):
        raise not_an_event()
    body = {"eventType": kind, "instanceId": instance, "iat": int(signed_at), "data": fields}
    _event_in(body)
    parts = [kind.encode(), instance.lower().encode(), data]
    if _TIME not in fields:
        parts.append(str(int(signed_at)).encode())
    return InboundEvent(
        source=SOURCE,
        event_id=hashlib.sha256(b"|".join(parts)).hexdigest(),
        type=kind,
        body=json.dumps(body).encode(),
    )


def event_in(document: Mapping[str, Any]) -> WixEvent:
    """The event as `inbound` has stored it."""
    return _event_in(document)


def _event_in(body: Mapping[str, Any]) -> WixEvent:
    try:
        instance_id = UUID(body["instanceId"])
        signed_at = datetime.fromtimestamp(body["iat"], UTC)
        happened_at = moment_of(body["data"].get(_TIME)) or signed_at
    except (ValueError, OverflowError, OSError):
        raise InvalidError("invalid_event", "The signature is valid, but an id or a time in it is not.") from None
    return WixEvent(type=body["eventType"], instance_id=instance_id, data=body["data"], happened_at=happened_at)


def _text(value: object) -> bytes:
    """JSON inside of JSON, as a text."""
    if not isinstance(value, str):
        raise not_an_event()
    return value.encode("utf-8", "surrogatepass")
