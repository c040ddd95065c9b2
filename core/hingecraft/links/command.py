"""`hingecraft links`: keep the standing links, add one by hand, list them."""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import datetime

from hingecraft import process
from hingecraft.cli import EXIT_FAILED, EXIT_OK, Command
from hingecraft.db.connection import Database
from hingecraft.errors import DatabaseUnavailableError, OperatorError, RefusedError
from hingecraft.links import service as links
from hingecraft.links.service import ByHand
from hingecraft.money.model import parse_decimal, plain
from hingecraft.providers.port import ProviderRefusedError, ProviderUnknownError
from hingecraft.providers.settings import ProviderSettings
from hingecraft.providers.stripe import StripeProvider
from hingecraft.providers.stripe_links import StripeLinks
from hingecraft.settings import DatabaseSettings, load


class LinksSettings(DatabaseSettings, ProviderSettings):
    """What `hingecraft links` reads."""


async def _ensure(settings: LinksSettings, database: Database) -> None:
    provider = StripeProvider(settings)
    if not provider.configured:
        raise OperatorError("STRIPE_SECRET is not set, so there are no links to keep")
    try:
        stripe_links = StripeLinks(provider, settings.stripe_api_base)
        kept = await links.ensure(database, stripe_links, livemode=provider.livemode, say=print)
    finally:
        await provider.close()
    print(
        f"{kept.wanted} links wanted: {kept.made} made, "
        f"{kept.switched_on} switched on, {kept.switched_off} switched off"
    )


async def _add(database: Database, arguments: argparse.Namespace) -> None:
    link = ByHand(
        gateway=arguments.gateway,
        url=arguments.url,
        currency=arguments.currency,
        amount=parse_decimal(arguments.amount) if arguments.amount else None,
        price_currency=arguments.price_currency,
        expires_at=_moment(arguments.expires),
    )
    print(f"{await links.add(database, link)}: saved; it is in the routes within a second where a sync engine runs")


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise OperatorError("--expires must be a time such as 2027-01-31T12:00:00+00:00") from None
    return moment if moment.tzinfo else moment.astimezone()


async def _list(database: Database) -> None:
    for link in await links.listed(database):
        amount = f" for {plain(link['amount'])}" if link["amount"] is not None else ""  # type: ignore[arg-type]  # the driver says object, the column numeric
        until = f" until {link['expires_at']}" if link["expires_at"] is not None else ""
        print(f"{link['currency']!s:<6} {link['provider']!s:<12} {link['provider_url']}{amount}{until}")


async def _main(settings: LinksSettings, arguments: argparse.Namespace) -> None:
    database = Database(settings.database_url, application="hingecraft-links", largest=2)
    try:
        if arguments.act == "ensure":
            await _ensure(settings, database)
        elif arguments.act == "add":
            await _add(database, arguments)
        else:
            await _list(database)
    finally:
        await database.close()


def _run(arguments: argparse.Namespace) -> int:
    settings = load(LinksSettings)
    process.start_observing(settings, "links")
    try:
        asyncio.run(_main(settings, arguments))
    except (DatabaseUnavailableError, RefusedError, ProviderRefusedError, ProviderUnknownError) as error:
        print(f"hingecraft links: {error}; what was done is kept, run it again", file=sys.stderr)
        return EXIT_FAILED
    return EXIT_OK


def _arguments(parser: argparse.ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    acts.add_parser("ensure", help="one Stripe Payment Link for each currency that is switched on, and no others")
    acts.add_parser("list", help="the links that are open")
    add = acts.add_parser("add", help="save a link that was made elsewhere")
    add.add_argument("--gateway", required=True, help="whose link it is, such as nowpayments")
    add.add_argument("--currency", required=True, help="what is paid in, such as BTC")
    add.add_argument("--url", required=True, help="the https address")
    add.add_argument("--amount", help="the price that the link is for; without it, any")
    add.add_argument("--price-currency", help="what that price is in (USD)")
    add.add_argument("--expires", help="when the link ends, as 2027-01-31T12:00:00+00:00")


COMMAND = Command(summary="the standing links, which many may pay", run=_run, arguments=_arguments)
