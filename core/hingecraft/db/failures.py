"""Turns the driver's errors into our own, by the name of the constraint."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from hingecraft.errors import (
    ConflictError,
    ConnectionEndedError,
    DatabaseUnavailableError,
    InvalidError,
    RejectedError,
)

# A process may start before the database is migrated, or while an older one is put back.
_NOT_MIGRATED = (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.UndefinedFunctionError)
# The driver's errors if Postgres is down, stopping, starting, full or too slow.
UNREACHABLE: tuple[type[BaseException], ...] = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the driver has lost track of a connection that broke
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidPasswordError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.LockNotAvailableError,
    asyncpg.ObjectNotInPrerequisiteStateError,  # the database takes no connections for now
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,  # after a failover the old primary may live on, and only be read
)

_BY_CONSTRAINT: dict[str, RejectedError] = {
    "payments_moves": ConflictError("illegal_move", "This payment's status does not allow that change."),
    "settlements_movement_key": ConflictError("counted_before", "This settlement has already been recorded."),
    "settlements_append_only": ConflictError("append_only", "Settlements cannot be changed."),
    "payment_audit_append_only": ConflictError("append_only", "The audit log cannot be changed."),
    "credit_accounts_balance_range": ConflictError(
        "balance_out_of_range", "A balance of credits must stay between -2,000,000,000 and 2,000,000,000."
    ),
    "route_policy_providers_known": InvalidError("unknown_provider", "The provider must be stripe or nowpayments."),
    "webhook_endpoints_name_shape": InvalidError(
        "invalid_endpoint",
        "An endpoint name can have only lower-case letters, digits and hyphens, at most 63 characters.",
    ),
    "webhook_endpoints_events_known": InvalidError(
        "unknown_event", "The event types are routes.updated, payment.completed, payment.failed and payment.refunded."
    ),
}


def translation_of(error: BaseException) -> Exception | None:
    """The product's own error for one of the driver's; None for any other."""
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        known = _BY_CONSTRAINT.get(error.constraint_name or "")
        return None if known is None else type(known)(known.code, known.sentence)
    if isinstance(error, _NOT_MIGRATED):
        return DatabaseUnavailableError(f"the database is not migrated ({error}): run `hingecraft migrate`")
    if isinstance(error, asyncpg.InterfaceError):
        # It is raised before anything is sent, a COMMIT too.
        return ConnectionEndedError(f"Postgres is unavailable: {_why_it_ended(error)}")
    if isinstance(error, UNREACHABLE):
        return DatabaseUnavailableError(f"Postgres is unavailable: {type(error).__name__}")
    return None


@contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors inside the block into the product's."""
    try:
        yield
    except Exception as error:
        ours = translation_of(error)
        if ours is None:
            raise
        raise ours from error


def _why_it_ended(error: asyncpg.InterfaceError) -> str:
    """The error that broke the connection; those that follow it say only that it is closed."""
    first: BaseException = error
    while isinstance(first, asyncpg.InterfaceError) and isinstance(first.__context__, UNREACHABLE):
        first = first.__context__
    return f"the connection has ended ({first})" if isinstance(first, asyncpg.InterfaceError) else type(first).__name__
