"""Formats events for the feed. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from hingecraft_sandbox.dev.style import Style

_SHORT_ID = 8
_FEW = 3
_OUTCOMES = {
    "completed": ("✓", "green"),
    "failed": ("✗", "red"),
    "error": ("✗", "red"),
    "expired": ("✗", "yellow"),
    "disputed": ("!", "red"),
    "refunded": ("↩", "yellow"),
    "partially_refunded": ("↩", "yellow"),
}
_PROVIDERS = {"nowpayments": "coins"}
_BESIDE = frozenset({"logger", "request_id"})
# Purposes of payments that people call by another word.
_PURPOSES = {"donation": "gift"}
_ACCESS = {
    "access_granted": ("✓", "green", "granted"),
    "access_restored": ("✓", "green", "restored"),
    "access_ended": ("✗", "yellow", "ended"),
}
_NOT_OPENED = frozenset({"stripe_session_failed", "checkout_expired"})


@dataclass(frozen=True, slots=True)
class Happened:
    """One line of the feed: when, what kind, and the text."""

    at: datetime
    kind: str
    text: str


def money(amount: Decimal | None, currency: str | None, exponent: int | None) -> str:
    """25 USD with the decimals that its currency has: 25.00 USD."""
    if amount is None:
        return f"? {currency or ''}".rstrip()
    digits = max(exponent or 0, -int(amount.normalize().as_tuple().exponent)) if exponent is not None else 2
    return f"{amount:,.{digits}f} {currency or ''}".rstrip()


def payment(row: Mapping[str, Any], style: Style) -> Iterator[Happened]:
    """A row of the audit log as lines of the feed; nothing for rows that are not about money or credits."""
    details: Mapping[str, Any] = json.loads(row["details"])
    kind = _PURPOSES.get(row["purpose"], row["purpose"])
    for text in _texts(row, details, style):
        yield Happened(row["created_at"], kind, f"{_payment(row)}  {text}")


def download(row: Mapping[str, Any]) -> Happened:
    """A URL of a design, with the downloads that are used of its purchase or period."""
    used, limit = row["downloads_used"], row["download_limit"]
    counted = "by an admin" if used is None else f"{used} used" if limit is None else f"{used} of {limit} used"
    return Happened(row["created_at"], "download", f"{row['name']}  {row['file']}  {counted}")


def _payment(row: Mapping[str, Any]) -> str:
    amount = money(row["amount"], row["price_currency"], row["exponent"])
    way = {"stripe": "card", "wallet": "wallet"}.get(row["provider"] or "", row["currency"] or "")
    return f"{amount:>14}  {way:<6}  {str(row['payment_id'])[:_SHORT_ID]}"


def _texts(row: Mapping[str, Any], details: Mapping[str, Any], style: Style) -> Iterator[str]:
    action = row["action"]
    if action == "checkout_opened":
        took = f" in {details['ms']} ms" if "ms" in details else ""
        yield f"checkout made{took}"
    elif action == "wallet_fallback":
        yield style("yellow", f"wallet instead of a checkout: {details.get('reason', '?')}")
    elif action in _ACCESS:
        glyph, colour, words = _ACCESS[action]
        why = f": {details['because']}" if "because" in details else ""
        yield style(colour, f"{glyph} access to {row['product']} {words}{why}")
    elif action == "subscription_cancelled":
        yield style("yellow", "✗ cancelled at the end of its period")
    elif action in _NOT_OPENED:
        yield style("red", f"✗ no checkout: {details.get('reason', '?')}")
    for each in details.get("rows", ()):
        colour = "green" if each["credits"] > 0 else "yellow"
        yield (
            style(colour, f"{each['credits']:+,d} credits")
            + f", balance {each['balance']:,d}: {_words(each['reason'])}"
        )
    moved = [f"{each['kind'].replace('_', ' ')} {_moved(each, row)}" for each in details.get("money", ())]
    if "to" in details:
        glyph, colour = _OUTCOMES.get(details["to"], ("·", "dim"))
        # The line has the payment's amount already, which is charged unless there is a discount.
        whole = details["to"] == "completed" and _charged(details) == [row["amount"]]
        more = "" if whole else "".join(f", {each}" for each in moved)
        yield style(colour, f"{glyph} {_words(details['to'])}") + more
    elif moved:
        yield ", ".join(moved)
    if "mismatch" in details:
        yield style("red", f"! the {details['mismatch']} differs from what was requested")


def _moved(each: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    if each["currency"] != row["price_currency"]:
        return f"{each['amount']} {each['currency']}"
    return money(Decimal(each["amount"]), each["currency"], row["exponent"])


def _charged(details: Mapping[str, Any]) -> list[Decimal]:
    return [Decimal(each["amount"]) for each in details.get("money", ()) if each["kind"] == "charge"]


def _words(name: str) -> str:
    return name.replace("_", " ")


def provider(line: Mapping[str, Any], style: Style) -> Happened:
    """An event that the sandbox has sent to the backend, and the answer."""
    status = line.get("status")
    answer = style("green" if status and status < 300 else "red", str(status or "no answer"))  # noqa: PLR2004 - 2xx
    again = f"  again in {line['again']:g} s" if line.get("again") else ""
    name = _PROVIDERS.get(line["provider"], line["provider"])
    at = datetime.fromisoformat(line["time"])
    return Happened(at, f"{name} →", f"{line['event']:<34}  {answer}  {line['ms']} ms{again}")


def delivery(kind: str, data: str, result: str, style: Style) -> str:
    """A webhook to the site, and its result."""
    about: Mapping[str, Any] = json.loads(data)
    what = f"v{about['version']}" if "version" in about else str(about.get("paymentId", ""))[:_SHORT_ID]
    answer = style("green", "✓") if result == "delivered" else style("red", f"✗ {result}")
    return f"{f'{kind} {what}':<34}  {answer}"


def routes(version: int, changed: Mapping[str, str], style: Style) -> str:
    """A version, and what it changes: at most three currencies by name."""
    if not changed:
        what = "same currencies"
    elif len(changed) > _FEW:
        what = f"{len(changed)} currencies"
    else:
        what = ", ".join(f"{code} {how}" for code, how in changed.items())
    return f"{style('bold', f'v{version}')}  {what}"


def logged(line: str) -> str:
    """A line of a log as a person reads it: JSON becomes time, level, message and what else it says."""
    try:
        entry = json.loads(line)
        clock = f"{datetime.fromisoformat(entry.pop('time')).astimezone():%H:%M:%S}"
        head = f"{clock} {entry.pop('level'):<7} {entry.pop('message')}"
    except (ValueError, KeyError, AttributeError, TypeError):
        return line
    return "  ".join([head, *(f"{name}={value}" for name, value in entry.items() if name not in _BESIDE)])


def links(line: str) -> str:
    """The summary of `hingecraft links ensure` without its zeros: 139 links kept: 2 made."""
    head, _, rest = line.partition(" links wanted: ")
    if not rest:
        return line
    done = ", ".join(each for each in rest.split(", ") if not each.startswith("0 "))
    return f"{head} links kept" + (f": {done}" if done else "")
