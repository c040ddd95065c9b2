"""`hingecraft credits prices`: list packs and plans, set the price of one, make prices at Stripe."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from hingecraft import process
from hingecraft.cli import EXIT_FAILED, EXIT_OK, Command
from hingecraft.credits.model import MOST_CREDITS
from hingecraft.credits.prices import store
from hingecraft.credits.prices.model import CreditPrice
from hingecraft.credits.prices.service import Prices
from hingecraft.credits.prices.setting import Terms, ensure_price, set_price
from hingecraft.db.connection import Database
from hingecraft.errors import DatabaseUnavailableError, RejectedError, UsageError
from hingecraft.installation.accounts import require_our_account
from hingecraft.money.book import CurrencyBook
from hingecraft.money.model import parse_decimal, plain
from hingecraft.providers.port import ProviderRejectedError, ProviderUnknownError
from hingecraft.providers.settings import ProviderSettings
from hingecraft.providers.stripe.client import StripeProvider
from hingecraft.settings import DatabaseSettings, load

_NO_KEY = "STRIPE_SECRET is not set, so unknown amounts cannot be read from Stripe: set it, and run the command again"


class PricesSettings(DatabaseSettings, ProviderSettings):
    """The settings of `hingecraft credits prices`."""


@dataclass(frozen=True, slots=True)
class _Parts:
    database: Database
    stripe: StripeProvider
    currencies: CurrencyBook

    @property
    def prices(self) -> Prices:
        return Prices(self.database, self.stripe.prices, self.currencies, configured=self.stripe.configured)


@asynccontextmanager
async def _parts(settings: PricesSettings) -> AsyncIterator[_Parts]:
    database, provider = (
        Database(settings.database_url, application="hingecraft-credits", largest=2),
        StripeProvider(settings),
    )
    try:
        currencies = CurrencyBook(database)
        await currencies.refresh()
        yield _Parts(database, provider, currencies)
    finally:
        await provider.close()
        await database.close()


async def _list(parts: _Parts) -> int:
    # Reads the amounts that are not known yet; the log says why one stays unknown.
    await parts.prices.offered()
    async with parts.database.connection() as conn:
        every = await store.every(conn)
    for price in every:
        print(_line(price))
    if not parts.stripe.configured and any(price.active and price.amount is None for price in every):
        print(f"hingecraft credits: {_NO_KEY}", file=sys.stderr)
    return EXIT_OK


def _line(price: CreditPrice) -> str:
    cost = f"{plain(price.amount)} {price.currency}" if price.amount is not None else "not known"
    state = "replaced" if not price.active else "offered" if price.amount is not None else "not offered"
    return f"{price.code:<14} {price.kind:<12} {price.credits:>8}  {cost:>14}  {state:<11}  {price.price_id}"


async def _set(parts: _Parts, arguments: argparse.Namespace) -> int:
    price = await set_price(parts.database, arguments.code, arguments.price, arguments.credits)
    return await _read(parts, price)


async def _read(parts: _Parts, price: CreditPrice) -> int:
    """Say what the price costs, or why it is not offered."""
    if not parts.stripe.configured:
        print(f"{price.code}: {price.price_id} with {price.credits} credits. Its amount is read when Stripe is on")
        return EXIT_OK
    reason = await parts.prices.read(price)
    if reason is not None:
        print(f"hingecraft credits: {price.code} is not offered: {price.price_id}: {reason}", file=sys.stderr)
        return EXIT_FAILED
    async with parts.database.connection() as conn:
        read = await store.one(conn, price.price_id)
    print(_line(read or price))
    return EXIT_OK


async def _ensure(parts: _Parts, arguments: argparse.Namespace) -> int:
    if not parts.stripe.configured:
        raise UsageError("STRIPE_SECRET is not set, so no price can be made")
    await require_our_account(parts.database, parts.stripe.account)
    terms = _terms(parts, arguments)
    async with parts.database.connection() as conn:
        active = [each for each in await store.active(conn) if arguments.code in {None, each.code}]
    if not active:
        raise UsageError(f"unknown pack or plan {arguments.code}: `hingecraft credits prices list` shows them")
    return max([await _ensure_one(parts, each, terms) for each in active])


async def _ensure_one(parts: _Parts, before: CreditPrice, terms: Terms | None) -> int:
    price = await ensure_price(parts.database, parts.stripe.prices, before, terms)
    if price is not None:
        return await _read(parts, price)
    print(f"{before.code}: no price at Stripe. Make one: hingecraft credits prices ensure {before.code} --amount 5")
    return EXIT_FAILED


def _terms(parts: _Parts, arguments: argparse.Namespace) -> Terms | None:
    if arguments.amount is None:
        return None
    if arguments.code is None:
        raise UsageError("--amount is for one pack or plan: name it")
    currency = parts.currencies.table.by_code.get(arguments.currency.upper())
    if currency is None or currency.kind != "fiat":
        raise UsageError(f"--currency {arguments.currency} is not in the table currencies: use for example USD")
    return Terms(amount=parse_decimal(arguments.amount), currency=currency)


async def _main(settings: PricesSettings, arguments: argparse.Namespace) -> int:
    async with _parts(settings) as parts:
        match arguments.act:
            case "set":
                return await _set(parts, arguments)
            case "ensure":
                return await _ensure(parts, arguments)
        return await _list(parts)


def _run(arguments: argparse.Namespace) -> int:
    settings = load(PricesSettings)
    process.start_observing(settings, "credits")
    try:
        return asyncio.run(_main(settings, arguments))
    except RejectedError as error:
        raise UsageError(error.sentence) from error
    except (DatabaseUnavailableError, ProviderRejectedError, ProviderUnknownError) as error:
        print(f"hingecraft credits: {error}; completed work is kept, run it again", file=sys.stderr)
        return EXIT_FAILED


def _credits(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_CREDITS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of credits from 1 to {MOST_CREDITS}")
    return int(text)


def _arguments(parser: argparse.ArgumentParser) -> None:
    things = parser.add_subparsers(dest="thing", required=True, metavar="WHAT")
    prices = things.add_parser("prices", help="packs and plans, and their prices at Stripe")
    acts = prices.add_subparsers(dest="act", required=True, metavar="ACT")
    acts.add_parser("list", help="list packs and plans, with replaced prices")
    setting = acts.add_parser("set", help="sell a pack or plan at another price of Stripe")
    setting.add_argument("code", help="pack or plan, for example QUICK_SCAN")
    setting.add_argument("--price", required=True, help="id of the price at Stripe, for example price_1Q...")
    setting.add_argument("--credits", type=_credits, help="credits of the pack or of each period (default: as before)")
    ensure = acts.add_parser("ensure", help="use the prices at Stripe that were made by this command, or make one")
    ensure.add_argument("code", nargs="?", help="pack or plan (default: all)")
    ensure.add_argument("--amount", help="make a price of this amount if the present one has another")
    ensure.add_argument("--currency", default="USD", help="currency of --amount (default: USD)")


COMMAND = Command(summary="set packs and plans of credits", run=_run, arguments=_arguments)
