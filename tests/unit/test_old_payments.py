"""Refunds of an opening and their reversals add up, in any order of the events."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import permutations
from uuid import UUID

import pytest

from hingecraft.errors import AskFirstError, NotYetError
from hingecraft.payments.ledger import BookedPayment, decide
from hingecraft.payments.model import Settled, Status
from hingecraft.providers.findings import Finding, Money, MoneyKind, Price

ID = UUID(int=1)
TOLD = Finding(provider="stripe", livemode=True, told_by="a test", fresh=True)


def opened(amount: int, currency: str = "USD", usd: int | None = None) -> BookedPayment:
    worth = Decimal(usd if usd is not None else amount)
    opening = Settled(kind="opening", ref=str(ID), amount=Decimal(amount), currency=currency, usd=worth)
    return BookedPayment(
        id=ID, status=Status.COMPLETED, amount=Decimal(amount), currency=currency, price_currency=currency,
        provider="stripe", livemode=None, purpose="test", settled=(opening,),
    )  # fmt: skip


def money(kind: MoneyKind, ref: str, amount: int, currency: str = "USD", worth: str | None = None) -> Money:
    price = Price(amount=Decimal(worth), currency="USD") if worth is not None else None
    return Money(kind=kind, ref=ref, amount=Decimal(amount), currency=currency, worth=price)


def refund(amount: int, *, failed: bool = False, ref: str = "re_1", came: int = 100) -> Finding:
    """Stripe's report of a refund: one that failed names both movements."""
    undone = (money("refund_reversal", ref, amount),) if failed else ()
    price = Price(amount=Decimal(came), currency="USD")
    return replace(TOLD, came=price, money=(money("refund", ref, -amount), *undone))


def dispute(amount: int, back: int = 0, came: int = 100) -> Finding:
    """Stripe's report of a dispute: all that it has taken and brought back so far."""
    given = (money("dispute_reversal", "dp_1", back),) if back else ()
    price = Price(amount=Decimal(came), currency="USD")
    return replace(TOLD, came=price, money=(money("dispute", "dp_1", -amount), *given))


def booked(payment: BookedPayment, *findings: Finding) -> BookedPayment:
    for finding in findings:
        payment = payment.after(decide(payment, finding))
    return payment


def total(payment: BookedPayment) -> Decimal:
    return sum((each.amount for each in payment.settled), Decimal(0))


def dollars(payment: BookedPayment) -> Decimal:
    return sum((each.usd or Decimal(0) for each in payment.settled), Decimal(0))


WON, FAILED = dispute(100, back=100), refund(100, failed=True)


@pytest.mark.parametrize(
    ("opening", "findings", "left"),
    [
        (90, [dispute(100), WON], 90),
        (90, [WON], 90),
        (90, [refund(100), FAILED], 90),
        (90, [FAILED], 90),
        (100, [refund(60), dispute(100), WON], 40),
        (100, [refund(60), dispute(100), WON, refund(60, failed=True)], 100),
        (100, [refund(60), dispute(100), refund(60, failed=True), WON], 100),
        # Nothing was left to take, so nothing comes back.
        (100, [refund(100), dispute(100), WON], 0),
        (100, [refund(100), WON, FAILED], 100),
        # A part comes back: what Stripe still holds is gone.
        (100, [dispute(100), dispute(100, back=50)], 50),
        (90, [dispute(100), dispute(100, back=50)], 40),
        (90, [dispute(100), dispute(100, back=5)], 0),
        (90, [dispute(100), dispute(100, back=50), WON], 90),
        # Taken, given, and taken once more.
        (100, [dispute(40), dispute(40, back=40), dispute(80, back=40)], 60),
    ],
)
def test_only_what_was_taken_comes_back(opening, findings, left):
    payment = booked(opened(opening), *findings)
    assert (total(payment), dollars(payment)) == (left, left)
    again = booked(payment, *findings)
    assert total(again) == left
    assert booked(again, *findings).settled == again.settled, "a repeat books nothing"


@pytest.mark.parametrize(
    ("findings", "left"),
    [
        ([dispute(100), WON], 36),
        ([dispute(50), dispute(50, back=50)], 36),
        ([dispute(100), dispute(100, back=25)], 9),
        ([dispute(100), dispute(100, back=25), WON], 36),
        ([refund(100), FAILED], 36),
        ([refund(25), dispute(100), WON], 27),
        ([refund(25), dispute(100), WON, refund(25, failed=True)], 36),
        ([refund(100), WON], 0),
    ],
)
def test_the_share_of_another_currency_that_was_taken_comes_back(findings, left):
    """Stripe was paid 100 USD, and the old software has kept 36 EUR, worth 40 USD."""
    payment = booked(opened(36, "EUR", usd=40), *findings)
    assert total(payment) == left
    assert dollars(payment) == pytest.approx(Decimal(40) * left / 36, abs=Decimal("0.0000001"))
    assert {each.currency for each in payment.settled} == {"EUR"}
    assert booked(payment, *findings).settled == payment.settled, "a repeat books nothing"


@pytest.mark.parametrize("payment", [opened(90), opened(100), opened(36, "EUR", usd=40)])
@pytest.mark.parametrize(
    "findings",
    [
        [dispute(100), WON, dispute(100)],
        [refund(100), FAILED],
        [dispute(60), dispute(60, back=60), refund(30), refund(30, failed=True)],
        [refund(60), refund(60, failed=True), dispute(40), dispute(40, back=40)],
        [dispute(100), dispute(100, back=50), dispute(100, back=75)],
    ],
)
def test_events_in_any_order_end_at_the_same_sum(payment, findings):
    sums = {total(booked(payment, *order)) for order in permutations(findings)}
    assert len(sums) == 1


@pytest.mark.parametrize("payment", [opened(90), opened(36, "EUR", usd=40)])
@pytest.mark.parametrize("findings", [[dispute(100), WON], [FAILED], [refund(50), refund(50, failed=True)]])
def test_the_same_event_twice_books_once(payment, findings):
    for finding in findings:
        payment = booked(payment, finding)
        assert decide(payment, finding).entries == ()


HOLDS = [
    ([dispute(100), refund(60), WON], 40),
    ([dispute(100), refund(100), WON], 0),
    ([dispute(100), refund(30), refund(30, ref="re_2"), WON], 40),
    # Less than all: the refund takes what is free first.
    ([dispute(70), refund(60), dispute(70, back=70)], 40),
    ([dispute(100), refund(60), WON, refund(60, failed=True)], 100),
    ([dispute(100), refund(60, failed=True), WON], 100),
]


@pytest.mark.parametrize(
    ("findings", "left"),
    [*HOLDS, ([dispute(100), refund(60), refund(30, ref="re_2"), refund(60, failed=True), WON], 70)],
)
def test_a_refund_that_arrives_while_a_dispute_holds_the_money_is_booked_at_once(findings, left):
    payment = opened(100)
    for finding in findings:
        payment = booked(payment, finding)
        assert total(payment) >= 0
        assert decide(payment, finding).entries == (), "a repeat books nothing"
    assert (total(payment), dollars(payment)) == (left, left)


@pytest.mark.parametrize("payment", [opened(100), opened(90), opened(36, "EUR", usd=40)])
@pytest.mark.parametrize("findings", [findings for findings, _ in HOLDS])
def test_a_refund_and_a_dispute_end_at_the_same_sum_in_any_order_and_twice(payment, findings):
    sums = set()
    for order in permutations(findings):
        once = booked(payment, *order)
        for late in (once, booked(once, *order), booked(once, *reversed(order))):
            sums.add((total(late), dollars(late), late.status))
    assert len(sums) == 1


def test_a_refund_while_a_dispute_is_open_leaves_nothing_and_the_lost_dispute_takes_nothing_more():
    payment = booked(opened(100), dispute(100), refund(60))
    assert (total(payment), payment.status) == (0, Status.DISPUTED)
    assert total(booked(payment, dispute(100))) == 0
    assert booked(opened(100), dispute(100), refund(100)).status is Status.REFUNDED


def test_a_dispute_holds_again_what_a_refund_that_failed_had_taken_over():
    payment = booked(opened(100), dispute(100), refund(60), refund(60, failed=True))
    assert (total(payment), payment.status) == (0, Status.DISPUTED)
    assert booked(payment, refund(60), dispute(100), refund(60, failed=True)).settled == payment.settled
    assert total(booked(payment, WON)) == 100


def test_a_refund_takes_what_it_needs_from_each_of_two_disputes():
    second = replace(TOLD, money=(money("dispute", "dp_2", -50),))
    payment = booked(opened(100), dispute(50), second, refund(60))
    assert total(payment) == 0
    first_won = booked(payment, dispute(50, back=50), refund(60))
    assert total(first_won) == 0
    assert total(booked(first_won, refund(10, ref="re_2"))) == 0
    assert total(booked(payment, replace(TOLD, money=(*second.money, money("dispute_reversal", "dp_2", 50))))) == 40


def test_a_refund_has_its_share_of_what_the_old_software_said_was_disputed():
    """When the old software sets the payment back to paid, it gives back what its dispute still holds."""
    payment = opened(100)
    said = Settled(kind="dispute", ref=str(ID), amount=Decimal(-100), currency="USD", usd=Decimal(-100))
    payment = booked(replace(payment, status=Status.DISPUTED, settled=(*payment.settled, said)), refund(60))
    held = -sum(each.amount for each in payment.settled if each.ref == str(ID) and each.kind.startswith("dispute"))
    assert (total(payment), held) == (0, 40)


def test_a_late_report_of_a_dispute_that_was_won_takes_nothing():
    payment = booked(opened(100), refund(60), dispute(100), WON, refund(60, failed=True))
    assert decide(payment, dispute(100)).entries == ()
    assert decide(payment, WON).entries == ()


@pytest.mark.parametrize(("opening", "left"), [(opened(90, "EUR", usd=95), 95), (opened(100, "EUR", usd=106), 106)])
def test_a_reversal_is_worth_what_was_taken(opening, left):
    taken, given = money("dispute", "dp_1", -100, "EUR"), money("dispute_reversal", "dp_1", 100, "EUR")
    payment = booked(opening, replace(TOLD, money=(taken,)), replace(TOLD, money=(taken, given)))
    assert dollars(payment) == left
    assert payment.status is Status.COMPLETED


def test_a_part_has_its_part_of_the_providers_value():
    taken = money("dispute", "dp_1", -100, "EUR", worth="-110")
    given = money("dispute_reversal", "dp_1", 100, "EUR", worth="120")
    payment = booked(opened(90, "EUR", usd=95), replace(TOLD, money=(taken, given)))
    assert [(each.amount, each.usd) for each in payment.settled[1:]] == [(-90, -99), (90, 108)]


@pytest.mark.parametrize("currency", ["USD", "EUR"])
def test_a_reversal_waits_for_its_refund(currency):
    told = replace(TOLD, money=(money("refund_reversal", "re_1", 10),))
    with pytest.raises(NotYetError):
        decide(opened(90, currency), told)
    with pytest.raises(AskFirstError):
        decide(opened(90, currency), replace(told, fresh=False))


def test_a_stripe_refund_that_failed_after_the_old_software_reported_it_comes_back():
    payment = opened(90)
    said = Settled(kind="refund", ref=str(ID), amount=Decimal(-90), currency="USD", usd=Decimal(-90))
    payment = replace(payment, status=Status.REFUNDED, settled=(*payment.settled, said))
    assert total(booked(payment, refund(100))) == 0
    assert total(booked(payment, refund(100), FAILED)) == 90
