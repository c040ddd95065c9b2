"""Recognises the currency that people typed: `$`, ` eur `, `Bitcoin`, `US$`."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, ROUND_UP, Decimal

from hingecraft.money.iso4217 import NOT_CHARGED, WITHDRAWN, CurrencyNames
from hingecraft.money.model import Currency

_LONGEST_NAME = 64


def fold(typed: str) -> str:
    """Normalise the spelling: full-width forms, spaces and case do not matter."""
    return " ".join(unicodedata.normalize("NFKC", typed).split()).casefold()


def tightened(currencies: Iterable[Currency], least: Decimal | None, most: Decimal | None) -> list[Currency]:
    """The same currencies with narrower bounds, given in USD and converted in proportion for the others."""
    found = list(currencies)
    dollar = next((currency for currency in found if currency.code == "USD"), None)
    if dollar is None:
        return found
    up = max(Decimal(1), least / dollar.min_amount) if least is not None else Decimal(1)
    down = min(Decimal(1), most / dollar.max_amount) if most is not None else Decimal(1)
    return [_drawn_in(currency, up, down) for currency in found]


def _drawn_in(currency: Currency, up: Decimal, down: Decimal) -> Currency:
    digits = currency.exponent if currency.kind == "fiat" else 2
    quantum = Decimal(1).scaleb(-digits)
    least = min((currency.min_amount * up).quantize(quantum, ROUND_UP), currency.max_amount)
    most = max((currency.max_amount * down).quantize(quantum, ROUND_DOWN), least)
    return replace(
        currency,
        min_amount=least if up != 1 else currency.min_amount,
        max_amount=most if down != 1 else currency.max_amount,
    )


@dataclass(frozen=True, slots=True)
class Recognised:
    """A currency, and whether it was named or is the default."""

    currency: Currency
    defaulted: bool


class CurrencyTable:
    """All currencies and the words that name them. Immutable; replaced when the data change."""

    def __init__(self, currencies: Iterable[Currency]) -> None:
        self.by_code: Mapping[str, Currency] = {currency.code: currency for currency in currencies}
        self._words = _words(self.by_code.values())
        self._unsupported = {
            fold(word): named
            for named in (*WITHDRAWN, *NOT_CHARGED)
            if named.code not in self.by_code
            for word in named.words
        }

    def recognise(self, typed: str) -> Currency | None:
        """The currency with this code, alias or symbol, enabled or not; None if there is none."""
        return self._words.get(fold(typed)) if len(typed) <= _LONGEST_NAME else None

    def unsupported(self, typed: str) -> CurrencyNames | None:
        """The currency of ISO 4217 that was named, where it is not in the table."""
        if self.recognise(typed) is not None or len(typed) > _LONGEST_NAME:
            return None
        return self._unsupported.get(fold(typed))

    def recognise_or(self, typed: str, default: str) -> Recognised:
        """The named currency, otherwise the default; the result says which."""
        found = self.recognise(typed)
        return Recognised(found, defaulted=False) if found else Recognised(self.by_code[default], defaulted=True)


def _words(currencies: Iterable[Currency]) -> dict[str, Currency]:
    """Codes win over aliases and aliases over symbols; a symbol that several share (B$, Db) names the first by code."""
    ordered = sorted(currencies, key=lambda currency: currency.code)
    words: dict[str, Currency] = {}
    for spelling in (_codes, _aliases, _symbols):
        for currency in ordered:
            for word in spelling(currency):
                words.setdefault(fold(word), currency)
    return words


def _codes(currency: Currency) -> tuple[str, ...]:
    return (currency.code,)


def _aliases(currency: Currency) -> tuple[str, ...]:
    return (*currency.aliases, currency.name)


def _symbols(currency: Currency) -> tuple[str, ...]:
    return (currency.symbol,)
