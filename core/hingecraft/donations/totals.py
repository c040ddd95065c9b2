"""The public total: all donations, net of refunds and disputes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from hingecraft.db.connection import Database

TOTAL = """
SELECT currency, sum(charges) AS charges, sum(amount) AS amount, sum(usd_amount) AS usd_amount,
       sum(unconverted) AS unconverted, max(updated_at) AS updated_at
FROM settlement_totals WHERE livemode IS NULL OR livemode = $1 GROUP BY currency ORDER BY currency
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrencyTotal:
    """The sum of one currency, net of refunds; `charges` counts the gifts that are not fully refunded."""

    currency: str
    charges: int
    amount: Decimal
    usd_amount: Decimal
    unconverted: Decimal
    updated_at: datetime


async def by_currency(database: Database, *, livemode: bool) -> Sequence[CurrencyTotal]:
    """The sums of that mode, by currency; payments of the old software are in both modes."""
    async with database.connection() as conn:
        return [CurrencyTotal(**dict(row)) for row in await conn.fetch(TOTAL, livemode)]
