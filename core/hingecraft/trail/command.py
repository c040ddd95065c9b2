"""`hingecraft trail <payment id>`: show the history of a payment, or of its whole subscription."""

from __future__ import annotations

import argparse
import asyncio
import sys
from uuid import UUID

from hingecraft import process
from hingecraft.cli import EXIT_FAILED, EXIT_OK, Command
from hingecraft.db.connection import Database
from hingecraft.errors import DatabaseUnavailableError, MissingError
from hingecraft.payments import history
from hingecraft.settings import DatabaseSettings, Secret, load
from hingecraft.trail.text import lines_of


class TrailSettings(DatabaseSettings):
    """The settings of `hingecraft trail`."""


def _payment_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a payment id: use the id that was returned with the checkout"
        ) from None


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "payment", type=_payment_id, help="id of the payment; any payment of a subscription shows all of them"
    )


async def _tell(dsn: Secret, payment_id: UUID) -> None:
    database = Database(dsn, application="hingecraft-trail", largest=1)
    try:
        for line in lines_of(await history.with_subscription(database, payment_id)):
            print(line)
    finally:
        await database.close()


def _run(arguments: argparse.Namespace) -> int:
    settings = load(TrailSettings)
    process.start_observing(settings, "trail")
    try:
        asyncio.run(_tell(settings.database_url, arguments.payment))
    except (MissingError, DatabaseUnavailableError) as error:
        print(f"hingecraft trail: {error}", file=sys.stderr)
        return EXIT_FAILED
    return EXIT_OK


COMMAND = Command(summary="show the history of one payment", run=_run, arguments=_arguments)
