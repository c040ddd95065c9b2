"""The one row of the table `installation`."""

from __future__ import annotations

from hingecraft.db.connection import IN_RECOVERY, Connection, require_primary
from hingecraft.installation.model import Claimant, Installation

READ = f"SELECT {IN_RECOVERY} AS in_recovery, id, claimed_by, claimed_as, claimed_in FROM installation"
CLAIM = """
UPDATE installation SET claimed_by = $1, claimed_as = $2, claimed_in = $3
WHERE claimed_by IS NULL OR claimed_by = $1 OR claimed_by = $4
RETURNING true
"""
RELEASE = """
UPDATE installation SET claimed_by = NULL, claimed_as = NULL, claimed_in = NULL WHERE claimed_by = $1 RETURNING true
"""
_ACCOUNT = {True: "stripe_live_account", False: "stripe_test_account"}
STRIPE_ACCOUNT = {mode: f"SELECT {column} FROM installation" for mode, column in _ACCOUNT.items()}
# If two processes report different accounts at the same time, the first is kept.
KEEP_STRIPE_ACCOUNT = {
    mode: f"UPDATE installation SET {column} = coalesce({column}, $1) RETURNING {column}"
    for mode, column in _ACCOUNT.items()
}
# Through the index of the checkouts that are asked about.
OPEN_SESSIONS = """
SELECT provider_id FROM external_payments
WHERE kind = 'single' AND status = 'pending' AND provider = 'stripe' AND livemode = $1 AND provider_id IS NOT NULL
ORDER BY next_check_at LIMIT $2
"""


async def read(conn: Connection) -> Installation:
    """The installation of this database."""
    row = await conn.fetchrow(READ)
    assert row is not None, "installation has lost its row"
    require_primary(in_recovery=row["in_recovery"])
    uid = row["claimed_by"]
    holder = Claimant(uid=uid, name=row["claimed_as"], cluster=row["claimed_in"]) if uid else None
    return Installation(id=row["id"], claimed_by=holder)


async def claim(conn: Connection, claimant: Claimant, instead_of: str | None) -> bool:
    """Claim it if it is free or held by the expected resource; False if another was faster."""
    return bool(await conn.fetchval(CLAIM, claimant.uid, claimant.name, claimant.cluster, instead_of))


async def release(conn: Connection, uid: str) -> bool:
    """Release it; False if another resource holds it."""
    return bool(await conn.fetchval(RELEASE, uid))


def stripe_column(*, livemode: bool) -> str:
    """The column with the account of that mode's key."""
    return _ACCOUNT[livemode]


async def stripe_account(conn: Connection, *, livemode: bool) -> str | None:
    """The account that the database has worked with so far."""
    found: str | None = await conn.fetchval(STRIPE_ACCOUNT[livemode])
    return found


async def keep_stripe_account(conn: Connection, account: str, *, livemode: bool) -> str:
    """Keep it where none is kept yet; answers the one that is kept."""
    found: str = await conn.fetchval(KEEP_STRIPE_ACCOUNT[livemode], account)
    return found


async def open_sessions(conn: Connection, most: int, *, livemode: bool) -> list[str]:
    """Some sessions of Stripe that were made for this database and are not paid yet."""
    return [row["provider_id"] for row in await conn.fetch(OPEN_SESSIONS, livemode, most)]
