"""Demo wallets that do not exist; the payment links are made by the sandbox."""

from __future__ import annotations

from hingecraft.db.connection import Connection

_WALLETS = (
    ("BTC", "bc1qdemoaddressdemoaddressdemoaddressdem0", None, None),
    ("ETH", "0x000000000000000000000000000000000000dEm0", None, None),
    ("XLM", "GDEMOADDRESSDEMOADDRESSDEMOADDRESSDEMOADDRESSDEMOADDRESS", None, None),
    ("XRP", "rDemoAddressDemoAddressDemoAddress", None, "1029384756"),
    ("USDT", "TDemoAddressDemoAddressDemoAddress", "TRC20", None),
)

ANY_WALLET = "SELECT EXISTS (SELECT FROM wallets)"
ADD_WALLET = "INSERT INTO wallets (coin, wallet_address, network, memo) VALUES ($1, $2, $3, $4)"


async def add_demo_data(conn: Connection) -> None:
    """Add the wallets once; changed data is not restored."""
    if await conn.fetchval(ANY_WALLET):
        return
    for wallet in _WALLETS:
        await conn.execute(ADD_WALLET, *wallet)
