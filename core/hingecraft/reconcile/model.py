"""A checkout that is due, how a look at it ended, and when it is asked about again. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from hingecraft.payments.model import Status

LEASE = timedelta(seconds=120)
# A request that is still being answered must not be helped.
SETTLES_WITHIN = timedelta(seconds=60)
STALE = timedelta(days=30)
# Longer than any process works on a payment.
STRANDED_AFTER = timedelta(hours=1)
_EARLY = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15))
_HOURLY, _DAILY = timedelta(hours=1), timedelta(days=1)
_DAILY_FROM = timedelta(days=3)


class Outcome(StrEnum):
    """How a look at one checkout ended."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    # The provider could have been asked and could not be reached, or said nonsense.
    FAILED = "errors"
    # The provider does not know the checkout. Nothing is done about one before it is known how many there are.
    MISSING = "missing"
    # The provider has no way to be asked, and nobody guesses.
    UNASKED = "unasked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One checkout that is looked at now."""

    id: UUID
    payment_id: UUID
    provider: str
    provider_id: str | None
    status: Status
    request: Mapping[str, Any]
    idempotency_key: str
    created_at: datetime
    age: timedelta
    expired: bool
    payment_status: Status
    payment_provider: str
    claimed_until: datetime | None


@dataclass(frozen=True, slots=True)
class LastRun:
    """When it ended, whether everything could be asked, and its numbers."""

    finished_at: float
    succeeded: bool
    numbers: Mapping[str, int]
    reasons: Sequence[str]


def next_check(age: timedelta) -> timedelta:
    """How long until the next look: 1, 5, 15 minutes after it was made, then hourly, daily from the third day."""
    for moment in _EARLY:
        if age < moment:
            return moment - age
    return _HOURLY if age < _DAILY_FROM else _DAILY
