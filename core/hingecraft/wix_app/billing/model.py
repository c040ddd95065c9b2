"""Plans as they are offered, and which change of a plan an owner may begin. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from hingecraft.errors import ConflictError

MONTHLY, YEARLY = "MONTHLY", "YEARLY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A plan, and the credits of each billing period."""

    name: str
    credits: int
    rank: int

    @property
    def is_paid(self) -> bool:
        """Whether it can be bought."""
        return self.rank > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A plan with the cycle in which it is paid."""

    plan: Plan
    cycle: str


def require_possible(now: Choice, wanted: Choice, *, is_cancelled: bool = False) -> None:
    """Raise an error with what to do for a change that Wix does not let apps offer.

    `now` is the plan that the site pays for. One that is cancelled runs until its period ends.
    """
    if wanted == now:
        keep = " It is cancelled: to keep it, turn its renewal on again in Wix under Subscriptions."
        raise ConflictError(
            "already_subscribed", f"This site already has the {_named(now)} plan.{keep if is_cancelled else ''}"
        )
    if wanted.plan.rank < now.plan.rank:
        raise ConflictError(
            "downgrade",
            f"This site has the {_named(now)} plan. To change to a smaller one, cancel the plan in Wix under "
            "Subscriptions, and buy the smaller one when its period has ended.",
        )
    if now.cycle != MONTHLY and wanted.cycle == MONTHLY:
        raise ConflictError(
            "yearly_to_monthly",
            f"This site has the {_named(now)} plan. To pay monthly instead, cancel the plan in Wix under "
            "Subscriptions, and buy the monthly one when its period has ended. You can change to a larger yearly plan "
            "at any time.",
        )


def _named(choice: Choice) -> str:
    cycle = {MONTHLY: "monthly", YEARLY: "yearly"}.get(choice.cycle, "")
    return f"{cycle} {choice.plan.name.capitalize()}".strip()
