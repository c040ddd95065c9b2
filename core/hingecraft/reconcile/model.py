"""A checkout that is due, the outcome of its check, and the time of the next one. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from hingecraft.payments.model import Status

LEASE = timedelta(seconds=120)
# The recoverer must not touch a request that is still being answered.
SETTLES_WITHIN = timedelta(seconds=60)
STALE = timedelta(days=30)
# Longer than any process works on a payment.
STRANDED_AFTER = timedelta(hours=1)
_EARLY = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15))
_HOURLY, _DAILY = timedelta(hours=1), timedelta(days=1)
_DAILY_FROM = timedelta(days=3)


class Outcome(StrEnum):
    """The outcome of one check."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    # The provider could not be reached, or its answer was invalid.
    FAILED = "errors"
    # The provider does not know the checkout. The sweep first counts these, then decides.
    MISSING = "missing"
    # The provider has no call for it.
    UNASKED = "unasked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A checkout to check."""

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
    """The last run: its end, whether everything could be asked, and its counts."""

    finished_at: float
    succeeded: bool
    numbers: Mapping[str, int]
    reasons: Sequence[str]


def next_check(age: timedelta) -> timedelta:
    """The time until the next check: 1, 5, 15 minutes after creation, then hourly, daily from the third day."""
    for moment in _EARLY:
        if age < moment:
            return moment - age
    return _HOURLY if age < _DAILY_FROM else _DAILY
