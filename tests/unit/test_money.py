from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hingecraft.errors import InvalidError
from hingecraft.money.minor_units import from_stripe, to_nowpayments, to_stripe
from hingecraft.money.model import Currency, check_amount, decimals_of, parse_decimal, plain
from hingecraft.money.normalise import CurrencyTable, tightened


def currency(code: str, exponent: int = 2, **more: object) -> Currency:
    values: dict[str, object] = {
        "name": code, "symbol": code, "kind": "fiat", "enabled": True,
        "min_amount": Decimal(1), "max_amount": Decimal(100_000), **more,
    }  # fmt: skip
    return Currency(code=code, exponent=exponent, **values)  # type: ignore[arg-type]


USD, JPY, KWD, ISK, UGX = (
    currency("USD", symbol="$", aliases=("us$", "dollar")),
    currency("JPY", 0, symbol="¥"),
    currency("KWD", 3),
    currency("ISK", 0),
    currency("UGX", 0),
)
BTC = currency("BTC", 8, kind="crypto", symbol="₿", aliases=("bitcoin",))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("37.50", "37.5"), (5, "5"), (" 1e2 ", "100"), ("0.10", "0.1"), (Decimal("1.230"), "1.23"), ("+7", "7")],
)
def test_amounts_are_read_as_they_were_written(typed, meant):
    assert plain(parse_decimal(typed)) == meant


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "abc",
        "1,5",
        "NaN",
        "Infinity",
        "-Infinity",
        "1_000",
        "٣",
        1.5,
        True,
        None,
        [],
        {},
        "1e999999",
        "9" * 81,
    ],
)
def test_only_plain_numbers_are_accepted(typed):
    with pytest.raises(InvalidError):
        parse_decimal(typed)


@pytest.mark.parametrize(
    ("typed", "money"),
    [("0.99", USD), ("100000.01", USD), ("1.005", USD), ("-1", USD), ("0", USD), ("1.5", JPY), ("1.0001", KWD)],
)
def test_amounts_outside_the_bounds_or_too_fine_are_refused(typed, money):
    with pytest.raises(InvalidError):
        check_amount(typed, money)


def test_trailing_zeros_do_not_count_as_decimals():
    assert check_amount("500.000", JPY) == 500
    assert decimals_of(Decimal("1.10")) == 1
    assert decimals_of(Decimal("1E+3")) == 0
    assert decimals_of(Decimal("12345678901.123456789012345678")) == 18


@pytest.mark.parametrize(
    ("amount", "money", "units"),
    [("37.5", USD, 3750), ("500", JPY, 500), ("1.25", KWD, 1250), ("1200", ISK, 120_000), ("5000", UGX, 500_000)],
)
def test_stripe_counts_in_minor_units_of_its_own(amount, money, units):
    assert to_stripe(Decimal(amount), money) == units
    assert from_stripe(units, money) == Decimal(amount)


@pytest.mark.parametrize(
    ("amount", "money"), [("1.255", KWD), ("1.5", ISK), ("0.5", JPY), ("1.001", USD), ("1000000", USD), ("0", USD)]
)
def test_what_stripe_cannot_count_is_refused(amount, money):
    with pytest.raises(InvalidError):
        to_stripe(Decimal(amount), money)


@given(st.integers(min_value=1, max_value=999_999))
def test_minor_units_come_back_as_the_same_amount(units):
    for money, step in ((USD, 1), (JPY, 1), (KWD, 10), (ISK, 100), (UGX, 100)):
        assert to_stripe(from_stripe(units * step, money), money) == units * step


@given(st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=0, max_value=10**12))
def test_plain_writes_the_same_number_without_an_exponent(number):
    text = plain(number)
    assert Decimal(text) == number
    assert "e" not in text.lower()
    assert not (("." in text) and text.endswith("0"))


def test_nowpayments_takes_decimals():
    assert to_nowpayments(Decimal("0.00012000"), BTC) == "0.00012"
    with pytest.raises(InvalidError):
        to_nowpayments(Decimal("0.000000001"), BTC)


TABLE = CurrencyTable([USD, JPY, BTC, currency("BND", symbol="B$"), currency("BSD", symbol="B$"), ISK])


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("usd", "USD"), (" $ ", "USD"), ("US$", "USD"), ("Dollar", "USD"), ("bitcoin", "BTC"), ("BTC", "BTC"),
        ("₿", "BTC"), ("\uff35\uff33\uff24", "USD"), ("B$", "BND"), ("isk", "ISK"),
    ],
)  # fmt: skip
def test_people_name_currencies_in_many_ways(typed, code):
    found = TABLE.recognise(typed)
    assert found is not None
    assert found.code == code


@pytest.mark.parametrize("typed", ["", "  ", "doubloon", "usd$", "x" * 65, "\x00"])
def test_an_unknown_currency_becomes_the_default_and_says_so(typed):
    assert TABLE.recognise(typed) is None
    answer = TABLE.recognise_or(typed, "USD")
    assert (answer.currency.code, answer.defaulted) == ("USD", True)


def test_a_currency_that_is_switched_off_is_recognised_as_itself():
    table = CurrencyTable([USD, currency("XTS", enabled=False)])
    answer = table.recognise_or("xts", "USD")
    assert (answer.currency.code, answer.currency.enabled, answer.defaulted) == ("XTS", False, False)


@given(st.text(max_size=100))
def test_no_text_breaks_the_look_up(typed):
    assert TABLE.recognise(typed) in {None, *TABLE.by_code.values()}


def test_bounds_are_drawn_in_and_never_widened():
    found = {each.code: each for each in tightened([USD, JPY, KWD], Decimal(5), Decimal(1000))}
    assert (found["USD"].min_amount, found["USD"].max_amount) == (5, 1000)
    assert (found["JPY"].min_amount, found["JPY"].max_amount) == (5, 1000)
    same = tightened([USD], Decimal("0.01"), Decimal(10**9))
    assert (same[0].min_amount, same[0].max_amount) == (USD.min_amount, USD.max_amount)
