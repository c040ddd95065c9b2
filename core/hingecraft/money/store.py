"""The table of currencies."""

from __future__ import annotations

from hingecraft.db.connection import Connection
from hingecraft.money.model import Currency

CURRENCIES = """
SELECT code, name, symbol, kind, exponent, enabled, min_amount, max_amount, aliases, nowpayments_ticker
FROM currencies ORDER BY code
"""


# Deleting a row changes how many there are, anything else when they were touched.
STAMP = "SELECT count(*), max(updated_at) FROM currencies"


async def stamp(conn: Connection) -> tuple[object, ...]:
    """Differs whenever the table has changed."""
    row = await conn.fetchrow(STAMP)
    assert row is not None, "an aggregate always answers a row"
    return tuple(row)


async def load_currencies(conn: Connection) -> list[Currency]:
    """Every currency, those that are switched off too."""
    return [Currency(**{**dict(row), "aliases": tuple(row["aliases"])}) for row in await conn.fetch(CURRENCIES)]
