"""Credits of one user: what is written into the ledger, and what may be read of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from hingecraft.errors import RejectedError

# The value of `payments.purpose`.
PURPOSE = "credits"
MOST_CREDITS = 1_000_000
LONGEST_REFERENCE = 200
LONGEST_REASON = 200
PLAN_SESSION_SECONDS = 15 * 60


class InsufficientCreditsError(RejectedError):
    """The balance does not cover it; nothing was written, and the reference is free."""


class ReferenceReusedError(RejectedError):
    """The reference was used before for another amount."""


class PlanSessionsDisabledError(RejectedError):
    """This backend has no secret to sign plan sessions with."""

    def __init__(self) -> None:
        super().__init__(
            "plan_sessions_disabled", "This backend does not keep plan sessions. Set JWT_SECRET to keep them."
        )


class Outcome(StrEnum):
    """The outcome of one entry, as `hc_write_credits` returns it."""

    WRITTEN = "written"
    # The ref is known with the same amount: the first answer is given again.
    REPEATED = "repeated"
    REUSED = "reused"
    INSUFFICIENT = "insufficient"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row that is to be written. `ref` names what may happen only once."""

    user_id: UUID
    delta: int
    ref: str
    reason: str
    plan_type: str | None = None
    # The event, or the object that a reconciliation read.
    stripe_event_id: str | None = None
    stripe_payment_id: str | None = None
    stripe_price_id: str | None = None
    metadata: Mapping[str, Any] | None = None
    # Only money that went back may make a balance negative.
    below_zero: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The row, and the balance after it; without a row, the balance as it is."""

    outcome: Outcome
    transaction_id: int | None
    balance: int

    def required(self) -> Written:
        """Returns itself if the entry was written; otherwise raises the error for the caller."""
        if self.outcome is Outcome.INSUFFICIENT:
            raise InsufficientCreditsError(
                "insufficient_credits", f"There are not enough credits: the balance is {self.balance}."
            )
        if self.outcome is Outcome.REUSED:
            raise ReferenceReusedError(
                "reference_reused", "This reference was already used with another amount. Use a new reference."
            )
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """A user's account; `by_plan` has the sum of the rows of each plan type."""

    balance: int
    transactions: int
    by_plan: Mapping[str, int]
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One row of the ledger."""

    id: int
    delta: int
    balance_after: int
    reason: str
    plan_type: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSession:
    """The price that a visitor has chosen. `nonce` may be used once."""

    price_id: str
    plan_type: str
    metadata: Mapping[str, str]
    nonce: str
    expires_at: datetime


def spend(user_id: UUID, amount: int, reference: str, reason: str) -> Entry:
    """A spend by a service."""
    return Entry(user_id=user_id, delta=-amount, ref=f"spend:{user_id}/{reference}", reason=reason)


def adjustment(user_id: UUID, delta: int, reference: str, reason: str) -> Entry:
    """A change by an admin, which cannot make a balance negative."""
    return Entry(user_id=user_id, delta=delta, ref=f"admin:{user_id}/{reference}", reason=reason)
