"""The one place where errors of the driver turn into errors of ours, by the name of the constraint."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from hingecraft.errors import ConflictError, DatabaseUnavailableError, InvalidError, RefusedError

# A process may start before the database is migrated, or while an older one is put back.
_NOT_MIGRATED = (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.UndefinedFunctionError)
# What the driver raises when Postgres is away, going away, coming up, full or too slow to answer.
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

_BY_CONSTRAINT: dict[str, RefusedError] = {
    "payments_moves": ConflictError("illegal_move", "A payment that stands where this one does cannot move there."),
    "settlements_movement_key": ConflictError("counted_before", "This movement of money was counted before."),
    "settlements_append_only": ConflictError("append_only", "Settlements can only be added to."),
    "payment_audit_append_only": ConflictError("append_only", "The audit trail can only be added to."),
    "route_policy_providers_known": InvalidError("unknown_provider", "A provider is stripe or nowpayments."),
    "webhook_endpoints_name_shape": InvalidError(
        "invalid_endpoint", "The name of an endpoint has lower-case letters, digits and hyphens, at most 63."
    ),
    "webhook_endpoints_events_known": InvalidError(
        "unknown_event", "An endpoint can ask for routes.updated and payment.completed, .failed and .refunded."
    ),
}


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the driver raises inside into what the product raises."""
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as error:
        known = _BY_CONSTRAINT.get(error.constraint_name or "")
        if known is None:
            raise
        raise type(known)(known.code, known.sentence) from error
    except _NOT_MIGRATED as error:
        raise DatabaseUnavailableError(f"the database is not migrated ({error}): run `hingecraft migrate`") from error
    except UNREACHABLE as error:
        raise DatabaseUnavailableError(f"Postgres is away: {type(error).__name__}") from error
