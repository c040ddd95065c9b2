"""Some routes to look at: links and wallets that lead nowhere."""

from __future__ import annotations

from hingecraft.db.connection import Connection

_LINKS = (("stripe", "USD"), ("stripe", "EUR"), ("stripe", "JPY"), ("nowpayments", "BTC"))
_WALLETS = (
    ("BTC", "bc1qdemoaddressdemoaddressdemoaddressdem0"),
    ("ETH", "0x000000000000000000000000000000000000dEm0"),
    ("XLM", "GDEMOADDRESSDEMOADDRESSDEMOADDRESSDEMOADDRESSDEMOADDRESS"),
)

ANY_LINK = "SELECT EXISTS (SELECT FROM external_payments) OR EXISTS (SELECT FROM wallets)"
ADD_LINK = "INSERT INTO external_payments (gateway, currency, provider_url) VALUES ($1, $2, $3)"
ADD_WALLET = "INSERT INTO wallets (coin, wallet_address) VALUES ($1, $2)"


async def add_demo_data(conn: Connection) -> None:
    """Once: data that somebody changed is not put back."""
    if await conn.fetchval(ANY_LINK):
        return
    for gateway, currency in _LINKS:
        await conn.execute(ADD_LINK, gateway, currency, f"https://demo.invalid/{gateway}/{currency.lower()}")
    for coin, address in _WALLETS:
        await conn.execute(ADD_WALLET, coin, address)
