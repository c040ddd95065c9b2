"""Amounts in a provider's units. Stripe uses whole numbers of a unit that is not always the currency's smallest."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from hingecraft.money.model import Currency, bad_amount, plain

# Without decimals in daily life, yet counted in hundredths by Stripe, which takes whole units of them only.
_COUNTED_IN_HUNDREDTHS = frozenset({"ISK", "UGX"})
# Stripe's three-decimal currencies settle in steps of ten of their smallest unit.
_THREE_DECIMAL_STEP = 10
LARGEST_STRIPE_AMOUNT = 99_999_999


def to_stripe(amount: Decimal, currency: Currency) -> int:
    """The whole number that Stripe calls `amount`; raises an error if the amount is not exact in it."""
    units = amount.scaleb(_stripe_exponent(currency))
    step = _stripe_step(currency)
    if units != units.to_integral_value() or int(units) % step:
        raise bad_amount("invalid_amount", _step_sentence(currency, step))
    if not 0 < units <= LARGEST_STRIPE_AMOUNT:
        raise bad_amount(
            "amount_out_of_range", f"{plain(amount)} {currency.code} is more than a single card payment allows."
        )
    return int(units)


def stripe_bounds(currency: Currency) -> tuple[int, int]:
    """The bounds in Stripe's units, rounded inwards to its steps; raises an error if no amount is left between them."""
    exponent, step = _stripe_exponent(currency), _stripe_step(currency)
    least = int((currency.min_amount.scaleb(exponent) / step).to_integral_value(ROUND_CEILING)) * step
    most = int((currency.max_amount.scaleb(exponent) / step).to_integral_value(ROUND_FLOOR)) * step
    most = min(most, LARGEST_STRIPE_AMOUNT // step * step)
    if not 0 < least <= most:
        raise bad_amount(
            "amount_out_of_range",
            f"No card payment fits between {plain(currency.min_amount)} and {plain(currency.max_amount)} "
            f"{currency.code}: widen its bounds in the table currencies.",
        )
    return least, most


def from_stripe(units: int, currency: Currency) -> Decimal:
    """The amount behind Stripe's whole number."""
    return Decimal(units).scaleb(-_stripe_exponent(currency))


def _stripe_exponent(currency: Currency) -> int:
    return 2 if currency.code in _COUNTED_IN_HUNDREDTHS else currency.exponent


def _stripe_step(currency: Currency) -> int:
    if currency.code in _COUNTED_IN_HUNDREDTHS:
        return 100
    return _THREE_DECIMAL_STEP if currency.exponent == 3 else 1  # noqa: PLR2004 - "three-decimal" is their name


def _step_sentence(currency: Currency, step: int) -> str:
    if currency.exponent == 0:
        return f"An amount in {currency.code} cannot have decimals."
    if step == _THREE_DECIMAL_STEP:
        return f"A card payment in {currency.code} can have at most two decimals (the third must be 0)."
    return f"An amount in {currency.code} can have at most {currency.exponent} decimals."


def to_nowpayments(amount: Decimal, currency: Currency) -> str:
    """NOWPayments takes plain decimals with at most the currency's own digits."""
    quantum = Decimal(1).scaleb(-currency.exponent)
    if amount != amount.quantize(quantum):
        raise bad_amount(
            "invalid_amount", f"An amount in {currency.code} can have at most {currency.exponent} decimals."
        )
    return plain(amount)
