"""The filter of payments in lists and exports, and its condition in SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hingecraft.payments.model import Status

UTC_NAME = "UTC"
# `p` is the payment.
_CONDITIONS = {
    "status": "p.status = {0}",
    "provider": "p.provider = {0}",
    "currency": "coalesce(p.price_currency, hc_currency_key(p.currency)) = {0}",
    "purpose": "p.purpose = {0}",
    "livemode": "coalesce(p.livemode, true) = {0}",
    "since": "p.created_at >= {0}",
    "until": "p.created_at < {0}",
    "least": "p.amount >= {0}",
    "most": "p.amount <= {0}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFilter:
    """A filter of payments; None: any value. The days are in `zone`, and both are included."""

    status: Status | None = None
    provider: str | None = None
    # Of the price, and so are the amounts.
    currency: str | None = None
    purpose: str | None = None
    # True: real money.
    livemode: bool | None = None
    first_day: date | None = None
    last_day: date | None = None
    zone: str = UTC_NAME
    least: Decimal | None = None
    most: Decimal | None = None

    @property
    def since(self) -> datetime | None:
        """When the first day begins."""
        return midnight(self.first_day, self.zone) if self.first_day is not None else None

    @property
    def until(self) -> datetime | None:
        """When the last day has ended."""
        return midnight(self.last_day + timedelta(days=1), self.zone) if self.last_day is not None else None

    @property
    def arguments(self) -> tuple[Any, ...]:
        """The parameters of `condition`: only those of fields that matter."""
        return tuple(getattr(self, name) for name in self._given)

    def condition(self, first: int) -> str:
        """The condition that the payment `p` passes the filter; its parameters are numbered from `first` on."""
        parts = (_CONDITIONS[name].format(f"${number}") for number, name in enumerate(self._given, first))
        return " AND ".join(("p.created_at IS NOT NULL", *parts))

    @property
    def _given(self) -> list[str]:
        return [name for name in _CONDITIONS if getattr(self, name) is not None]

    @property
    def stored(self) -> dict[str, str]:
        """As JSON keeps it; `of_stored` reads it again."""
        fields = {
            "status": self.status,
            "provider": self.provider,
            "currency": self.currency,
            "purpose": self.purpose,
            "livemode": self.livemode,
            "from": self.first_day,
            "to": self.last_day,
            "zone": self.zone if self.zone != UTC_NAME else None,
            "amountFrom": self.least,
            "amountTo": self.most,
        }
        return {name: str(value) for name, value in fields.items() if value is not None}


def of_stored(fields: Mapping[str, str]) -> PaymentFilter:
    """The filter that was stored."""
    status, first, last = (fields.get(name) for name in ("status", "from", "to"))
    least, most = (fields.get(name) for name in ("amountFrom", "amountTo"))
    return PaymentFilter(
        status=Status(status) if status else None,
        provider=fields.get("provider"),
        currency=fields.get("currency"),
        purpose=fields.get("purpose"),
        livemode={"True": True, "False": False}.get(fields.get("livemode", "")),
        first_day=date.fromisoformat(first) if first else None,
        last_day=date.fromisoformat(last) if last else None,
        zone=fields.get("zone", UTC_NAME),
        least=Decimal(least) if least else None,
        most=Decimal(most) if most else None,
    )


def midnight(day: date, zone: str) -> datetime:
    """When the day begins in a zone of IANA's table."""
    return datetime.combine(day, time(), ZoneInfo(zone))
