"""Statistics of members' payments, for admins."""

from __future__ import annotations

from typing import Annotated, Any

from hingecraft.stats.model import MOST_DAYS, Figures
from hingecraft.stats.service import Statistics
from hingecraft_api.handlers.admin.endpoints import admin
from hingecraft_api.messages.answers import Answer, number
from hingecraft_api.messages.bodies import Input
from hingecraft_api.messages.days import FIRST_DAY, LAST_DAY, Day, day_of
from hingecraft_api.messages.described import described
from hingecraft_api.web.call import Call


class StatisticsQuery(Input):
    """Days in UTC, both included."""

    from_: Annotated[
        Day | None, described("the first day, in UTC; by default 29 days before `to`", FIRST_DAY, alias="from")
    ] = None
    to: Annotated[Day | None, described("the last day, in UTC; by default today", LAST_DAY)] = None


class PaymentFiguresAnswer(Answer):
    """Members' payments that were begun in these days, as they are now."""

    paid: Annotated[int, described("paid, also if refunded or disputed later", 190)]
    failed: Annotated[int, described("a bank transfer failed, or Stripe rejected the payment", 1)]
    expired: Annotated[int, described("not paid in time, after an attempt that failed", 4)]
    success_rate: Annotated[
        float | None, described("`paid` of all three, 0 to 1; null: there were none", 0.9743589743589743)
    ]


class WebhookFiguresAnswer(Answer):
    """Stripe's events that were received in these days, also those of donations and of the other mode."""

    received: Annotated[int, described("stored, each once", 812)]
    processed: Annotated[int, described("processed, or ignored since they are not about our payments", 811)]
    waiting: Annotated[int, described("still to be processed", 1)]
    success_rate: Annotated[
        float | None,
        described("processed ones of those received more than a minute ago, 0 to 1; null: there were none", 1),
    ]


class IntentToPurchaseAnswer(Answer):
    """Seconds from the beginning of a payment until its purchase or credits; renewals do not count."""

    p50: Annotated[float | None, described("half of them took at most this; null: nothing was paid", 14.2)]
    p99: Annotated[float | None, described("99 of 100 took at most this; null: nothing was paid", 96.5)]


class RefundFiguresAnswer(Answer):
    """Refunds of the paid ones. A refund that failed does not count."""

    count: Annotated[int, described("payments of which at least a part was refunded", 2)]
    rate: Annotated[float | None, described("share of the paid ones, 0 to 1; null: nothing was paid", 0.0105)]


class RevenueAnswer(Answer):
    """Money that was booked on one day: charges, less refunds and disputes of that day."""

    day: Annotated[str, described("in UTC", FIRST_DAY)]
    type: Annotated[str, described("`design`, `course`, `subscription` or `credits`", "design")]
    currency: Annotated[str, described("of `amount`", "USD")]
    amount: Annotated[float, described("below 0 where more went back than came", 137.5)]


class StatisticsAnswer(Answer):
    """Members' payments in the mode of the pod's key, and Stripe's webhooks."""

    from_: Annotated[str, described("the first day, in UTC", FIRST_DAY, alias="from")]
    to: Annotated[str, described("the last day, in UTC", LAST_DAY)]
    payments: Annotated[PaymentFiguresAnswer, described("how payments ended")]
    webhooks: Annotated[WebhookFiguresAnswer, described("Stripe's events")]
    intent_to_purchase: Annotated[IntentToPurchaseAnswer, described("how long payers waited, in seconds")]
    refunds: Annotated[RefundFiguresAnswer, described("payments with a refund")]
    revenue: Annotated[list[RevenueAnswer], described("by day, type and currency")]


async def get_statistics(call: Call) -> Any:
    """The figures of some days."""
    query: StatisticsQuery = call.query
    days, found = await call.pod.parts[Statistics].of_days(day_of("from", query.from_), day_of("to", query.to))
    return {"from": days.first.isoformat(), "to": days.last.isoformat(), **_shown(found)}


def _shown(found: Figures) -> dict[str, Any]:
    payments, webhooks = found.payments, found.webhooks
    return {
        "payments": {
            "paid": payments.paid,
            "failed": payments.failed,
            "expired": payments.expired,
            "successRate": payments.success_rate,
        },
        "webhooks": {
            "received": webhooks.received,
            "processed": webhooks.processed,
            "waiting": webhooks.waiting,
            "successRate": webhooks.success_rate,
        },
        "intentToPurchase": {"p50": payments.p50, "p99": payments.p99},
        "refunds": {"count": payments.refunded, "rate": payments.refund_rate},
        "revenue": [
            {"day": each.day.isoformat(), "type": each.type, "currency": each.currency, "amount": number(each.amount)}
            for each in found.revenue
        ],
    }


ENDPOINTS = [
    admin(
        "GET",
        "/admin/stats",
        get_statistics,
        "Get statistics",
        StatisticsAnswer,
        query=StatisticsQuery,
        description="How members' payments went, in the mode of the pod's Stripe key; donations are not in it. "
        f"`webhooks` counts all of Stripe's events. Days are days in UTC, {MOST_DAYS} at most. `payments`, "
        "`intentToPurchase` and `refunds` are about payments that were begun in these days, as they are now; `revenue` "
        "is the money that was booked in these days.",
    ),
]
