"""What a reconciliation is told to do, what it has done, and when a checkout is asked about again. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
_MOST_REASONS = 20


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a run is told."""

    lookback: timedelta = timedelta(hours=24)
    # Given by hand, it reaches back further than the last run did.
    lookback_given: bool = False
    providers: tuple[str, ...] = ()
    dry_run: bool = False
    every_checkout: bool = False


@dataclass(slots=True, kw_only=True)
class Summary:
    """What a run has done."""

    dry_run: bool = False
    checked: int = 0
    changed: int = 0
    unchanged: int = 0
    errors: int = 0
    unasked: int = 0
    stale: int = 0
    events_read: int = 0
    events_missed: int = 0
    events_reopened: int = 0
    events_processed: int = 0
    links_changed: int = 0
    values_asked: int = 0
    values_found: int = 0
    reasons: list[str] = field(default_factory=list)

    def count(self, outcome: Outcome) -> None:
        """One more checkout was looked at."""
        self.checked += 1
        setattr(self, outcome.value, getattr(self, outcome.value) + 1)

    def fail(self, why: str) -> None:
        """Something could not be asked."""
        self.errors += 1
        self.explain(why)

    def explain(self, why: str) -> None:
        """Say each thing once, and not a thousand of them."""
        if why not in self.reasons and len(self.reasons) < _MOST_REASONS:
            self.reasons.append(why)

    @property
    def succeeded(self) -> bool:
        """Whether everything that can be asked was asked."""
        return self.errors == 0


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
