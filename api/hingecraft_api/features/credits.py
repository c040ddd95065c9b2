"""Members' credits: balances, history, spending and adjustments, and what is bought."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hingecraft.credits import plan_sessions as used_sessions
from hingecraft.credits.checkouts import MemberCheckouts
from hingecraft.credits.modes import keep
from hingecraft.credits.plan_sessions import PlanSessions
from hingecraft.credits.prices.service import Prices
from hingecraft.credits.spending import Spending
from hingecraft.credits.unknown_prices import retry_known
from hingecraft.inbox.watch import keep_retrying
from hingecraft_api.expiry import keep_deleting
from hingecraft_api.feature import Feature, Work
from hingecraft_api.handlers.members import checkout_sessions, plan_sessions
from hingecraft_api.handlers.members import credits as handlers
from hingecraft_api.pod import Pod


def _parts(pod: Pod) -> Iterable[object]:
    prices = Prices(
        pod.database, pod.providers.stripe.prices, pod.currencies, configured=pod.providers.stripe.configured
    )
    sessions = PlanSessions(pod.database, pod.settings.jwt_secret)
    yield Spending(pod.database)
    yield prices
    yield sessions
    yield MemberCheckouts(pod.database, pod.providers, prices, sessions, pod.settings.site_url)


def _works(pod: Pod) -> Mapping[str, Work]:
    works: dict[str, Work] = {
        "watching unknown prices": lambda: keep_retrying(
            pod.database, retry_known, pod.metrics.inbox.unknown_prices.set
        ),
        "deleting used plan sessions": lambda: keep_deleting(lambda: used_sessions.purge(pod.database)),
    }
    if pod.providers.stripe.configured:
        works["keeping credits to one mode"] = lambda: keep(pod.database, livemode=pod.providers.stripe.livemode)
    return works


CREDITS = Feature(
    endpoints=[
        *handlers.ENDPOINTS,
        *checkout_sessions.ENDPOINTS,
        *plan_sessions.ENDPOINTS,
        *handlers.ADMIN_ENDPOINTS,
    ],
    parts=_parts,
    works=_works,
)
