"""Credits granted for paid sessions and invoices, and taken back for refunds and disputes, without a database."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hingecraft.credits.grants import Offer, UnknownAmountError, UnknownPriceError, grants_of
from hingecraft.credits.taking_back import Granted, changes_of, taken_of
from hingecraft.payments.model import Settled
from hingecraft.providers.findings import Line

BASIC = Offer(price_id="basic", credits=100, plan_type="basic", reason="b", amount=Decimal(10), currency="USD")
MAX = Offer(price_id="max", credits=2000, plan_type="max", reason="m", amount=Decimal(100), currency="USD")
PACK = Offer(price_id="pack", credits=50, plan_type="credits", reason="p")
OFFERS = {offer.price_id: offer for offer in (BASIC, MAX, PACK)}
GRANTED = Granted(id=7, user_id=UUID(int=1), credits=50, reason="quick_scan_purchase", plan_type="credits")


def line(
    price: str | None, amount: object = None, *, ref: str = "1", quantity: int = 1, proration: bool = False
) -> Line:
    costs = None if amount is None else Decimal(str(amount))
    return Line(ref=ref, price=price, quantity=quantity, currency="USD", amount=costs, proration=proration)


def granted(*lines: Line) -> list[tuple[str, str, int]]:
    return [(grant.line, grant.offer.price_id, grant.credits) for grant in grants_of(lines, OFFERS)]


def settled(kind: str, amount: object, ref: str = "x") -> Settled:
    return Settled(kind=kind, ref=ref, amount=Decimal(str(amount)), currency="USD", usd=None)


def test_each_line_grants_its_credits_times_its_quantity():
    lines = [line("pack", quantity=3), line("basic", 10, ref="2"), line("max", 200, ref="3", quantity=2)]
    assert granted(*lines) == [("1", "pack", 150), ("2", "basic", 100), ("3", "max", 4000)]


def test_more_than_ten_lines_grant_all():
    lines = [line("basic", 10, ref=f"il_{number}") for number in range(25)]
    assert sum(amount for _, _, amount in granted(*lines)) == 2500
    assert len({ref for ref, _, _ in granted(*lines)}) == 25


@pytest.mark.parametrize("each", [line("basic", 0), line("basic", -10), line(None, 5), line("basic", 10, quantity=0)])
def test_a_trial_a_credit_and_a_line_without_a_price_grant_nothing(each):
    assert granted(each) == []


def test_an_unknown_price_holds_up_the_other_lines():
    with pytest.raises(UnknownPriceError, match="unknown price price_new: add it with"):
        granted(line("basic", 10), line("price_new", 10, ref="2"))
    with pytest.raises(UnknownPriceError):
        granted(line("price_new", 0))


def test_an_upgrade_adds_the_difference_in_one_row():
    half = [line("basic", -5, ref="1", proration=True), line("max", 50, ref="2", proration=True)]
    assert granted(*half) == [("proration", "max", 950)]
    assert granted(*half, line("max", 100, ref="3")) == [("3", "max", 2000), ("proration", "max", 950)]


def test_a_downgrade_takes_nothing_back():
    half = [line("max", -50, ref="1", proration=True), line("basic", 5, ref="2", proration=True)]
    assert granted(*half) == []


def test_a_proration_is_rounded_down_once_for_all_lines():
    third = Decimal("3.33")
    lines = [line("basic", third, ref=str(number), proration=True) for number in range(3)]
    assert granted(*lines) == [("proration", "basic", 99)]


def test_a_proration_waits_for_the_amount_of_its_price():
    with pytest.raises(UnknownAmountError, match="unknown amount of pack in USD"):
        granted(line("pack", 5, proration=True))
    with pytest.raises(UnknownAmountError):
        grants_of([replace(line("basic", 5, proration=True), currency="EUR")], OFFERS)


def _share(price: str, amount: Decimal) -> Fraction:
    offer = OFFERS[price]
    assert offer.amount is not None
    return offer.credits * Fraction(amount) / Fraction(offer.amount)


@given(
    amounts=st.lists(st.decimals("-200", "200", places=2), min_size=1, max_size=12),
    prices=st.lists(st.sampled_from(("basic", "max")), min_size=12, max_size=12),
)
def test_prorations_grant_the_floor_of_their_sum(amounts, prices):
    lines = [
        line(price, amount, ref=str(number), proration=True)
        for number, (price, amount) in enumerate(zip(prices, amounts, strict=False))
    ]
    whole = sum((_share(price, amount) for price, amount in zip(prices, amounts, strict=False)), Fraction(0))
    assert sum(amount for _, _, amount in granted(*lines)) == max(0, whole // 1)


def test_ten_refunds_of_a_cent_take_what_one_of_ten_cents_takes():
    charge = settled("charge", 5)
    cents = [settled("refund", "-0.01", f"re_{number}") for number in range(10)]
    changes = list(changes_of([GRANTED], [charge], cents))
    assert [(change.delta, change.ref) for change in changes] == [(-1, "refund:re_9/7")]
    assert taken_of(50, [charge, settled("refund", "-0.10")]) == 1


def test_each_movement_has_its_own_ref_and_reason():
    moved = [
        settled("refund", -5, "re_1"), settled("refund_reversal", 5, "re_1"),
        settled("dispute", -5, "du_1"), settled("dispute_reversal", 5, "du_1"),
    ]  # fmt: skip
    changes = list(changes_of([GRANTED], [settled("charge", 5)], moved))
    assert [(each.delta, each.ref, each.reason) for each in changes] == [
        (-50, "refund:re_1/7", "refund_quick_scan_purchase"),
        (50, "refund_reversal:re_1/7", "refund_quick_scan_purchase_reversal"),
        (-50, "dispute:du_1/7", "dispute_quick_scan_purchase"),
        (50, "dispute_reversal:du_1/7", "dispute_quick_scan_purchase_reversal"),
    ]


def test_a_dispute_won_after_a_full_refund_gives_nothing_back():
    before = [settled("charge", 5), settled("refund", -5)]
    disputed = list(changes_of([replace(GRANTED, taken=50)], before, [settled("dispute", -5, "du_1")]))
    assert disputed == []
    won = [settled("dispute", -5, "du_1"), settled("dispute_reversal", 5, "du_1")]
    assert list(changes_of([replace(GRANTED, taken=50)], before, won)) == []


def test_a_refund_that_fails_after_a_second_one_succeeded():
    before = [settled("charge", 5)]
    moved = [settled("refund", -2, "a"), settled("refund", -3, "b"), settled("refund_reversal", 2, "a")]
    assert [change.delta for change in changes_of([GRANTED], before, moved)] == [-20, -30, 20]


KINDS = {"refund": -1, "refund_reversal": 1, "dispute": -1, "dispute_reversal": 1}


@given(
    paid=st.integers(1, 10_000),
    amounts=st.lists(st.integers(1, 5000), min_size=1, max_size=3),
    moved=st.lists(st.tuples(st.sampled_from(sorted(KINDS)), st.integers(1, 5000)), max_size=8),
    data=st.data(),
)
def test_in_any_order_and_cut_into_any_events_the_same_is_taken(paid, amounts, moved, data):
    charge = settled("charge", Decimal(paid) / 100)
    movements = [
        settled(kind, KINDS[kind] * Decimal(units) / 100, f"m{number}") for number, (kind, units) in enumerate(moved)
    ]
    shuffled = data.draw(st.permutations(movements))
    back = -sum((each.amount for each in movements), Decimal(0))
    grants = [replace(GRANTED, id=number, credits=amount) for number, amount in enumerate(amounts)]
    before, deltas = [charge], {grant.id: 0 for grant in grants}
    refs: list[str] = []
    while shuffled:
        number = data.draw(st.integers(1, len(shuffled)))
        now, shuffled = shuffled[:number], shuffled[number:]
        known = [replace(grant, taken=-deltas[grant.id]) for grant in grants]
        for change in changes_of(known, before, now):
            assert change.delta != 0
            deltas[change.granted.id] += change.delta
            refs.append(change.ref)
        before = [*before, *now]
    assert len(refs) == len(set(refs))
    for grant in grants:
        share = Fraction(back) / Fraction(charge.amount)
        assert -deltas[grant.id] == max(0, min(grant.credits, (grant.credits * share) // 1))
        if back == charge.amount:
            assert -deltas[grant.id] == grant.credits
