"""Reading payments."""

from __future__ import annotations

from uuid import UUID

from hingecraft.db.connection import Database
from hingecraft.payments import store
from hingecraft.payments.model import PaymentState, unknown_payment
from hingecraft.payments.returning_payers import Returning

_SESSION = "cs_"


async def state_of(database: Database, wanted: str, returning: Returning) -> PaymentState:
    """A payment by our id or by Stripe's session. Invoice ids can be guessed, so they are not accepted.

    Payments of users are not known here.
    """
    async with database.connection() as conn:
        payment_id = await store.payment_of_session(conn, wanted) if wanted.startswith(_SESSION) else _ours(wanted)
        found = await store.state(conn, payment_id) if payment_id is not None else None
    if payment_id is None and wanted.startswith(_SESSION):
        return await returning.state_of(wanted)
    if found is None:
        raise unknown_payment()
    return found


def _ours(wanted: str) -> UUID | None:
    try:
        return UUID(wanted)
    except ValueError:
        return None
