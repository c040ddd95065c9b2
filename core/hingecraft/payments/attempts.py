"""Opens a checkout at a provider, for every purpose; a crash at any step is safe.

Write down the intent, call the provider holding no connection, write down how it ended. A crash in between
leaves a row that says what was asked and with which key. A repeat of the request finishes it with the same
parameters, and so does the recoverer.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NoReturn
from uuid import UUID

from hingecraft.db.connection import Connection, Database
from hingecraft.errors import ErrorCode
from hingecraft.idempotency.model import Claim, key_taken_over
from hingecraft.observability import traces
from hingecraft.payments import store
from hingecraft.payments.model import REPLAYED_FOR, AnotherCurrencyError, ProviderFailedError, Status
from hingecraft.payments.provider_calls import BUSY, UNAVAILABLE
from hingecraft.payments.store import NewCheckout, Outcome, StoredCheckout
from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import CheckoutProvider, ProviderRejectedError, ProviderUnknownError
from hingecraft.providers.registry import Providers

log = logging.getLogger(__name__)

# Named by the contract; the row says which provider it was.
FAILED_ACTION = "stripe_session_failed"
_UNFINISHED = frozenset({Status.CREATING, Status.UNKNOWN})
_ENDED = frozenset({Status.FAILED, Status.EXPIRED, Status.ERROR})
_UNAVAILABLE: ErrorCode = "provider_unavailable"
_SENTENCES: Mapping[ErrorCode, str] = {
    "provider_refused": "The payment provider rejected this payment. Try another amount or currency.",
    "provider_busy": BUSY,
    _UNAVAILABLE: UNAVAILABLE,
    "bad_url": "The payment provider returned a link that we cannot trust. Try again later.",
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """A checkout that is recorded here but may not exist at the provider yet."""

    provider: CheckoutProvider
    checkout_id: UUID
    payment_id: UUID
    request: Mapping[str, Any]
    key: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCheckout:
    """A checkout that exists at the provider, with its link."""

    payment_id: UUID
    provider: str
    # Empty: it is paid on our own page.
    url: str
    provider_id: str | None
    expires_at: datetime | None
    # The parameters that the checkout was made with.
    request: Mapping[str, Any]
    # Only from the call that made it: it is not stored.
    client_secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Failure:
    """The provider rejected the checkout, or it is unknown whether it exists. Not recorded yet."""

    outcome: Outcome
    code: ErrorCode
    # The parameter that names an object which the provider does not have.
    missing: str | None = None


async def write(
    conn: Connection, new: NewCheckout, claim: Claim | None, request_id: str
) -> tuple[UUID, datetime | None]:
    """Write down the intent: the checkout's id and its end. Raises InFlightError where the caller's key is lost."""
    written = await store.open_checkout(conn, new, claim, request_id)
    if written is None:
        raise key_taken_over()
    return written


class Attempts:
    """Calls the providers and records the outcome."""

    def __init__(self, database: Database, providers: Providers) -> None:
        self._database = database
        self._providers = providers

    async def begin(
        self, conn: Connection, provider: CheckoutProvider, new: NewCheckout, claim: Claim | None, request_id: str
    ) -> Attempt:
        """Write down the intent. The provider must not be called before this is committed."""
        checkout_id, expires_at = await write(conn, new, claim, request_id)
        return Attempt(provider, checkout_id, new.payment_id, new.request, new.key, expires_at)

    async def call(self, attempt: Attempt, deadline: Deadline, request_id: str) -> OpenCheckout | Failure:
        """Call the provider. Records a link; returns a failure unrecorded, for the caller to decide."""
        started = time.monotonic()
        try:
            result = await attempt.provider.open(attempt.request, attempt.key, deadline)
        except ProviderRejectedError as error:
            self._observe(attempt, "refused", started, request_id)
            details = {"reason": error.reason, "code": error.code, "outcome": "failed"}
            outcome = Outcome(status=Status.FAILED, details=details, provider_id=error.provider_id)
            return _failed(attempt, Failure(outcome, error.code, error.missing), request_id)
        except ProviderUnknownError as error:
            self._observe(attempt, "unknown", started, request_id)
            outcome = Outcome(status=Status.UNKNOWN, details={"reason": error.reason, "outcome": "unknown"})
            return _failed(attempt, Failure(outcome, _UNAVAILABLE), request_id)
        seconds = self._observe(attempt, "opened", started, request_id)
        result = replace(result, expires_at=result.expires_at or attempt.expires_at)
        async with self._database.connection() as conn:
            mine = await store.opened(conn, attempt.checkout_id, result, request_id, round(seconds * 1000))
        if not mine:
            return await self.as_it_stands(attempt.payment_id)
        return OpenCheckout(
            payment_id=attempt.payment_id,
            provider=attempt.provider.name,
            url=result.url or "",
            provider_id=result.provider_id,
            expires_at=result.expires_at,
            request=attempt.request,
            client_secret=result.client_secret,
        )

    async def fail(self, attempt: Attempt, failure: Failure, request_id: str) -> NoReturn:
        """Record the failure and raise it."""
        await self.record(attempt, failure, request_id)
        if failure.code == "another_currency":
            raise AnotherCurrencyError
        raise ProviderFailedError(failure.code, _SENTENCES[failure.code])

    async def record(self, attempt: Attempt, failure: Failure, request_id: str) -> None:
        """Record the failure, for a caller that goes on with another checkout."""
        async with self._database.connection() as conn:
            await store.not_opened(
                conn, attempt.checkout_id, failure.outcome, action=FAILED_ACTION, request_id=request_id
            )

    async def resume(self, payment_id: UUID) -> OpenCheckout | Attempt | None:
        """An earlier request's link, or its attempt if the provider has to be called again; None if it failed."""
        async with self._database.connection() as conn:
            stored = await store.latest_checkout(conn, payment_id)
        if stored is None or stored.payment_status in _ENDED:
            return None
        if stored.payment_status not in _UNFINISHED:
            return _link_of(stored)
        if stored.age > REPLAYED_FOR:
            raise ProviderFailedError(_UNAVAILABLE, _SENTENCES[_UNAVAILABLE])
        provider = self._providers.of(stored.provider)
        return Attempt(
            provider, stored.id, stored.payment_id, stored.request, stored.idempotency_key, stored.expires_at
        )

    async def as_it_stands(self, payment_id: UUID) -> OpenCheckout:
        """The link, if another process such as the recoverer has recorded the outcome of the call."""
        async with self._database.connection() as conn:
            stored = await store.latest_checkout(conn, payment_id)
        if stored is None or (stored.provider_url is None and (stored.provider_id is None or stored.status in _ENDED)):
            raise ProviderFailedError(_UNAVAILABLE, _SENTENCES[_UNAVAILABLE])
        return _link_of(stored)

    def _observe(self, attempt: Attempt, outcome: str, started: float, request_id: str) -> float:
        seconds = time.monotonic() - started
        self._providers.observe(attempt.provider.name, outcome, seconds)
        traces.note(provider=attempt.provider.name, outcome=outcome, payment_id=str(attempt.payment_id))
        extra = {**_found_by(attempt, request_id), "ms": round(seconds * 1000, 1)}
        log.info("checkout at %s: %s", attempt.provider.name, outcome, extra=extra)
        return seconds


def _failed(attempt: Attempt, failure: Failure, request_id: str) -> Failure:
    reason = failure.outcome.details["reason"]
    log.warning("no checkout at %s: %s", attempt.provider.name, reason, extra=_found_by(attempt, request_id))
    return failure


def _found_by(attempt: Attempt, request_id: str) -> dict[str, str]:
    """The fields by which a line in the log is found."""
    return {"request_id": request_id, "payment_id": str(attempt.payment_id)}


def _link_of(stored: StoredCheckout) -> OpenCheckout:
    return OpenCheckout(
        payment_id=stored.payment_id,
        provider=stored.provider,
        url=stored.provider_url or "",
        provider_id=stored.provider_id,
        expires_at=stored.expires_at,
        request=stored.request,
    )
