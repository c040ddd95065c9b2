"""Packs and plans: what is offered, what it costs, and how that is set."""

from __future__ import annotations

import asyncio
import re
from types import SimpleNamespace

import pytest

from hingecraft.credits.prices import service
from hingecraft.credits.prices.steps import prices_steps
from hingecraft.providers.patience import PAUSES
from hingecraft_sandbox.providers.book import Book
from hingecraft_sandbox.providers.stripe.demo import add_demo_prices
from support import processes
from support.members import CHECKOUT, PACK, PLAN, Member, make_price, reconciled, sell
from support.pods import SITE_URL, running_pod
from support.sandbox import STRIPE_KEY
from support.tokens import SETTINGS

PACKS = "/api/v1/credits/packs"
ROWS = "SELECT price_id, credits, amount, currency, active FROM credit_prices WHERE code = $1 ORDER BY active, price_id"


@pytest.fixture
async def pod(dsn, sandbox):
    async with running_pod(dsn, **sandbox.settings, **SETTINGS) as running:
        yield running


@pytest.fixture
def command(dsn, sandbox):
    """`hingecraft credits prices`, as a process of its own."""

    async def run(*arguments, key=STRIPE_KEY):
        environment = {
            "DATABASE_URL": dsn.newest, "SITE_URL": SITE_URL, "STRIPE_API_BASE": sandbox.address, "STRIPE_SECRET": key,
        }  # fmt: skip
        code, output, errors = await processes.run(["credits", "prices", *arguments], environment)
        return code, output + errors

    return run


async def offered(pod):
    _, answer = await pod.call("GET", PACKS)
    return answer["data"]


async def asked(sandbox):
    """How often Stripe was asked."""
    return (await sandbox.ask("GET", "/_sandbox/switches"))["keys"][STRIPE_KEY]


async def reconcile(pod):
    return await reconciled(prices_steps(pod.pod.database, pod.pod.providers.stripe))


async def test_what_stripe_has_is_offered_with_its_amount(pod, sandbox, conn):
    prices = await sell(conn, sandbox, PACK, "POWER_PACK", PLAN)
    assert await offered(pod) == [
        {"planType": "credits", "kind": "pack", "credits": 50, "priceId": prices[PACK], "amount": 5, "currency": "USD"},
        {"planType": "credits", "kind": "pack", "credits": 250, "priceId": prices["POWER_PACK"], "amount": 20,
         "currency": "USD"},
        {"planType": "basic", "kind": "subscription", "credits": 100, "priceId": prices[PLAN], "amount": 9,
         "currency": "USD"},
    ]  # fmt: skip


async def test_stripe_is_asked_once_about_a_price_that_it_does_not_have(pod, sandbox):
    assert await asyncio.gather(*(offered(pod) for _ in range(5))) == [[]] * 5
    before = await asked(sandbox)
    await offered(pod)
    assert await asked(sandbox) == before


@pytest.mark.parametrize("wrong", ["archived", "product", "recurring", "free amount", "unknown", "inactive"])
async def test_what_cannot_be_sold_is_not_offered(pod, sandbox, conn, wrong):
    if wrong == "recurring":
        price = await make_price(sandbox, interval="month")
    elif wrong == "free amount":
        price = await make_price(sandbox, None)
    else:
        price = await make_price(sandbox)
    if wrong == "archived":
        await sandbox.change("prices", price, active=False)
    if wrong == "product":
        product = (await sandbox.stripe(f"prices/{price}"))["product"]
        await sandbox.change("products", product, active=False)
    shown = price if wrong != "unknown" else "price_nobody_has"
    await conn.execute(
        "UPDATE credit_prices SET price_id = $1, active = $2 WHERE code = $3", shown, wrong != "inactive", PACK
    )
    assert await offered(pod) == []
    status, answer = await Member(pod).call("POST", CHECKOUT, {"priceId": shown})
    assert (status, answer["code"]) == (400, "unknown_price")
    assert await conn.fetchval("SELECT count(*) FROM payments") == 0


async def test_the_reconciliation_reads_amounts_and_withdraws_what_is_gone(pod, sandbox, conn):
    prices = await sell(conn, sandbox, PACK, PLAN)
    assert (await reconcile(pod)).errors == 0
    assert await conn.fetch(ROWS, PACK) == [(prices[PACK], 50, 5, "USD", True)]
    await sandbox.change("prices", prices[PACK], active=False)
    await reconcile(pod)
    assert [each["priceId"] for each in await offered(pod)] == [prices[PLAN]]
    await sandbox.change("prices", prices[PACK], active=True)
    await reconcile(pod)
    assert len(await offered(pod)) == 2


async def test_make_dev_has_a_price_for_each_pack_and_plan(conn, tmp_path):
    for _ in range(2):
        book = Book(tmp_path / "journal")
        add_demo_prices(book)
        prices = {each["id"]: "pack" if each["recurring"] is None else "subscription" for each in book.all("prices")}
        book.close()
        assert prices == dict(await conn.fetch("SELECT price_id, kind FROM credit_prices"))


async def test_when_stripe_does_not_answer_what_is_known_stays(pod, sandbox, conn):
    await sell(conn, sandbox, PACK)
    await reconcile(pod)
    await sandbox.fault("status_before", path="prices", times=99, status=500)
    assert (await reconcile(pod)).errors == 1
    before = await asked(sandbox)
    assert len(await offered(pod)) == 1
    assert await asked(sandbox) - before <= len(PAUSES) + 1, "not about each price that has not been read"


async def test_set_replaces_a_price_and_keeps_the_one_before(command, pod, sandbox, conn):
    first, second = await make_price(sandbox), await make_price(sandbox, 700)
    assert (await command("set", PACK, "--price", first))[0] == 0
    code, output = await command("set", PACK, "--price", second, "--credits", "80")
    assert (code, "7 USD" in output) == (0, True), output
    assert await conn.fetch(ROWS, PACK) == sorted(
        [(first, 50, 5, "USD", False), (second, 80, 7, "USD", True), ("price_QUICK_SCAN", 50, None, None, False)],
        key=lambda row: (row[4], row[0]),
    )
    assert [(each["priceId"], each["credits"]) for each in await offered(pod)] == [(second, 80)]
    assert (await command("set", PACK, "--price", first))[0] == 0, "an earlier price can be sold again"
    assert [each["priceId"] for each in await offered(pod)] == [first]
    code, output = await command("list")
    assert code == 0
    assert {line.split()[-1] for line in output.splitlines() if line.startswith(PACK)} == {
        first, second, "price_QUICK_SCAN",
    }  # fmt: skip
    audited = await conn.fetchval("SELECT count(*) FROM payment_audit WHERE action = 'credit_price_set'")
    assert audited == 3


async def test_set_says_what_is_wrong(command, sandbox, conn):
    price = await make_price(sandbox)
    for arguments, sentence in (
        (("set", "NOTHING", "--price", price), "unknown pack or plan NOTHING"),
        (("set", PACK, "--price", "price_POWER_PACK"), "is the price of POWER_PACK"),
        (("set", PACK, "--price", price, "--credits", "0"), "from 1 to 1000000"),
        (("ensure", "--amount", "5"), "name it"),
        (("ensure", PACK, "--amount", "5", "--currency", "BTC"), "is not in the table currencies"),
        (("ensure", PACK, "--amount", "5.001"), "at most 2 decimals"),
    ):
        code, output = await command(*arguments)
        assert code != 0
        assert sentence in output, output
    assert (await conn.fetch(ROWS, PACK))[0]["price_id"] == "price_QUICK_SCAN"
    code, output = await command("set", PLAN, "--price", price)
    assert (code, "charged once" in output) == (1, True), output


async def test_ensure_makes_a_price_once_and_finds_it_again(command, pod, conn):
    assert (await command("ensure", PACK, "--amount", "5"))[0] == 0
    ((_, made),) = [(row["active"], row["price_id"]) for row in await conn.fetch(ROWS, PACK) if row["active"]]
    assert (await command("ensure", PACK, "--amount", "5"))[0] == 0
    await conn.execute("UPDATE credit_prices SET active = false WHERE code = $1", PACK)
    await conn.execute("UPDATE credit_prices SET active = true WHERE price_id = 'price_QUICK_SCAN'")
    code, output = await command("ensure")
    assert code == 1, "the others have no price at Stripe"
    assert "no price at Stripe" in output
    assert [each["priceId"] for each in await offered(pod)] == [made]
    assert (await command("ensure", PLAN, "--amount", "9.50"))[0] == 0
    assert (await command("ensure", PLAN, "--amount", "12"))[0] == 0, "another amount is another price"
    assert [(each["kind"], each["amount"]) for each in await offered(pod)] == [("pack", 5), ("subscription", 12)]


async def test_a_price_whose_500_is_kept_is_made_under_another_key(command, pod, sandbox):
    await sandbox.fault("status_kept", path="/v1/prices", method="POST", times=1)
    code, output = await command("ensure", PACK, "--amount", "5")
    assert code == 0, output
    assert [(each["kind"], each["amount"]) for each in await offered(pod)] == [("pack", 5)]


async def test_amounts_are_read_on_a_machine_that_has_just_started(pod, conn, sandbox, monkeypatch):
    price_id = await make_price(sandbox)
    await conn.execute("UPDATE credit_prices SET price_id = $1 WHERE code = $2", price_id, PACK)
    monkeypatch.setattr(service, "time", SimpleNamespace(monotonic=lambda: 1.0))
    assert [(each["kind"], each["amount"]) for each in await offered(pod)] == [("pack", 5)]


async def test_the_list_reads_amounts_that_nobody_has_read_yet(command, conn, sandbox):
    """A price that was set without a key of Stripe, or while Stripe was down, has none."""
    price_id = await make_price(sandbox)
    await conn.execute("UPDATE credit_prices SET price_id = $1 WHERE code = $2", price_id, PACK)
    code, output = await command("list")
    assert code == 0, output
    assert re.search(rf"^{PACK} .* 5 USD +offered +{price_id}$", output, re.MULTILINE), output
    assert "Stripe does not have it" in output, "the others say why they are not offered"


async def test_the_list_says_what_to_do_about_unknown_amounts_without_a_key(command, conn):
    sentence = "STRIPE_SECRET is not set, so unknown amounts cannot be read from Stripe: set it"
    code, output = await command("list", key="")
    assert (code, "not known" in output) == (0, True), output
    assert output.count(sentence) == 1, output
    assert sentence not in (await command("list"))[1]
    await conn.execute("UPDATE credit_prices SET amount = 5, currency = 'USD'")
    assert sentence not in (await command("list", key=""))[1], "all amounts are known"
