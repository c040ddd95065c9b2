"""Takes up what Wix tells about a plan: keeps it, derives the plan, and gives the period its credits."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from hingecraft import audit
from hingecraft.db.connection import Connection
from hingecraft.errors import NotYetError
from hingecraft.wix_app.plans import allowance, store
from hingecraft.wix_app.plans.model import Fact, PlanState, state_of
from hingecraft.wix_app.sites import store as sites
from hingecraft.wix_app.sites.model import FREE

# The beginning of an event's error; what follows is the product, up to a colon.
UNKNOWN_PRODUCT = "unknown product of Wix "


class UnknownProductError(NotYetError):
    """Wix names a plan that is not in `wix_plan_names`: the site keeps its plan until it is."""

    def __init__(self, product: str) -> None:
        super().__init__(f"{UNKNOWN_PRODUCT}{product}: add it with `hingecraft wix plans set {product} --plan PLAN`")


async def take(conn: Connection, instance_id: UUID, facts: list[Fact], *, actor: str, request_id: str) -> None:
    """Take up facts about one site, in one transaction; facts that were told before change nothing.

    Raises UnknownProductError, and nothing is changed then.
    """
    for fact in facts:
        if fact.product is not None and await store.named(conn, fact.product) is None:
            raise UnknownProductError(fact.product)
    await sites.create(conn, instance_id, None, min(fact.happened_at for fact in facts))
    await store.lock(conn, instance_id)
    if not any([await store.add(conn, instance_id, fact) for fact in facts]):
        return
    state = state_of(await store.facts(conn, instance_id))
    plan = await _plan_of(conn, state)
    await allowance.follow(conn, instance_id, state, plan.credits)
    if await store.save(conn, instance_id, plan.name, state):
        await _record(conn, instance_id, plan.name, state, actor, request_id)


async def checked(conn: Connection, instance_id: UUID, at: datetime, owner_email: str | None = None) -> None:
    """Wix was asked about the site at that time, and told the owner's address if the app may read it."""
    await store.checked(conn, instance_id, at, owner_email)


async def _plan_of(conn: Connection, state: PlanState) -> store.Plan:
    if state.period is None:
        return store.Plan(name=FREE, credits=0)
    plan = await store.named(conn, state.period.product)
    if plan is None:
        raise UnknownProductError(state.period.product)
    return plan


async def _record(
    conn: Connection, instance_id: UUID, plan: str, state: PlanState, actor: str, request_id: str
) -> None:
    await audit.append(
        conn,
        actor=actor,
        action="wix_plan_changed",
        request_id=request_id,
        instanceId=str(instance_id),
        plan=plan,
        periodEnd=_text(state.period.end if state.period else None),
        accessEndsAt=_text(state.access_ends_at),
        paymentFailedAt=_text(state.payment_failed_at),
    )


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
