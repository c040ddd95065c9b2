"""`hingecraft privacy export|erase <e-mail address or user id>`: for people who ask for their data or its erasure."""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import UTC

import simplejson

from hingecraft import process
from hingecraft.cli import EXIT_FAILED, EXIT_OK, Command
from hingecraft.db.connection import Database
from hingecraft.errors import DatabaseUnavailableError
from hingecraft.privacy.person import Person, person_of
from hingecraft.privacy.service import Erased, Privacy
from hingecraft.providers.settings import ProviderSettings
from hingecraft.providers.stripe.client import StripeProvider
from hingecraft.settings import DatabaseSettings, load


class PrivacySettings(DatabaseSettings, ProviderSettings):
    """The settings of `hingecraft privacy`."""


def _person(text: str) -> Person:
    person = person_of(text)
    if person is None:
        raise argparse.ArgumentTypeError(f"{text!r} is neither an e-mail address nor a user id")
    return person


def _arguments(parser: argparse.ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    for act, summary in (
        ("export", "print everything that is stored about a person, as JSON"),
        ("erase", "erase a person: what accounting needs stays, without the person"),
    ):
        parser_of_act = acts.add_parser(act, help=summary, description=summary)
        parser_of_act.add_argument("person", type=_person, help="e-mail address, or user id of a member")


def _lines(done: Erased) -> list[str]:
    rows = ", ".join(f"{number} {name}" for name, number in sorted(done.rows.items())) or "nothing"
    lines = [f"erased from the database: {rows}"]
    lines += [f"deleted the member {user}" for user in done.users if user not in done.unfinished]
    lines += [
        f"the member {user} is deleted here, but Stripe did not answer: reconciliation deletes the customer there"
        for user in done.unfinished
    ]
    if done.waiting:
        lines.append(
            f"{done.waiting} messages or checkouts that name the person are still to be processed: run this again then"
        )
    if done.was_at_stripe:
        lines.append("Stripe reports the deletion by messages that name the person: run this again in an hour")
    if done.open_until:
        moment = done.open_until.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
        lines.append(f"a checkout is open, and Stripe reports its end with the person: run this again after {moment}")
    lines += [f"the member's address is {address}: run this with it too, if it is theirs" for address in done.addresses]
    lines.append("Stripe and NOWPayments keep records of their own: erase the person in their dashboards too")
    return lines


async def _main(settings: PrivacySettings, arguments: argparse.Namespace) -> int:
    database = Database(settings.database_url, application="hingecraft-privacy", largest=2)
    stripe = StripeProvider(settings, lambda _provider: None)
    try:
        privacy = Privacy(database, stripe)
        if arguments.act == "export":
            print(simplejson.dumps(await privacy.export(arguments.person), use_decimal=True, indent=2))
            return EXIT_OK
        done = await privacy.erase(arguments.person)
        print("\n".join(_lines(done)))
        return EXIT_FAILED if done.waiting or done.unfinished else EXIT_OK
    finally:
        await stripe.close()
        await database.close()


def _run(arguments: argparse.Namespace) -> int:
    settings = load(PrivacySettings)
    process.start_observing(settings, "privacy")
    try:
        return asyncio.run(_main(settings, arguments))
    except DatabaseUnavailableError as error:
        print(f"hingecraft privacy: {error}", file=sys.stderr)
        return EXIT_FAILED


COMMAND = Command(summary="export or erase what is stored about a person", run=_run, arguments=_arguments)
