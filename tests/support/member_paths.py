"""The third part of docs/crash-matrix.md: what members and admins ask for, and the events about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class MemberPath:
    """The rows and objects that exist once in the end, and the least number of steps."""

    once: str
    steps: int


# A process dies in it.
ASKED: Mapping[str, MemberPath] = {
    "first checkout of a pack": MemberPath("the customer, the session and the payment", 20),
    "first checkout of a plan": MemberPath("the customer, the session and the payment", 20),
    "checkout of a plan in place of another": MemberPath("the new session; the first one can no longer be paid", 20),
    "checkout with a plan session": MemberPath("the customer, the session and the payment; the choice is used up", 20),
    "spend": MemberPath("the row in the ledger", 1),
    "adjustment by an admin": MemberPath("the row in the ledger, and its audit row", 3),
    "portal": MemberPath("the configuration at Stripe", 8),
    "deletion of a user": MemberPath(
        "no customer, subscription or open session at Stripe; no e-mail address here; one audit row", 20
    ),
}
# The connection is lost in it.
BOOKED: Mapping[str, MemberPath] = {
    "paid session of a pack": MemberPath("payment, settlement and grant", 8),
    "first invoice of a plan": MemberPath("payment, settlement and grant", 8),
    "renewal": MemberPath("a payment of its own, its settlement and grant", 8),
    "change of a plan": MemberPath("a payment of its own, its settlement and the difference in credits", 8),
    "refund": MemberPath("the settlement, and the credits that it takes back", 8),
    "refund that fails": MemberPath("the settlement, and the credits that come back", 8),
    "dispute": MemberPath("the settlement, and the credits that it takes back", 8),
    "dispute of a renewal": MemberPath("the settlement, and the credits that it takes back", 8),
    "dispute that is won": MemberPath("the settlement, and the credits that come back", 8),
    "subscription that changes": MemberPath("its copy", 4),
}


def chapter() -> list[str]:
    """The third part of docs/crash-matrix.md."""
    return [
        "# Members: killed at each step",
        "",
        "These paths run in the tier `money`, in one process with the sandbox. A step is a statement, a commit or a",
        "call to Stripe; each run is stopped at one of them. Then the caller repeats the request with its key or",
        "reference, or the event is processed again after its lease, and once more under another id. **equal** means",
        "that Postgres and Stripe end up as after an undisturbed run: each of these exists once, the account equals",
        "its ledger, and nothing waits. A path with fewer steps than this table says fails too.",
        "",
        "`tests/money/test_member_crashes.py`: the process dies after a statement, after a commit, or before or after",
        "a call to Stripe, and runs nothing after that.",
        "",
        *_table(ASKED),
        "`tests/money/test_credit_breaks.py`: the connection is lost after a statement (the transaction is rolled",
        "back), or the answer to its COMMIT is lost.",
        "",
        *_table(BOOKED),
    ]


def _table(paths: Mapping[str, MemberPath]) -> list[str]:
    lines = ["| path | steps | once | in the end |", "|---|---|---|---|"]
    lines += [f"| {name} | {path.steps} or more | {path.once} | **equal** |" for name, path in paths.items()]
    return [*lines, ""]
