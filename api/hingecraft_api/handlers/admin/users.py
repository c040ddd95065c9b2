"""An admin deletes a user."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from hingecraft.members.deletion.service import Deletion
from hingecraft_api.handlers.admin.endpoints import admin
from hingecraft_api.messages.answers import Answer, success
from hingecraft_api.messages.bodies import wrong_field
from hingecraft_api.messages.described import USER, described
from hingecraft_api.web.call import Call


class DeletedAnswer(Answer):
    """The user is deleted here, from this moment on."""

    user_id: Annotated[str, described("as in the path", USER)]
    finished: Annotated[
        bool,
        described("false with status 202: Stripe has not deleted the customer yet, and reconciliation goes on", True),
    ]


async def delete_user(call: Call) -> Any:
    """200 when all is deleted, 202 when Stripe has to be asked again."""
    user_id = _user_id(call)
    finished = await call.pod.parts[Deletion].delete(
        user_id, call.deadline, actor=call.principal.actor, request_id=call.request_id
    )
    return success({"userId": str(user_id), "finished": finished}, HTTPStatus.OK if finished else HTTPStatus.ACCEPTED)


def _user_id(call: Call) -> UUID:
    try:
        return UUID(call.named("id"))
    except ValueError:
        raise wrong_field("invalid_request", "id", "must be a user's id, which is a UUID") from None


ENDPOINTS = [
    admin(
        "DELETE",
        "/admin/users/{id}",
        delete_user,
        "Delete a user",
        DeletedAnswer,
        description="Deletes the customer at Stripe, which ends the subscriptions, and removes e-mail address and "
        "metadata here. The ledger and the payments keep the id. Nothing is sold or granted to the user any more. "
        "202: Stripe did not answer, and reconciliation finishes it. Repeating the call changes nothing.",
        may_take_longer=True,
        parts={"id": {"type": "string", "description": "the user's id", "examples": [USER]}},
    ),
]
