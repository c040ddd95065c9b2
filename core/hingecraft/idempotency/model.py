"""A key's claim, the answer kept under it, and why a key can be rejected. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hingecraft.errors import RejectedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to answer for an idempotency key, until the lease ends."""

    scope: str
    key: str
    until: datetime
    # The payment or prefill that an earlier holder began.
    resource: str | None

    @property
    def lease(self) -> tuple[str, str, datetime]:
        """The row's key and the end of its lease, in the order of `leases.statements`."""
        return self.scope, self.key, self.until


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """The stored answer."""

    status: int
    body: str


class KeyReusedError(RejectedError):
    """An idempotency key came with another body than before."""


class InFlightError(RejectedError):
    """A request with the same key is still under way."""


def key_taken_over() -> InFlightError:
    """This request took so long that another one with its key has taken over."""
    return InFlightError(
        "idempotency_in_flight", "Another request with this Idempotency-Key took over. Send this request again."
    )
