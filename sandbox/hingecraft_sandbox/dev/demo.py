"""Some wallets to look at, which lead nowhere; the links are the sandbox's own."""

from __future__ import annotations

from hingecraft.db.connection import Connection

_WALLETS = (
    ("BTC", "bc1qdemoaddressdemoaddressdemoaddressdem0"),
    ("ETH", "0x000000000000000000000000000000000000dEm0"),
    ("XLM", "GDEMOADDRESSDEMOADDRESSDEMOADDRESSDEMOADDRESSDEMOADDRESS"),
)

ANY_WALLET = "SELECT EXISTS (SELECT FROM wallets)"
ADD_WALLET = "INSERT INTO wallets (coin, wallet_address) VALUES ($1, $2)"


async def add_demo_data(conn: Connection) -> None:
    """Once: data that somebody changed is not put back."""
    if await conn.fetchval(ANY_WALLET):
        return
    for coin, address in _WALLETS:
        await conn.execute(ADD_WALLET, coin, address)
