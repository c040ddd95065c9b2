"""A site's status, as its owner sees it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

FREE = "free"


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteStatus:
    """The plan and the credits that count now. `used` is what was spent in this billing period."""

    instance_id: UUID
    email: str | None
    plan: str
    # As Wix names it, such as YEARLY; None without a paid plan.
    cycle: str | None
    credits: int
    used: int
    trial: int
    period_end: datetime | None
    cancel_at_period_end: bool
    payment_failed_at: datetime | None

    @property
    def is_trial(self) -> bool:
        """Whether no plan is paid for."""
        return self.plan == FREE
