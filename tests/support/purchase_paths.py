"""The fourth part of docs/crash-matrix.md: purchases, from the payment to the download, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class PurchasePath:
    """The rows and objects that exist once in the end, and the least number of places to kill a process at."""

    once: str
    places: int


# A pod is killed after each step of it.
PURCHASES: Mapping[str, PurchasePath] = {
    "payment of a design": PurchasePath("the customer, the intent and the payment", 10),
    "subscription": PurchasePath("the customer, the product at Stripe, the subscription and the payment", 10),
    "payment at a new price": PurchasePath("the new intent; the first one can no longer be paid", 8),
    "subscription at a new price": PurchasePath("the new subscription; the first one can no longer be paid", 8),
    "cancelled payment": PurchasePath("nothing that can be paid", 3),
    "cancelled subscription that is not paid": PurchasePath("nothing that can be paid", 3),
    "cancelled at the period's end": PurchasePath("access until then, and no renewal", 3),
    "paid intent": PurchasePath("payment, settlement, purchase and access", 6),
    "first invoice": PurchasePath("payment, settlement, purchase and the period's access", 6),
    "renewal": PurchasePath("a payment of its own, its settlement and the period's access", 6),
    "refund": PurchasePath("the settlement; access has ended, and the purchase is kept", 5),
    "refund that fails": PurchasePath("the settlement; access is back", 5),
    "dispute": PurchasePath("the settlement; access has ended, and the purchase is kept", 5),
    "dispute that is won": PurchasePath("the settlement; access is back", 5),
    "dispute that is lost": PurchasePath("the dispute's settlement; access stays ended", 2),
    "download": PurchasePath("the URL, which is counted once", 2),
}
RECONCILIATION = PurchasePath(
    "payments that were never answered, paid, renewed, refunded or not paid in time, each with its access", 8
)


def chapter() -> list[str]:
    """The fourth part of docs/crash-matrix.md."""
    lines = [
        "# Purchases: a pod is killed after each step",
        "",
        "`tests/crash/test_purchases_killed.py` notes the steps of an undisturbed run: each statement that writes,",
        "each commit, and each call to Stripe. (A read leaves nothing: a process that dies after one dies after the",
        "step before.) Then, for each step and for a member of its own, the pod is killed with SIGKILL when the step",
        "is done and before it hears of it, and a new pod is started. Half of the members send their request again at",
        "once, the others after `hingecraft reconcile`. Of Stripe's events only those that the path needs are",
        "delivered, and in the end all of them under other ids, the newest first. **equal** means that each member has",
        "here and at Stripe what the member of the undisturbed run has; that each charge is one payment, with what is",
        "left of it after refunds and disputes, and with one entitlement, which is revoked where Stripe says so; that",
        "nothing else gives access; and that nothing waits. A path with fewer places than this table says fails too.",
        "",
        "| path | places | once | in the end |",
        "|---|---|---|---|",
    ]
    paths = {**PURCHASES, "reconciliation of all that was lost, killed again and again": RECONCILIATION}
    lines += [f"| {name} | {path.places} or more | {path.once} | **equal** |" for name, path in paths.items()]
    return [*lines, ""]
