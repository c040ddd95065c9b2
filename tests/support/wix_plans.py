"""Everything that Wix may tell about a site's plan, for Hypothesis."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from hingecraft.wix_app.plans.model import Fact, Kind

START = datetime(2026, 1, 31, 9, tzinfo=UTC)


def day(number: int, **more: Any) -> datetime:
    return START + timedelta(days=number, **more)


def fact(kind: Kind, at: datetime, **more: Any) -> Fact:
    name = f"{kind}{at}{sorted(more.items(), key=str)}"
    return Fact(fact_id=name, kind=kind, happened_at=at, **more)


def bought(at: datetime = START, product: str = "starter", cycle: str = "MONTHLY", **more: Any) -> Fact:
    return fact(Kind.BEGUN, at, product=product, cycle=cycle, **more)


def answer_of_wix(at: datetime, product: str = "starter", cycle: str = "MONTHLY", **more: Any) -> Fact:
    return fact(Kind.ANSWER, at, product=product, cycle=cycle, **more)


_PRODUCTS, _CYCLES = st.sampled_from(["starter", "pro"]), st.sampled_from(["MONTHLY", "YEARLY"])
_INVOICES = st.none() | st.sampled_from("1234")
_TIMES = st.integers(0, 90).map(day)
FACTS = st.builds(
    Fact,
    fact_id=st.text("abcdef", min_size=1, max_size=3),
    kind=st.sampled_from(list(Kind)),
    happened_at=_TIMES,
    product=_PRODUCTS,
    cycle=_CYCLES,
    ends_at=st.none() | st.integers(91, 800).map(day),
    invoice_id=_INVOICES,
    at_once=st.booleans(),
    renews=st.booleans(),
).map(lambda each: replace(each, product=None) if each.kind is Kind.ANSWER and each.at_once else each)
HISTORIES = st.lists(FACTS, max_size=12, unique_by=(lambda each: each.fact_id, lambda each: each.happened_at))
