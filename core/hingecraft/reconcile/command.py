"""`hingecraft reconcile`: recover payments whose webhooks were lost."""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict
from datetime import timedelta

from pydantic import Field

from hingecraft import process
from hingecraft.cli import EXIT_FAILED, EXIT_OK, EXIT_USAGE, Command
from hingecraft.db.connection import Database, connect_at_start
from hingecraft.errors import DatabaseUnavailableError, UsageError
from hingecraft.installation.accounts import WrongAccountError
from hingecraft.money.book import CurrencyBook
from hingecraft.payments.books import Books
from hingecraft.providers import nowpayments, stripe
from hingecraft.providers.registry import Providers
from hingecraft.reconcile import value_audit
from hingecraft.reconcile.service import Reconciler
from hingecraft.settings import DatabaseSettings, load
from hingecraft.steps import Options, Summary
from hingecraft.systems import PURPOSES, SystemSettings, reconcile_steps, system_events, wix_app_events
from hingecraft.wix_app.client.client import WixClient

_EVERY = 15 * 60.0
_SPAN = re.compile(r"([1-9][0-9]{0,4})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST = timedelta(days=30)
_POOL = 20


class ReconcileSettings(DatabaseSettings, SystemSettings):
    """The settings of `hingecraft reconcile`."""

    retention_days: int = Field(
        400, description="days after which raw bodies and personal data are deleted", ge=1, le=36_500
    )


def span_of(text: str) -> timedelta:
    """Parse `24h`, `90m` or `7d`, at most 30 days: Stripe keeps its events that long."""
    shape = _SPAN.fullmatch(text)
    span = timedelta(**{_UNITS[shape[2]]: int(shape[1])}) if shape else timedelta()
    if not timedelta() < span <= _LONGEST:
        raise argparse.ArgumentTypeError(f"invalid duration {text!r}: use for example 24h or 7d, at most 30d")
    return span


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--once", action="store_true", help="run once (default: every 15 minutes)")
    parser.add_argument(
        "--lookback",
        type=span_of,
        help="how far back to read Stripe's events, for example 7d (default: since the last run, at first 24h)",
    )
    parser.add_argument("--provider", choices=(stripe.NAME, nowpayments.NAME), help="ask only this provider")
    parser.add_argument("--dry-run", action="store_true", help="show what would change, without changing anything")
    parser.add_argument("--all", action="store_true", help="check every open checkout now, even if it is not due")
    parser.add_argument(
        "--audit-values",
        action="store_true",
        help="list settlements whose value looks wrong, without asking a provider; exit code 1 if there are any",
    )


def _options(arguments: argparse.Namespace) -> Options:
    lookback: timedelta | None = arguments.lookback
    return Options(
        lookback=lookback or Options().lookback,
        lookback_given=lookback is not None,
        providers=(arguments.provider,) if arguments.provider else (),
        dry_run=arguments.dry_run,
        every_checkout=arguments.all,
    )


def _table(summary: Summary) -> str:
    rows = {name.replace("_", " "): value for name, value in asdict(summary).items() if isinstance(value, int)}
    rows.pop("dry run")
    head = "what would change:" if summary.dry_run else "reconciled:"
    lines = [head, *(f"  {name:<18} {value:>8}" for name, value in rows.items())]
    return "\n".join([*lines, *(f"  note: {reason}" for reason in summary.reasons)])


def _say(summary: Summary) -> None:
    """Print the summary: text on a terminal, JSON in a Job."""
    print(_table(summary) if sys.stdout.isatty() else json.dumps(asdict(summary)), flush=True)


async def _main(settings: ReconcileSettings, options: Options, *, once: bool) -> int:
    async with AsyncExitStack() as stack:
        database = Database(settings.database_url, application="hingecraft-reconcile", largest=_POOL)
        stack.push_async_callback(database.close)
        providers = Providers.from_settings(settings)
        stack.push_async_callback(providers.close)
        wix_client = WixClient.from_settings(settings, settings.proxies)
        if wix_client is not None:
            stack.push_async_callback(wix_client.close)
        reconciler = Reconciler(
            database=database,
            providers=providers,
            currencies=CurrencyBook(database),
            books=Books(PURPOSES),
            retention_days=settings.retention_days,
            steps=reconcile_steps(database, providers, settings, wix_client),
            others=[*system_events(database, providers), *wix_app_events(database, wix_client)],
        )
        with suppress(DatabaseUnavailableError):  # the run says it
            await (await connect_at_start(settings.database_url, application="hingecraft-reconcile")).close()
        while True:
            code = await _run_once(reconciler, options)
            if once:
                return code
            await asyncio.sleep(_EVERY)


async def _run_once(reconciler: Reconciler, options: Options) -> int:
    try:
        summary = await reconciler.run(options)
    except WrongAccountError as error:
        print(f"hingecraft reconcile: {error}", file=sys.stderr)
        return EXIT_USAGE
    except (DatabaseUnavailableError, ExceptionGroup) as error:
        why = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
        if not isinstance(why, DatabaseUnavailableError):
            raise
        print(f"hingecraft reconcile: {why}; completed work is kept, run it again", file=sys.stderr)
        return EXIT_FAILED
    _say(summary)
    return EXIT_OK if summary.succeeded else EXIT_FAILED


def _audit_values(settings: ReconcileSettings, arguments: argparse.Namespace) -> int:
    others = ("once", "lookback", "provider", "dry_run", "all")
    if any(getattr(arguments, name) for name in others):
        raise UsageError("--audit-values cannot be combined with other options")
    try:
        suspects = asyncio.run(value_audit.audit(settings.database_url))
    except DatabaseUnavailableError as error:
        print(f"hingecraft reconcile: {error}", file=sys.stderr)
        return EXIT_FAILED
    print(value_audit.table_of(suspects) if sys.stdout.isatty() else value_audit.json_of(suspects), flush=True)
    return EXIT_FAILED if suspects else EXIT_OK


def _has_something_to_ask(settings: ReconcileSettings, arguments: argparse.Namespace) -> bool:
    """Whether a provider is configured, or the Wix app, which `--provider` leaves out."""
    has_provider = bool(settings.stripe_secret or settings.nowpayments_api_key)
    return has_provider or (settings.serves_wix_app and not arguments.provider)


def _run(arguments: argparse.Namespace) -> int:
    settings = load(ReconcileSettings)
    if arguments.audit_values:
        process.start_observing(settings, "reconcile")
        return _audit_values(settings, arguments)
    if not _has_something_to_ask(settings, arguments):
        raise UsageError(
            "no provider is configured: set STRIPE_SECRET, NOWPAYMENTS_API_KEY, or WIX_APP_ID and WIX_APP_SECRET"
        )
    process.start_observing(settings, "reconcile")
    codes: list[int] = []

    async def work() -> None:
        codes.append(await _main(settings, _options(arguments), once=arguments.once))

    process.run(process.until_stopped(work()))
    return codes[0] if codes else EXIT_FAILED if arguments.once else EXIT_OK


COMMAND = Command(summary="recover payments whose webhooks were lost", run=_run, arguments=_arguments)
