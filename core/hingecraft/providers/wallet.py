"""The wallet: no provider at all, but an address that a donor can always send coins to."""

from __future__ import annotations

NAME = "wallet"
_SCALE = 6
_BORDER = 2


def url_of(address: str) -> str:
    """How a page is told to show a wallet instead of following a link."""
    return f"wallet:{address}"


def uri_of(address: str, template: str | None) -> str:
    """What a wallet application opens, such as `bitcoin:<address>`; the bare address where a coin has no such form."""
    return template.replace("{address}", address) if template else address


def qr_of(uri: str) -> str:
    """A picture of the URI for a phone's camera, as a data URI that any page can show."""
    import segno  # noqa: PLC0415 - three megabytes, which only pods that answer with wallets pay

    return segno.make(uri, error="m", micro=False).png_data_uri(scale=_SCALE, border=_BORDER)
