"""A pod is killed after each step of each path of purchases; what is left is what an undisturbed run leaves."""

from __future__ import annotations

import signal

import asyncpg
import pytest

from support.buying import DESIGN
from support.downloads import SECRET as DOWNLOAD_SECRET
from support.folders import open_folder
from support.killing import Killing
from support.money import all_processed
from support.purchase_books import Account, assert_purchases_agree, held_by
from support.purchase_journeys import JOURNEYS
from support.stage import Stage
from support.taps import tapped
from support.tokens import ISSUER, SECRET

GONE = "SELECT event_id, body FROM provider_events ORDER BY received_at DESC"


@pytest.fixture
async def stage(dsn, sandbox):
    """A pod whose steps are seen, and a sandbox that tells it nothing by itself."""
    with open_folder() as folder:
        stage = Stage(folder, dsn.newest, sandbox)
        stage.killing = Killing(lambda: stage.api.signal(signal.SIGKILL))
        (folder / DESIGN["file"]).write_bytes(b"a hinge")
        async with tapped(dsn.newest, sandbox.address, stage.killing.after) as environment:
            stage.api.tell(
                **environment, AUTH_JWT_SECRET=SECRET, AUTH_JWT_ISSUER=ISSUER, DOWNLOADS=f"file://{folder}",
                DOWNLOAD_SECRET=DOWNLOAD_SECRET,
            )  # fmt: skip
            try:
                await stage.begin()
                await sandbox.tells(stage.api.public, enabled=False)
                yield stage
            finally:
                await stage.end()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("path", JOURNEYS, ids=lambda path: path.replace(" ", "-"))
async def test_wherever_a_pod_is_killed_rows_and_stripe_agree(stage, path):
    """Each place has a member of its own; half of them repeat before the reconciliation, and the others after it."""
    journey = JOURNEYS[path](stage)
    await journey.set_up()
    members = [await journey.prepare()]
    stage.killing.watch()
    await journey.ask(members[0])
    await stage.until(lambda: journey.done(members[0]))
    places = stage.killing.places
    stage.killing.rest()
    for place in places:
        members.append(await journey.prepare())
        await killed(stage, journey, members[-1], place)
        if len(members) % 2:
            await stage.time_passes()
            await journey.ask(members[-1])
    await stage.reconcile()
    for member in members[1:]:
        await journey.ask(member)
    for member in members:
        await journey.finish(member)
    await stage.reconcile()
    await compared(stage, members, places)
    for event in await told(stage):
        await journey.tell(event)
    await all_processed(stage.conn, at_least=0)
    await compared(stage, members, places)
    print("END", len(places)); print("\n".join(map(str,places)))


async def killed(stage, journey, member, place):
    stage.killing.watch(place)
    await journey.attempt(member)

    async def over():
        return stage.killing.killed.is_set() or await journey.done(member)

    await stage.until(over)
    stage.killing.rest()
    await stage.kill()
    await stage.api.start()
    await stage.api.until("/ready", 200)


async def compared(stage, members, places):
    account = await Account.read(stage.sandbox)
    await assert_purchases_agree(stage.conn, account)
    undisturbed, *others = [await held_by(stage.conn, account, member.id) for member in members]
    for place, left in zip(places, others, strict=True):
        assert left == undisturbed, place


async def told(stage):
    """Every event once more, the newest first, under another id."""
    events = (await stage.sandbox.stripe("events?limit=100"))["data"]
    return [{**event, "id": f"{event['id']}_again"} for event in events]
