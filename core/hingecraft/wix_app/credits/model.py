"""The outcome of a spend. Pure."""

from __future__ import annotations

from enum import StrEnum

from hingecraft.errors import RejectedError

MOST_CREDITS = 1_000_000
LONGEST_REFERENCE = 200


class NotEnoughCreditsError(RejectedError):
    """The site's credits do not cover it; the reference stays free."""

    def __init__(self, left: int) -> None:
        super().__init__("insufficient_credits", f"There are not enough credits: {left} can be spent.")


class ReferenceTakenError(RejectedError):
    """The reference was used before for another amount."""

    def __init__(self) -> None:
        super().__init__(
            "reference_reused", "This reference was already used with another amount. Use a new reference."
        )


class Outcome(StrEnum):
    """The outcome of a spend, as `hc_spend_wix_credits` returns it."""

    DONE = "spent"
    # The reference is known with the same amount: the first answer is given again.
    REPEATED = "repeated"
    REUSED = "reused"
    INSUFFICIENT = "insufficient"


def required(outcome: Outcome, left: int) -> int:
    """The credits that are left after a spend; raises what a caller is told where there was none."""
    if outcome is Outcome.INSUFFICIENT:
        raise NotEnoughCreditsError(left)
    if outcome is Outcome.REUSED:
        raise ReferenceTakenError
    return left
