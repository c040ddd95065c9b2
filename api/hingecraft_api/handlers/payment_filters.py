"""The fields by which a caller chooses payments: of a list in its query, of an export in its body."""

from __future__ import annotations

from typing import Annotated, Literal

from hingecraft.payments.filters import PaymentFilter
from hingecraft.payments.model import Status
from hingecraft_api.messages.bodies import Input, wrong_field
from hingecraft_api.messages.days import FIRST_DAY, LAST_DAY, Day, day_of
from hingecraft_api.messages.described import described
from hingecraft_api.messages.sentences import Shape

_CODE = Shape("^[A-Za-z0-9]{2,12}$", "must be the code of a currency, such as EUR")


class PaymentFilterInput(Input):
    """What the payments have in common; a field that is left out does not matter."""

    status: Annotated[Status | None, described("their status now", "completed", strict=False)] = None
    provider: Annotated[
        Literal["stripe", "nowpayments", "wallet"] | None, described("who takes the money", "stripe")
    ] = None
    currency: Annotated[Annotated[str, _CODE] | None, described("the currency of the price", "EUR")] = None
    from_: Annotated[Day | None, described("the first day on which they began, in UTC", FIRST_DAY, alias="from")] = None
    to: Annotated[Day | None, described("the last day on which they began, in UTC", LAST_DAY)] = None

    @property
    def wanted(self) -> PaymentFilter:
        """The filter; raises `invalid_request` for days that the calendar does not have."""
        first, last = day_of("from", self.from_), day_of("to", self.to)
        if first is not None and last is not None and first > last:
            raise wrong_field("invalid_request", "from", "must not be after to")
        currency = self.currency.upper() if self.currency is not None else None
        return PaymentFilter(
            status=self.status, provider=self.provider, currency=currency, first_day=first, last_day=last
        )
