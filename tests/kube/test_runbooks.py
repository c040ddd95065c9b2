"""The commands of docs/ that need only an API server, run by kubectl, with a real operator beside it."""

from __future__ import annotations

import asyncio
import base64
import os
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
from aiohttp import web

from conftest import VERSION
from hingecraft_operator.cluster.client import JOBS, LEASES, SECRETS
from hingecraft_operator.lease import LEASE_NAME
from hingecraft_sandbox.postgres import find_binaries
from support.control_plane import ADMIN, binaries
from support.documented import TYPED, Shell, blocks_for, pages_for
from support.kube import PROVIDERS, Namespace, operating, until
from support.pods import ADMIN_TOKEN, PUSH_SECRET, VISITOR_SECRET, Running
from support.receiver import SECRET, Receiver

NAME = "hingecraft"
CLOSE_CHF = "UPDATE currencies SET enabled = false WHERE code = 'CHF'"
# What the commands of a page make, by Secret: the keys that the chart and its pods read.
SECRETS_OF = {
    "deployment.md": {
        "database": ["DATABASE_URL", "MIGRATION_DATABASE_URL"],
        "api": ["ADMIN_TOKEN", "PUSH_SECRET", "VISITOR_SECRET"],
        "webhooks": ["WEBHOOK_SECRET"],
        "providers": [
            "NOWPAYMENTS_API_KEY", "NOWPAYMENTS_IPN_SECRET", "PUBLIC_URL", "SITE_URL", "STRIPE_PUBLISHABLE_KEY",
            "STRIPE_SECRET", "STRIPE_WEBHOOK_SECRET",
        ],
        "members": ["AUTH_JWT_SECRET", "SERVICE_TOKEN"],
    },
    "members.md": {"services": ["SERVICE_TOKEN"], "plan-sessions": ["JWT_SECRET"]},
}  # fmt: skip
DRAWN = {"ADMIN_TOKEN", "PUSH_SECRET", "VISITOR_SECRET", "WEBHOOK_SECRET", "SERVICE_TOKEN", "JWT_SECRET"}
WALLET = "INSERT INTO wallets (coin, wallet_address) VALUES ('BTC', $1)"


@dataclass
class World:
    """A resource as the chart makes it, served by one pod and one operator, and its site."""

    namespace: Namespace
    pod: Running
    site: Receiver
    conn: asyncpg.Connection
    shell: Shell
    database: str
    empty: str

    async def follow(self, page: str, first: int = 0, last: int | None = None) -> list[str]:
        """Run the page's blocks, or some of them."""
        return [await self.shell.run(block) for block in blocks_for(page, "kube")[first:last]]

    async def jobs(self) -> set[str]:
        return {each["metadata"]["name"] for each in await self.namespace.cluster.list(JOBS, self.namespace.name)}

    async def becomes(self, kind: str, state: str, reason: str) -> str:
        return await self.namespace.becomes(kind, state, reason, NAME)

    async def version(self) -> int:
        newest: int = await self.conn.fetchval("SELECT max(version) FROM payment_routes")
        return newest

    async def routes(self, version: int) -> dict[str, dict[str, Any]]:
        """The routes that the pod serves, as soon as it serves that version."""
        await self.pod.serves(version)
        found: dict[str, dict[str, Any]] = (await self.pod.call("GET", "/routes"))[1]["data"]["routes"]
        return found

    async def takes_cards(self, version: int) -> bool:
        available: bool = (await self.routes(version))["USD"]["available"]
        return available

    async def wallet(self, version: int) -> str:
        address: str = (await self.routes(version))["BTC"]["wallet"]["address"]
        return address

    async def secret(self, name: str, key: str) -> str:
        return (await self.every_key(name, self.namespace.name))[key]

    async def every_key(self, name: str, namespace: str = NAME) -> dict[str, str]:
        """The values of a Secret by key; in the namespace that the pages make, if no other is named."""
        found = await self.namespace.cluster.get(SECRETS, namespace, name)
        assert found is not None
        return {key: base64.b64decode(value).decode() for key, value in sorted(found["data"].items())}


@pytest.fixture
async def world(namespace, plane, site, pod, dsn, empty_dsn, conn, tmp_path):
    postgres = find_binaries(os.environ.get(VERSION, "18")).folder
    config = plane.kubeconfig(ADMIN, name=f"person-{namespace.name}", namespace=namespace.name)
    shell = Shell(
        tmp_path,
        {"--namespace=hingecraft": f"--namespace={namespace.name}"},
        HOME=str(tmp_path),
        KUBECONFIG=str(config),
        PATH=f"{binaries()}:{postgres}:{os.environ['PATH']}",
    )
    await namespace.secret("database", DATABASE_URL=dsn.newest)
    await namespace.secret("api", ADMIN_TOKEN=ADMIN_TOKEN, PUSH_SECRET=PUSH_SECRET, VISITOR_SECRET=VISITOR_SECRET)
    await namespace.secret("webhooks", WEBHOOK_SECRET=SECRET)
    await namespace.secret("providers", **PROVIDERS)
    async with operating(namespace, SSL_CERT_FILE=str(namespace.folder / "site-ca.pem")):
        await namespace.pods(pod.internal)
        await namespace.make(resource(namespace, site.url))
        made = World(namespace, pod, site, conn, shell, dsn.newest, empty_dsn.newest)
        await made.becomes("FanoutComplete", "True", "Complete")
        await made.becomes("WebhooksDelivered", "True", "Delivered")
        await made.becomes("ReconcileHealthy", "Unknown", "NoRunYet")
        yield made


def resource(namespace, url):
    """With the names of docs/deployment.md."""
    document = namespace.routes(NAME)
    document["spec"]["api"]["pushSecretRef"] = {"name": "api", "key": "PUSH_SECRET"}
    document["spec"]["reconcile"] = {"envFrom": [{"secretRef": {"name": "providers"}}]}
    document["spec"]["webhooks"] = [
        {"name": "site", "url": url, "secretRef": {"name": "webhooks", "key": "WEBHOOK_SECRET"}}
    ]
    return document


async def a_reconciliation_is_begun(world, page):
    before = await world.jobs()
    await world.follow(page)
    assert len(await world.jobs()) == len(before) + 1


async def cards_are_switched_off_and_on(world, page):
    version = await world.version()
    assert await world.takes_cards(version)
    await world.follow(page, 0, 1)
    assert not await world.takes_cards(version + 1)
    await world.follow(page, 1)
    assert await world.takes_cards(version + 2)


async def a_version_is_pinned_until_the_rows_are_right(world, page):
    version = await world.version()
    await world.conn.execute(WALLET, "bc1-ours")
    assert await world.wallet(version + 1) == "bc1-ours"
    await world.conn.execute(WALLET, "bc1-of-a-stranger")
    assert await world.wallet(version + 2) == "bc1-of-a-stranger"
    world.shell.examples["<version>"] = str(version + 1)
    await world.follow(page, 0, 1)
    assert await world.wallet(version + 3) == "bc1-ours"
    await world.conn.execute("DELETE FROM wallets WHERE wallet_address = 'bc1-of-a-stranger'")
    await world.follow(page, 1)
    assert await world.wallet(version + 4) == "bc1-ours"


async def an_endpoint_is_enabled_again(world, page):
    world.site.behave = lambda _request: answer(410)
    await world.conn.execute(CLOSE_CHF)
    await world.becomes("WebhooksDelivered", "False", "Disabled")
    world.site.behave = lambda _request: answer(204)
    state, *_ = await world.follow(page)
    assert '"state":"Disabled"' in state
    assert "answered 410 Gone" in state
    await world.becomes("WebhooksDelivered", "True", "Delivered")


async def answer(status):
    return web.Response(status=status)


async def keys_are_replaced(world, page):
    await world.follow(page, 0, 2)
    new = world.shell.environment["NEW"]
    assert await world.secret("api", "ADMIN_TOKEN") == f"{new},{ADMIN_TOKEN}"
    await world.follow(page, 2)
    assert await world.secret("api", "ADMIN_TOKEN") == new
    assert await world.secret("providers", "STRIPE_SECRET") == TYPED.strip()


async def the_lease_is_taken_again(world, page):
    holder, allowed, deleted = await world.follow(page)
    assert holder.startswith("one renewed it at 20")
    assert allowed == "yes\n"
    assert "deleted" in deleted
    lease = await until(lambda: world.namespace.cluster.get(LEASES, world.namespace.name, LEASE_NAME), bool)
    assert lease["spec"]["holderIdentity"] == "one"


async def the_api_server_is_ready(world, page):
    assert "ok" in await world.follow(page)


async def secrets_are_made(world, page):
    await world.follow(page)
    made = {name: await world.every_key(name) for name in SECRETS_OF[page]}
    assert {name: [*keys] for name, keys in made.items()} == SECRETS_OF[page]
    drawn = [value for keys in made.values() for key, value in keys.items() if key in DRAWN]
    assert all(re.fullmatch(r"[0-9a-f]{64}|whsec_[A-Za-z0-9+/]{43}=", each) for each in drawn), drawn
    assert len({*drawn}) == len(drawn), "each is drawn for itself"


async def a_shell_is_prepared(world, page):
    _, listed = await world.follow(page)
    told = world.shell.environment
    assert (told["ADMIN_TOKEN"], told["DATABASE_URL"]) == (ADMIN_TOKEN, world.database)
    as_admin = {"Authorization": f"Bearer {told['ADMIN_TOKEN']}"}
    assert (await world.pod.call("GET", "/admin/stats", headers=as_admin))[0] == 200
    resource, *_ = [line.split() for line in listed.splitlines() if line.startswith(f"{NAME} ")]
    assert resource[1] == str(await world.version())
    assert f"cronjob.batch/{NAME}-reconcile " in listed


RESTORING = "runbooks/restoring-postgres.md"
# What is made before a page is followed, and checked after it.
STORIES: dict[str, Callable[[World, str], Awaitable[None]]] = {
    "deployment.md": secrets_are_made,
    "members.md": secrets_are_made,
    "operations.md": a_shell_is_prepared,
    "runbooks/card-testing.md": cards_are_switched_off_and_on,
    "runbooks/credits.md": a_reconciliation_is_begun,
    "runbooks/debugging-sync.md": the_api_server_is_ready,
    "runbooks/operator-without-leader.md": the_lease_is_taken_again,
    "runbooks/provider-outage.md": cards_are_switched_off_and_on,
    "runbooks/reconciliation.md": a_reconciliation_is_begun,
    "runbooks/rolling-back-routes.md": a_version_is_pinned_until_the_rows_are_right,
    "runbooks/rotating-keys.md": keys_are_replaced,
    "runbooks/wix-endpoint.md": an_endpoint_is_enabled_again,
}


async def test_the_commands_of_the_pages_work(world):
    for page in pages_for("kube"):
        if page != RESTORING:
            await STORIES[page](world, page)


async def test_a_restored_database_takes_the_place_of_the_lost_one(world):
    """The operator takes a dump for the same database, and publishes from it."""
    command = f"pg_dump --no-owner '{world.database}' | psql --quiet --set=ON_ERROR_STOP=1 '{world.empty}'"
    copying = await asyncio.create_subprocess_shell(
        command, env=world.shell.environment, stdout=asyncio.subprocess.DEVNULL
    )
    assert await copying.wait() == 0
    world.shell.environment |= {"PODS_DATABASE_URL": world.empty, "NEW_DATABASE_URL": "of the owner"}
    restored = await asyncpg.connect(world.empty)
    try:
        await a_reconciliation_is_begun(world, RESTORING)
        version = await world.version()
        await restored.execute(CLOSE_CHF)
        await world.namespace.shows(NAME, version=version + 1)
        assert await restored.fetchval("SELECT max(version) FROM payment_routes") == version + 1
        assert await world.version() == version
        assert await world.secret("database", "MIGRATION_DATABASE_URL") == "of the owner"
    finally:
        await restored.close()


def test_each_story_has_its_page():
    assert {*STORIES, RESTORING} == set(pages_for("kube"))
