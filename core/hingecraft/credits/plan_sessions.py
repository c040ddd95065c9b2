"""Plan sessions: the price that a visitor has chosen, until a checkout uses it (docs/decisions/0065)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from hingecraft.credits.model import PlanSession, PlanSessionsDisabledError
from hingecraft.db.batches import in_batches
from hingecraft.db.connection import Connection, Database
from hingecraft.errors import ConflictError, InvalidError, MissingError
from hingecraft.settings import Secret

if TYPE_CHECKING:
    from hingecraft.credits.plan_session_tokens import PlanSessionTokens

# Longer than a token is valid, whatever the clock of the pod says that accepts it.
RETENTION = timedelta(days=1)

# A checkout that has failed frees what it used. One that is committed at this moment is not seen yet, nor failed.
USE = """
INSERT INTO used_plan_sessions AS used (nonce, payment_id) VALUES ($1, $2)
ON CONFLICT (nonce) DO UPDATE SET payment_id = excluded.payment_id, used_at = now()
WHERE EXISTS (SELECT FROM payments p WHERE p.id = used.payment_id AND p.status = 'failed')
RETURNING true
"""
IS_USED = """
SELECT EXISTS (
    SELECT FROM used_plan_sessions used LEFT JOIN payments p ON p.id = used.payment_id
    WHERE used.nonce = $1 AND p.status IS DISTINCT FROM 'failed')
"""
USED_BY = """
SELECT p.id AS payment_id, p.user_id FROM used_plan_sessions used JOIN payments p ON p.id = used.payment_id
WHERE used.nonce = $1 AND p.status <> 'failed'
"""
PURGE = """
DELETE FROM used_plan_sessions WHERE nonce IN (
    SELECT nonce FROM used_plan_sessions WHERE used_at < now() - $1::interval LIMIT $2)
"""


class PlanSessionUsedError(ConflictError):
    """Another user's checkout has used it, or the checkout that has used it cannot be paid any more."""

    def __init__(self) -> None:
        super().__init__(
            "plan_session_used", "A checkout was already opened with this plan session. Choose the plan again."
        )


class PlanSessions:
    """Signs, reads and uses up plan sessions. Each method raises PlanSessionsDisabledError without a secret."""

    def __init__(self, database: Database, secret: Secret) -> None:
        self._database = database
        self._secret = secret

    def sign(self, price_id: str, plan_type: str, metadata: Mapping[str, str]) -> tuple[str, PlanSession]:
        """A token and what it says; raises InvalidError if it is too large."""
        return self._tokens().sign(price_id, plan_type, metadata)

    def read(self, token: str) -> PlanSession:
        """The choice in a token; raises InvalidError for a token that is forged or has expired."""
        return self._tokens().read(token)

    async def find(self, token: str) -> PlanSession:
        """A plan session that a checkout can still use; raises MissingError."""
        try:
            session = self.read(token)
        except InvalidError:
            raise nothing_chosen() from None
        async with self._database.connection() as conn:
            if await conn.fetchval(IS_USED, session.nonce):
                raise nothing_chosen()
        return session

    def _tokens(self) -> PlanSessionTokens:
        if not self._secret:
            raise PlanSessionsDisabledError
        from hingecraft.credits import plan_session_tokens  # noqa: PLC0415 - loads twenty megabytes, so only if needed

        return plan_session_tokens.PlanSessionTokens(self._secret)


def nothing_chosen() -> MissingError:
    """The error where there is none, or where it has expired, is forged or was used."""
    return MissingError("no_plan_session", "The plan session is missing, used or expired. Choose a plan.")


async def use(conn: Connection, session: PlanSession, payment_id: UUID) -> None:
    """Use it up, in the transaction that writes the checkout's intent; raises PlanSessionUsedError if it was used."""
    if not await conn.fetchval(USE, session.nonce, payment_id):
        raise PlanSessionUsedError


async def payment_of(conn: Connection, session: PlanSession, user_id: UUID) -> UUID | None:
    """The user's payment that has used it; None: it is unused. Raises PlanSessionUsedError if another user has."""
    row = await conn.fetchrow(USED_BY, session.nonce)
    if row is None:
        return None
    if row["user_id"] != user_id:
        raise PlanSessionUsedError
    payment_id: UUID = row["payment_id"]
    return payment_id


async def purge(database: Database) -> None:
    """Delete the rows of those that nobody can use again."""
    await in_batches(database, PURGE, RETENTION)
