from __future__ import annotations

from decimal import Decimal

import asyncpg
import pytest

from hingecraft.money.book import CurrencyBook
from hingecraft.money.iso4217 import NOT_CHARGED, WITHDRAWN
from hingecraft.money.minor_units import from_stripe, to_stripe
from hingecraft.money.normalise import CurrencyTable
from hingecraft.money.store import load_currencies

ZERO_DECIMAL = {*"BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF ISK UGX".split(" ")}
THREE_DECIMAL = {*"BHD JOD KWD OMR TND".split(" ")}
# ISO 4217, list one, as of 2026; not taken from the code that it is compared with.
ISO = {
    *"""
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW
CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL
HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA
MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD
RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD
USN UYI UYU UYW UZS VED VES VND VUV WST XAD XAF XAG XAU XBA XBB XBC XBD XCD XCG XDR XOF XPD XPF XPT XSU XTS XUA XXX
YER ZAR ZMW ZWG
""".split()
}
COINS = {*"BTC ETH SOL XLM LTC DOGE XRP ADA USDT USDC".split(" ")}


@pytest.fixture
async def currencies(conn):
    return {currency.code: currency for currency in await load_currencies(conn)}


async def test_the_seed_has_every_exponent_right(currencies):
    fiat = {code for code, currency in currencies.items() if currency.kind == "fiat"}
    assert set(currencies) - fiat == COINS
    assert {code for code in fiat if currencies[code].exponent == 0} == ZERO_DECIMAL
    assert {code for code in fiat if currencies[code].exponent == 3} == THREE_DECIMAL


async def test_stripe_can_count_both_bounds_of_every_fiat_currency(currencies):
    for currency in currencies.values():
        if currency.kind == "fiat":
            for bound in (currency.min_amount, currency.max_amount):
                assert from_stripe(to_stripe(bound, currency), currency) == bound


async def test_what_people_type_names_the_seeded_currencies(currencies):
    table = CurrencyTable(currencies.values())
    for typed, code in {
        "usd": "USD", "$": "USD", "US$": "USD", "eur": "EUR", "€": "EUR", "bitcoin": "BTC", "btc": "BTC",
        "ethereum": "ETH", "solana": "SOL", "stellar": "XLM", "£": "GBP", "¥": "JPY", "₿": "BTC", "Zloty": "PLN",
    }.items():  # fmt: skip
        assert table.recognise(typed).code == code
    for code in currencies:
        assert table.recognise(code.lower()).code == code


async def test_every_code_of_iso_4217_is_recognised(currencies):
    table = CurrencyTable(currencies.values())
    for code in ISO:
        assert (table.recognise(code) is None) != (table.unsupported(code) is None), code
    listed = [named.code for named in (*NOT_CHARGED, *WITHDRAWN)]
    assert len(set(listed)) == len(listed)
    assert not set(listed) & set(currencies)
    assert {named.code for named in NOT_CHARGED} == ISO - set(currencies)


@pytest.mark.parametrize(
    "values",
    [
        "('usd', 'x', '$', 'fiat', 2, 1, 2)", "('XTS', ' ', '$', 'fiat', 2, 1, 2)",
        "('XTS', 'x', '$', 'gold', 2, 1, 2)",
        "('XTS', 'x', '$', 'fiat', 19, 1, 2)", "('XTS', 'x', '$', 'fiat', 2, 0, 2)",
        "('XTS', 'x', '$', 'fiat', 2, 3, 2)",
        "('XTS', 'x', '$', 'fiat', 2, 1, 1000000)", "('XTS', 'x', '$', 'crypto', 2, 1, 'Infinity')",
        "('XTS', 'x', '$', 'crypto', 2, 'NaN', 'NaN')",
    ],
)  # fmt: skip
async def test_the_table_refuses_what_the_code_does_not_believe_in(conn, values):
    with pytest.raises(asyncpg.CheckViolationError) as error:
        await conn.execute(
            f"INSERT INTO currencies (code, name, symbol, kind, exponent, min_amount, max_amount) VALUES {values}"
        )
    assert error.value.constraint_name.startswith("currencies_")


async def test_bounds_are_about_one_to_a_hundred_thousand_dollars(currencies):
    assert (currencies["USD"].min_amount, currencies["USD"].max_amount) == (Decimal(1), Decimal(100_000))


async def test_a_change_that_began_first_and_was_committed_last_is_taken_up(dsn, conn, database):
    """Both of its times are older than those of the change that was taken up in between."""
    book = CurrencyBook(database)
    first = await asyncpg.connect(dsn.newest)
    change = first.transaction()
    await change.start()
    await first.execute("UPDATE currencies SET max_amount = 50 WHERE code = 'USD'")
    await conn.execute("UPDATE currencies SET name = 'Euros' WHERE code = 'EUR'")
    await book.refresh()
    assert (book.by_code("EUR").name, book.by_code("USD").max_amount) == ("Euros", 100_000)
    await change.commit()
    await first.close()
    await book.refresh()
    assert book.by_code("USD").max_amount == 50


async def test_an_empty_table_and_a_table_as_it_was_are_taken_up_too(conn, database):
    book = CurrencyBook(database)
    await conn.execute("CREATE TABLE kept AS TABLE currencies; DELETE FROM currencies")
    await book.refresh()
    assert not book.table.by_code
    await conn.execute("INSERT INTO currencies SELECT * FROM kept")
    await book.refresh()
    assert "USD" in book.table.by_code
