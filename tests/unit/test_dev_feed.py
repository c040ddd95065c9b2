"""The words of the feed of `hingecraft dev`, and how they fit a terminal."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from hingecraft_sandbox.dev import events, screen
from hingecraft_sandbox.dev.ports import Ports
from hingecraft_sandbox.dev.processes import State
from hingecraft_sandbox.dev.screen import Places
from hingecraft_sandbox.dev.style import Style, cut, width_of

PLAIN, COLOURED = Style(colour=False), Style(colour=True)
NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def row(action: str, **details: object) -> dict[str, object]:
    return {
        "created_at": NOW, "action": action, "details": json.dumps(details), "amount": Decimal("25.0"),
        "price_currency": "USD", "currency": "USD", "exponent": 2, "provider": "stripe",
        "purpose": "donation",
        "payment_id": "8db69899-0000-0000-0000-000000000000",
    }  # fmt: skip


def said(found: dict[str, object]) -> list[str]:
    return [happened.text for happened in events.payment(found, PLAIN)]


@pytest.mark.parametrize(
    ("amount", "currency", "exponent", "shown"),
    [
        (Decimal("25.0"), "USD", 2, "25.00 USD"), (Decimal(5000), "JPY", 0, "5,000 JPY"),
        (Decimal("0.00001"), "BTC", 8, "0.00001000 BTC"), (Decimal("12.345"), "USD", 2, "12.345 USD"),
        (Decimal("1E+3"), "KWD", 3, "1,000.000 KWD"), (Decimal(7), "XTS", None, "7.00 XTS"), (None, "USD", 2, "? USD"),
    ],
)  # fmt: skip
def test_amounts_have_the_decimals_of_their_currency(amount, currency, exponent, shown):
    assert events.money(amount, currency, exponent) == shown


def test_a_gift_is_followed_from_its_checkout_to_its_refund():
    charge = [{"kind": "charge", "amount": "25", "currency": "USD", "ref": "ch_1"}]
    refund = [{"kind": "refund", "amount": "-10", "currency": "USD", "ref": "re_1"}]
    assert said(row("payment_opened")) == []
    assert said(row("checkout_opened", ms=7)) == ["     25.00 USD  card    8db69899  checkout made in 7 ms"]
    assert said(row("event_applied", to="completed", money=charge))[0].endswith("8db69899  ✓ completed")
    half = [{"kind": "charge", "amount": "12.5", "currency": "USD", "ref": "ch_1"}]
    assert said(row("event_applied", to="completed", money=half))[0].endswith("✓ completed, charge 12.50 USD")
    assert said(row("event_applied", to="partially_refunded", money=refund))[0].endswith(
        "↩ partially refunded, refund -10.00 USD"
    )
    assert said(row("reconciled", to="expired"))[0].endswith("✗ expired")
    assert said(row("subscription_cancelled"))[0].endswith("✗ cancelled at the end of its period")
    assert said(row("stripe_session_failed", reason="card declined"))[0].endswith("✗ no checkout: card declined")
    assert said(row("event_applied", mismatch="amount"))[0].endswith("! the amount differs from what was requested")


@pytest.mark.parametrize(("purpose", "word"), [("donation", "gift"), ("credits", "credits"), ("purchase", "purchase")])
def test_each_line_begins_with_what_the_payment_is_for(purpose, word):
    found = row("event_applied", to="completed") | {"purpose": purpose}
    assert [happened.kind for happened in events.payment(found, PLAIN)] == [word]


def test_credits_are_shown_with_the_balance_after_them():
    rows = [
        {"credits": 2000, "reason": "vision_max_monthly", "ref": "in_1/il_1", "balance": 2100},
        {"credits": -50, "reason": "refund_quick_scan_purchase", "ref": "refund:re_1/2", "balance": -10},
    ]
    first, second = said(row("credits_changed", user="u", rows=rows))
    assert first.endswith("+2,000 credits, balance 2,100: vision max monthly")
    assert second.endswith("-50 credits, balance -10: refund quick scan purchase")


def test_access_is_shown_with_its_product_and_why_it_ended():
    found = row("access_ended", purchase="p", because="refunded") | {"product": "Brass hinge", "purpose": "purchase"}
    assert said(found)[0].endswith("✗ access to Brass hinge ended: refunded")
    assert said({**found, **row("access_granted", purchase="p")})[0].endswith("✓ access to Brass hinge granted")


@pytest.mark.parametrize(
    ("used", "limit", "counted"), [(2, 3, "2 of 3 used"), (2, None, "2 used"), (None, None, "by an admin")]
)
def test_a_download_is_shown_with_what_is_used(used, limit, counted):
    found = {"created_at": NOW, "name": "Brass hinge", "file": "hinge.svg"}
    happened = events.download({**found, "downloads_used": used, "download_limit": limit})
    assert (happened.kind, happened.text) == ("download", f"Brass hinge  hinge.svg  {counted}")


def test_a_coin_and_a_wallet_are_named():
    assert "BTC" in said(row("checkout_opened", ms=7) | {"provider": "nowpayments", "currency": "BTC"})[0]
    assert "wallet" in said(row("wallet_fallback", reason="x") | {"provider": "wallet", "currency": "BTC"})[0]


def test_an_event_shows_its_answer_or_that_there_was_none():
    line = {"time": NOW.isoformat(), "provider": "stripe", "event": "charge.succeeded", "status": 200, "ms": 3}
    assert events.provider({**line, "again": None}, PLAIN).text.split() == ["charge.succeeded", "200", "3", "ms"]
    lost = events.provider({**line, "status": None, "again": 5.0}, PLAIN).text
    assert "no answer" in lost
    assert "again in 5 s" in lost


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"CHF": "off"}, "CHF off"), ({}, "same currencies"),
        ({"CHF": "off", "EUR": "changed"}, "CHF off, EUR changed"), (dict.fromkeys("ABCD", "on"), "4 currencies"),
    ],
)  # fmt: skip
def test_a_version_says_what_it_changes(changed, words):
    assert events.routes(7, changed, PLAIN) == f"v7  {words}"


def test_a_line_of_a_log_is_read_as_json_or_left_as_it_is():
    line = {
        "time": NOW.isoformat(),
        "level": "info",
        "message": "GET /x 200",
        "request_id": "r",
        "logger": "l",
        "ms": 3,
    }
    assert events.logged(json.dumps(line)).endswith("info    GET /x 200  ms=3")
    for other in ("sandbox: http://x", "{}", "[]", "3", '{"time": 3}'):
        assert events.logged(other) == other


def test_a_line_is_cut_by_what_is_seen_and_its_colour_ends_with_it():
    coloured = COLOURED("green", "abcdefgh")
    assert width_of(coloured) == 8
    assert cut(coloured, 8) == coloured
    short = cut(coloured, 5)
    assert width_of(short) == 5
    assert short.endswith("\033[0m…")
    assert cut("abcdefgh", 5) == "abcd…"


@pytest.mark.parametrize("style", [PLAIN, COLOURED])
def test_the_footer_fits_80_columns_whatever_the_state(style):
    for state in State:
        states = dict.fromkeys(("postgres", "api-1", "api-2", "site", "sandbox"), state)
        lines = screen.footer(states, ["CHF off", "webhooks off"], "", style, 79)
        assert [width_of(line) <= 79 for line in lines] == [True] * 3


def test_the_addresses_fit_80_columns(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    places = Places(ports=Ports(first=48080), folder=tmp_path / ".dev", program=".venv/bin/hingecraft")
    shown = [*screen.links(places, PLAIN), *screen.keys(PLAIN), screen.first_step(keys=True)]
    assert max(map(len, shown)) < 80
    assert "http://127.0.0.1:48090/charter" in "".join(shown)


def test_links_are_told_without_what_was_not_done():
    said = "139 links wanted: 2 made, 0 updated, 0 switched on, 1 switched off"
    assert events.links(said) == "139 links kept: 2 made, 1 switched off"
    assert events.links("1 links wanted: 0 made, 0 updated, 0 switched on, 0 switched off") == "1 links kept"
    assert events.links("STRIPE_SECRET is not set") == "STRIPE_SECRET is not set"
