"""Standing links, which many may pay: one of Stripe's for each currency, kept as the data say, and others by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from hingecraft.db.connection import Connection, Database
from hingecraft.errors import ConflictError, InvalidError
from hingecraft.money.normalise import CurrencyTable
from hingecraft.money.store import load_currencies
from hingecraft.payments import audit
from hingecraft.providers.stripe_links import LinkPlan, PaymentLink, StripeLinks, plan_for

Say = Callable[[str], None]

POLICY = "SELECT 'stripe' = ANY (disabled_providers) FROM route_policy"
# A link that was switched off and is wanted again is the newest once more.
KEEP = """
INSERT INTO external_payments AS kept (gateway, provider, provider_id, provider_url, currency, kind, status,
                                       idempotency_key, request, livemode, updated_at)
VALUES ('stripe', 'stripe', $1, $2, $3, 'standing', 'pending', $4, $5::jsonb, $6, now())
ON CONFLICT (provider, provider_id) DO UPDATE SET status = 'pending', provider_url = excluded.provider_url,
    updated_at = now()
WHERE kept.status <> 'pending' OR kept.provider_url <> excluded.provider_url
RETURNING id
"""
RETIRE = """
UPDATE external_payments SET status = 'expired', updated_at = now()
WHERE provider = 'stripe' AND kind = 'standing' AND status = 'pending' AND idempotency_key LIKE 'hc\\_link\\_%'
  AND NOT idempotency_key = ANY ($1)
RETURNING provider_id, currency
"""
ADD = """
INSERT INTO external_payments (gateway, provider, provider_url, currency, kind, status, amount, price_currency,
                               expires_at)
VALUES ($1, lower($1), $2, $3, 'standing', 'pending', $4, $5, $6) RETURNING id
"""
LIST = """
SELECT hc_currency_key(currency) AS currency, provider, provider_url, amount, expires_at, created_at
FROM external_payments WHERE kind = 'standing' AND status = 'pending'
ORDER BY hc_currency_key(currency), created_at DESC
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a run has done."""

    wanted: int
    made: int
    switched_on: int
    switched_off: int


async def ensure(
    database: Database,
    links: StripeLinks,
    *,
    livemode: bool,
    say: Say = lambda _line: None,
    dry_run: bool = False,
) -> Kept:
    """Make Stripe and the database agree with the currencies; run again after a crash, it goes on where it was."""
    plans = await _plans(database, livemode=livemode)
    if dry_run:
        return _lacking(plans, [link async for link in links.ours()])
    async with database.connection() as conn:
        # Out of the routes first, so that nobody is sent to a link that is about to be switched off.
        for row in await conn.fetch(RETIRE, list(plans)):
            say(f"{row['currency']}: taken out of the routes")
    there = {link.key: link async for link in links.ours()}
    made = switched_on = switched_off = 0
    for key, link in there.items():
        if key not in plans and link.active:
            await links.switch(link.id, active=False)
            switched_off += 1
            say(f"{key}: switched off")
    for key, plan in plans.items():
        found = there.get(key)
        if found is None:
            found = await links.make(plan)
            made += 1
        if not found.active:
            await links.switch(found.id, active=True)
            switched_on += 1
        if await _keep(database, plan, found, livemode=livemode):
            say(f"{plan.currency}: {found.url}")
    return Kept(wanted=len(plans), made=made, switched_on=switched_on, switched_off=switched_off)


def _lacking(plans: Mapping[str, LinkPlan], there: Sequence[PaymentLink]) -> Kept:
    """What a run would do."""
    active, known = {link.key for link in there if link.active}, {link.key for link in there}
    return Kept(
        wanted=len(plans),
        made=len(plans.keys() - known),
        switched_on=len(plans.keys() & known - active),
        switched_off=len(active - plans.keys()),
    )


async def _plans(database: Database, *, livemode: bool) -> dict[str, LinkPlan]:
    async with database.connection() as conn:
        if await conn.fetchval(POLICY):
            return {}
        currencies = await load_currencies(conn)
    wanted = [currency for currency in currencies if currency.kind == "fiat" and currency.enabled]
    plans = [plan_for(currency, livemode=livemode) for currency in wanted]
    return {plan.key: plan for plan in plans}


async def _keep(database: Database, plan: LinkPlan, link: PaymentLink, *, livemode: bool) -> bool:
    async with database.transaction() as conn:
        row = await conn.fetchval(KEEP, link.id, link.url, plan.currency, plan.key, "{}", livemode)
        if row is not None:
            await _note(conn, "standing_link_kept", currency=plan.currency, link=link.id, key=plan.key)
        return row is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ByHand:
    """A link that somebody made elsewhere."""

    gateway: str
    url: str
    currency: str
    amount: Decimal | None = None
    price_currency: str | None = None
    expires_at: datetime | None = None


async def add(database: Database, link: ByHand) -> str:
    """Save a link; the routes follow by themselves. Answers the currency that it was saved under."""
    if not link.url.startswith("https://") or any(character.isspace() for character in link.url):
        raise InvalidError("invalid_url", "A standing link is an https address.")
    async with database.transaction() as conn:
        found = CurrencyTable(await load_currencies(conn)).recognise(link.currency)
        if found is None:
            raise InvalidError("unknown_currency", f"{link.currency} is no currency that is known here.")
        if not found.enabled:
            raise ConflictError("currency_disabled", f"{found.code} is switched off: switch it on first.")
        await conn.execute(ADD, link.gateway, link.url, found.code, link.amount, link.price_currency, link.expires_at)
        await _note(conn, "standing_link_added", currency=found.code, gateway=link.gateway)
    return found.code


async def listed(database: Database) -> list[dict[str, object]]:
    """The links that are open."""
    async with database.connection() as conn:
        return [dict(row) for row in await conn.fetch(LIST)]


async def _note(conn: Connection, action: str, **details: Any) -> None:
    await audit.append(conn, actor="links", action=action, request_id=None, **details)
