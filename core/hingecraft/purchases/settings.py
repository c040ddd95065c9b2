"""The settings of purchases."""

from __future__ import annotations

from pydantic import Field

from hingecraft.settings import Settings


class PurchaseSettings(Settings):
    """How long access lasts beyond what is paid."""

    renewal_grace_hours: int = Field(
        24,
        description="hours that a running subscription's access continues after its last paid period, while Stripe "
        "charges the renewal",
        ge=0,
        le=720,
    )
