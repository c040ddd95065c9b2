"""Payments of all purposes: their status, the providers' messages, what admins do, and what finishes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from hingecraft.donations.purpose import DONATIONS
from hingecraft.inbox.handlers import Registration
from hingecraft.installation.accounts import watch as watch_account
from hingecraft.payments import applying
from hingecraft.payments.books import Recorded
from hingecraft.payments.returning_payers import Returning
from hingecraft.reconcile.checker import Checker
from hingecraft.reconcile.sweep import recover
from hingecraft_api.feature import Feature, Work
from hingecraft_api.handlers import payments, webhooks
from hingecraft_api.handlers.admin import payments as admin_payments
from hingecraft_api.handlers.admin import settlements as admin_settlements
from hingecraft_api.pod import Pod


def _counted(pod: Pod) -> Callable[[Recorded], None]:
    metrics = pod.metrics.payments

    def count(moved: Recorded) -> None:
        if moved.without_value:
            metrics.without_value.labels(moved.provider).inc(moved.without_value)
        if moved.before != moved.after:
            metrics.moves.labels(moved.provider, moved.price_currency, moved.after).inc()
            if moved.paid:
                metrics.amount.labels(moved.provider, moved.price_currency).inc(float(moved.amount))
                # A renewal's payment is made for its money: nobody has waited for that.
                if moved.purpose != DONATIONS.name and moved.age > 0:
                    metrics.purchase_seconds.labels(moved.purpose).observe(moved.age)

    return count


def _parts(pod: Pod) -> Iterable[object]:
    for purpose in pod.books.purposes.names - {DONATIONS.name}:
        # There from the start: an increase is seen only of a series that is there before.
        pod.metrics.payments.purchase_seconds.labels(purpose)
    yield Returning(pod.database, pod.providers.stripe, pod.currencies, pod.books, _counted(pod))


def _events(pod: Pod) -> Iterable[Registration]:
    return applying.registrations(pod.providers, pod.currencies, pod.books, _counted(pod))


def _works(pod: Pod) -> Mapping[str, Work]:
    checker = Checker(pod.database, pod.providers, pod.currencies, pod.books, actor="recoverer", recorded=_counted(pod))
    configured = [each for each in (pod.providers.stripe, pod.providers.nowpayments) if each.configured]
    works: dict[str, Work] = {"recovering checkouts": lambda: recover(pod.database, checker, configured)}
    if pod.providers.stripe.configured:
        works["comparing accounts"] = lambda: watch_account(pod.database, pod.providers.stripe.account)
    return works


PAYMENTS = Feature(
    endpoints=[
        *payments.ENDPOINTS,
        *webhooks.ENDPOINTS,
        *admin_payments.ENDPOINTS,
        *admin_settlements.ENDPOINTS,
    ],
    parts=_parts,
    events=_events,
    works=_works,
)
