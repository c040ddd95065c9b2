"""Starts Postgres, migrates, adds demo data, runs two API pods and the sync engine, and shows each version land."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import os
import shlex
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dotenv import dotenv_values

from hingecraft import process
from hingecraft.cli import EXIT_OK, Command
from hingecraft.db.connection import Database
from hingecraft.donations.links import service as links
from hingecraft.donations.links.command import LinksSettings
from hingecraft.errors import OperatorError
from hingecraft.migrations.command import bring_up_to_date
from hingecraft.observability.logs import start_logging
from hingecraft.providers.stripe.client import StripeProvider
from hingecraft.providers.stripe.links import StripeLinks
from hingecraft.settings import Secret, load
from hingecraft.sync.command import SyncSettings, engine_of
from hingecraft_sandbox.dev import pods, screen, wix_site
from hingecraft_sandbox.dev.demo import add_demo_data
from hingecraft_sandbox.postgres import Postgres, find_binaries, reachable_folder
from hingecraft_sandbox.providers.nowpayments.api import PREFIX as NOWPAYMENTS_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator

POSTGRES_PORT = 54329
POD_PORTS = (8080, 8082)
SITE_PORT = 8090
COMPONENTS_PORT = 8091
SANDBOX_PORT = 8092
_DATABASE = "hingecraft"

# Fixed, and known to everyone: they protect nothing but a laptop's own demo.
_SECRETS = {
    "ADMIN_TOKEN": "dev-admin-token",
    "PUSH_SECRET": "dev-push-secret",
    "VISITOR_SECRET": "dev-visitor-secret",
    "WEBHOOK_SECRET": "whsec_ZGV2LXdlYmhvb2stc2VjcmV0",
}
_SITE = f"http://127.0.0.1:{SITE_PORT}"
_SANDBOX = f"http://127.0.0.1:{SANDBOX_PORT}"
# Each provider is the sandbox, unless `.env` has a key for the real one.
_PROVIDERS = {
    "STRIPE_SECRET": {
        "STRIPE_SECRET": "sk_test_" + "sandbox",
        "STRIPE_PUBLISHABLE_KEY": "pk_test_sandbox",
        "STRIPE_API_BASE": _SANDBOX,
        "STRIPE_RATE": "500",
        "STRIPE_WEBHOOK_SECRET": "whsec_sandbox",
    },
    "NOWPAYMENTS_API_KEY": {
        "NOWPAYMENTS_API_KEY": "sandbox-key",
        "NOWPAYMENTS_IPN_SECRET": "sandbox-ipn-secret",
        "NOWPAYMENTS_API_BASE": _SANDBOX + NOWPAYMENTS_PREFIX,
    },
}


def _environment(dsn: str) -> dict[str, str]:
    """What the processes are told: our defaults, then whatever `.env` says."""
    given = {name: value for name, value in dotenv_values(".env").items() if value}
    providers = [defaults for key, defaults in _PROVIDERS.items() if key not in given]
    return {
        **_SECRETS,
        **{name: value for defaults in providers for name, value in defaults.items()},
        "SITE_URL": _SITE,
        "CORS_ORIGINS": _SITE,
        "PUBLIC_URL": f"http://127.0.0.1:{POD_PORTS[0]}",
        "DATABASE_URL": dsn,
        "API_ADDRESSES": ",".join(f"http://127.0.0.1:{port + 1}" for port in POD_PORTS),
        "WIX_WEBHOOK_ENDPOINTS": f"site={_SITE}{wix_site.ROUTES_PATH},payments={_SITE}{wix_site.PAYMENTS_PATH}",
        "ALLOW_PRIVATE_WEBHOOKS": "true",
        **given,
    }


def _keep_environment(folder: Path, environment: dict[str, str]) -> None:
    """For the other commands: `set -a; . env; set +a`, and they talk to the same database and providers."""
    kept = folder / "env"
    kept.touch(mode=0o600)
    kept.write_text("".join(f"{name}={shlex.quote(value)}\n" for name, value in sorted(environment.items())))


def _folder(*, reset: bool) -> Path:
    """Where the data are kept between starts."""
    folder = reachable_folder(Path(".dev").resolve())
    try:
        if reset:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".writable").touch()
    except OSError as error:
        raise OperatorError(
            f"cannot write to {folder} ({error.strerror}): run this in a folder that you own"
        ) from error
    return folder


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """The lock goes with the process, however it ends, so what is found running behind it was forgotten."""
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise OperatorError(f"another `make dev` is running with the data of {folder}: end it first") from None
        yield


def _refuse_taken_ports() -> None:
    wanted = [port for pod in POD_PORTS for port in (pod, pod + 1)]
    wanted += [SITE_PORT, COMPONENTS_PORT, SANDBOX_PORT, POSTGRES_PORT]
    for port in wanted:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                raise OperatorError(
                    f"port {port} is in use, perhaps by a `make dev` of another folder: "
                    "end what listens there (ss -ltnp shows it)"
                ) from None


@contextmanager
def _postgres(folder: Path) -> Iterator[Postgres]:
    postgres = Postgres(folder=folder / "postgres", binaries=find_binaries(), port=POSTGRES_PORT, keep_data=True)
    pods.end_forgotten(folder)
    postgres.end_forgotten()
    _refuse_taken_ports()
    postgres.start()
    try:
        yield postgres
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        postgres.stop()
        screen.goodbye()


async def _prepare(postgres: Postgres) -> str:
    admin = Database(postgres.secret_dsn("postgres"), application="hingecraft-dev", largest=1)
    try:
        async with admin.connection() as conn:
            if not await conn.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", _DATABASE):
                await conn.execute(f"CREATE DATABASE {_DATABASE}")
    finally:
        await admin.close()
    dsn = postgres.secret_dsn(_DATABASE)
    await bring_up_to_date(dsn, "hingecraft_app")
    database = Database(dsn, application="hingecraft-dev", largest=1)
    try:
        async with database.transaction() as conn:
            await add_demo_data(conn)
    finally:
        await database.close()
    return dsn.newest


@asynccontextmanager
async def _processes(folder: Path, environment: dict[str, str]) -> AsyncIterator[list[pods.Running]]:
    started = [await pods.start_sandbox(port=SANDBOX_PORT, folder=folder, environment=environment)]
    started += [
        await pods.start_pod(number, port=port, folder=folder, environment=environment)
        for number, port in enumerate(POD_PORTS, start=1)
    ]
    started.append(
        await wix_site.start_site(
            port=SITE_PORT,
            components_port=COMPONENTS_PORT,
            backend=f"http://127.0.0.1:{POD_PORTS[0]}",
            folder=folder,
            environment=environment,
        )
    )
    try:
        yield started
    finally:
        await asyncio.gather(*(pod.stop() for pod in started))


async def _keep_links(dsn: Secret) -> None:
    """A standing link for each currency, in the sandbox only: an account of somebody's is not filled unasked."""
    settings = load(LinksSettings)
    provider = StripeProvider(settings)
    database = Database(dsn, application="hingecraft-dev", largest=2)
    try:
        kept = await links.ensure(database, StripeLinks(provider, settings.stripe_api_base), settings.links_wanted)
        screen.links_kept(kept.wanted)
    finally:
        await provider.close()
        await database.close()


async def _run_all(folder: Path, postgres: Postgres) -> None:
    environment = _environment(await _prepare(postgres))
    os.environ.update(environment)
    _keep_environment(folder, environment)
    settings = load(SyncSettings)
    async with AsyncExitStack() as stack:
        started = await stack.enter_async_context(_processes(folder, environment))
        engine = await stack.enter_async_context(engine_of(settings, screen.Showing()))
        screen.welcome(started, postgres.dsn(_DATABASE), folder, environment["ADMIN_TOKEN"])
        async with asyncio.TaskGroup() as tasks:
            for pod in started:
                tasks.create_task(pod.ended())
            tasks.create_task(engine.run())
            tasks.create_task(wix_site.watch(started[-1].log, screen.site_told))
            if environment.get("STRIPE_API_BASE") == _SANDBOX:
                tasks.create_task(_keep_links(settings.database_url))


def _run(arguments: argparse.Namespace) -> int:
    folder = _folder(reset=arguments.reset)
    start_logging("ERROR", [])
    # From here on a SIGTERM ends things in order, like Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_OK))
    try:
        with _only_one(folder), _postgres(folder) as postgres:
            process.run(process.until_stopped(_run_all(folder, postgres)))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return EXIT_OK


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reset", action="store_true", help="throw the kept data away first")


COMMAND = Command(summary="run everything on this machine, without a cluster", run=_run, arguments=_arguments)
