"""One pod for the whole tier, in a process of its own, beside the providers' sandbox."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator

import asyncpg
import pytest

from support.folders import open_folder
from support.processes import ApiProcess, HingecraftProcess
from support.sandbox import Sandbox
from support.tokens import ISSUER, SECRET, SERVICE_TOKEN
from support.wix import fields_of, signed
from support.wix_stand_in import WixStandIn

TEMPLATE = "hc_template"
# The design of the reference's examples.
FILE = "hinges/brass-hinge.zip"
OWNER = uuid.uuid4()


@pytest.fixture(scope="session")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="session")
def database(server: str, runner: asyncio.Runner) -> Iterator[str]:
    name = f"c_{uuid.uuid4().hex[:16]}"
    runner.run(execute(server, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy"))
    yield server.replace("/postgres", f"/{name}")
    runner.run(execute(server, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(scope="session")
def sandbox(runner: asyncio.Runner) -> Iterator[Sandbox]:
    with open_folder() as folder:
        process = Sandbox(folder)
        runner.run(process.start())
        runner.run(process.ready())
        yield process
        runner.run(process.stop())


@pytest.fixture(scope="session")
def wix(sandbox: Sandbox) -> WixStandIn:
    return WixStandIn(sandbox)


@pytest.fixture(scope="session")
def owner(wix: WixStandIn, runner: asyncio.Runner) -> str:
    """The instance token of a site that may see the payments; its first call makes it known."""
    app = runner.run(wix.settings())
    return signed(fields_of(OWNER, appDefId=app["wix_app_id"]), app["wix_app_secret"])


@pytest.fixture(scope="session")
def site(wix: WixStandIn, pod: ApiProcess, runner: asyncio.Runner) -> str:
    """The instance token of the owner of a site that has the app."""
    return runner.run(installed(wix, pod))


async def installed(wix: WixStandIn, pod: ApiProcess) -> str:
    await wix.switch(backend=pod.public)
    return (await wix.tokens(await wix.install()))["instance"]


@pytest.fixture(scope="session")
def pod(database: str, sandbox: Sandbox, wix: WixStandIn, runner: asyncio.Runner) -> Iterator[ApiProcess]:
    """With an engine, which says what the pod serves."""
    app = {name.upper(): value for name, value in runner.run(wix.settings()).items()}
    app["WIX_OWNER_INSTANCES"] = str(OWNER)
    with open_folder() as folder:
        (folder / FILE).parent.mkdir()
        (folder / FILE).write_text("a hinge")
        process = ApiProcess(
            folder, "api", database, TRUSTED_PROXIES="127.0.0.1", AUTH_JWT_SECRET=SECRET, AUTH_JWT_ISSUER=ISSUER,
            SERVICE_TOKEN=SERVICE_TOKEN, JWT_SECRET="the-plan-sessions-of-the-contract", DOWNLOADS=f"file://{folder}",
            DOWNLOAD_SECRET="the-downloads-of-the-contract-tier", **sandbox.environment, **app,
        )  # fmt: skip
        engine = HingecraftProcess(folder, "sync", "sync", DATABASE_URL=database, API_ADDRESSES=process.internal)
        for each in (process, engine):
            runner.run(each.start())
        runner.run(process.until("/ready", 200))
        yield process
        for each in (engine, process):
            runner.run(each.stop())


async def execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
