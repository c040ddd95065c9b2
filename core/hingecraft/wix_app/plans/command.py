"""`hingecraft wix plans`: list the names of plans, and say which plan a product of Wix is."""

from __future__ import annotations

import argparse
import asyncio

from hingecraft import process
from hingecraft.cli import EXIT_OK, Command
from hingecraft.db.connection import Database
from hingecraft.errors import UsageError
from hingecraft.settings import DatabaseSettings, load
from hingecraft.wix_app.plans import store
from hingecraft.wix_app.plans.model import LONGEST_NAME


async def _list(database: Database) -> None:
    async with database.connection() as conn:
        rows = await store.names(conn)
    for row in rows:
        kind = "product" if row["is_product"] else "name"
        print(
            f"{row['plan']:<10} {row['credits']:>6} credits  {kind:<8} {row['name']:<40} {row['cycle'] or ''}".rstrip()
        )


async def _set(database: Database, arguments: argparse.Namespace) -> None:
    async with database.transaction() as conn:
        if not await store.set_product(conn, arguments.product, arguments.plan, arguments.cycle):
            raise UsageError(f"unknown plan {arguments.plan}: `hingecraft wix plans list` shows them")
    print(f"{arguments.product} is {arguments.plan}. Events that waited for it are processed within a minute")


async def _main(settings: DatabaseSettings, arguments: argparse.Namespace) -> int:
    database = Database(settings.database_url, application="hingecraft-wix", largest=1)
    try:
        await (_set(database, arguments) if arguments.act == "set" else _list(database))
    finally:
        await database.close()
    return EXIT_OK


def _run(arguments: argparse.Namespace) -> int:
    settings = load(DatabaseSettings)
    process.start_observing(settings, "wix")
    return asyncio.run(_main(settings, arguments))


def _product(text: str) -> str:
    product = text.strip()
    if not product or len(product) > LONGEST_NAME or not product.isprintable() or ":" in product:
        raise argparse.ArgumentTypeError(f"{text!r} is not a product id of Wix")
    return product


def _arguments(parser: argparse.ArgumentParser) -> None:
    things = parser.add_subparsers(dest="thing", required=True, metavar="WHAT")
    plans = things.add_parser("plans", help="plans of the Wix app, and the names that Wix has for them")
    acts = plans.add_subparsers(dest="act", required=True, metavar="ACT")
    acts.add_parser("list", help="list the names of all plans")
    setting = acts.add_parser("set", help="say which plan a product of the app at Wix is")
    setting.add_argument("product", type=_product, help="product id in the app's dashboard at Wix")
    setting.add_argument("--plan", required=True, help="starter, pro or agency")
    setting.add_argument("--cycle", choices=("MONTHLY", "YEARLY"), help="how it is billed, if there is only one way")


COMMAND = Command(summary="set the plans of the Wix app", run=_run, arguments=_arguments)
