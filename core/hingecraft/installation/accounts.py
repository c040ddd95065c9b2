"""The Stripe account that a database belongs to. Another account's key would find none of our checkouts there."""

from __future__ import annotations

import asyncio
import logging

from hingecraft.db.connection import Database
from hingecraft.errors import DatabaseUnavailableError, UsageError
from hingecraft.installation import store
from hingecraft.providers.port import ProviderRejectedError, ProviderUnknownError
from hingecraft.providers.stripe.ports import Key

log = logging.getLogger(__name__)

_EVERY = 300.0
# Fewer than this may be gone at Stripe by chance.
_ASKED_ABOUT = 3


class WrongAccountError(UsageError):
    """The key belongs to another account than the one that this database has worked with."""


async def require_our_account(database: Database, key: Key, *, keep: bool = True) -> None:
    """Compare the key's account with the one in the database, for each mode; the first one seen is kept."""
    account = await key.id()
    if account is None:
        await _require_known_sessions(database, key)
        return
    async with database.connection() as conn:
        ours = await store.stripe_account(conn, livemode=key.livemode)
        if ours is None and keep:
            ours = await store.keep_stripe_account(conn, account, livemode=key.livemode)
    if ours not in {None, account}:
        column = store.stripe_column(livemode=key.livemode)
        raise WrongAccountError(
            f"STRIPE_SECRET belongs to {account}, but this database belongs to {ours}: set a key of {ours}. "
            f"If you have moved to {account}, run UPDATE installation SET {column} = '{account}' as the owner "
            "of the database"
        )


async def _require_known_sessions(database: Database, key: Key) -> None:
    """A restricted key that may not read its account is told by the sessions that it knows."""
    async with database.connection() as conn:
        sessions = await store.open_sessions(conn, _ASKED_ABOUT, livemode=key.livemode)
    if len(sessions) < _ASKED_ABOUT or any([await key.knows_session(session) for session in sessions]):
        return
    raise WrongAccountError(
        f"STRIPE_SECRET may not read its account, and Stripe knows none of {_ASKED_ABOUT} open checkouts with it: "
        "set a key of the account that made them, and allow it to read its account"
    )


async def watch(database: Database, key: Key) -> None:
    """In every pod: nothing is asked of Stripe with another account's key."""
    while True:
        try:
            await require_our_account(database, key)
        except WrongAccountError as error:
            key.suspend(str(error))
        except (DatabaseUnavailableError, ProviderRejectedError, ProviderUnknownError) as error:
            log.warning("the account of STRIPE_SECRET is not known yet: %s", error)
        else:
            key.suspend(None)
        await asyncio.sleep(_EVERY)
