"""The plan that follows from what Wix has told: the same in any order, however often each thing is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hingecraft.wix_app.plans.model import Fact, Kind, PlanState, period_at, state_of
from support.wix_plans import FACTS, HISTORIES, START, answer_of_wix, bought, day, fact


def test_nothing_told_is_the_free_plan():
    assert state_of([]) == PlanState()


def test_a_monthly_plan_ends_a_month_of_the_calendar_later():
    state = state_of([bought()])
    assert state.period.end == datetime(2026, 2, 28, 9, tzinfo=UTC)
    assert state.access_ends_at is None, "Wix renews it without an event"


def test_wix_says_when_a_yearly_plan_ends():
    ends = day(365, hours=5)
    assert state_of([bought(cycle="YEARLY", ends_at=ends)]).period.end == ends


@pytest.mark.parametrize(
    ("cycle", "at", "start", "end"),
    [
        ("MONTHLY", day(0), "2026-01-31", "2026-02-28"),
        ("MONTHLY", day(28), "2026-02-28", "2026-03-31"),
        ("MONTHLY", day(400), "2027-02-28", "2027-03-31"),
        ("YEARLY", day(364), "2026-01-31", "2027-01-31"),
        ("TWO_YEARS", day(800), "2028-01-31", "2030-01-31"),
        ("FIVE_YEARS", day(5 * 366), "2031-01-31", "2036-01-31"),
    ],
)
def test_periods_are_those_of_the_calendar(cycle, at, start, end):
    found = period_at("starter", cycle, START, at, "1")
    assert (str(found.start.date()), str(found.end.date())) == (start, end)


def test_a_plan_that_is_paid_once_has_no_end():
    assert state_of([bought(cycle="ONE_TIME")]).period.end is None


def test_a_cancelled_plan_lasts_until_the_end_of_the_period_that_is_paid():
    state = state_of([bought(), fact(Kind.CANCELLED, day(40))])
    assert state.cancel_at_period_end
    assert state.access_ends_at == state.period.end == datetime(2026, 3, 31, 9, tzinfo=UTC)


def test_a_plan_that_is_cancelled_at_once_ends_at_once():
    state = state_of([bought(), fact(Kind.CANCELLED, day(40), at_once=True)])
    assert (state.access_ends_at, state.cancel_at_period_end) == (day(40), False)


def test_of_two_cancellations_in_one_moment_the_one_that_ends_at_once_counts():
    for names in ("ab", "ba"):
        told = [
            Fact(fact_id=name, kind=Kind.CANCELLED, happened_at=day(3), at_once=at_once)
            for name, at_once in zip(names, (True, False), strict=True)
        ]
        assert state_of([bought(), *told]).access_ends_at == day(3)


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("named", [{"product": "starter", "cycle": "MONTHLY"}, {"cycle": "MONTHLY"}])
def test_the_end_of_the_plan_before_a_change_does_not_end_the_new_one(named, at_once):
    """Its event may come after the change, and names the plan that ended."""
    told = [bought(), bought(day(3), product="pro", cycle="YEARLY")]
    ended = fact(Kind.CANCELLED, day(3, seconds=5), at_once=at_once, **named)
    assert state_of([*told, ended]) == state_of(told)
    own = fact(Kind.CANCELLED, day(4), at_once=at_once, product="PRO", cycle="YEARLY")
    assert state_of([*told, ended, own]).access_ends_at is not None


def test_a_reactivated_plan_goes_on_in_its_period():
    state = state_of([bought(), fact(Kind.CANCELLED, day(3)), fact(Kind.REACTIVATED, day(5), product="starter")])
    assert (state.access_ends_at, state.cancel_at_period_end, state.period.start) == (None, False, START)


def test_a_plan_that_is_reactivated_after_its_end_begins_a_period():
    again = fact(Kind.REACTIVATED, day(50), product="starter", cycle="MONTHLY")
    state = state_of([bought(), fact(Kind.CANCELLED, day(3)), again])
    assert (state.access_ends_at, state.period.start) == (None, day(50))


@pytest.mark.parametrize("kind", [Kind.REACTIVATED, Kind.TRANSFERRED])
@pytest.mark.parametrize("ended", [True, False])
def test_a_plan_that_goes_on_under_the_same_invoice_begins_no_period(kind, ended):
    """Months after a yearly purchase: nobody pays for switching the renewal off and on, or for moving the site."""
    first = bought(cycle="YEARLY", invoice_id="1")
    told = [first, fact(Kind.CANCELLED, day(100), at_once=ended)]
    again = fact(kind, day(101), product="starter", cycle="YEARLY", invoice_id="1", ends_at=day(365, hours=9))
    state = state_of([*told, again])
    assert (state.period, state.access_ends_at, state.cancel_at_period_end) == (state_of([first]).period, None, False)


def test_a_plan_that_is_transferred_to_a_site_without_one_begins_there():
    state = state_of([fact(Kind.TRANSFERRED, day(3), product="pro", cycle="MONTHLY", invoice_id="1")])
    assert (state.period.product, state.period.start) == ("pro", day(3))


def test_an_answer_that_counts_from_the_first_purchase_does_not_repeat_a_later_period():
    """A free trial began on day 0 and was converted on day 14."""
    told = [bought(), bought(day(14))]
    period = state_of(told).period
    assert period is not None
    assert state_of([*told, answer_of_wix(day(15), starts_at=START, invoice_id="p1")]).period.is_same(period)


def test_a_renewal_is_seen_when_wix_is_asked():
    state = state_of([bought(), answer_of_wix(day(30), starts_at=START)])
    assert str(state.period.start.date()) == "2026-02-28"
    assert state_of([bought(), answer_of_wix(day(27), starts_at=START)]).period.start == START


def test_an_event_and_an_answer_about_one_payment_are_one_period():
    told = bought(invoice_id="7")
    state = state_of([told, answer_of_wix(day(1), starts_at=START + timedelta(minutes=9), invoice_id="7")])
    assert state.period is not None
    assert (state.period.start, state.period.invoice_id) == (START, "7")
    answered = state_of([answer_of_wix(day(1), starts_at=START + timedelta(minutes=9), invoice_id="7")])
    assert answered.period is not None
    assert answered.period.is_same(state.period), "the event that comes late gives nothing again"


def test_a_yearly_renewal_is_seen_by_its_end():
    first = bought(cycle="YEARLY", ends_at=day(365), invoice_id="1")
    again = answer_of_wix(day(366), cycle="YEARLY", starts_at=START, ends_at=day(730), invoice_id="2")
    before, renewed = state_of([first]).period, state_of([first, again]).period
    assert before is not None
    assert renewed is not None
    assert (renewed.start.date(), renewed.end, renewed.invoices) == (day(365).date(), day(730), {"2"})
    assert not renewed.is_same(before)


def test_another_invoice_in_wixs_answer_is_a_renewal_before_our_clock_is_there():
    told = [bought(invoice_id="1"), answer_of_wix(day(1), starts_at=START, invoice_id="1")]
    renewed = state_of([*told, answer_of_wix(day(27, hours=20), starts_at=START, invoice_id="2")]).period
    assert (str(renewed.start.date()), str(renewed.end.date()), renewed.invoices) == ("2026-02-28", "2026-03-31", {"2"})
    later = answer_of_wix(day(30), starts_at=START, invoice_id="2")
    assert state_of([*told, answer_of_wix(day(27, hours=20), starts_at=START, invoice_id="2"), later]).period == renewed


def test_an_answer_with_another_name_for_the_invoice_of_a_purchase_is_not_a_renewal():
    state = state_of([bought(invoice_id="1"), answer_of_wix(day(1), starts_at=START, invoice_id="premium-1")])
    assert (state.period.start, state.period.invoice_id) == (START, "1")


def test_a_plan_that_wix_calls_paid_goes_on_after_its_end():
    ends = day(365)
    state = state_of(
        [bought(cycle="YEARLY", ends_at=ends), answer_of_wix(day(370), cycle="YEARLY", ends_at=ends, renews=False)]
    )
    assert (state.access_ends_at, state.cancel_at_period_end) == (None, False)


def test_a_site_that_wix_calls_free_has_no_plan_any_more():
    state = state_of([bought(), fact(Kind.ANSWER, day(9))])
    assert state.access_ends_at == day(9)


def test_a_failed_payment_is_shown_until_it_is_paid():
    failed = [bought(), fact(Kind.PAYMENT_FAILED, day(28), invoice_id="8")]
    assert state_of(failed).payment_failed_at == day(28)
    assert state_of([*failed, fact(Kind.PAID, day(29), invoice_id="8")]).payment_failed_at is None


@pytest.mark.parametrize("milliseconds", [0, 400, 999])
@pytest.mark.parametrize(
    "other",
    [
        {"kind": Kind.BEGUN, "product": "pro", "cycle": "MONTHLY", "invoice_id": "9"},
        {"kind": Kind.PAID, "invoice_id": "9"},
    ],
)
def test_a_failure_is_shown_whatever_else_has_its_second(milliseconds, other):
    """Events of plans have milliseconds, and those of invoices only the second in which they were signed."""
    at = day(28)
    told = [bought(invoice_id="7"), fact(at=at + timedelta(milliseconds=milliseconds), **other)]
    assert state_of([*told, fact(Kind.PAYMENT_FAILED, at, invoice_id="8")]).payment_failed_at == at


@pytest.mark.parametrize("milliseconds", [0, 400, 999])
def test_a_failure_in_the_second_in_which_its_invoice_was_paid_is_old(milliseconds):
    paid = fact(Kind.PAID, day(28, milliseconds=milliseconds), invoice_id="8")
    failed = fact(Kind.PAYMENT_FAILED, day(28), invoice_id="8")
    assert state_of([bought(), failed, paid]).payment_failed_at is None


def test_a_failure_that_is_told_after_its_invoice_was_paid_is_old():
    """Events of invoices have only the time of signing, and what is sent again is signed again."""
    paid = [bought(), fact(Kind.PAID, day(29), invoice_id="8")]
    assert state_of([*paid, fact(Kind.PAYMENT_FAILED, day(30), invoice_id="8")]).payment_failed_at is None
    for later, invoice in ((30, "9"), (40, "8")):
        failed = fact(Kind.PAYMENT_FAILED, day(later), invoice_id=invoice)
        assert state_of([*paid, failed]).payment_failed_at == day(later)


def test_the_money_of_this_periods_invoice_went_back():
    first, second = bought(invoice_id="1"), bought(day(10), product="pro", invoice_id="2")
    assert state_of([first, fact(Kind.RETURNED, day(5), invoice_id="1")]).is_returned
    assert state_of([first, fact(Kind.RETURNED, START - timedelta(1), invoice_id="1")]).is_returned
    assert not state_of([first, second, fact(Kind.RETURNED, day(12), invoice_id="1")]).is_returned


def test_an_invoice_is_known_by_both_of_its_names():
    told = [bought(invoice_id="1"), answer_of_wix(day(1), starts_at=START, invoice_id="premium-1")]
    for name in ("1", "premium-1"):
        assert state_of([*told, fact(Kind.RETURNED, day(5), invoice_id=name)]).is_returned


@pytest.mark.parametrize("early", [timedelta(0), timedelta(seconds=3)])
def test_an_answer_that_comes_before_its_event_is_the_same_payment(early):
    """Our clock may be behind Wix's, and an answer is dated before the call."""
    answered = answer_of_wix(START - early, starts_at=START + timedelta(minutes=1), invoice_id="premium-1")
    event = bought(invoice_id="1")
    before, after = state_of([answered]).period, state_of([answered, event]).period
    assert before is not None
    assert after.is_same(before)
    assert after.invoices == {"1", "premium-1"}


def test_the_same_plan_bought_again_on_the_same_day_is_another_payment():
    ended = fact(Kind.CANCELLED, START + timedelta(hours=1), at_once=True)
    first = [
        bought(invoice_id="1"),
        answer_of_wix(START + timedelta(minutes=5), starts_at=START, invoice_id="p1"),
        ended,
    ]
    again = state_of([*first, bought(START + timedelta(hours=2), invoice_id="2")]).period
    before = state_of(first).period
    assert before is not None
    assert not again.is_same(before)
    assert again.invoices == {"2"}


def test_a_chargeback_that_is_won_is_a_payment_again():
    charged_back = [bought(invoice_id="1"), fact(Kind.CHARGED_BACK, day(9), invoice_id="1")]
    assert state_of(charged_back).is_returned
    # The message about the first payment, sent again: Wix does so for two days.
    assert state_of([*charged_back, fact(Kind.PAID, day(11), invoice_id="1")]).is_returned
    won = [*charged_back, fact(Kind.PAID, day(40), invoice_id="1")]
    assert not state_of(won).is_returned
    assert state_of([*won, fact(Kind.CHARGED_BACK, day(60), invoice_id="1")]).is_returned
    refunded = fact(Kind.RETURNED, day(10), invoice_id="1")
    assert state_of([*won, refunded]).is_returned, "a refund is final"


def test_of_two_plans_that_begin_in_one_moment_the_change_counts():
    for name in "abcdef":
        change = Fact(
            fact_id=name, kind=Kind.BEGUN, happened_at=START, product="pro", cycle="MONTHLY", is_change=True
        )  # fmt: skip
        assert state_of([change, bought()]).period.product == "pro"


@pytest.mark.parametrize(
    ("event", "stale"),
    [
        (bought(day(3), product="pro"), answer_of_wix(day(3, seconds=5), starts_at=START)),
        (fact(Kind.CANCELLED, day(3), at_once=True), answer_of_wix(day(3, seconds=5), starts_at=START)),
        (fact(Kind.CANCELLED, day(3)), answer_of_wix(day(3, seconds=5), starts_at=START)),
    ],
)
def test_an_answer_that_is_older_than_the_event_before_it_does_not_undo_it(event, stale):
    told = state_of([bought(), event])
    answered = state_of([bought(), event, stale])
    assert (answered.period, answered.access_ends_at, answered.cancel_at_period_end) == (
        told.period, told.access_ends_at, told.cancel_at_period_end
    )  # fmt: skip
    later = state_of([bought(), event, answer_of_wix(day(4), starts_at=START)])
    assert (later.period.product, later.access_ends_at) == ("starter", None), "a day later it counts"


@given(HISTORIES, st.randoms())
def test_the_order_in_which_facts_come_makes_no_difference(facts, random):
    shuffled = random.sample(facts, len(facts))
    assert state_of(shuffled) == state_of(facts)


@given(FACTS)
def test_a_fact_is_read_as_it_was_stored(told):
    assert Fact.stored(told.fact_id, told.kind, told.happened_at, told.details) == told


@given(HISTORIES)
def test_access_ends_only_where_something_ended_it(facts):
    state = state_of(facts)
    ends = {Kind.CANCELLED, Kind.ANSWER}
    assert state.access_ends_at is None or any(each.kind in ends for each in facts)
    assert not state.cancel_at_period_end or state.access_ends_at == state.period.end
