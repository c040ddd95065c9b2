"""Turns a message of Wix into an event for the inbox."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hingecraft.inbox.model import InboundEvent
from hingecraft.wix_app.errors import WixAppDisabledError
from hingecraft.wix_app.settings import WixAppSettings
from hingecraft.wix_app.webhooks.model import inbound

if TYPE_CHECKING:
    from hingecraft.wix_app.webhooks.tokens import WebhookTokens


class WixMessages:
    """The messages to this app. Without its public key, none is taken."""

    def __init__(self, settings: WixAppSettings) -> None:
        self._tokens = _tokens(settings)

    def event(self, body: bytes, now: float) -> InboundEvent | None:
        """The event in a message; None if the message is forged.

        Raises ExpiredWebhookError, InvalidError for what is genuine and no event, or WixAppDisabledError.
        """
        if self._tokens is None:
            raise WixAppDisabledError("WIX_APP_ID and WIX_APP_PUBLIC_KEY")
        claims = self._tokens.claims(body, now)
        return None if claims is None else inbound(claims, datetime.fromtimestamp(now, UTC))


def _tokens(settings: WixAppSettings) -> WebhookTokens | None:
    """Cryptography takes twenty megabytes, which only pods that take Wix's messages pay."""
    if not settings.wix_app_public_key:
        return None
    from hingecraft.wix_app.webhooks.tokens import WebhookTokens  # noqa: PLC0415 - loads twenty megabytes, so only if needed

    return WebhookTokens(settings.wix_app_id, settings.wix_app_public_key)
