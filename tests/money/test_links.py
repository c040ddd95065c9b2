"""Standing links: one of Stripe's for each currency, and what the routes make of them."""

from __future__ import annotations

import json

import pytest

from hingecraft.errors import InvalidError
from hingecraft.links import service as links
from hingecraft.links.service import ByHand
from hingecraft.providers.stripe import StripeProvider
from hingecraft.providers.stripe_links import StripeLinks
from hingecraft.routes import service as routes
from support.pods import settings_of
from support.reconciling import command

FEW = "UPDATE currencies SET enabled = code IN ('USD', 'JPY', 'KWD', 'BTC')"


@pytest.fixture
async def keep(dsn, database, sandbox, conn):
    await conn.execute(FEW)
    provider = StripeProvider(settings_of(dsn, **sandbox.settings))
    stripe_links = StripeLinks(provider, sandbox.address)

    async def run():
        return await links.ensure(database, stripe_links, livemode=False)

    yield run
    await conn.execute("UPDATE currencies SET enabled = false")
    await run()
    await provider.close()


async def routed(database, code):
    await routes.publish(database)
    return json.loads((await routes.newest(database)).routes)[code]


async def active(sandbox):
    found = await sandbox.stripe("payment_links?limit=100&active=true")
    return {link["metadata"]["hingecraft_link"] for link in found["data"]}


async def test_each_currency_gets_one_link_and_the_routes_show_it(keep, database, sandbox):
    first = await keep()
    assert (first.wanted, first.switched_off) == (3, 0)
    again = await keep()
    assert (again.made, again.switched_on, again.switched_off) == (0, 0, 0)
    assert len(await active(sandbox)) == 3
    route = await routed(database, "JPY")
    assert route["url"].startswith(f"{sandbox.address}/pay/stripe/l/")
    assert (await routed(database, "BTC"))["url"] is None


async def test_other_bounds_are_another_link(keep, database, sandbox, conn):
    await keep()
    before = (await routed(database, "USD"))["url"]
    await conn.execute("UPDATE currencies SET max_amount = 500 WHERE code = 'USD'")
    changed = await keep()
    assert changed.switched_off == 1
    after = (await routed(database, "USD"))["url"]
    assert before != after
    await conn.execute("UPDATE currencies SET max_amount = 100000 WHERE code = 'USD'")
    back = await keep()
    assert (back.switched_on, back.switched_off) == (1, 1)
    assert (await routed(database, "USD"))["url"] == before


async def test_a_currency_or_stripe_switched_off_takes_its_links_along(keep, database, sandbox, conn):
    await keep()
    await conn.execute("UPDATE currencies SET enabled = false WHERE code = 'JPY'")
    assert (await keep()).switched_off == 1
    await conn.execute("UPDATE route_policy SET disabled_providers = '{stripe}'")
    assert (await keep()).switched_off == 2
    assert await active(sandbox) == set()
    assert (await routed(database, "USD"))["url"] is None
    await conn.execute("UPDATE route_policy SET disabled_providers = '{}'")
    assert (await keep()).switched_on == 2


async def test_after_a_loss_of_our_data_the_same_links_are_found_again(keep, database, conn):
    await keep()
    before = (await routed(database, "USD"))["url"]
    await conn.execute("DELETE FROM external_payments")
    assert (await keep()).made == 0
    assert (await routed(database, "USD"))["url"] == before


async def test_a_link_made_elsewhere_is_saved_and_routed(database, conn):
    assert (
        await links.add(database, ByHand(gateway="NOWPayments", currency="bitcoin", url="https://now.example/i"))
        == "BTC"
    )
    assert (await routed(database, "BTC"))["url"] == "https://now.example/i"
    for bad in ("http://now.example/i", "javascript:alert(1)", "https://a b"):
        with pytest.raises(InvalidError):
            await links.add(database, ByHand(gateway="x", currency="BTC", url=bad))


async def test_a_payer_of_a_link_says_how_much(keep, database, sandbox):
    await keep()
    url = (await routed(database, "USD"))["url"]
    path = url.removeprefix(sandbox.address)
    page = await sandbox.ask("GET", path)
    assert "Give what you like" in page
    assert 'value="10.00"' in page
    shown = await sandbox.ask("POST", f"{path}/begin", data={"amount": "25"})
    assert "25.00 USD" in shown


async def test_the_commands_keep_add_and_list(dsn, sandbox, conn):
    await conn.execute(FEW)
    code, said, _ = await command(dsn, sandbox.environment, "links", "ensure")
    assert (code, said.strip().splitlines()[-1][:14]) == (0, "3 links wanted")
    added = ["--gateway", "nowpayments", "--currency", "bitcoin", "--url", "https://nowpayments.io/payment/?iid=1"]
    code, said, _ = await command(dsn, sandbox.environment, "links", "add", *added, "--amount", "25")
    assert (code, said[:10]) == (0, "BTC: saved")
    code, said, _ = await command(dsn, sandbox.environment, "links", "list")
    assert code == 0
    assert [line.split()[0] for line in said.splitlines()] == ["BTC", "JPY", "KWD", "USD"]
    assert "https://nowpayments.io/payment/?iid=1 for 25" in said


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["add", "--gateway", "x", "--currency", "USD", "--url", "http://x"], 1, "https address"),
        (["add", "--gateway", "x", "--currency", "doubloons", "--url", "https://x.example"], 1, "no currency"),
        (
            ["add", "--gateway", "x", "--currency", "USD", "--url", "https://x.test", "--expires", "s"],
            2,
            "--expires",
        ),
        (["add", "--currency", "USD"], 2, "--gateway"),
        ([], 2, "ACT"),
    ],
)
async def test_what_the_commands_refuse_they_say(dsn, sandbox, arguments, code, why):
    found, _, complained = await command(dsn, sandbox.environment, "links", *arguments)
    assert found == code
    assert why in complained


async def test_links_without_keys_and_with_a_provider_that_is_away(dsn, sandbox):
    code, _, complained = await command(dsn, {**sandbox.environment, "STRIPE_SECRET": ""}, "links", "ensure")
    assert (code, "STRIPE_SECRET is not set" in complained) == (2, True)
    await sandbox.fault("status_before", status=403, times=9)
    code, _, complained = await command(dsn, sandbox.environment, "links", "ensure")
    assert (code, "run it again" in complained) == (1, True)
