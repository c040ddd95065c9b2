from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from hingecraft.providers import patience
from hingecraft.providers.patience import Deadline, GivenUpError, TokenBucket, TransientError, patiently
from support.limits import PROGRESS


@pytest.fixture
def pauses(monkeypatch) -> list[float]:
    """The pauses, recorded without sleeping."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("hingecraft.providers.patience.asyncio.sleep", sleep)
    return slept


@pytest.fixture
def now(monkeypatch) -> list[float]:
    """The time, which passes only in pauses."""
    time = [100.0]

    async def sleep(seconds: float) -> None:
        time[0] += seconds

    monkeypatch.setattr(patience, "time", SimpleNamespace(monotonic=lambda: time[0]))
    monkeypatch.setattr("hingecraft.providers.patience.asyncio.sleep", sleep)
    return time


def failing(*errors: TransientError):
    left = list(errors)

    async def attempt() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return attempt


async def test_it_is_tried_again_one_two_and_four_seconds_apart(pauses):
    bad = TransientError("bad", maybe_done=False)
    assert await patiently(failing(bad, bad, bad), Deadline.within(60)) == "done"
    assert pauses == [1, 2, 4]


async def test_after_the_fourth_attempt_it_is_given_up(pauses):
    bad = TransientError("bad", maybe_done=False)
    with pytest.raises(GivenUpError) as given_up:
        await patiently(failing(*[bad] * 4), Deadline.within(60))
    assert (given_up.value.maybe_done, given_up.value.attempts) == (False, 4)


async def test_one_attempt_that_may_have_had_an_effect_makes_the_end_unknown(pauses):
    maybe, throttled = TransientError("no answer", maybe_done=True), TransientError("429", maybe_done=False)
    with pytest.raises(GivenUpError) as given_up:
        await patiently(failing(maybe, throttled, throttled, throttled), Deadline.within(60))
    assert given_up.value.maybe_done


async def test_nothing_is_tried_that_cannot_end_in_time(pauses):
    bad = TransientError("bad", maybe_done=True, retry_after=9)
    with pytest.raises(GivenUpError) as given_up:
        await patiently(failing(bad), Deadline.within(9.5))
    assert (given_up.value.attempts, pauses) == (1, [])


@pytest.mark.usefixtures("pauses")
async def test_an_attempt_that_hangs_is_cut_off(monkeypatch):
    monkeypatch.setattr(patience, "LONGEST_ATTEMPT", 0.05)
    with pytest.raises(GivenUpError) as given_up:
        await patiently(lambda: asyncio.Event().wait(), Deadline.within(PROGRESS))
    assert given_up.value.maybe_done


async def test_the_bucket_lets_a_second_full_pass_and_then_one_at_a_time(now):
    bucket = TokenBucket(20)
    for _ in range(20):
        await bucket.take(Deadline.within(10))
    assert now[0] == pytest.approx(100)
    for number in range(1, 6):
        await bucket.take(Deadline.within(10))
        assert now[0] == pytest.approx(100 + number / 20)


@pytest.mark.usefixtures("now")
async def test_who_would_wait_too_long_is_told_at_once_that_nothing_was_done():
    bucket = TokenBucket(1)
    await bucket.take(Deadline.within(10))
    with pytest.raises(TransientError) as refused:
        await bucket.take(Deadline.within(0.9))
    assert not refused.value.maybe_done


async def test_an_attempt_with_no_time_left_is_not_made_and_nothing_was_done(pauses):
    made: list[int] = []

    async def attempt() -> None:
        made.append(1)

    with pytest.raises(GivenUpError) as given_up:
        await patiently(attempt, Deadline.within(0.5))
    assert (given_up.value.maybe_done, made) == (False, [])


def test_a_deadline_can_only_be_drawn_in():
    assert Deadline.within(60).sooner(1.5).remaining <= 1.5
    assert Deadline.within(1).sooner(1.5).remaining <= 1
