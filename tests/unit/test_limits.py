"""The limits that the calls of each kind of caller count against."""

from __future__ import annotations

import pytest

from hingecraft.identity.principal import ANONYMOUS, Kind, Principal
from hingecraft.settings import DsnSecret
from hingecraft_api.access.limits import Limit, Limits, counted_as
from hingecraft_api.access.rate_limit import RateLimit
from hingecraft_api.access.visitor import Visitor
from support.pods import settings_of

OFFICE = Visitor(key="ip:192.0.2.1")
HOME = Visitor(key="ip:198.51.100.7")
NOW = 1_800_000_000.0


def passed(limits, principal, visitor, count):
    caller = counted_as(principal, visitor)
    return [caller is None or limits.reached(Limit.VISITOR, caller, NOW) is None for _ in range(count)]


@pytest.fixture
def limits():
    return Limits(settings_of(DsnSecret("postgresql://127.0.0.1/none"), rate_limit=2))


@pytest.mark.parametrize("kind", [Kind.USER, Kind.WIX_INSTANCE])
def test_a_proved_caller_has_one_limit_wherever_it_calls_from(limits, kind):
    caller = Principal(kind=kind, id="a")
    assert passed(limits, caller, OFFICE, 2) == [True, True]
    assert passed(limits, caller, HOME, 1) == [False]


def test_callers_behind_one_address_do_not_use_up_each_others_limit(limits):
    for kind, name in ((Kind.USER, "a"), (Kind.USER, "b"), (Kind.WIX_INSTANCE, "a")):
        assert passed(limits, Principal(kind=kind, id=name), OFFICE, 3) == [True, True, False]
    assert passed(limits, ANONYMOUS, OFFICE, 3) == [True, True, False]


@pytest.mark.parametrize("kind", [Kind.SERVICE, Kind.ADMIN, Kind.ENGINE])
def test_callers_of_our_own_are_not_limited(limits, kind):
    assert passed(limits, Principal(kind=kind), OFFICE, 5) == [True] * 5


def test_a_visitor_that_the_site_has_named_counts_as_that_visitor(limits):
    named = Visitor(key="vid:" + "a" * 22, signed=True)
    assert passed(limits, Principal(kind=Kind.VISITOR, id=named.key), named, 3) == [True, True, False]
    assert passed(limits, ANONYMOUS, OFFICE, 1) == [True]


@pytest.mark.parametrize("back", [62, 3600, 1e9])
def test_a_clock_that_is_set_back_rejects_nobody_for_longer_than_a_minute(back):
    limit = RateLimit(3)
    assert [limit.retry_after("a", NOW) for _ in range(4)] == [0, 0, 0, 20]
    assert limit.is_reached("a", NOW)
    assert not limit.is_reached("a", NOW - back)
    assert [limit.retry_after("a", NOW - back) for _ in range(4)] == [0, 0, 0, 20]
    assert limit.is_reached("a", NOW - back)


@pytest.mark.parametrize("back", [0, 0.5, 1])
def test_a_small_step_of_the_clock_frees_no_place(back):
    limit = RateLimit(3)
    assert [limit.retry_after("a", NOW) for _ in range(3)] == [0, 0, 0]
    assert limit.is_reached("a", NOW - back)
    assert 20 <= limit.retry_after("a", NOW - back) <= 21
