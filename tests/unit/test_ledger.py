"""Decisions about findings, without a database: new money, and moves that the table allows."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from uuid import UUID

import pytest

from hingecraft.errors import AskFirstError
from hingecraft.payments.ledger import BookedPayment, Value, decide, standing_of
from hingecraft.payments.model import MOVES, Settled, Status
from hingecraft.providers.findings import CheckoutStatus, Finding, Money, Price

PAYMENT = BookedPayment(
    purpose="test",
    id=UUID(int=1), status=Status.PENDING, amount=Decimal(10), currency="EUR", price_currency="EUR", provider="stripe",
    livemode=True,
)  # fmt: skip
WORTH = Price(amount=Decimal(11), currency="USD")
CHARGE = Money(kind="charge", ref="pi_1", amount=Decimal(10), currency="EUR", worth=WORTH)
PAID = Finding(
    provider="stripe", livemode=True, told_by="a test", checkout_status=CheckoutStatus.PAID, money=(CHARGE,),
    fresh=True, price=Price(amount=Decimal(10), currency="EUR"),
)  # fmt: skip
SETTLED = Settled(kind="charge", ref="pi_1", amount=Decimal(10), currency="EUR", usd=Decimal(11))
COMPLETED = replace(PAYMENT, status=Status.COMPLETED, settled=(SETTLED,))


def back(kind: str, ref: str, amount: str) -> Finding:
    money = Money(kind=kind, ref=ref, amount=Decimal(amount), currency="EUR")  # type: ignore[arg-type]  # said by the test
    return replace(PAID, checkout_status=None, price=None, money=(money,))


@pytest.mark.parametrize("before", list(Status))
@pytest.mark.parametrize("checkout_status", list(CheckoutStatus))
@pytest.mark.parametrize("amount", [10, 9])
def test_every_path_is_one_that_the_table_allows(before, checkout_status, amount):
    settled = (SETTLED,) if before in {Status.COMPLETED, Status.REFUNDED, Status.PARTIALLY_REFUNDED} else ()
    payment = replace(PAYMENT, status=before, settled=settled)
    money = (CHARGE,) if checkout_status is CheckoutStatus.PAID else ()
    found = replace(
        PAID, checkout_status=checkout_status, money=money, price=Price(amount=Decimal(amount), currency="EUR")
    )
    decision = decide(payment, found)
    for here, there in pairwise((before, *decision.path)):
        assert there in MOVES[here]
    if checkout_status is CheckoutStatus.PAID and amount == 10:
        assert decide(payment.after(decision), found).entries == ()
        assert payment.after(decision).status == Status.COMPLETED


def test_late_money_wins_and_a_mismatch_does_not():
    for status in (Status.FAILED, Status.EXPIRED, Status.ERROR, Status.CREATING, Status.UNKNOWN):
        assert decide(replace(PAYMENT, status=status), PAID).path == (Status.COMPLETED,)
    short = replace(PAID, price=Price(amount=Decimal(9), currency="EUR"))
    assert decide(PAYMENT, short).path == (Status.ERROR,)
    assert decide(replace(PAYMENT, status=Status.CREATING), short).path == (Status.UNKNOWN, Status.ERROR)
    expired = decide(replace(PAYMENT, status=Status.EXPIRED), short)
    assert (expired.path, expired.mismatch, len(expired.entries)) == ((), "amount", 1)


@pytest.mark.parametrize(
    ("payment", "finding"),
    [
        (PAYMENT, PAID),
        (PAYMENT, replace(PAID, money=(replace(CHARGE, currency="USD", worth=None),))),
        (
            replace(PAYMENT, status=Status.AWAITING_CONFIRMATION),
            replace(PAID, checkout_status=CheckoutStatus.FAILED, money=()),
        ),
    ],
)
def test_what_is_not_in_the_message_or_against_the_table_is_asked_first(payment, finding):
    with pytest.raises(AskFirstError):
        decide(payment, replace(finding, fresh=False))


def test_refunds_are_worth_their_share_and_undone_whole():
    half = decide(COMPLETED, back("refund", "re_1", "-4"))
    assert (half.path, half.entries[0].usd) == ((Status.PARTIALLY_REFUNDED,), Decimal("-4.4"))
    rest = decide(COMPLETED.after(half), back("refund", "re_2", "-6"))
    assert (rest.path, rest.entries[0].usd) == ((Status.REFUNDED,), Decimal("-6.6"))
    refunded = COMPLETED.after(half).after(rest)
    again = decide(refunded, back("refund_reversal", "re_1", "4"))
    assert (again.path, again.entries[0].usd) == ((Status.PARTIALLY_REFUNDED,), Decimal("4.4"))
    assert sum(each.usd or 0 for each in refunded.after(again).settled) == Decimal("4.4")


def test_a_dispute_of_what_is_refunded_goes_by_states_that_the_table_knows():
    refund = decide(COMPLETED, back("refund", "re_1", "-10"))
    disputed = decide(COMPLETED.after(refund), back("dispute", "dp_1", "-10"))
    assert disputed.path == ()
    undone = decide(COMPLETED.after(refund).after(disputed), back("refund_reversal", "re_1", "10"))
    assert undone.path in {(Status.COMPLETED, Status.DISPUTED), (Status.PARTIALLY_REFUNDED, Status.DISPUTED)}


def test_what_was_given_up_for_a_wallet_does_not_end_the_payment():
    waiting = replace(PAYMENT, status=Status.AWAITING_CONFIRMATION, provider="wallet")
    decision = decide(waiting, replace(PAID, checkout_status=CheckoutStatus.EXPIRED, money=()))
    assert (decision.path, decision.checkout) == ((), Status.EXPIRED)


def test_a_second_deposit_is_a_row_of_its_own():
    worth = Price(amount=Decimal("16.5"), currency="USD")
    more = replace(PAID, money=(replace(CHARGE, amount=Decimal(15), worth=worth),))
    (entry,) = decide(COMPLETED, more).entries
    assert (entry.ref, entry.amount, entry.usd) == ("pi_1/2", 5, Decimal("5.5"))


UNKNOWN = replace(SETTLED, usd=None)


def moved(kind: str, ref: str, amount: int) -> Settled:
    return Settled(kind=kind, ref=ref, amount=Decimal(amount), currency="EUR", usd=None)


def test_a_value_that_comes_later_is_written_once_with_the_shares_of_what_went_back():
    went_back = (
        moved("refund_reversal", "re_1", 4), moved("refund", "re_1", -4), moved("refund", "re_2", -3),
        moved("dispute", "dp_1", -7),
    )  # fmt: skip
    payment = replace(COMPLETED, status=Status.DISPUTED, settled=(*went_back, UNKNOWN))
    decision = decide(payment, PAID)
    assert {(value.kind, value.ref): value.usd for value in decision.values} == {
        ("charge", "pi_1"): 11, ("refund", "re_1"): Decimal("-4.4"), ("refund", "re_2"): Decimal("-3.3"),
        ("dispute", "dp_1"): Decimal("-7.7"), ("refund_reversal", "re_1"): Decimal("4.4"),
    }  # fmt: skip
    assert decision.entries == ()
    assert sum(each.usd or 0 for each in payment.after(decision).settled) == 0
    assert decide(payment.after(decision), PAID).values == ()


def test_nothing_has_a_share_while_another_charge_of_the_payment_has_no_value():
    payment = replace(COMPLETED, settled=(UNKNOWN, moved("charge", "pi_2", 5), moved("refund", "re_1", -4)))
    assert decide(payment, PAID).values == (Value(kind="charge", ref="pi_1", usd=Decimal(11)),)


def test_only_a_value_that_is_lacking_is_asked_for():
    told = replace(PAID, checkout_status=None, price=None, money=(), fresh=False, charge="pi_1", worth_is_known=True)
    assert not decide(COMPLETED, told).changes
    with pytest.raises(AskFirstError):
        decide(replace(COMPLETED, settled=(UNKNOWN,)), told)


def test_what_the_old_software_was_paid_is_not_counted_again_when_the_provider_reports_it():
    opening = Settled(kind="opening", ref="x", amount=Decimal(10), currency="EUR", usd=None)
    decision = decide(replace(COMPLETED, settled=(opening,)), PAID)
    assert (decision.entries, decision.path) == ((), ())


def in_coins(*movements: tuple[str, str, str]) -> list[Settled]:
    return [
        Settled(kind=kind, ref=str(number), amount=Decimal(amount), currency=currency, usd=None)
        for number, (kind, amount, currency) in enumerate(movements)
    ]


@pytest.mark.parametrize(
    ("movements", "status"),
    [
        # A refund of more dogecoin than came, as the rate has moved: the USDT are still there.
        ([("charge", "100", "DOGE"), ("charge", "25", "USDT"), ("refund", "-130", "DOGE")], Status.PARTIALLY_REFUNDED),
        ([("charge", "0.001", "BTC"), ("charge", "25", "USDT"), ("refund", "-25.001", "USDT")],
         Status.PARTIALLY_REFUNDED),
        ([("charge", "0.001", "BTC"), ("charge", "25", "USDT"), ("refund", "-25", "USDT"), ("refund", "-0.001", "BTC")],
         Status.REFUNDED),
        # What was brought back in one currency does not end the dispute of another.
        ([("charge", "10", "EUR"), ("charge", "10", "USD"), ("dispute", "-10", "EUR"), ("dispute", "-5", "USD"),
          ("dispute_reversal", "15", "USD")], Status.DISPUTED),
    ],
)  # fmt: skip
def test_a_payment_in_several_coins_stands_by_each_of_them(movements, status):
    assert standing_of(in_coins(*movements)) is status
