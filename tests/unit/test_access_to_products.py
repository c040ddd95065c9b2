"""The entitlement that decides about access, the one that downloads count on, and products to buy again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from hingecraft.purchases.access import Entitlement, Held

DESIGN, SUBSCRIPTION = uuid4(), uuid4()
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def entitlement(**more):
    fields = {
        "id": uuid4(), "product_id": DESIGN, "product_type": "design", "starts_at": NOW - DAY, "ends_at": None,
        "revoked_because": None, "download_limit": None, "downloads_used": 0,
    }  # fmt: skip
    return Entitlement(**{**fields, **more})


def held(*entitlements, product=DESIGN, kind="design", active=True, at=NOW):
    return Held(
        product_id=product, product_type=kind, active=active, file="a.zip", moment=at, entitlements=entitlements
    )


def reason(*entitlements, **more):
    found = held(*entitlements, **more).access
    assert found.allowed == (found.reason in {"owned", "subscribed"})
    return found.reason


def test_a_products_own_entitlement_counts_before_a_subscription():
    paid = entitlement(product_id=SUBSCRIPTION, product_type="subscription", ends_at=NOW + DAY)
    assert reason() == "not_bought"
    assert reason(entitlement(), paid) == "owned"
    assert reason(paid) == "subscribed"
    assert reason(paid, active=False) == "not_bought"
    assert reason(paid, kind="course") == "not_bought"
    assert reason(paid, product=SUBSCRIPTION, kind="subscription") == "subscribed"
    assert reason(replace(paid, ends_at=NOW)) == "expired"
    assert reason(replace(paid, ends_at=NOW), active=False) == "not_bought"
    assert reason(entitlement(), active=False) == "owned"


def test_access_ends_with_the_last_second_and_the_newest_entitlement_says_why():
    ends = entitlement(ends_at=NOW)
    assert reason(ends, at=NOW - timedelta(microseconds=1)) == "owned"
    assert reason(ends) == "expired"
    refunded = entitlement(revoked_because="refunded", starts_at=NOW - 3 * DAY)
    assert reason(refunded, ends) == "expired"
    assert reason(refunded) == "refunded"
    assert reason(entitlement(revoked_because="disputed")) == "disputed"
    assert reason(refunded, entitlement()) == "owned"


def test_an_entitlement_that_has_not_begun_gives_no_access_and_no_reason():
    future = entitlement(starts_at=NOW + DAY)
    assert reason(future) == "not_bought"
    assert reason(future, at=NOW + DAY) == "owned"
    assert reason(future, entitlement(revoked_because="refunded")) == "refunded"


def test_of_several_the_longest_is_shown():
    short, longer = entitlement(ends_at=NOW + DAY), entitlement(ends_at=NOW + 2 * DAY)
    assert held(short, longer).access.ends_at == longer.ends_at
    assert held(short, longer, entitlement()).access.ends_at is None
    following = entitlement(starts_at=NOW + 2 * DAY, ends_at=NOW + 4 * DAY)
    assert held(longer, following).access.ends_at == following.ends_at
    assert held(longer, replace(following, revoked_because="refunded")).access.ends_at == longer.ends_at


def test_downloads_are_counted_on_what_ends_first_then_on_the_older_one_and_last_on_a_subscription():
    ids = [UUID(int=number) for number in (5, 4, 3, 2)]
    ends = entitlement(id=ids[0], ends_at=NOW + DAY, download_limit=1)
    old = entitlement(id=ids[1], starts_at=NOW - 9 * DAY, download_limit=1)
    new = entitlement(id=ids[2], download_limit=1)
    paid = entitlement(
        id=ids[3], product_id=SUBSCRIPTION, product_type="subscription", ends_at=NOW + timedelta(hours=1)
    )
    left, order = [paid, new, old, ends], []
    while (counted := held(*left).access.next_counted) is not None and counted.id not in order:
        order.append(counted.id)
        left = [replace(each, downloads_used=1) if each.id == counted.id else each for each in left]
    assert order == ids
    assert held(replace(old, downloads_used=1)).access.next_counted is None


@pytest.mark.parametrize(
    ("entitlements", "kind", "buys"),
    [
        ([], "design", True),
        ([entitlement()], "design", False),
        ([entitlement(download_limit=1)], "design", False),
        ([entitlement(download_limit=1, downloads_used=1)], "design", True),
        ([entitlement(download_limit=1, downloads_used=1), entitlement(download_limit=1)], "design", False),
        ([entitlement(revoked_because="refunded")], "design", True),
        ([entitlement(ends_at=NOW)], "design", True),
        ([entitlement(product_id=SUBSCRIPTION, product_type="subscription")], "design", True),
        ([entitlement(product_type="course", download_limit=1, downloads_used=1)], "course", False),
    ],
)
def test_what_gives_something_is_not_sold_again(entitlements, kind, buys):
    assert held(*entitlements, kind=kind).may_be_bought is buys
