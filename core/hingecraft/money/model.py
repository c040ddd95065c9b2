"""A currency, and an amount in it. Amounts are decimals from the first byte to the last, never floats."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal

from hingecraft.errors import ErrorCode, InvalidError

Kind = Literal["fiat", "crypto"]

# Longer than any sum of money or quantity of coins (78 digits hold a uint256); keeps arithmetic on hostile input cheap.
_LONGEST_NUMBER = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Currency:
    """One row of the table `currencies`; bounds are in the currency itself for fiat, in USD for crypto."""

    code: str
    name: str
    symbol: str
    kind: Kind
    exponent: int
    enabled: bool
    min_amount: Decimal
    max_amount: Decimal
    aliases: tuple[str, ...] = ()
    nowpayments_ticker: str | None = None


def parse_decimal(typed: object) -> Decimal:
    """Read a JSON number or string as the decimal that was written; a float has already lost it and is refused."""
    if isinstance(typed, bool) or not isinstance(typed, int | str | Decimal):
        raise InvalidError("invalid_amount", "The amount must be a number or a numeric string.")
    text = str(typed).strip()
    if not text or len(text) > _LONGEST_NUMBER or not text.isascii() or "_" in text:
        raise InvalidError("invalid_amount", "The amount must be a plain number, for example 37.50.")
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise InvalidError("invalid_amount", "The amount must be a plain number, for example 37.50.") from error
    if not number.is_finite() or abs(number.adjusted()) > _LONGEST_NUMBER:
        raise InvalidError("invalid_amount", "The amount must be a plain number, for example 37.50.")
    return number


def decimals_of(number: Decimal) -> int:
    """The number of decimals needed: 37.50 needs one, 100 none."""
    return len(plain(number).partition(".")[2])


def plain(number: Decimal) -> str:
    """Write a decimal as JSON wants it, exactly and without an exponent: 37.50 -> 37.5, 1E+2 -> 100."""
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def bad_amount(code: ErrorCode, sentence: str) -> InvalidError:
    """An error that names the field as all our callers know it."""
    return InvalidError(code, sentence, fields={"amount": sentence})


def check_amount(typed: object, currency: Currency) -> Decimal:
    """The amount, checked against the currency's bounds and decimals."""
    amount = parse_decimal(typed)
    if decimals_of(amount) > currency.exponent:
        raise bad_amount("invalid_amount", _too_fine(currency))
    if not currency.min_amount <= amount <= currency.max_amount:
        raise bad_amount(
            "amount_out_of_range",
            f"The amount in {currency.code} must be between {plain(currency.min_amount)} "
            f"and {plain(currency.max_amount)}.",
        )
    return amount


def _too_fine(currency: Currency) -> str:
    if currency.exponent == 0:
        return f"An amount in {currency.code} cannot have decimals."
    return f"An amount in {currency.code} can have at most {currency.exponent} decimals."
