"""Credits: a user's balance and history, what services spend, and what admins adjust."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime

from hingecraft.credits import model, service
from hingecraft.credits.model import LONGEST_REASON, LONGEST_REFERENCE, MOST_CREDITS, Written
from hingecraft.credits.spending import Spending
from hingecraft.identity.errors import NotAuthorizedError
from hingecraft.identity.principal import Kind
from hingecraft.routes.model import timestamp
from hingecraft_api.access.limits import Limit
from hingecraft_api.handlers.admin.endpoints import admin
from hingecraft_api.handlers.pagination import PageQuery
from hingecraft_api.messages.answers import Answer
from hingecraft_api.messages.bodies import Input, wrong_field
from hingecraft_api.messages.described import MOMENT, USER, described
from hingecraft_api.messages.sentences import Shape
from hingecraft_api.web.call import Call
from hingecraft_api.web.endpoint import Endpoint

_NEWEST = 2**63 - 1
_READERS = (Kind.USER, Kind.SERVICE, Kind.ADMIN)

UserId = Annotated[
    str, Shape("^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$", "must be a user's id, which is a UUID")
]
Reference = Annotated[
    str,
    described(
        "names this change for this user; a repeat with the same reference changes nothing",
        "scan-2026-11-0001",
        min_length=1,
        max_length=LONGEST_REFERENCE,
    ),
]


class BalanceQuery(Input):
    """The user whose balance is read."""

    user_id: Annotated[UserId | None, described("required for services and admins; users read their own", USER)] = None


class TransactionsQuery(PageQuery, BalanceQuery):
    """The user, and the page of transactions."""


class SpendInput(Input):
    """Credits that a service spends for a user."""

    user_id: Annotated[UserId, described("whose credits", USER)]
    amount: Annotated[int, described("how many credits", 3, ge=1, le=MOST_CREDITS)]
    reference: Reference
    reason: Annotated[
        str, described("what they are spent on", "image_scan", min_length=1, max_length=LONGEST_REASON)
    ] = "spend"


class AdjustInput(Input):
    """A change of a balance by an admin."""

    user_id: Annotated[UserId, described("whose credits", USER)]
    delta: Annotated[
        int, described("credits to add; negative: to take, at most the balance", 25, ge=-MOST_CREDITS, le=MOST_CREDITS)
    ]
    reason: Annotated[
        str,
        described(
            "kept for good, so write nothing personal in it",
            "Compensation for an outage",
            min_length=1,
            max_length=LONGEST_REASON,
        ),
    ]
    reference: Reference


class BalanceAnswer(Answer):
    """A user's account."""

    balance: Annotated[int, described("credits that can be spent; negative after a refund of spent credits", 47)]
    as_of: Annotated[AwareDatetime, described("when this was read", MOMENT)]
    transactions: Annotated[int, described("how many transactions there are", 2)]
    by_plan: Annotated[
        dict[str, int],
        described("credits received by plan type, less refunds; what was spent is only in `balance`", {"credits": 50}),
    ]


class TransactionItem(Answer):
    """One change of the balance."""

    id: Annotated[int, described("grows with each transaction", 1042)]
    delta: Annotated[int, described("what was added, or taken if negative", -3)]
    balance_after: Annotated[int, described("the balance after it", 47)]
    reason: Annotated[str, described("why", "image_scan")]
    plan_type: Annotated[str | None, described("the plan or pack that it belongs to; null for a spend", "credits")]
    created_at: Annotated[AwareDatetime, described("when", MOMENT)]


class TransactionsAnswer(Answer):
    """A page of changes, newest first."""

    items: Annotated[list[TransactionItem], described("at most `limit`")]
    next_cursor: Annotated[
        str | None, described("send it as `cursor` for the next page; null: this is the last", "1042")
    ]


class WrittenAnswer(Answer):
    """The change; the same for each repeat of its reference."""

    balance: Annotated[int, described("the balance after it", 47)]
    transaction_id: Annotated[int, described("its id in the transactions", 1042)]


async def get_balance(call: Call) -> Any:
    found = await service.balance(call.pod.database, _user_of(call))
    return {
        "balance": found.balance,
        "asOf": timestamp(found.as_of),
        "transactions": found.transactions,
        "byPlan": found.by_plan,
    }


async def get_transactions(call: Call) -> Any:
    query: TransactionsQuery = call.query
    before = int(query.cursor) if query.cursor else _NEWEST
    rows = await service.transactions(call.pod.database, _user_of(call), before, query.limit)
    return {
        "items": [
            {
                "id": row.id,
                "delta": row.delta,
                "balanceAfter": row.balance_after,
                "reason": row.reason,
                "planType": row.plan_type,
                "createdAt": timestamp(row.created_at),
            }
            for row in rows
        ],
        "nextCursor": str(rows[-1].id) if len(rows) == query.limit else None,
    }


async def post_spend(call: Call) -> Any:
    body: SpendInput = call.body
    entry = model.spend(UUID(body.user_id), body.amount, body.reference, body.reason)
    return _answered(await call.pod.parts[Spending].spend(entry))


async def post_adjust(call: Call) -> Any:
    body: AdjustInput = call.body
    if body.delta == 0:
        raise wrong_field("invalid_request", "delta", "must not be 0")
    entry = model.adjustment(UUID(body.user_id), body.delta, body.reference, body.reason)
    done = await service.adjust(call.pod.database, entry, actor=call.principal.actor, request_id=call.request_id)
    return _answered(done)


def _answered(written: Written) -> Any:
    return {"balance": written.balance, "transactionId": written.transaction_id}


def _user_of(call: Call) -> UUID:
    """The user whose credits are read: the caller, or the one that a service or an admin names."""
    query: BalanceQuery = call.query
    named = UUID(query.user_id) if query.user_id is not None else None
    if call.principal.kind is Kind.USER:
        own = UUID(call.principal.id)
        if named not in (None, own):
            raise NotAuthorizedError("Users can read only their own credits. Leave out userId.")
        return own
    if named is None:
        raise wrong_field("invalid_request", "userId", "is required for services and admins")
    return named


def _reading(
    path: str, handler: Any, summary: str, description: str, answer: type[Answer], query: type[Input]
) -> Endpoint:
    return Endpoint(
        method="GET",
        path=path,
        handler=handler,
        summary=summary,
        description=description,
        tag="Credits",
        answer=answer,
        query=query,
        access=_READERS,
        errors=("database_unavailable", "not_authorized"),
    )


ENDPOINTS = [
    _reading(
        "/api/v1/credits/balance",
        get_balance,
        "Read a balance of credits",
        "Exact at the moment of `asOf`. A user without credits has 0.",
        BalanceAnswer,
        BalanceQuery,
    ),
    _reading(
        "/api/v1/credits/transactions",
        get_transactions,
        "List transactions of credits",
        "Newest first. The sum of all `delta` is the balance.",
        TransactionsAnswer,
        TransactionsQuery,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/credits/spend",
        handler=post_spend,
        summary="Spend credits",
        description="Once for each user and reference: if you get no answer, send the same call again, and you get the "
        "answer to the first. A spend that is rejected with `insufficient_credits` leaves its reference free.",
        tag="Credits",
        answer=WrittenAnswer,
        body=SpendInput,
        limit=Limit.NONE,
        access=(Kind.SERVICE,),
        errors=("database_unavailable", "insufficient_credits", "reference_reused"),
    ),
]
ADMIN_ENDPOINTS = [
    admin(
        "POST",
        "/admin/credits/adjust",
        post_adjust,
        "Adjust a balance of credits",
        WrittenAnswer,
        description="Adds or takes credits once for each user and reference, and writes an audit row. It takes at most "
        "the balance.",
        body=AdjustInput,
        errors=("balance_out_of_range", "insufficient_credits", "reference_reused"),
    ),
]
