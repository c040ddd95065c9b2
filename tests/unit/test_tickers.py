"""NOWPayments' names for coins, and ours."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hingecraft.money.tickers import code_of, ticker_of
from support.conformance import currency

USDT = replace(currency("USDT", "crypto", 6), nowpayments_ticker="usdttrc20")
COINS = {each.code: each for each in (USDT, currency("USDC", "crypto", 6), currency("ETH", "crypto"), currency("USD"))}


@pytest.mark.parametrize(
    ("ticker", "code"),
    [
        ("usdttrc20", "USDT"), ("USDTERC20", "USDT"), ("usdt", "USDT"), ("usdc", "USDC"), ("usdcmatic", "USDC"),
        ("eth", "ETH"), ("ethw", "ETHW"), ("usdd", "USDD"), ("trx", "TRX"),
    ],
)  # fmt: skip
def test_a_coin_is_the_same_on_every_network_and_another_coin_is_not(ticker, code):
    assert code_of(ticker, COINS) == code


def test_a_coin_is_asked_for_by_its_ticker_or_its_code():
    assert [ticker_of(each) for each in COINS.values()] == ["usdttrc20", "usdc", "eth", "usd"]
