"""How each kind of caller proves who it is. CORS, the reference and its curl commands are derived from this."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hingecraft.errors import ErrorCode
from hingecraft.identity.principal import Kind
from hingecraft.sync import signature
from hingecraft_api.access.bearer import BEARERS, for_admins_only
from hingecraft_api.access.visitor import HEADER as VISITOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """The credential of one kind of caller."""

    # The headers that it can be sent in.
    headers: tuple[str, ...]
    # How OpenAPI describes it; None where a caller may leave it out.
    scheme: Mapping[str, Any] | None = None
    # The meaning of the status 401.
    rejected: str = ""
    # The header of an example, where a shell can write it.
    curl: str = ""


_WIX_HEADER = "Authorization: WixInstance $INSTANCE"

CREDENTIALS: Mapping[Kind, Credential] = {
    Kind.VISITOR: Credential(headers=(VISITOR,)),
    Kind.USER: Credential(
        headers=("Authorization",),
        scheme={
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A user's token, with the role `authenticated`, as Supabase Auth issues it.",
        },
        rejected="The token is missing or not valid.",
        curl="Authorization: Bearer $TOKEN",
    ),
    Kind.SERVICE: Credential(
        headers=("Authorization",),
        scheme={
            "type": "http",
            "scheme": "bearer",
            "description": "The `SERVICE_TOKEN` of the backend, or a JWT with the role `service` or `service_role`.",
        },
        rejected="The token is missing or not valid.",
        curl="Authorization: Bearer $SERVICE_TOKEN",
    ),
    Kind.ADMIN: Credential(
        headers=("Authorization", "X-Admin-Token"),
        scheme={
            "type": "http",
            "scheme": "bearer",
            "description": "The `ADMIN_TOKEN` of the backend, or a JWT with the role `admin`.",
        },
        rejected="The admin token is missing or wrong.",
        curl="Authorization: Bearer $ADMIN_TOKEN",
    ),
    Kind.WIX_INSTANCE: Credential(
        headers=("Authorization",),
        scheme={
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`WixInstance`, a space, and the instance token of the site whose dashboard shows the app.",
        },
        rejected="The instance token is missing, not valid, or too old.",
        curl=_WIX_HEADER,
    ),
    Kind.WIX_OWNER: Credential(
        headers=("Authorization",),
        scheme={
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "The same for a site whose instance id is in the backend's `WIX_OWNER_INSTANCES`.",
        },
        rejected="The instance token is missing, not valid, or too old.",
        curl=_WIX_HEADER,
    ),
    Kind.ENGINE: Credential(
        headers=(signature.HEADER,),
        scheme={
            "type": "apiKey",
            "in": "header",
            "name": signature.HEADER,
            "description": "The body, signed with `PUSH_SECRET`.",
        },
        rejected="The signature is missing, wrong or stale.",
    ),
}


def is_required(access: Sequence[Kind]) -> bool:
    """Whether a caller needs a credential: a visitor does not."""
    return Kind.VISITOR not in access


def schemes(accesses: Iterable[Sequence[Kind]]) -> dict[str, Any]:
    """OpenAPI's `securitySchemes`: those that these endpoints use."""
    used = {kind for access in accesses for kind in access}
    return {kind.value: dict(each.scheme) for kind, each in CREDENTIALS.items() if kind in used and each.scheme}


def security(access: Sequence[Kind]) -> list[dict[str, list[str]]]:
    """OpenAPI's `security` of one endpoint: each alternative; an empty one where a caller may also prove nothing."""
    named: list[dict[str, list[str]]] = [{kind.value: []} for kind in access if CREDENTIALS[kind].scheme]
    return [*named, {}] if named and not is_required(access) else named


def rejected(access: Sequence[Kind]) -> str:
    """The meaning of 401 for callers of these kinds."""
    return " ".join(dict.fromkeys(CREDENTIALS[kind].rejected for kind in access if CREDENTIALS[kind].rejected))


def errors_of(access: Sequence[Kind]) -> set[ErrorCode]:
    """The errors that callers of these kinds can get because of their credentials."""
    found: set[ErrorCode] = set()
    if for_admins_only(access) or (is_required(access) and Kind.ENGINE in access):
        found.add("unauthorized")
    if not BEARERS.isdisjoint(access):
        found.update(("auth_unavailable", "invalid_token", "role_not_allowed"))
    if not {Kind.USER, Kind.SERVICE}.isdisjoint(access):
        found.add("members_disabled")
        if is_required(access):
            found.add("missing_token")
    if Kind.WIX_OWNER in access:
        found.add("not_owner")
    if not {Kind.WIX_INSTANCE, Kind.WIX_OWNER}.isdisjoint(access):
        found.update(
            (
                "missing_wix_instance",
                "invalid_wix_instance",
                "stale_wix_instance",
                "wix_app_disabled",
                "auth_unavailable",
            )
        )
    return found
