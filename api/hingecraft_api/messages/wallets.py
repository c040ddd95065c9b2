"""Fields of wallets: routes name those of every coin, and a checkout names the one to pay to."""

from __future__ import annotations

from typing import Annotated

from hingecraft_api.messages.described import ADDRESS, described

Address = Annotated[str, described("where to send the coins", ADDRESS)]
Network = Annotated[
    str | None, described("the only network to send on, for a coin that has several. Show it to the donor", "TRC20")
]
NetworkName = Annotated[str | None, described("the network's name, for people", "Tron (TRC-20)")]
Memo = Annotated[
    str | None, described("memo or destination tag that the payment must include. Show it to the donor", "4711")
]
