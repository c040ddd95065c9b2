"""The public total: everything that was given, net of refunds."""

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
    """All money of one currency, net of refunds; `charges` are the gifts of which something is left."""

    currency: str
    charges: int
    amount: Decimal
    usd_amount: Decimal
    unconverted: Decimal
    updated_at: datetime


async def by_currency(database: Database, *, livemode: bool) -> Sequence[CurrencyTotal]:
    """Everything that was settled in that mode, by currency; what the old software had been paid is in both."""
    async with database.connection() as conn:
        return [CurrencyTotal(**dict(row)) for row in await conn.fetch(TOTAL, livemode)]
