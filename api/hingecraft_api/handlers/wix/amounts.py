"""Amounts in the answers of the owner's dashboard."""

from __future__ import annotations

from typing import Any

from hingecraft_api.messages.answers import quantity
from hingecraft_api.web.call import Call

Number = float | str

AMOUNT_OF_COINS = "a number; a quantity of coins is text"


def amount_in(call: Call, code: str | None, amount: Any) -> Any:
    """An amount in a currency that may be unknown by now."""
    if amount is None:
        return None
    return quantity(call.pod.currencies.table.by_code.get(code or ""), amount) if amount.is_finite() else None
