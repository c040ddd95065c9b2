"""Endpoints, messages, and when a failed delivery is tried again. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias
from urllib.parse import urlsplit
from uuid import UUID

from hingecraft.errors import UsageError
from hingecraft.leases.backoff import Backoff

ROUTES_UPDATED = "routes.updated"
PAYMENT_EVENTS = ("payment.completed", "payment.failed", "payment.refunded")
AFTER_PAYMENT_PATH = "/afterPaymentWebhook"

Lane: TypeAlias = tuple[str, tuple[str, ...]]
# Route messages have their own slots at each endpoint and are claimed first: pages wait for them.
LANES = ((ROUTES_UPDATED,), PAYMENT_EVENTS)
AT_ONCE = 8

LEASE = timedelta(seconds=30)
TRIED_FOR = timedelta(hours=24)
# A site that is being published is back within seconds; a site that is down is called less and less often.
BACKOFF = Backoff((1, 5, 30, 300, 1800, 7200, 18_000, 36_000))

_ENDPOINT_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SECRET_PREFIX = "whsec_"  # noqa: S105 - the public prefix of Standard Webhooks, not a secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A receiver of webhooks, and the events that it gets."""

    name: str
    url: str
    events: tuple[str, ...] = (ROUTES_UPDATED,)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointState:
    """The state of an endpoint, and its next message."""

    name: str
    events: tuple[str, ...]
    delivered_version: int | None
    failures: int
    disabled_because: str | None
    next_attempt_at: datetime | None
    answer: str | None

    def is_behind(self, version: int) -> bool:
        """Whether it wants routes, and has not taken this version or a newer one."""
        wants = ROUTES_UPDATED in self.events and self.disabled_because is None
        return wants and (self.delivered_version or 0) < version


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One claimed row of the outbox, with the address it goes to."""

    id: UUID
    created_at: datetime
    endpoint: str
    url: str
    type: str
    data: str
    attempts: int
    claimed_until: datetime

    @property
    def lease(self) -> tuple[UUID, datetime, datetime]:
        """The row's key and the end of its lease, in the order of `leases.statements`."""
        return self.id, self.created_at, self.claimed_until

    @property
    def lane(self) -> Lane:
        """The endpoint and event types that share its slots."""
        return self.endpoint, next(types for types in LANES if self.type in types)

    @property
    def webhook_id(self) -> str:
        """The same on every attempt, so that a receiver can tell a repeat."""
        return f"msg_{self.id.hex}"

    @property
    def named(self) -> dict[str, str | int]:
        """The fields by which a line in the log is found."""
        data = json.loads(self.data)
        told = {"request_id": "requestId", "payment_id": "paymentId", "version": "version"}
        found = {name: data[field] for name, field in told.items() if data.get(field) is not None}
        return {"webhook_id": self.webhook_id, **found}

    def body(self) -> bytes:
        """The body to sign and send: the same on every attempt, with the time of the event."""
        timestamp = self.created_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        head = json.dumps({"type": self.type, "timestamp": timestamp}, separators=(",", ":"), ensure_ascii=False)
        # The data are sent as they are kept, so that an amount stays the decimal that it is.
        return f'{head[:-1]},"data":{self.data}}}'.encode()


def parse_endpoints(text: Sequence[str], *, allow_private: bool) -> list[Endpoint]:
    """Read `WIX_WEBHOOK_ENDPOINTS`: `name=url` pairs; the path says which events an endpoint gets."""
    endpoints = [_parse_endpoint(pair, allow_private=allow_private) for pair in text]
    names = [endpoint.name for endpoint in endpoints]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"WIX_WEBHOOK_ENDPOINTS names {name} twice; give each endpoint a name of its own")
    return endpoints


def _parse_endpoint(pair: str, *, allow_private: bool) -> Endpoint:
    name, separator, url = pair.partition("=")
    name, url = name.strip(), url.strip()
    if not separator or not _ENDPOINT_NAME.fullmatch(name):
        raise UsageError(f"WIX_WEBHOOK_ENDPOINTS: {name!r} is not a name=url pair; write site=https://...")
    address = urlsplit(url)
    if address.scheme != "https" and not (allow_private and address.scheme == "http"):
        raise UsageError(f"WIX_WEBHOOK_ENDPOINTS: {name} must be an https address")
    if not address.hostname or address.username or address.password:
        raise UsageError(f"WIX_WEBHOOK_ENDPOINTS: {name} must not contain a user or password")
    wants_payments = address.path.endswith(AFTER_PAYMENT_PATH)
    return Endpoint(name=name, url=url, events=PAYMENT_EVENTS if wants_payments else (ROUTES_UPDATED,))


def signature(secrets: Sequence[str], webhook_id: str, timestamp: int, body: bytes) -> str:
    """Standard Webhooks: one signature for each secret, so that a rotation breaks nobody."""
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    digests = (hmac.digest(key_of(secret), signed, hashlib.sha256) for secret in secrets)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def key_of(secret: str) -> bytes:
    """The key behind `whsec_<base64>`."""
    try:
        key = base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not key or not secret.startswith(_SECRET_PREFIX):
        raise UsageError("WEBHOOK_SECRET must be whsec_ followed by base64, in the format of Standard Webhooks")
    return key
