"""Standing links that people created at the provider: saves them, finds their ids, and lists them.

A provider's message names a link by an id. NOWPayments writes it into the address; Stripe's address does not hold it,
so the account is asked for the link with that address.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from hingecraft import audit
from hingecraft.db.connection import Connection, Database
from hingecraft.donations.links import store
from hingecraft.donations.links.store import OpenLink
from hingecraft.errors import UsageError
from hingecraft.inbox import store as inbox
from hingecraft.installation import store as installation
from hingecraft.money.model import Currency
from hingecraft.money.normalise import CurrencyTable
from hingecraft.money.store import load_currencies
from hingecraft.payments.unassigned import not_saved
from hingecraft.providers import nowpayments, stripe
from hingecraft.providers.stripe.links import PaymentLink
from hingecraft.providers.stripe.ports import Links

Say = Callable[[str], None]

# Stored text, kept as it is: what the version before 016 wrote about an event whose link it did not recognise.
_FORMERLY_NOT_SAVED = "its link is none of ours"


class LinkRejectedError(UsageError):
    """The link cannot be saved. The message says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualLink:
    """A link that was created at the provider."""

    gateway: str
    url: str
    currency: str
    amount: Decimal | None = None
    price_currency: str | None = None
    expires_at: datetime | None = None


async def add(database: Database, link: ManualLink, stripe_links: Links | None = None) -> str:
    """Save a link, which also updates the routes. Returns the currency that it was saved under."""
    if not link.url.startswith("https://") or any(character.isspace() for character in link.url):
        raise LinkRejectedError("A standing link must be an https address.")
    async with database.connection() as conn:
        currency = await _enabled(conn, link.currency)
        row = await conn.fetchrow(store.ADDRESSES, link.gateway.strip().lower(), link.url)
        ours = str((await installation.read(conn)).id)
    assert row is not None, "a SELECT without FROM answers a row"
    provider, link_id = row["provider"], row["id"]
    if provider == stripe.NAME:
        link_id = await _id_at_stripe(database, link.url, ours, stripe_links)
    elif provider == nowpayments.NAME and link_id is None:
        raise LinkRejectedError(
            "This address has no invoice id, so donations paid through it could not be matched. "
            "Use the address of the invoice itself: https://nowpayments.io/payment/?iid=<invoice id>.",
        )
    elif row["gap"] is not None:
        raise LinkRejectedError(f"This link would not be published: {row['gap']}.")
    async with database.transaction() as conn:
        if link_id is not None:
            if same := await store.open_twin(conn, provider, link_id, currency.code):
                raise LinkRejectedError(f"This link is already saved for {same}. Change that row instead.")
            await store.release(conn, provider, link_id)
        await conn.execute(
            store.ADD, link.gateway, provider, link_id if provider == stripe.NAME else None, link.url, currency.code,
            link.amount, link.price_currency, link.expires_at,
        )  # fmt: skip
        await _note(conn, "standing_link_added", currency=currency.code, gateway=link.gateway, link=link_id)
    return currency.code


async def _enabled(conn: Connection, typed: str) -> Currency:
    found = CurrencyTable(await load_currencies(conn)).recognise(typed)
    if found is None:
        raise LinkRejectedError(f"Unknown currency {typed}. Use a code from the table currencies, for example USD.")
    if not found.enabled:
        raise LinkRejectedError(f"{found.code} is switched off. Switch it on first.")
    return found


async def _id_at_stripe(database: Database, url: str, ours: str, links: Links | None) -> str:
    """The id of the Payment Link that has this address; one of an older version becomes this database's."""
    if links is None:
        raise UsageError(
            "STRIPE_SECRET is not set. A Stripe link is looked up in the account before it is saved, "
            "so that its donations are recognised"
        )
    every = [link async for link in links.every()]
    async with database.connection() as conn:
        found_id = await conn.fetchval(store.SAME_PATH, [link.id for link in every], [link.url for link in every], url)
    found = next((link for link in every if link.id == found_id), None)
    if found is None:
        raise LinkRejectedError(
            f"Stripe has no Payment Link at {url} in the account and mode of STRIPE_SECRET. "
            "Copy the address from Stripe's dashboard. If its money is counted elsewhere, use --gateway other.",
        )
    if found.installation not in {None, ours}:
        raise LinkRejectedError("This link belongs to another HingeCraft database on this account.")
    if found.key is not None and found.installation is None:
        await links.claim(found, ours)
    return found.id


async def resolve(database: Database, every: Sequence[PaymentLink], saved: Collection[str], say: Say) -> int:
    """Find the ids of Stripe links saved by hand, without which they are not published; returns the number of changes.

    `every` link of the account was listed after the `saved` ids were read: ids that are not among them are removed.
    """
    there = {link.id for link in every}
    async with database.transaction() as conn:
        gone = await store.forget(conn, [each for each in saved if each not in there])
        for row in gone:
            say(f"{row['currency']}: {row['provider_url']} is not a link of this account and mode")
            await _note(conn, "standing_link_forgotten", currency=row["currency"], link=row["provider_url"])
        found = await store.resolve(conn, every)
        for row in found:
            say(f"{row['currency']}: {row['provider_id']} was found by its address")
            await _note(conn, "standing_link_resolved", currency=row["currency"], link=row["provider_id"])
    return len(gone) + len(found)


async def take_over(database: Database) -> int:
    """Make events due again that came through links before these were saved; returns how many."""
    async with database.transaction() as conn:
        ids: dict[str, list[str]] = {}
        for row in await store.take_over(conn):
            ids.setdefault(row["provider"], []).append(row["id"])
        return sum(
            [
                await inbox.reopen(conn, provider, [_FORMERLY_NOT_SAVED, *map(not_saved, links)])
                for provider, links in ids.items()
            ]
        )


async def listed(database: Database) -> list[OpenLink]:
    """The links that are open, each with the reason why it is not published, if it is not."""
    async with database.connection() as conn:
        return await store.open_links(conn)


async def _note(conn: Connection, action: str, **details: str | None) -> None:
    await audit.append(conn, actor="links", action=action, request_id=None, payment_id=None, **details)
