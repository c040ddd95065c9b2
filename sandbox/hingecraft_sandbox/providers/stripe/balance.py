"""The account's balance: what charges and disputes move."""

from __future__ import annotations

from hingecraft_sandbox.providers.book import Document, new_id, now

# US cents for each smallest unit of a currency that is converted for the payout; others are paid out as they are.
_DOLLARS = {"eur": 1.09, "gbp": 1.27, "chf": 1.12, "jpy": 0.66, "kwd": 0.325}


def arriving(amount: int, currency: str) -> int:
    """The amount in the currency of the balance, in its smallest unit."""
    return int(amount * _DOLLARS.get(currency, 1))


def balance_transaction(kind: str, source: str, currency: str, amount: int, fee: int) -> Document:
    """A movement of the balance. `currency` is that of its source."""
    return {
        "id": new_id("txn_")[:28],
        "object": "balance_transaction",
        "amount": amount,
        "currency": "usd" if currency in _DOLLARS else currency,
        "fee": fee,
        "net": amount - fee,
        "created": now(),
        "source": source,
        "type": kind,
        "exchange_rate": _DOLLARS.get(currency),
    }
