"""The fields by which a caller chooses payments: of a list in its query, of an export in its body."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from hingecraft.money.model import parse_decimal
from hingecraft.payments.filters import PaymentFilter
from hingecraft.payments.model import Status
from hingecraft.stats.model import check_day
from hingecraft_api.handlers.wix.modes import Mode, livemode_of
from hingecraft_api.messages.bodies import Input, wrong_field
from hingecraft_api.messages.days import FIRST_DAY, LAST_DAY, ZONE, Day, Zone, day_of, zone_of
from hingecraft_api.messages.described import described
from hingecraft_api.messages.sentences import Shape

_CODE = Shape("^[A-Za-z0-9]{2,12}$", "must be the code of a currency, such as EUR")
_AMOUNT = Shape("^[0-9]{1,12}([.][0-9]{1,8})?$", "must be an amount, such as 37.50")
# Of `Status`, in line, as a query has them.
StatusName = Literal[
    "creating",
    "pending",
    "awaiting_confirmation",
    "completed",
    "failed",
    "expired",
    "unknown",
    "error",
    "partially_refunded",
    "refunded",
    "disputed",
]


class PaymentFilterInput(Input):
    """A filter of payments; a field that is left out does not matter."""

    status: Annotated[StatusName | None, described("their status now", "completed")] = None
    provider: Annotated[
        Literal["stripe", "nowpayments", "wallet"] | None, described("who takes the money", "stripe")
    ] = None
    currency: Annotated[Annotated[str, _CODE] | None, described("the currency of the price", "EUR")] = None
    purpose: Annotated[
        Literal["donation", "credits", "purchase"] | None, described("what they are for", "donation")
    ] = None
    mode: Annotated[Mode | None, described("real money or test payments; left out: both", "live")] = None
    from_: Annotated[Day | None, described("the first day on which they began", FIRST_DAY, alias="from")] = None
    to: Annotated[Day | None, described("the last day on which they began", LAST_DAY)] = None
    zone: Annotated[Zone, ZONE] = "UTC"
    amount_from: Annotated[
        Annotated[str, _AMOUNT] | None, described("the smallest amount, in the currency of the price", "10")
    ] = None
    amount_to: Annotated[Annotated[str, _AMOUNT] | None, described("the largest amount", "500")] = None

    @property
    def wanted(self) -> PaymentFilter:
        """The filter; raises `invalid_request` for days that cannot be used, and for empty ranges."""
        first, last = day_of("from", self.from_), day_of("to", self.to)
        check_day("from", first)
        check_day("to", last)
        least, most = _amount(self.amount_from), _amount(self.amount_to)
        if first is not None and last is not None and first > last:
            raise wrong_field("invalid_request", "from", "must not be after to")
        if least is not None and most is not None and least > most:
            raise wrong_field("invalid_request", "amountFrom", "must not be more than amountTo")
        return PaymentFilter(
            status=Status(self.status) if self.status is not None else None,
            provider=self.provider,
            currency=self.currency.upper() if self.currency is not None else None,
            purpose=self.purpose,
            livemode=livemode_of(self.mode),
            first_day=first,
            last_day=last,
            zone=zone_of(self.zone),
            least=least,
            most=most,
        )


def _amount(text: str | None) -> Decimal | None:
    return parse_decimal(text) if text is not None else None
