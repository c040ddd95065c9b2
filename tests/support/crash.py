"""The crash matrix: every step of every money path, and what goes wrong just there.

A process is brought to a step and held there from outside: by a lock in Postgres, or by a provider that does not
answer. Nothing in the product knows of this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from support import kill_places, member_paths, purchase_paths


class Fault(StrEnum):
    KILL_BEFORE = "SIGKILL before"
    KILL_AFTER = "SIGKILL after"
    DATABASE_LOST = "database lost"
    TIMEOUT_BEFORE = "provider times out before the effect"
    TIMEOUT_AFTER = "provider times out after the effect"


@dataclass(frozen=True)
class Step:
    """One step, and how a process is held just before it: by a lock on a table, or by a call that hangs."""

    name: str
    table: str = ""
    call: tuple[str, str, str] | None = None
    # The table is needed before the step as well: it is locked while the process waits for the call before it.
    needed_early: bool = False

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults that can happen here: a provider is only slow where it is asked."""
        timeouts = (Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER) if self.call else ()
        return (Fault.KILL_BEFORE, Fault.KILL_AFTER, Fault.DATABASE_LOST, *timeouts)


_CREATE = ("stripe", "POST", "checkout/sessions")
PATHS: Mapping[str, tuple[Step, ...]] = {
    "checkout": (
        Step("the intent is written", table="payments"),
        Step("the provider is called", call=_CREATE),
        Step("its answer is written", table="payments"),
        Step("our answer is kept under the key", table="idempotency_keys"),
    ),
    "webhook": (
        Step("the event is stored", table="provider_event_ids"),
        Step("the event is applied", table="settlements"),
    ),
    "webhook that needs a question": (
        Step("the event is stored", table="provider_event_ids"),
        Step("the provider is asked", call=("stripe", "GET", "checkout/sessions/")),
        Step("the event is applied", table="settlements"),
    ),
    "value that comes later": (
        Step("the event is stored", table="provider_event_ids"),
        Step("the provider is asked", call=("stripe", "GET", "checkout/sessions")),
        Step("the value is written", table="settlements"),
    ),
    "IPN": (
        Step("the IPN is stored", table="provider_event_ids"),
        Step("the provider is asked", call=("nowpayments", "GET", "payment/")),
        Step("the payment is applied", table="settlements"),
    ),
    "refund": (
        Step("the event is stored", table="provider_event_ids"),
        Step("the refund is applied", table="settlements"),
    ),
    "dispute": (
        Step("the event is stored", table="provider_event_ids"),
        Step("the dispute is applied", table="settlements"),
    ),
    "recovery": (
        Step("the checkout is claimed", table="external_payments"),
        Step("the call is repeated", call=_CREATE),
        Step("its answer is written", table="payments"),
    ),
    "reconciliation, by events": (
        Step("the events are read", call=("stripe", "GET", "events")),
        Step("the events are stored", table="provider_event_ids"),
        Step("the events are applied", table="settlements"),
    ),
    "reconciliation, by asking": (
        Step("the checkout is claimed", table="external_payments"),
        Step("the provider is asked", call=("stripe", "GET", "checkout/sessions/")),
        Step("its answer is applied", table="settlements"),
    ),
    "payment through a standing link": (
        Step("the event is stored", table="provider_event_ids"),
        Step("the provider is asked", call=("stripe", "GET", "checkout/sessions/")),
        Step("payment and settlement are written", table="settlements"),
    ),
    "reconciliation, keeping links": (
        Step("the price is made", call=("stripe", "POST", "prices")),
        Step("the link is made", call=("stripe", "POST", "payment_links")),
        Step("its row is written", table="external_payments", needed_early=True),
    ),
}
CELLS = [(path, step.name, fault) for path, steps in PATHS.items() for step in steps for fault in step.faults]


def document() -> str:
    """docs/crash-matrix.md."""
    lines = [
        "# The crash matrix",
        "",
        "Written by `make generate` from `tests/support/crash.py`; the tier `crash` of `make test` walks each cell",
        "with real processes, a real Postgres and the sandbox as a process: it brings a process to the step, lets the",
        "fault happen there, starts what died again, lets the provider's messages and one `hingecraft reconcile`",
        "come, and compares our books with the provider's. **equal** means: every movement of money at the provider",
        "is in our books once, with its value, and no other is, each payment stands as the provider's checkout does,",
        "no donor has two sessions, and nothing is left unexplained. A cell that is not equal fails the run, so what",
        "stands here was so in every run that passed. A dash: no provider is called in that step.",
        "",
        "How a process is held at a step, and what a fault is:",
        "",
        "- **SIGKILL before**: the statement waits for a lock that the test holds, or the provider has not done",
        "  anything yet. **SIGKILL after**: the step is done (committed, or done at the provider) and the next is not.",
        "- **database lost**: at the step every connection of the process is cut and none is let in for two seconds.",
        "- **provider times out**: it says nothing until the process gives up, having done nothing, or everything.",
        "",
    ]
    for path, steps in PATHS.items():
        lines += [
            f"## {path[:1].upper()}{path[1:]}",
            "",
            "| step | " + " | ".join(fault.value for fault in Fault) + " |",
        ]
        lines.append("|---" * (len(Fault) + 1) + "|")
        for step in steps:
            cells = ("**equal**" if fault in step.faults else "-" for fault in Fault)
            lines.append(f"| {step.name} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join([*lines, *kill_places.chapter(), *member_paths.chapter(), *purchase_paths.chapter()])
