"""A reconciliation in this process, and as the command that a Job runs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg

from hingecraft.db.connection import Database
from hingecraft.donations.links.service import LinkOptions
from hingecraft.donations.links.steps import links_steps
from hingecraft.money.book import CurrencyBook
from hingecraft.payments.books import Books
from hingecraft.providers.registry import Providers
from hingecraft.reconcile.service import Reconciler
from hingecraft.settings import Secret
from hingecraft.steps import Options, Summary
from hingecraft.systems import PURPOSES
from hingecraft_api.settings import ApiSettings
from support import processes
from support.pods import settings_of
from support.processes import SECRETS

AGE = "UPDATE external_payments SET created_at = now() - $1::interval, expires_at = expires_at - $1::interval"


def link_options(settings: ApiSettings) -> LinkOptions:
    return LinkOptions(
        livemode=settings.stripe_livemode, site_url=settings.site_url, amount_min=settings.amount_min,
        amount_max=settings.amount_max,
    )  # fmt: skip


@asynccontextmanager
async def reconciler(dsn: Secret, **more: Any) -> AsyncIterator[Reconciler]:
    settings = settings_of(dsn, **more)
    database = Database(dsn, application="test-reconcile", largest=8)
    providers = Providers.from_settings(settings)
    try:
        yield Reconciler(
            database=database,
            providers=providers,
            currencies=CurrencyBook(database),
            books=Books(PURPOSES),
            retention_days=400,
            steps=links_steps(
                database,
                providers.stripe.links,
                link_options(settings),
                nowpayments_live=providers.nowpayments.takes_real_money,
            ),
        )
    finally:
        await providers.close()
        await database.close()


async def reconcile(dsn: Secret, settings: dict[str, Any], **options: Any) -> Summary:
    """One run; every open checkout, unless told otherwise."""
    async with reconciler(dsn, **settings) as each:
        return await each.run(Options(**{"every_checkout": True, **options}))


async def command(dsn: Secret, environment: dict[str, str], *arguments: str) -> tuple[int, str, str]:
    """`hingecraft ...` until it ends; answers its exit code and what it said."""
    return await processes.run(arguments, {**SECRETS, **environment, "DATABASE_URL": dsn.newest})


def summary_of(said: str) -> dict[str, Any]:
    """The summary, which a Job prints last."""
    found: dict[str, Any] = json.loads(said.strip().splitlines()[-1])
    return found


async def old(conn: asyncpg.Connection, age: timedelta = timedelta(minutes=2)) -> None:
    await conn.execute(AGE, age)
