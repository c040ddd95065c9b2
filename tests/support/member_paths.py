"""The third part of docs/crash-matrix.md: what members and admins ask for, and the events about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class MemberPath:
    """What there is once in the end, and the moments at which it ends at least."""

    once: str
    moments: int


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
        "# Members: ended at each moment",
        "",
        "These paths are walked in the tier `money`, in one process and with the same sandbox: each statement, each",
        "commit and each call to Stripe is a moment, and the path ends at each of them in turn. Then everything comes",
        "again: the caller's request with its key or reference, or the event after its lease, and once more under",
        "another id. **equal** means that what is left, here and at Stripe, is what an undisturbed run leaves: each of",
        "these once, the ledger with its account, and nothing that waits. A path that had fewer moments than this",
        "says fails as well.",
        "",
        "`tests/money/test_member_crashes.py`: the process dies after a statement, after a commit, or before or after",
        "a call to Stripe, and runs nothing after that.",
        "",
        *_table(ASKED),
        "`tests/money/test_credit_breaks.py`: the connection is lost after a statement of a transaction, of which",
        "then nothing is left, or the answer to its COMMIT is.",
        "",
        *_table(BOOKED),
    ]


def _table(paths: Mapping[str, MemberPath]) -> list[str]:
    lines = ["| path | moments | once | in the end |", "|---|---|---|---|"]
    lines += [f"| {name} | {path.moments} or more | {path.once} | **equal** |" for name, path in paths.items()]
    return [*lines, ""]
