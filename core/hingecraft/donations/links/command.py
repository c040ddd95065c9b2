"""`hingecraft links`: keep the standing links, add one by hand, list them."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from hingecraft import process
from hingecraft.cli import EXIT_FAILED, EXIT_OK, Command
from hingecraft.db.connection import Database
from hingecraft.donations.links import by_hand
from hingecraft.donations.links import service as links
from hingecraft.donations.links.by_hand import ByHand
from hingecraft.donations.links.settings import LinkSettings
from hingecraft.errors import DatabaseUnavailableError, UsageError
from hingecraft.money.model import parse_decimal, plain
from hingecraft.providers.port import ProviderRejectedError, ProviderUnknownError
from hingecraft.providers.stripe.client import StripeProvider
from hingecraft.providers.stripe.ports import Links
from hingecraft.settings import DatabaseSettings, load


class LinksSettings(DatabaseSettings, LinkSettings):
    """The settings of `hingecraft links`."""


@asynccontextmanager
async def _stripe(settings: LinksSettings) -> AsyncIterator[Links | None]:
    """Stripe's links; None without keys."""
    provider = StripeProvider(settings)
    try:
        yield provider.links if provider.configured else None
    finally:
        await provider.close()


async def _ensure(settings: LinksSettings, database: Database) -> int:
    async with _stripe(settings) as stripe_links:
        if stripe_links is None:
            raise UsageError("STRIPE_SECRET is not set, so there are no standing links to maintain")
        result = await links.ensure(database, stripe_links, settings.link_options, say=print)
    print(
        f"{result.wanted} links wanted: {result.made} made, {result.updated} updated, "
        f"{result.switched_on} switched on, {result.switched_off} switched off"
    )
    for problem in result.problems:
        print(f"hingecraft links: {problem}", file=sys.stderr)
    return EXIT_FAILED if result.problems else EXIT_OK


async def _add(settings: LinksSettings, database: Database, arguments: argparse.Namespace) -> None:
    link = ByHand(
        gateway=arguments.gateway,
        url=arguments.url,
        currency=arguments.currency,
        amount=parse_decimal(arguments.amount) if arguments.amount else None,
        price_currency=arguments.price_currency,
        expires_at=_moment(arguments.expires),
    )
    async with _stripe(settings) as stripe_links:
        currency = await by_hand.add(database, link, stripe_links)
    print(f"{currency}: saved. A running sync engine publishes it within a second")


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError("--expires must be a time, for example 2027-01-31T12:00:00+00:00") from None
    return moment if moment.tzinfo else moment.astimezone()


async def _list(database: Database) -> None:
    for link in await by_hand.listed(database):
        amount = f" for {plain(link.amount)}" if link.amount is not None else ""
        until = f" until {link.expires_at}" if link.expires_at is not None else ""
        gap = f" NOT PUBLISHED: {link.gap}" if link.gap is not None else ""
        print(f"{link.currency:<6} {link.provider:<12} {link.provider_url}{amount}{until}{gap}")


async def _main(settings: LinksSettings, arguments: argparse.Namespace) -> int:
    database = Database(settings.database_url, application="hingecraft-links", largest=2)
    try:
        if arguments.act == "ensure":
            return await _ensure(settings, database)
        if arguments.act == "add":
            await _add(settings, database, arguments)
        else:
            await _list(database)
        return EXIT_OK
    finally:
        await database.close()


def _run(arguments: argparse.Namespace) -> int:
    settings = load(LinksSettings)
    process.start_observing(settings, "links")
    try:
        return asyncio.run(_main(settings, arguments))
    except (DatabaseUnavailableError, ProviderRejectedError, ProviderUnknownError) as error:
        print(f"hingecraft links: {error}; completed work is kept, run it again", file=sys.stderr)
        return EXIT_FAILED


def _arguments(parser: argparse.ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    acts.add_parser("ensure", help="keep one Stripe Payment Link for each enabled currency, and switch off the others")
    acts.add_parser("list", help="list the open links")
    add = acts.add_parser("add", help="save a link that was made elsewhere")
    add.add_argument("--gateway", required=True, help="provider of the link, for example nowpayments")
    add.add_argument("--currency", required=True, help="currency that donors pay in, for example BTC")
    add.add_argument("--url", required=True, help="https address of the link")
    add.add_argument("--amount", help="price of the link (default: any amount)")
    add.add_argument("--price-currency", help="currency of the price (default: USD)")
    add.add_argument("--expires", help="when the link expires, for example 2027-01-31T12:00:00+00:00")


COMMAND = Command(summary="manage standing payment links", run=_run, arguments=_arguments)
