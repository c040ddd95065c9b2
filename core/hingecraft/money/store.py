"""The table of currencies."""

from __future__ import annotations

from hingecraft.db.connection import Connection
from hingecraft.money.model import Currency

CURRENCIES = """
SELECT code, name, symbol, kind, exponent, enabled, min_amount, max_amount, aliases, nowpayments_ticker
FROM currencies ORDER BY code
"""


# Of the rows themselves: their times are those at which transactions began, and the one that began first may end last.
STAMP = "SELECT coalesce(sum(hashtextextended(c::text, 0)), 0)::text AS stamp FROM currencies c"


async def stamp(conn: Connection) -> str:
    """A text that changes with the table."""
    found: str = await conn.fetchval(STAMP)
    return found


async def load_currencies(conn: Connection) -> list[Currency]:
    """Every currency, those that are switched off too."""
    return [Currency(**{**dict(row), "aliases": tuple(row["aliases"])}) for row in await conn.fetch(CURRENCIES)]
