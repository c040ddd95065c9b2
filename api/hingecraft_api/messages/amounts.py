"""How an amount comes in: a JSON number or a string that holds one, as the decimal that was written."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from hingecraft.errors import InvalidError
from hingecraft.money.model import parse_decimal


def _decimal(typed: object) -> Decimal:
    try:
        return parse_decimal(typed)
    except InvalidError as error:
        raise ValueError(error.sentence.removeprefix("The amount ").rstrip(".")) from None


# A value in a ledger may be 0, and what went back is less than that.
SignedAmount = Annotated[
    Decimal,
    BeforeValidator(_decimal),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": -1e12, "exclusiveMaximum": 1e12},
                {"type": "string", "pattern": "^-?[0-9]{1,12}([.][0-9]{1,8})?$"},
            ],
            "description": "a number or a numeric string",
        }
    ),
]
Amount = Annotated[
    Decimal,
    BeforeValidator(_decimal),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0},
                {"type": "string", "pattern": "^[0-9]{1,12}([.][0-9]{1,8})?$"},
            ],
            "description": "a number or a numeric string",
        }
    ),
]
