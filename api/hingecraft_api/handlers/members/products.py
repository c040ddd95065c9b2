"""Products: everybody reads those that are sold, admins add and change them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

from hingecraft.identity.principal import Kind
from hingecraft.periods import Period, Unit
from hingecraft.purchases.downloads.service import Downloads
from hingecraft.purchases.file_keys import LONGEST_KEY
from hingecraft.purchases.products.model import (
    LONGEST_NAME,
    LONGEST_PERIOD,
    MOST_DOWNLOADS,
    Product,
    Type,
    UnknownProductError,
)
from hingecraft.purchases.products.service import Products
from hingecraft_api.handlers.admin.endpoints import admin
from hingecraft_api.handlers.pagination import CURSOR, CursorQuery, cursor_of
from hingecraft_api.messages.amounts import Amount
from hingecraft_api.messages.answers import Answer, number
from hingecraft_api.messages.bodies import Input
from hingecraft_api.messages.described import PRODUCT, described
from hingecraft_api.web.call import Call
from hingecraft_api.web.endpoint import Endpoint

_TAG = "Purchases"
_FILE = "hinges/brass-hinge.zip"
# No default of a field that is always there: what is left out is not read.
_OMITTED: Any = None
_ANYBODY = (Kind.VISITOR, Kind.USER, Kind.ADMIN)

Name = Annotated[str, described("its name, for people", "Brass hinge", min_length=1, max_length=LONGEST_NAME)]
Price = Annotated[Amount, described("in `currency`: a number or a numeric string", "12.50")]
Discounted = Annotated[Amount | None, described("charged instead of `price`, where it is set", "9.90")]
CurrencyCode = Annotated[
    str, described("a currency that `GET /config` lists", "USD", min_length=1, max_length=LONGEST_NAME)
]
Active = Annotated[bool, described("whether it is sold; what was bought stays available", example=True)]
DownloadLimit = Annotated[
    int | None, described("downloads in a purchase or paid period; null: no limit", 5, ge=1, le=MOST_DOWNLOADS)
]
File = Annotated[
    str | None,
    described("a design's file: its key below `DOWNLOADS`", _FILE, min_length=1, max_length=LONGEST_KEY),
]
TypeOfProduct = Annotated[Type, described("a design can be downloaded; a subscription is paid each period", "design")]


class PeriodInput(Input):
    """A period of the calendar."""

    unit: Annotated[Unit, described("`day`, `week`, `month` or `year`", "month")]
    count: Annotated[int, described("how many; three years at most", 1, ge=1, le=max(LONGEST_PERIOD.values()))]


class ProductsQuery(CursorQuery):
    """A page of products."""

    type: Annotated[Type | None, described("only products of this type", "design")] = None


class ProductInput(Input):
    """A new product."""

    type: TypeOfProduct
    name: Name
    price: Price
    discounted_price: Discounted = None
    currency: CurrencyCode
    active: Active
    download_limit: DownloadLimit = None
    period: Annotated[
        PeriodInput | None,
        described("a subscription's billing period; how long access to a design or course lasts; null: for good"),
    ] = None
    file: File = None


class ProductChangeInput(Input):
    """The fields to change; null removes what is optional."""

    name: Name = _OMITTED
    price: Price = _OMITTED
    discounted_price: Discounted = None
    currency: CurrencyCode = _OMITTED
    active: Active = _OMITTED
    download_limit: DownloadLimit = None
    file: File = None


class PeriodAnswer(Answer):
    """A period of the calendar."""

    unit: Annotated[Unit, described("`day`, `week`, `month` or `year`", "month")]
    count: Annotated[int, described("how many", 1)]


class ProductAnswer(Answer):
    """A product."""

    id: Annotated[str, described("its id", PRODUCT)]
    type: TypeOfProduct
    name: Annotated[str, described("its name, for people", "Brass hinge")]
    price: Annotated[float, described("in `currency`", 12.5)]
    discounted_price: Annotated[float | None, described("charged instead of `price`, where it is set", 9.9)] = None
    currency: Annotated[str, described("of both prices", "USD")]
    active: Annotated[bool, described("whether it is sold", example=True)]
    download_limit: Annotated[
        int | None, described("downloads in a purchase or paid period; without it, no limit", 5)
    ] = None
    period: Annotated[
        PeriodAnswer | None,
        described("a subscription's billing period; how long access to a design or course lasts; without it, for good"),
    ] = None
    file: Annotated[str | None, described("only for admins: the key of a design's file", _FILE)] = None


class ProductsAnswer(Answer):
    """A page of products, newest first."""

    items: Annotated[list[ProductAnswer], described("the products")]
    next_cursor: Annotated[str | None, described("`cursor` of the next page; null on the last one", CURSOR)]


async def get_products(call: Call) -> Any:
    """A page of what is sold; admins see all."""
    query: ProductsQuery = call.query
    every = _is_admin(call)
    products = call.pod.parts[Products]
    page, following = await products.page(every=every, kind=query.type, after=query.after, limit=query.limit)
    return {"items": [_shown(each, files=every) for each in page], "nextCursor": cursor_of(following)}


async def get_product(call: Call) -> Any:
    every = _is_admin(call)
    return _shown(await call.pod.parts[Products].one(product_id(call, "id"), every=every), files=every)


async def post_product(call: Call) -> Any:
    body: ProductInput = call.body
    product = Product(
        id=uuid4(),
        type=body.type,
        name=body.name,
        price=body.price,
        discounted_price=body.discounted_price,
        currency=body.currency,
        active=body.active,
        download_limit=body.download_limit,
        period=Period(unit=body.period.unit, count=body.period.count) if body.period is not None else None,
        file=body.file,
        created_at=datetime.now(UTC),
    )
    if product.file is not None:
        await call.pod.parts[Downloads].require_file(product.file)
    added = await call.pod.parts[Products].add(product, actor=call.principal.actor, request_id=call.request_id)
    return _shown(added, files=True)


async def patch_product(call: Call) -> Any:
    """Change the fields that are sent."""
    body: ProductChangeInput = call.body
    changes = {name: getattr(body, name) for name in body.model_fields_set}
    if body.file is not None:
        await call.pod.parts[Downloads].require_file(body.file)
    changed = await call.pod.parts[Products].change(
        product_id(call, "id"), changes, actor=call.principal.actor, request_id=call.request_id
    )
    return _shown(changed, files=True)


def product_id(call: Call, part: str) -> UUID:
    """The id in the path; anything else is the id of no product."""
    try:
        return UUID(call.named(part))
    except ValueError:
        raise UnknownProductError from None


def _is_admin(call: Call) -> bool:
    return call.principal.kind is Kind.ADMIN


def _shown(product: Product, *, files: bool) -> dict[str, Any]:
    period = product.period
    shown = {
        "id": str(product.id),
        "type": product.type,
        "name": product.name,
        "price": number(product.price),
        "discountedPrice": None if product.discounted_price is None else number(product.discounted_price),
        "currency": product.currency,
        "active": product.active,
        "downloadLimit": product.download_limit,
        "period": {"unit": period.unit, "count": period.count} if period is not None else None,
        "file": product.file if files else None,
    }
    return {name: value for name, value in shown.items() if value is not None}


_PRODUCT_ID = {"id": {"type": "string", "description": "the product's id", "examples": [PRODUCT]}}

ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/products",
        handler=get_products,
        summary="List products",
        description="Those that are sold, newest first. Admins see all of them, with their files.",
        tag=_TAG,
        answer=ProductsAnswer,
        query=ProductsQuery,
        access=_ANYBODY,
        errors=("database_unavailable", "invalid_cursor"),
    ),
    Endpoint(
        method="GET",
        path="/api/v1/products/{id}",
        handler=get_product,
        summary="Get a product",
        description="One that is sold; for admins, any.",
        tag=_TAG,
        answer=ProductAnswer,
        access=_ANYBODY,
        parts=_PRODUCT_ID,
        errors=("database_unavailable", "unknown_product"),
    ),
]
ADMIN_ENDPOINTS = [
    admin(
        "POST",
        "/admin/products",
        post_product,
        "Add a product",
        ProductAnswer,
        status=201,
        body=ProductInput,
        description="A design needs a `file`, a subscription a `period`. Type and period never change.",
        errors=("download_unavailable",),
    ),
    admin(
        "PATCH",
        "/admin/products/{id}",
        patch_product,
        "Change a product",
        ProductAnswer,
        body=ProductChangeInput,
        parts=_PRODUCT_ID,
        description="Changes the fields that are sent; null removes an optional one. A new price is for new payments: "
        "what is paid already, and subscriptions that run, keep theirs.",
        errors=("download_unavailable", "unknown_product"),
    ),
]
