"""The steps that a system adds to each reconciliation, and the run that they get. Pure.

`hingecraft reconcile` reads what the providers have reported, processes the inbox and asks about what is open. A
system that has something of its own to compare or to refresh registers steps for it in `systems`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

_MOST_REASONS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of a run."""

    lookback: timedelta = timedelta(hours=24)
    # Given on the command line, so it may reach back further than the last run did.
    lookback_given: bool = False
    providers: tuple[str, ...] = ()
    dry_run: bool = False
    every_checkout: bool = False


@dataclass(slots=True, kw_only=True)
class Summary:
    """The results of a run."""

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
    credit_differences: int = 0
    customers_finished: int = 0
    refunds_finished: int = 0
    users_deleted: int = 0
    subscriptions_read: int = 0
    invoices_found: int = 0
    subscriptions_without_invoice: int = 0
    subscriptions_doubled: int = 0
    wix_sites_checked: int = 0
    wix_plans_changed: int = 0
    wix_sites_found: int = 0
    wix_sites_removed: int = 0
    reasons: list[str] = field(default_factory=list)

    def count(self, outcome: str) -> None:
        """One more checkout was checked; the outcome is one of the fields here."""
        self.checked += 1
        setattr(self, outcome, getattr(self, outcome) + 1)

    def fail(self, why: str) -> None:
        """Record that a provider could not be asked."""
        self.errors += 1
        self.explain(why)

    def explain(self, why: str) -> None:
        """Note a reason: each once, and twenty at most."""
        if why not in self.reasons and len(self.reasons) < _MOST_REASONS:
            self.reasons.append(why)

    @property
    def succeeded(self) -> bool:
        """Whether everything that can be asked was asked."""
        return self.errors == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A running reconciliation."""

    options: Options
    summary: Summary
    # By the clock of the database.
    started: datetime
    # The providers to ask: requested, and with keys here.
    providers: Sequence[str]

    @property
    def dry(self) -> bool:
        """Ask, count what would change, and change nothing."""
        return self.options.dry_run


# Reports to the run what it could not do; an error that it raises ends the run.
Step: TypeAlias = Callable[[Run], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The steps of all systems, in their order."""

    # After the account was compared and events that never came were read; what the inbox needs is written here.
    before_events: Sequence[Step] = ()
    # After events and open checkouts.
    after_checks: Sequence[Step] = ()


def together(every: Sequence[Steps]) -> Steps:
    """The steps of several systems."""
    return Steps(
        before_events=[step for each in every for step in each.before_events],
        after_checks=[step for each in every for step in each.after_checks],
    )
