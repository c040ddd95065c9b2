"""Whether anything is sold to members here.

Where nothing is, a reconciliation does not list events of customers and subscriptions: a restricted key for donations
may not read those.
"""

from __future__ import annotations

from hingecraft.db.connection import Connection

# Stripe has told us the amount of a pack or plan only if it was set up there.
IN_USE = """
SELECT EXISTS (SELECT FROM customers) OR EXISTS (SELECT FROM products)
    OR EXISTS (SELECT FROM credit_prices WHERE unit_amount IS NOT NULL)
"""


async def in_use(conn: Connection) -> bool:
    """Whether there is a customer, a product, or a pack or plan that Stripe has a price for."""
    return bool(await conn.fetchval(IN_USE))
