"""NOWPayments' names for coins. A coin on several networks has a name for each: `usdttrc20`, `usdterc20`."""

from __future__ import annotations

from collections.abc import Mapping

from hingecraft.money.model import Currency

_NETWORKS = frozenset(
    {
        "algo", "apt", "arb", "arc20", "avaxc", "base", "bsc", "celo", "dot", "eos", "erc20", "kavaevm", "lna",
        "mainnet", "matic", "near", "op", "plasma", "sol", "ton", "trc20", "xlm", "xtz", "zksync",
    }
)  # fmt: skip


def ticker_of(coin: Currency) -> str:
    """The coin's name in requests to NOWPayments."""
    return coin.nowpayments_ticker or coin.code.lower()


def code_of(ticker: str, currencies: Mapping[str, Currency]) -> str:
    """Our code of the coin, on every network; an unknown coin keeps NOWPayments' name."""
    name = ticker.lower()
    coins = [currency for currency in currencies.values() if currency.kind == "crypto"]
    for coin in coins:
        if name in {ticker_of(coin), coin.code.lower()}:
            return coin.code
    return next((coin.code for coin in coins if _on_a_network(name, coin)), ticker.upper())


def _on_a_network(name: str, coin: Currency) -> bool:
    code = coin.code.lower()
    return name.startswith(code) and name.removeprefix(code) in _NETWORKS
