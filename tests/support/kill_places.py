"""Where a process is killed in the second part of the crash matrix, and how it is held there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Wait:
    """A statement that waits for a lock on a table; its transaction may have written to another table before."""

    table: str
    # A regular expression.
    statement: str
    written: str | None = None


@dataclass(frozen=True)
class Hang:
    """A call that a provider does not answer, with or without having done what it asks for."""

    provider: str
    method: str
    path: str
    done: bool
    # So many calls of the same kind are answered before.
    answered: int = 0


@dataclass(frozen=True)
class Place:
    """Held at the last of the waits, which come one after the other, or at the call; with neither, at the end."""

    name: str
    waits: tuple[Wait, ...] = ()
    hang: Hang | None = None


_PREFILLS = '"ContributionIntent"'
_READING_BOOKS = Wait("external_payments", "AS locked, payments p")
_BOOKING = Wait("settlements", "INSERT INTO settlements")
_MARKING = Wait("provider_events", "SET processed_at", written="settlements")
_HANDING_ON = Wait("provider_events", "^\\s*UPDATE provider_events SET")
_MAKING_PREFILL = Wait(_PREFILLS, "INSERT INTO")
_READING_PREFILL = Wait(_PREFILLS, "SET used = true")
_OPENING = Wait("payments", "INSERT INTO payments")
_OPENED = Wait("payments", "'checkout_opened'")
_KEEPING = Wait("idempotency_keys", "SET status = \\$4")


def _sessions(*, done: bool, answered: int = 0) -> Hang:
    return Hang("stripe", "POST", "checkout/sessions", done=done, answered=answered)


PLACES: Mapping[str, tuple[Place, ...]] = {
    "events of three payments, applied together": (
        Place("claimed; their payments are not locked yet", waits=(_READING_BOOKS,)),
        Place("their payments are locked; nothing is written", waits=(_BOOKING,)),
        Place("written in one statement; none is marked as processed", waits=(_BOOKING, _MARKING)),
        Place("marked as processed, and committed"),
    ),
    "event that needs a question": (
        Place("claimed, and found to need more; not handed on yet", waits=(_READING_BOOKS, _HANDING_ON)),
        Place("Stripe was asked; it has not answered", hang=Hang("stripe", "GET", "checkout/sessions/", done=True)),
        Place("Stripe has answered; nothing is written", waits=(_BOOKING,)),
        Place("written; not marked as processed", waits=(_BOOKING, _MARKING)),
        Place("marked as processed, and committed"),
    ),
    "IPN": (
        Place("NOWPayments was asked; it has not answered", hang=Hang("nowpayments", "GET", "payment/", done=True)),
        Place("NOWPayments has answered; nothing is written", waits=(_BOOKING,)),
        Place("written; not marked as processed", waits=(_BOOKING, _MARKING)),
    ),
    "prefill, made and read": (
        Place("the form was sent; nothing is written", waits=(_MAKING_PREFILL,)),
        Place("made; the answer is not kept under the key", waits=(_MAKING_PREFILL, _KEEPING)),
        Place("made and answered; not used yet", waits=(_MAKING_PREFILL, _KEEPING, _READING_PREFILL)),
        Place("used; the page may not have the amount"),
    ),
    "prefill, its checkout": (
        Place("its e-mail address is taken; the intent is not written", waits=(_OPENING,)),
        Place("the intent is written; Stripe has done nothing", hang=_sessions(done=False)),
        Place("Stripe has made the session; it has not answered", hang=_sessions(done=True)),
        Place("Stripe has answered; that is not written", waits=(_OPENING, _OPENED)),
        Place("written; the answer is not kept under the key", waits=(_OPENING, _OPENED, _KEEPING)),
    ),
    "e-mail address that Stripe refuses": (
        Place("refused; the second call has done nothing", hang=_sessions(done=False, answered=1)),
        Place("the second call has made the session; no answer yet", hang=_sessions(done=True, answered=1)),
        Place("the second call is answered; that is not written", waits=(_OPENING, _OPENED)),
        Place("written; the answer is not kept under the key", waits=(_OPENING, _OPENED, _KEEPING)),
    ),
}


def chapter() -> list[str]:
    """The second part of docs/crash-matrix.md."""
    lines = [
        "# Killed on the way, and compared with an undisturbed run",
        "",
        "The pod is held between two steps and killed with SIGKILL there; the connections that it leaves are closed,",
        "so that a statement that waits is never carried out. A new pod is started. The donor sends each request",
        "again, twice at once and under the same key; the providers tell every event twice at once, and when",
        "everything is done, every event once more. For the refused e-mail address `hingecraft reconcile` comes before",
        "the donor. **equal** means: payments, checkouts, settlements with their values, payment history, totals, what",
        "the site is told, the state of the inbox, prefills, and the sessions at Stripe with their e-mail addresses",
        "are what a run leaves in which nothing died and everything came once.",
        "",
    ]
    for path, places in PLACES.items():
        lines += [f"## {path[:1].upper()}{path[1:]}", "", "| the pod is killed when | in the end |", "|---|---|"]
        lines += [f"| {place.name} | **equal** |" for place in places]
        lines.append("")
    return lines
