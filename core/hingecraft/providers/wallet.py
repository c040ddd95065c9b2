"""The wallet: an address to which a payer can always send coins, without a provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_UP, Decimal
from typing import Any

from hingecraft.money.model import Currency, plain

NAME = "wallet"
_SCALE = 6
_BORDER = 2
# How each field is called in answers, and in the row that keeps what a payer was shown.
_SHOWN = {
    "address": "address",
    "uri": "uri",
    "network": "network",
    "network_name": "networkName",
    "memo": "memo",
    "amount": "amount",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallet:
    """An address, the network that it is on where the coin has several, and the memo that a payment must carry.

    `amount` is in the coin, and known only where a provider has said what the price is worth.
    """

    address: str
    uri: str
    amount_form: str | None = None
    network: str | None = None
    network_name: str | None = None
    memo: str | None = None
    amount: str | None = None

    def asking_for(self, amount: Decimal, coin: Currency) -> Wallet:
        """The wallet with the amount to send, also in the URI if the coin's links can carry one."""
        rounded = amount.quantize(Decimal(1).scaleb(-coin.exponent), rounding=ROUND_UP)
        return replace(self, amount=plain(rounded), uri=self.uri + self._query(rounded, coin))

    def _query(self, amount: Decimal, coin: Currency) -> str:
        if self.amount_form is None:
            return ""
        units = plain(amount.scaleb(coin.exponent))
        return ("&" if "?" in self.uri else "?") + self.amount_form.format(amount=plain(amount), units=units)

    def as_shown(self) -> dict[str, str]:
        """The wallet as a payer sees it."""
        named = ((shown, getattr(self, name)) for name, shown in _SHOWN.items())
        return {shown: value for shown, value in named if value is not None}


def shown_earlier(kept: Mapping[str, Any], url: str) -> Wallet:
    """The wallet that a payer was shown; rows of earlier versions keep the address only."""
    if not kept:
        address = url.removeprefix(url_of(""))
        return Wallet(address=address, uri=address)
    return Wallet(**{name: kept[shown] for name, shown in _SHOWN.items() if shown in kept})


def url_of(address: str) -> str:
    """How a page is told to show a wallet instead of following a link."""
    return f"wallet:{address}"


def qr_of(uri: str) -> str:
    """A picture of the URI for a phone's camera, as a data URI that any page can show."""
    import segno  # noqa: PLC0415 - three megabytes, which only pods that answer with wallets pay

    return segno.make(uri, error="m", micro=False).png_data_uri(scale=_SCALE, border=_BORDER)
