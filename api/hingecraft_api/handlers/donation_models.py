"""The requests and answers of the donation calls."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, WithJsonSchema

from hingecraft.donations.model import Kind
from hingecraft_api.messages.amounts import Amount
from hingecraft_api.messages.answers import Answer
from hingecraft_api.messages.bodies import Input
from hingecraft_api.messages.described import ADDRESS, LATER, MOMENT, PAYMENT, PREFILL, SESSION, described
from hingecraft_api.messages.emails import Email
from hingecraft_api.messages.wallets import Address, Memo, Network, NetworkName

_CHECKOUT = f"https://checkout.stripe.com/c/pay/{SESSION}"

ReturnTo = Annotated[
    Literal["site", "embed"],
    described(
        "the page that the donor comes back to: the site's, or with `PUBLIC_URL` set this backend's own `/embed`"
    ),
]


class MicroInput(Input):
    """A donation of a preset amount."""

    amount: Annotated[
        Amount,
        WithJsonSchema(
            {
                "anyOf": [{"enum": [1, 2, 5]}, {"enum": ["1", "2", "5"]}],
                "description": "1, 2 or 5 USD",
                "examples": [5],
            }
        ),
    ]
    return_to: ReturnTo = "site"


class MicroAnswer(Answer):
    """Where to pay."""

    url: Annotated[str, described("the Stripe page to send the donor to", _CHECKOUT)]
    payment_id: Annotated[str, described("for `GET /payments/{id}`", PAYMENT)]
    session_id: Annotated[str, described("Stripe's Checkout session", SESSION)]


class UserInfo(Input):
    """The donor. Stored with the prefill for the checkout, masked in logs and never returned."""

    name: Annotated[str | None, described("the donor's name", "Alex Example", min_length=1, max_length=200)] = None
    email: Annotated[Email | None, described("fills the e-mail field of the checkout", "alex@example.com")] = None


class OtherInput(Input):
    """A donation of any amount in USD."""

    amount: Annotated[Amount, described("in USD: a number or a numeric string", "37.50")]
    user_info: Annotated[UserInfo | None, described("who gives, if known")] = None


class OtherAnswer(Answer):
    """The page on which the donation continues."""

    redirect_url: Annotated[
        str, described("a path on the site, with a query", f"/charter?prefill={PREFILL}&donationAmount=37.5")
    ]
    prefill_id: Annotated[str, described("for `GET /prefill/{id}`, and for `prefillId` of a payment", PREFILL)]
    expires_at: Annotated[AwareDatetime, described("after this the prefill is gone", MOMENT)]


class PrefillAnswer(Answer):
    """The amount that Charter starts with."""

    amount: Annotated[float, described("in USD", 37.5)]
    source: Annotated[str, described("the page that the amount was entered on", "mission_support_other")]


class GenerateInput(Input):
    """A donation in any currency."""

    amount: Annotated[Amount, described("in `priceCurrency`: a number or a numeric string", "25.00")]
    currency: Annotated[
        str,
        described(
            "what the donor pays in: a code (`EUR`, `btc`), symbol (`€`) or name (`bitcoin`)",
            "EUR",
            min_length=1,
            max_length=64,
        ),
    ]
    price_currency: Annotated[
        str | None,
        described("only for coins: the currency of `amount`, USD by default", min_length=1, max_length=64),
    ] = None
    prefill_id: Annotated[
        str | None,
        described("the prefill that the amount came from; it may be used or expired", min_length=1, max_length=200),
    ] = None
    email: Annotated[Email | None, described("fills the e-mail field of the Stripe checkout", "alex@example.com")] = (
        None
    )
    strict: Annotated[
        bool,
        described("`true` rejects an unknown currency instead of taking USD for it. Always send `true`", example=True),
    ] = False
    return_to: ReturnTo = "site"


class WalletPaymentAnswer(Answer):
    """An address to send coins to. An admin confirms what arrives."""

    coin: Annotated[str, described("the coin's code", "BTC")]
    address: Address
    uri: Annotated[
        str,
        described(
            "opens a wallet application, with the memo and the amount where the format allows them",
            f"bitcoin:{ADDRESS}",
        ),
    ]
    network: Network = None
    network_name: NetworkName = None
    memo: Memo = None
    amount: Annotated[
        str | None, described("how many coins the price is worth, by the provider's estimate", "0.00026")
    ] = None
    qr: Annotated[str, described("a QR code of `uri`, as a data URI", "data:image/png;base64,iVBORw0KGgo=")]


class GenerateAnswer(Answer):
    """Where to pay."""

    url: Annotated[str, described("the page to send the donor to; `wallet:<address>` for a wallet", _CHECKOUT)]
    kind: Annotated[
        Kind,
        described(
            "`checkout`: a link for this donor. `standing`: a link that many people use. `wallet`: an address, see "
            "`wallet`",
            "checkout",
        ),
    ]
    provider: Annotated[Literal["stripe", "nowpayments", "wallet"], described("who takes the money", "stripe")]
    payment_id: Annotated[str | None, described("for `GET /payments/{id}`; null for a standing link", PAYMENT)]
    currency: Annotated[str, described("the code of what the donor pays in", "EUR")]
    amount: Annotated[float, described("the price, in `priceCurrency`", 25)]
    price_currency: Annotated[str, described("the currency of `amount`; differs from `currency` for coins only", "EUR")]
    requested_currency: Annotated[str, described("`currency` as you sent it", "EUR")]
    currency_defaulted: Annotated[
        bool, described("`true`: `requestedCurrency` named no currency, so this payment is in USD", example=False)
    ]
    expires_at: Annotated[AwareDatetime | None, described("after this the link no longer works", LATER)] = None
    wallet: Annotated[WalletPaymentAnswer | None, described("only if `kind` is `wallet`")] = None


class TotalAnswer(Answer):
    """All donations in the mode of the keys (test or live), net of refunds and disputes."""

    total: Annotated[float, described("the sum in USD", 1250.5)]
    currency: Annotated[Literal["USD"], described("of `total`")]
    count: Annotated[int, described("donations of which something is left after refunds and disputes", 31)]
    by_currency: Annotated[
        dict[str, float | str],
        described("what was paid, by currency; coins are strings", {"BTC": "0.0031", "EUR": 640, "USD": 480.5}),
    ]
    unconverted: Annotated[
        dict[str, float | str],
        described(
            "the part of `byCurrency` whose USD value is not known yet, so that `total` lacks it", {"BTC": "0.0002"}
        ),
    ]
    updated_at: Annotated[
        AwareDatetime | None, described("when it last changed; null before the first donation", MOMENT)
    ]
