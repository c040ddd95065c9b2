"""Wix's webhooks: a signed token as the body, sent again for 48 hours, with what became of each attempt."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from typing import Any

import jwt

from hingecraft_sandbox.providers.book import Book, Document
from hingecraft_sandbox.providers.switches import Switches
from hingecraft_sandbox.providers.webhooks import Attempt, Notification, WebhookSender
from hingecraft_sandbox.wix.config import WixConfig

KIND = "wix_events"
ISSUER = "wix.com"
# Wix gives up on an answer after this time, in seconds.
TIMEOUT = 1.25
# The schedule of resends, in minutes.
RESENDS = (1, 10, 60, 120, 120, 120, 240, 240, 240, 480, 480, 720)
_TOKEN_LIFE = 3600
PATHS: Mapping[str, str] = {
    "AppInstalled": "app-installed",
    "AppRemoved": "app-removed",
    "PaidPlanPurchased": "plan-purchased",
    "PaidPlanChanged": "plan-updated",
    "PaidPlanAutoRenewalCancelled": "plan-cancelled",
}
_HEADERS = {"Content-Type": "text/plain; charset=utf-8"}


class WixWebhooks:
    """Signs and sends events, and keeps what became of them."""

    def __init__(self, book: Book, sender: WebhookSender, switches: Switches, config: WixConfig) -> None:
        self._book = book
        self._sender = sender
        self._switches = switches
        self._config = config

    def emit(self, kind: str, site: Document, data: Mapping[str, Any], *, identity: Mapping[str, str]) -> Document:
        """Keep an event of a site and send it, unless webhooks are switched off: then it is lost."""
        event: Document = {
            "id": str(uuid.uuid4()),
            "type": kind,
            "instance": site["id"],
            "said": {
                "eventType": kind,
                "instanceId": site["id"],
                "data": json.dumps(data),
                "identity": json.dumps(identity),
                "accountInfo": {"accountId": site["account_id"], "siteId": site["site_id"]},
            },
            "attempts": [],
            "at": time.time(),
            "lost": not self._switches.webhooks.enabled or not self._backend,
        }
        self._book.put(KIND, event)
        self._send(event)
        return event

    def again(self, event_id: str) -> None:
        """Send an event once more, as Wix does now and then without a reason."""
        event = self._book.get(KIND, event_id)
        if event is not None:
            self._send(event)

    @property
    def _backend(self) -> str:
        return (self._switches.wix.backend or self._config.backend).rstrip("/")

    def _send(self, event: Document) -> None:
        if not self._backend:
            return
        path = PATHS.get(event["type"])
        self._sender.send(
            Notification(
                "wix",
                label_of(event),
                f"{self._backend}/api/v1/wix/webhook{f'/{path}' if path else ''}",
                lambda number: self.token(event["said"], number).encode(),
                lambda: _HEADERS,
                [minutes * self._switches.wix.minute for minutes in RESENDS],
                TIMEOUT,
                lambda attempt: self._heard(event["id"], attempt),
            )
        )

    def token(self, said: Mapping[str, Any], attempt: int = 1) -> str:
        """The body of an attempt: `data` is a text inside a text inside the token."""
        expired_from = self._switches.wix.expired_from
        signed_at = int(time.time())
        if expired_from is not None and attempt >= expired_from:
            signed_at -= 2 * _TOKEN_LIFE
        claims = {
            "data": json.dumps(said),
            "iss": ISSUER,
            "aud": self._config.app_id,
            "iat": signed_at,
            "exp": signed_at + _TOKEN_LIFE,
        }
        return jwt.encode(claims, self._config.key, algorithm="RS256")

    def _heard(self, event_id: str, attempt: Attempt) -> None:
        event = self._book.get(KIND, event_id)
        if event is None:
            return
        event["attempts"].append({"status": attempt.status, "ms": attempt.ms, "again": attempt.again})
        self._book.put(KIND, event)


def label_of(event: Document) -> str:
    """The event as the log and the feed of `make dev` show it: `PaidPlanPurchased pro monthly`."""
    data = json.loads(event["said"]["data"])
    more = [data[name].lower() for name in ("vendorProductId", "cycle", "status") if name in data]
    return " ".join([event["type"], *more])


def outcome_of(event: Document) -> str:
    """The state of an event, in words."""
    if event["lost"]:
        return "lost: webhooks were off, or no backend was set"
    if not event["attempts"]:
        return "on its way"
    last = event["attempts"][-1]
    answer = f"{last['status']} in {last['ms']} ms" if last["status"] else f"no answer in {last['ms']} ms"
    tries = len(event["attempts"])
    more = f", attempt {tries}" if tries > 1 else ""
    return f"{answer}{more}" + (f", again in {last['again']:g} s" if last["again"] is not None else "")
