"""Which payments a list or an export shows: one filter, and its condition in SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from hingecraft.payments.model import Status

# `p` is the payment; the parameters begin at `first`. A null parameter means that this field does not matter.
_CONDITION = """
    (${0}::text IS NULL OR p.status = ${0}) AND (${1}::text IS NULL OR p.provider = ${1})
    AND (${2}::text IS NULL OR coalesce(p.price_currency, hc_currency_key(p.currency)) = ${2})
    AND (${3}::timestamptz IS NULL OR p.created_at >= ${3}) AND (${4}::timestamptz IS NULL OR p.created_at < ${4})
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFilter:
    """What payments have in common; None: anything. The days are in UTC, and both are included."""

    status: Status | None = None
    provider: str | None = None
    # Of the price.
    currency: str | None = None
    first_day: date | None = None
    last_day: date | None = None

    @property
    def since(self) -> datetime | None:
        """When the first day begins."""
        return _midnight(self.first_day) if self.first_day is not None else None

    @property
    def until(self) -> datetime | None:
        """When the last day has ended."""
        return _midnight(self.last_day + timedelta(days=1)) if self.last_day is not None else None

    @property
    def arguments(self) -> tuple[Any, ...]:
        """The parameters of `condition`."""
        return self.status, self.provider, self.currency, self.since, self.until

    @property
    def stored(self) -> dict[str, str]:
        """As JSON keeps it; `of_stored` reads it again."""
        fields = {
            "status": self.status,
            "provider": self.provider,
            "currency": self.currency,
            "from": self.first_day and self.first_day.isoformat(),
            "to": self.last_day and self.last_day.isoformat(),
        }
        return {name: str(value) for name, value in fields.items() if value is not None}


def condition(first: int) -> str:
    """The condition that the payment `p` passes the filter; its five parameters are numbered from `first` on."""
    return _CONDITION.format(*range(first, first + 5))


def of_stored(fields: Mapping[str, str]) -> PaymentFilter:
    """The filter that was stored."""
    status, first, last = (fields.get(name) for name in ("status", "from", "to"))
    return PaymentFilter(
        status=Status(status) if status else None,
        provider=fields.get("provider"),
        currency=fields.get("currency"),
        first_day=date.fromisoformat(first) if first else None,
        last_day=date.fromisoformat(last) if last else None,
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
