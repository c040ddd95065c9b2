"""A feature that only says who calls: one endpoint for each combination of callers."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from pydantic import BaseModel

from hingecraft.identity.principal import Kind
from hingecraft_api.feature import Feature
from hingecraft_api.systems import FEATURES
from hingecraft_api.web.call import Call
from hingecraft_api.web.endpoint import Endpoint

_MEMBERS = (Kind.USER, Kind.SERVICE, Kind.ADMIN)
ACCESS: dict[str, tuple[Kind, ...]] = {
    "/callers/members": _MEMBERS,
    "/callers/users": (Kind.USER,),
    "/callers/services": (Kind.SERVICE,),
    "/callers/admins": (Kind.ADMIN,),
    "/callers/shop": (Kind.ADMIN, Kind.VISITOR),
    "/callers/anybody": (Kind.VISITOR,),
}


class Order(BaseModel):
    amount: int = 1


async def _who(call: Call) -> dict[str, Any]:
    return {"kind": call.principal.kind, "id": call.principal.id}


async def _order(call: Call) -> dict[str, Any]:
    return {"order": str(uuid4()), "by": call.principal.actor}


CALLERS = Feature(
    endpoints=[
        *(
            Endpoint(method="GET", path=path, handler=_who, summary="Who calls", tag="Operations", access=access)
            for path, access in ACCESS.items()
        ),
        Endpoint(
            method="POST", path="/callers/orders", handler=_order, summary="Order", tag="Operations", access=_MEMBERS,
            body=Order, idempotent=True, status=201,
        ),
        Endpoint(
            method="DELETE", path="/callers/orders", handler=_who, summary="Cancel", tag="Operations", access=_MEMBERS
        ),
    ]
)  # fmt: skip
WITH_CALLERS = [*FEATURES, CALLERS]
