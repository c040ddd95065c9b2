"""One resource speaks for a database; what it says of the policy is its own, and nothing else is."""

from __future__ import annotations

import pytest

from hingecraft.errors import ConflictError
from hingecraft.identity.principal import Actor
from hingecraft.installation import service as installation
from hingecraft.installation.model import Claimant
from hingecraft.routes import service as routes
from hingecraft.routes.model import Declared, PolicyChange

OPERATOR, ADMIN = Actor(name="operator"), Actor(name="admin")
FIRST = Claimant(uid="u-1", name="shop/main", cluster="here")
SECOND = Claimant(uid="u-2", name="shop/other", cluster="here")


def declared(**more):
    return Declared(**{"providers": {}, **more})


async def test_who_comes_first_has_it(database):
    assert await installation.claim(database, FIRST)
    assert not await installation.claim(database, SECOND)
    assert (await installation.read(database)).claimed_by == FIRST
    assert await installation.claim(database, FIRST), "and may ask again"


async def test_it_is_taken_over_from_just_the_one_that_is_gone(database):
    await installation.claim(database, FIRST)
    assert not await installation.claim(database, SECOND, instead_of="u-0")
    assert await installation.claim(database, SECOND, instead_of="u-1")
    assert (await installation.read(database)).claimed_by == SECOND


async def test_only_who_has_it_gives_it_back(database):
    await installation.claim(database, FIRST)
    assert not await installation.release(database, "u-2")
    assert (await installation.read(database)).claimed_by == FIRST
    assert await installation.release(database, "u-1")
    assert (await installation.read(database)).claimed_by is None


async def test_a_name_that_moved_is_written_again(database):
    await installation.claim(database, FIRST)
    renewed = Claimant(uid="u-1", name="shop/main", cluster="after-a-new-authority")
    assert await installation.claim(database, renewed)
    assert (await installation.read(database)).claimed_by == renewed


async def test_what_a_resource_says_is_its_own(database):
    assert await routes.declare(database, declared(providers={"stripe": False}, paused=True), OPERATOR)
    policy = await routes.policy(database)
    assert policy.disabled_providers == {"stripe"}
    assert policy.paused
    assert policy.managed == {"providers.stripe", "paused"}
    with pytest.raises(ConflictError, match=r"providers\.stripe is set by a PaymentRoutes resource"):
        await routes.change_policy(database, PolicyChange(providers={"stripe": True}), ADMIN)
    await routes.change_policy(database, PolicyChange(providers={"nowpayments": False}), ADMIN)
    assert (await routes.policy(database)).disabled_providers == {"stripe", "nowpayments"}


async def test_saying_it_again_changes_nothing_and_leaves_no_trace(database, conn):
    said = declared(providers={"stripe": False, "nowpayments": True}, single_use_checkouts=True, pin_version=1)
    assert await routes.declare(database, said, OPERATOR)
    assert not await routes.declare(database, said, OPERATOR)
    assert await conn.fetchval("SELECT count(*) FROM payment_audit WHERE action = 'policy_declared'") == 1


async def test_what_it_no_longer_says_stays_and_is_the_admins_again(database):
    await routes.declare(database, declared(providers={"stripe": False}, paused=True), OPERATOR)
    await routes.declare(database, declared(), OPERATOR)
    policy = await routes.policy(database)
    assert (policy.disabled_providers, policy.paused, policy.managed) == ({"stripe"}, True, frozenset())


async def test_a_pin_goes_with_the_field_but_an_admins_pin_stays(database):
    await routes.declare(database, declared(pin_version=1), OPERATOR)
    await routes.declare(database, declared(), OPERATOR)
    assert (await routes.policy(database)).pin_version is None
    await routes.publish(database)
    await routes.pin(database, 1, ADMIN)
    await routes.declare(database, declared(paused=False), OPERATOR)
    assert (await routes.policy(database)).pin_version == 1


async def test_a_resource_that_is_gone_leaves_everything_as_it_is(database):
    await routes.declare(database, declared(providers={"stripe": False}, pin_version=1), OPERATOR)
    await routes.release(database)
    policy = await routes.policy(database)
    assert (policy.disabled_providers, policy.pin_version, policy.managed) == ({"stripe"}, 1, frozenset())
