"""`hingecraft correct <settlement id> --usd <value> --reason <why>`: correct a settlement's value."""

from __future__ import annotations

import argparse
import asyncio
import sys
from decimal import Decimal
from uuid import UUID

import simplejson

from hingecraft import process
from hingecraft.cli import EXIT_FAILED, EXIT_OK, Command
from hingecraft.db.connection import Database
from hingecraft.errors import ConflictError, DatabaseUnavailableError, InvalidError, MissingError, UsageError
from hingecraft.money.model import parse_decimal, plain
from hingecraft.payments import corrections
from hingecraft.payments.corrections import Corrected, CorrectionRequest
from hingecraft.settings import DatabaseSettings, Secret, load


class CorrectSettings(DatabaseSettings):
    """The settings of `hingecraft correct`."""


def _settlement_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a settlement id: `hingecraft trail` shows them") from None


def _usd(text: str) -> Decimal:
    try:
        return parse_decimal(text)
    except InvalidError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount in USD such as 25 or 12.50") from None


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("settlement", type=_settlement_id, help="id of the settlement, as `hingecraft trail` shows it")
    parser.add_argument(
        "--usd",
        type=_usd,
        required=True,
        metavar="VALUE",
        help="its correct value in USD; the difference is booked as a correction",
    )
    parser.add_argument(
        "--reason", required=True, help="reason, kept permanently in the payment's history: write nothing personal"
    )


def _told(done: Corrected) -> str:
    """The result: text on a terminal, JSON elsewhere."""
    before = plain(done.usd_before) if done.usd_before is not None else None
    after, settlement = plain(done.usd_after), done.settlement["corrects"] or done.settlement["id"]
    if not sys.stdout.isatty():
        document = {
            "settlement": str(settlement),
            "correction": str(done.settlement["id"]) if done.settlement["corrects"] else None,
            "usdBefore": before,
            "usdAfter": after,
            "changed": done.changed,
        }
        return simplejson.dumps(document)
    if not done.changed:
        return f"settlement {settlement} is already worth {after} USD: nothing was written"
    return f"settlement {settlement} was worth {before or 'an unknown number of'} USD and is worth {after} USD now"


async def _correct(dsn: Secret, wanted: CorrectionRequest) -> None:
    database = Database(dsn, application="hingecraft-correct", largest=1)
    try:
        print(_told(await corrections.correct(database, wanted, actor="command line", request_id=None)))
    finally:
        await database.close()


def _run(arguments: argparse.Namespace) -> int:
    settings = load(CorrectSettings)
    process.start_observing(settings, "correct")
    try:
        wanted = CorrectionRequest(settlement=arguments.settlement, usd=arguments.usd, reason=arguments.reason)
        asyncio.run(_correct(settings.database_url, wanted))
    except InvalidError as error:
        fields = error.fields or {}
        names = {"usdAmount": "--usd", "reason": "--reason"}
        raise UsageError("; ".join(f"{names.get(name, name)} {why}" for name, why in fields.items())) from None
    except (MissingError, ConflictError, DatabaseUnavailableError) as error:
        print(f"hingecraft correct: {error}", file=sys.stderr)
        return EXIT_FAILED
    return EXIT_OK


COMMAND = Command(summary="correct the USD value of a settlement", run=_run, arguments=_arguments)
