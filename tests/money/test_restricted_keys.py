"""Restricted keys: the documented permissions suffice and none is superfluous, and the one that is missing is named."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from hingecraft.providers.stripe.permissions import NAMES
from support.buying import ALL_DESIGNS, DESIGN, Buyer, add_product, change_product
from support.members import PACK, PLAN, make_price, pod_for_members, sell
from support.money import all_processed, becomes, completes, give, status_of
from support.pods import ADMIN, SITE_URL, running_pod
from support.purchases import post, refund, session_for
from support.reconciling import command
from support.standing_links import pay_through
from support.subscribing import copied

pytestmark = pytest.mark.usefixtures("few_links")

GUIDE = Path(__file__).parents[2] / "docs" / "deployment.md"
ROW = re.compile(r"^\| ([^|]+) \| (None|Read|Write) \| (None|Read|Write) \| [^|]+ \|$", re.MULTILINE)
LINK = "SELECT provider_url FROM external_payments WHERE kind = 'standing' AND currency = 'EUR'"
KEY = "rk_test_" + "documented"
OF_STRANGERS = "SELECT count(*) FROM provider_events WHERE type LIKE 'customer.%' AND ignored_because IS NULL"
LEVELS = ("None", "Read", "Write")
LACKS = "Stripe answered 403: the key lacks the permission {}"


def documented(column):
    """The levels of one column of the table, by Stripe's identifiers."""
    identifiers = {name: identifier for identifier, name in NAMES.items()}
    levels = {identifiers[row[0]]: row[column] for row in ROW.findall(GUIDE.read_text())}
    return {identifier: level for identifier, level in levels.items() if level != "None"}


def highest(*columns):
    """For each object the highest of its levels."""
    found: dict[str, str] = {}
    for name, level in (pair for column in columns for pair in column.items()):
        found[name] = max(found.get(name, "None"), level, key=LEVELS.index)
    return found


DONATIONS, MEMBERS = documented(1), documented(2)


def permissions(levels, *, without=None):
    return [f"rak_{name}_{level.lower()}" for name, level in levels.items() if name != without]


async def restrict(sandbox, levels, *, without=None):
    await sandbox.ask("PUT", "/_sandbox/permissions", json={KEY: permissions(levels, without=without)})


async def needed(sandbox):
    """The levels that calls with the key needed, by Stripe's identifiers."""
    switches = await sandbox.ask("GET", "/_sandbox/switches")
    parts = [name.removeprefix("rak_").rpartition("_") for name in switches["permissions"][KEY]["needed"]]
    return highest(*({name: level.capitalize()} for name, _, level in parts))


async def run(dsn, sandbox, *arguments):
    """A command with the restricted key; its exit code and all that it prints."""
    environment = {**sandbox.environment, "STRIPE_SECRET": KEY, "SITE_URL": SITE_URL}
    code, said, complained = await command(dsn, environment, *arguments)
    return code, said + complained


async def reconcile(dsn, sandbox):
    code, said = await run(dsn, sandbox, "reconcile", "--once", "--all", "--provider", "stripe")
    assert code == 0, said


@pytest.fixture
def key():
    return {"stripe_secret": KEY}


async def test_the_documented_permissions_are_what_donations_need(dsn, sandbox, conn, key):
    """With lost events, standing links, refunds, disputes and other people's money."""
    await restrict(sandbox, DONATIONS)
    async with running_pod(dsn, **sandbox.settings | key) as pod:
        await sandbox.tells(pod.public)
        given = await completes(pod, sandbox, conn, amount="12.50", currency="EUR")
        (session,) = await sandbox.sessions(given)
        for act in ("refund_half", "dispute"):
            await sandbox.act(session["id"], act)
        await reconcile(dsn, sandbox)
        await pay_through(sandbox, await conn.fetchval(LINK))
        # Another shop in the account: its customer's subscription, and a payment with its refund, are not ours.
        price, customer = await make_price(sandbox), (await post(sandbox, "customers", email="b@example.com"))["id"]
        await sandbox.act(theirs := await session_for(sandbox, customer, (price, 1)), "pay")
        await refund(sandbox, (await sandbox.stripe(f"checkout/sessions/{theirs}"))["payment_intent"])
        monthly = await make_price(sandbox, interval="month")
        await sandbox.act(await session_for(sandbox, customer, (monthly, 1), mode="subscription"), "pay")
        await all_processed(conn, at_least=13)
        assert await conn.fetchval(OF_STRANGERS) == 0
        await sandbox.tells(pod.public, enabled=False)
        lost = await give(pod, amount=5)
        await sandbox.act((await sandbox.sessions(lost["paymentId"]))[0]["id"], "pay")
        await reconcile(dsn, sandbox)
        assert await status_of(conn, lost["paymentId"]) == "completed"
        await all_processed(conn)
    assert await needed(sandbox) == DONATIONS


async def test_the_documented_permissions_are_what_members_need_beside_donations(dsn, sandbox, conn, key):
    await restrict(sandbox, MEMBERS)
    prices = await sell(conn, sandbox, PACK, PLAN)
    assert (await run(dsn, sandbox, "credits", "prices", "ensure", "POWER_PACK", "--amount", "20"))[0] == 0
    async with pod_for_members(dsn, sandbox, **key) as pod:
        design, designs = await add_product(pod, DESIGN), await add_product(pod, ALL_DESIGNS)
        ada, alex = Buyer(pod), Buyer(pod)
        for price in prices.values():
            bought = await ada.buy(price)
            await sandbox.act(bought["sessionId"], "pay")
            await becomes(conn, bought["paymentId"], "completed")
        await copied(conn, ada, status="active")
        assert (await ada.call("POST", "/api/v1/billing-portal", {}))[0] == 200
        # The price changes before it is paid: the subscription is ended, and another one is begun.
        await ada.begin(designs, "subscription")
        await change_product(pod, designs, price=8)
        await sandbox.act_on_intent((await ada.begin(designs, "subscription"))["intent"], "pay")
        await ada.gets(design, "subscribed")
        await sandbox.tells(pod.public, enabled=False)
        lost = await alex.begin(design)
        await sandbox.act_on_intent(lost["intent"], "pay")
        await reconcile(dsn, sandbox)
        assert await status_of(conn, lost["paymentId"]) == "completed"
        status, answer = await pod.call("DELETE", f"/admin/users/{ada.id}", headers=ADMIN)
        assert (status, answer["data"]["finished"]) == (200, True)
    assert highest(DONATIONS, await needed(sandbox)) == MEMBERS


async def test_a_missing_permission_is_named_with_what_to_do(dsn, sandbox, conn, caplog, key):
    """By the reconciliation, and in the log of the pod: the payer only reads that the provider cannot be reached."""
    await restrict(sandbox, DONATIONS, without="charge")
    code, said = await run(dsn, sandbox, "reconcile", "--once", "--provider", "stripe")
    assert code == 1
    assert "Stripe's events could not be read: " + (missing := LACKS.format("Charges and Refunds: Read")) in said
    assert f"{missing}. Add it to the key in Stripe's Dashboard" in said
    await restrict(sandbox, DONATIONS, without="checkout_session")
    async with running_pod(dsn, **sandbox.settings | key) as pod:
        with caplog.at_level(logging.ERROR):
            status, answer = await pod.call("POST", "/mission-support/micro-payment", json={"amount": 5})
        assert (status, answer["code"]) == (502, "provider_unavailable")
        assert "rak_" not in str(answer)
        assert LACKS.format("Checkout Sessions: Write") in caplog.text
        await restrict(sandbox, DONATIONS)
        assert (await pod.call("POST", "/mission-support/micro-payment", json={"amount": 5}))[0] == 200
