"""The owner's dashboard: how giving goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime

from hingecraft.dashboard.overview.model import Attempts, Attention, Figures, PeriodFigures
from hingecraft.dashboard.overview.service import OverviewReader
from hingecraft.routes.model import timestamp
from hingecraft.stats.model import MOST_DAYS
from hingecraft_api.handlers.wix.amounts import AMOUNT_OF_COINS, Number, amount_in
from hingecraft_api.handlers.wix.modes import Mode, livemode_of, mode_of
from hingecraft_api.handlers.wix.owner_endpoints import owners
from hingecraft_api.messages.answers import Answer, number
from hingecraft_api.messages.bodies import Input
from hingecraft_api.messages.days import FIRST_DAY, LAST_DAY, ZONE, Day, Zone, day_of, zone_of
from hingecraft_api.messages.described import MOMENT, described
from hingecraft_api.web.call import Call

AttentionKind = Literal[
    "payments_in_review",
    "disputes",
    "wallet_payments_to_confirm",
    "checkouts_unanswered",
    "refunds_unanswered",
    "unknown_prices",
    "unknown_wix_products",
    "events_failing",
    "events_waiting",
    "events_given_up",
    "deliveries_failed",
    "endpoints_failing",
    "pods_lagging",
]
_ADVICE: dict[str, str] = {
    "payments_in_review": "Another amount, currency or mode was paid than asked for: look at each, and refund it or "
    "honour it.",
    "disputes": "A payer's bank has taken money back: answer the dispute in Stripe's Dashboard.",
    "wallet_payments_to_confirm": "Look for the coins on the chain, and confirm the payment.",
    "checkouts_unanswered": "The provider has not said whether the checkout exists. Reconciliation asks again.",
    "refunds_unanswered": "Stripe has not answered. Send the refund again with the same reference, or wait.",
    "unknown_prices": "Add the price with `hingecraft credits prices set`: what was paid is granted then.",
    "unknown_wix_products": "Add the product with `hingecraft wix plans set`: the plan starts then.",
    "events_failing": "Messages of providers could not be processed. They are tried again; read the backend's log.",
    "events_waiting": "Messages of providers wait for longer than a minute: check that the backend keeps up.",
    "events_given_up": "Messages of providers were given up after thirty days: check what they were about.",
    "deliveries_failed": "Webhooks did not arrive within a day: check the endpoints.",
    "endpoints_failing": "Endpoints do not answer, or want no more webhooks: check their addresses.",
    "pods_lagging": "Pods do not serve the newest routes yet: check that they run.",
}


class OverviewQuery(Input):
    """Days in a time zone, both included."""

    from_: Annotated[
        Day | None, described("the first day; by default 29 days before `to`", FIRST_DAY, alias="from")
    ] = None
    to: Annotated[Day | None, described("the last day; by default today", LAST_DAY)] = None
    zone: Annotated[Zone, ZONE] = "UTC"
    mode: Annotated[
        Mode | None, described("real money or test payments; by default the mode of the backend's keys", "live")
    ] = None


class CurrencyTotalAnswer(Answer):
    """The money that was booked in one currency and mode."""

    currency: Annotated[str, described("the currency's code", "EUR")]
    mode: Annotated[Mode, described("real money or test payments", "live")]
    count: Annotated[int, described("how many times money came in", 190)]
    received: Annotated[Number, described(f"what came in: {AMOUNT_OF_COINS}", 5200.5)]
    refunded: Annotated[Number, described("what was refunded, without refunds that failed", 120)]
    disputed: Annotated[Number, described("what banks took back, without disputes that were won", 25)]
    net: Annotated[Number, described("what is left", 5055.5)]
    usd: Annotated[float, described("the value of `net` in USD, as far as it is known", 5512.25)]
    without_value: Annotated[int, described("how many movements have no value in USD yet", 0)]


class DayAnswer(Answer):
    """The money that was booked on one day in one currency."""

    day: Annotated[str, described("the day, in `zone`", FIRST_DAY)]
    currency: Annotated[str, described("the currency's code", "EUR")]
    count: Annotated[int, described("how many times money came in", 7)]
    received: Annotated[Number, described("what came in", 210)]
    net: Annotated[Number, described("what is left of it after refunds and disputes of that day", 190)]
    usd: Annotated[float, described("the value of `net` in USD, as far as it is known", 207.1)]


class AttemptsAnswer(Answer):
    """Payments that were begun in the period and are decided, as they are now."""

    paid: Annotated[int, described("paid, also if refunded or disputed later", 190)]
    failed: Annotated[int, described("the provider or the payer's bank rejected it", 1)]
    expired: Annotated[int, described("not paid in time, after an attempt that failed", 4)]
    abandoned: Annotated[int, described("not paid in time, and nobody tried", 81)]
    success_rate: Annotated[
        float | None,
        described("`paid` of all that somebody tried to pay, 0 to 1; null: nobody did", 0.9743589743589743),
    ]


class OverviewPeriodAnswer(Answer):
    """One period."""

    from_: Annotated[str, described("the first day", FIRST_DAY, alias="from")]
    to: Annotated[str, described("the last day", LAST_DAY)]
    totals: Annotated[list[CurrencyTotalAnswer], described("by mode and currency, real money first")]
    payments: Annotated[AttemptsAnswer, described("how payments went, in `mode`")]
    median_seconds: Annotated[
        float | None,
        described(
            "half of the newest five hundred payments took at most this from the beginning until the money was booked; "
            "null: nothing was paid",
            41.5,
        ),
    ]


class AttentionAnswer(Answer):
    """Something to look at."""

    kind: Annotated[AttentionKind, described("what it is", "disputes")]
    count: Annotated[int, described("how many there are", 1)]
    since: Annotated[AwareDatetime | None, described("since when the oldest is so, where that is known", MOMENT)]
    names: Annotated[list[str], described("the names of endpoints or pods", [])]
    advice: Annotated[str, described("what to do, in English", _ADVICE["disputes"])]


class OverviewAnswer(Answer):
    """How giving goes."""

    zone: Annotated[str, described("the time zone of the days", "Europe/Berlin")]
    mode: Annotated[Mode, described("the mode of `days`, `payments` and `medianSeconds`", "live")]
    as_of: Annotated[AwareDatetime, described("the moment that everything here is about", MOMENT)]
    current: Annotated[OverviewPeriodAnswer, described("the days that were asked for")]
    previous: Annotated[OverviewPeriodAnswer, described("as many days before them, to compare")]
    days: Annotated[list[DayAnswer], described("in order of day and currency; a day without money is left out")]
    attention: Annotated[list[AttentionAnswer], described("what needs attention now; empty: nothing does")]


async def get_overview(call: Call) -> Any:
    """Days with their figures, the period before, and what needs attention."""
    query: OverviewQuery = call.query
    found = await call.pod.parts[OverviewReader].read(
        day_of("from", query.from_), day_of("to", query.to), zone_of(query.zone), livemode=livemode_of(query.mode)
    )
    return {
        "zone": found.zone,
        "mode": mode_of(found.livemode),
        "asOf": timestamp(found.as_of),
        "current": _period(call, found.current),
        "previous": _period(call, found.before),
        "days": [_day(call, row) for row in found.by_day],
        "attention": _attention(found.attention),
    }


def _period(call: Call, period: PeriodFigures) -> dict[str, Any]:
    return {
        "from": period.days.first.isoformat(),
        "to": period.days.last.isoformat(),
        "totals": [_total(call, row) for row in period.totals],
        "payments": _attempts(period.attempts),
        "medianSeconds": period.median_seconds,
    }


def _total(call: Call, row: Figures) -> dict[str, Any]:
    amounts = {"received": row.received, "refunded": row.refunded, "disputed": row.disputed, "net": row.net}
    return {
        "currency": row.currency,
        "mode": mode_of(row.livemode),
        "count": row.movements,
        **{name: amount_in(call, row.currency, amount) for name, amount in amounts.items()},
        "usd": number(row.usd),
        "withoutValue": row.without_value,
    }


def _day(call: Call, row: Figures) -> dict[str, Any]:
    return {
        "day": row.day.isoformat(),
        "currency": row.currency,
        "count": row.movements,
        "received": amount_in(call, row.currency, row.received),
        "net": amount_in(call, row.currency, row.net),
        "usd": number(row.usd),
    }


def _attempts(found: Attempts) -> dict[str, Any]:
    return {
        "paid": found.paid,
        "failed": found.failed,
        "expired": found.expired,
        "abandoned": found.abandoned,
        "successRate": found.success_rate,
    }


def _attention(found: Sequence[Attention]) -> list[dict[str, Any]]:
    return [
        {
            "kind": each.kind,
            "count": each.count,
            "since": timestamp(each.since) if each.since is not None else None,
            "names": list(each.names),
            "advice": _ADVICE[each.kind],
        }
        for each in found
    ]


ENDPOINTS = [
    owners(
        "GET",
        "overview",
        get_overview,
        "Get the overview",
        OverviewAnswer,
        query=OverviewQuery,
        description="Money by currency and day, how payments went, and what needs attention, beside the same number of "
        f"days before; {MOST_DAYS} days at most. Money counts on the day on which it was booked, so a refund changes "
        "the day of the refund. `payments` is about those that were begun in these days, as they are now. All purposes "
        "count: donations, credits and purchases.",
    ),
]
