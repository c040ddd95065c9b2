"""Demo data: wallets that do not exist, and products with their files; the payment links are made by the sandbox."""

from __future__ import annotations

from decimal import Decimal

from hingecraft.db.connection import Connection
from hingecraft_sandbox.dev.designs import BRASS_HINGE, GARDEN_GATE, WALNUT_BOX

_WALLETS = (
    ("BTC", "bc1qdemoaddressdemoaddressdemoaddressdem0", None, None),
    ("ETH", "0x000000000000000000000000000000000000dEm0", None, None),
    ("XLM", "GDEMOADDRESSDEMOADDRESSDEMOADDRESSDEMOADDRESSDEMOADDRESS", None, None),
    ("XRP", "rDemoAddressDemoAddressDemoAddress", None, "1029384756"),
    ("USDT", "TDemoAddressDemoAddressDemoAddress", "TRC20", None),
)
# Type, name, price, discounted price, download limit, period (unit and count), file. The last one is shown first.
_PRODUCTS = (
    ("course", "Hinges for beginners", Decimal(80), None, None, "year", 1, None),
    ("design", "Garden gate", Decimal(32), None, 1, None, None, GARDEN_GATE.file),
    ("design", "Walnut box", Decimal(24), Decimal(18), None, None, None, WALNUT_BOX.file),
    ("design", "Brass hinge", Decimal("12.50"), None, 3, None, None, BRASS_HINGE.file),
    ("subscription", "All designs", Decimal(9), None, 20, "month", 1, None),
)

ANY_WALLET = "SELECT EXISTS (SELECT FROM wallets)"
ADD_WALLET = "INSERT INTO wallets (coin, wallet_address, network, memo) VALUES ($1, $2, $3, $4)"
ANY_PRODUCT = "SELECT EXISTS (SELECT FROM products)"
ADD_PRODUCT = """
INSERT INTO products (type, name, price, discounted_price, currency, active, download_limit, period_unit, period_count,
                      file)
VALUES ($1, $2, $3, $4, 'USD', true, $5, $6, $7, $8)
"""


async def add_demo_data(conn: Connection) -> None:
    """Add wallets and products where there are none; changed data is not restored."""
    if not await conn.fetchval(ANY_WALLET):
        for wallet in _WALLETS:
            await conn.execute(ADD_WALLET, *wallet)
    if not await conn.fetchval(ANY_PRODUCT):
        for product in _PRODUCTS:
            await conn.execute(ADD_PRODUCT, *product)
