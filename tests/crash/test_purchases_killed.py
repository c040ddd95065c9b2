"""A pod is killed after each step of each path of purchases; what is left is what an undisturbed run leaves."""

from __future__ import annotations

import pytest

from support.buying import DESIGN
from support.downloads import SECRET as DOWNLOAD_SECRET
from support.folders import open_folder
from support.killing import killing_stage
from support.money import all_processed
from support.purchase_books import Account, assert_purchases_agree, held_by
from support.purchase_journeys import JOURNEYS, Lost
from support.purchase_orders import EMPTY_PURCHASES
from support.purchase_paths import PURCHASES, RECONCILIATION
from support.tokens import ISSUER, SECRET

assert JOURNEYS.keys() == PURCHASES.keys()


@pytest.fixture
async def stage(dsn, sandbox):
    with open_folder() as folder:
        (folder / DESIGN["file"]).write_bytes(b"a hinge")
        async with killing_stage(
            folder, dsn.newest, sandbox, AUTH_JWT_SECRET=SECRET, AUTH_JWT_ISSUER=ISSUER, DOWNLOADS=f"file://{folder}",
            DOWNLOAD_SECRET=DOWNLOAD_SECRET,
        ) as stage:  # fmt: skip
            yield stage


@pytest.mark.timeout(600)
@pytest.mark.parametrize("path", PURCHASES, ids=lambda path: path.replace(" ", "-"))
async def test_wherever_a_pod_is_killed_rows_and_stripe_agree(stage, path):
    """Each place has a member of its own; half of them repeat before the reconciliation, and the others after it."""
    journey = JOURNEYS[path](stage)
    await journey.set_up()
    members = [await journey.prepare()]
    places = await stage.steps(lambda: journey.ask(members[0]), lambda: journey.done(members[0]))
    assert len(places) >= PURCHASES[path].places
    for place in places:
        member = await journey.prepare()
        members.append(member)
        await stage.dies(lambda member=member: journey.ask(member), lambda member=member: journey.done(member), place)
        if len(members) % 2:
            await stage.time_passes()
            await journey.ask(member)
    await stage.reconcile()
    for member in members[1:]:
        await journey.ask(member)
    for member in members:
        await journey.finish(member)
    await journey.time_passes()
    await stage.reconcile()
    once = await left(stage, members)
    for place, each in zip(places, once[1:], strict=True):
        assert each == once[0], place
    await tell_again(stage, journey)
    assert await left(stage, members) == once


@pytest.mark.timeout(600)
async def test_a_reconciliation_that_is_killed_again_and_again_finishes_every_purchase(stage):
    """Each run gets one step further than the one before, without a pod that could do the work first."""
    lost = Lost(stage)
    await lost.set_up()
    members = await lost.prepare()
    await stage.reconcile()
    await lost.finish()
    await stage.reconcile()
    undisturbed = await left(stage, members)
    # The sandbox's clock renews every subscription.
    await stage.conn.execute(EMPTY_PURCHASES)
    await stage.sandbox.ask("DELETE", "/_sandbox/book")
    members = await lost.prepare()
    await stage.kill()
    steps = 1
    while await stage.job_dies(steps):
        await stage.time_passes()
        steps += 1
    assert steps > RECONCILIATION.places
    await stage.replace()
    await lost.finish()
    await stage.reconcile()
    assert await left(stage, members) == undisturbed
    await tell_again(stage, lost.design)
    assert await left(stage, members) == undisturbed


async def left(stage, members):
    """The rows and objects at Stripe of each member."""
    await all_processed(stage.conn, at_least=0)
    account = await Account.read(stage.sandbox)
    await assert_purchases_agree(stage.conn, account)
    return [await held_by(stage.conn, account, member.id) for member in members]


async def tell_again(stage, journey):
    """The last events once more, the newest first, under other ids."""
    for event in (await stage.sandbox.stripe("events?limit=100"))["data"]:
        await journey.tell({**event, "id": f"{event['id']}_again"})
