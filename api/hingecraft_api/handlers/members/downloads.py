"""Downloads of designs: a URL for those who may, and the file behind it."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from aiohttp import web
from pydantic import AwareDatetime

from hingecraft.errors import ErrorCode, RejectedError
from hingecraft.identity.principal import Kind
from hingecraft.purchases.downloads.bucket import Bucket
from hingecraft.purchases.downloads.folder import Folder, OpenFile
from hingecraft.purchases.downloads.names import attachment
from hingecraft.purchases.downloads.service import Downloads
from hingecraft.routes.model import timestamp
from hingecraft_api.handlers.members.products import product_id
from hingecraft_api.messages.answers import Answer, error_answer
from hingecraft_api.messages.described import DOWNLOAD, MOMENT, PRODUCT, described
from hingecraft_api.messages.error_page import asks_for_page, page_for
from hingecraft_api.messages.negotiation import matches
from hingecraft_api.messages.ranges import Part, UnsatisfiableRangeError, part_of
from hingecraft_api.web.call import Call
from hingecraft_api.web.endpoint import Endpoint
from hingecraft_api.web.files import send_file

_TAG = "Purchases"
_FOR_ONE_READER = "private, no-store"
_ANY_TYPE = "application/octet-stream"
# Without the machine's own lists: all pods name a type alike.
_TYPES = mimetypes.MimeTypes()


class DownloadAnswer(Answer):
    """A URL of the file."""

    url: Annotated[
        str,
        described(
            "send the browser there; without `PUBLIC_URL`, a path of this backend",
            f"https://pay.example.com/downloads/{DOWNLOAD}",
        ),
    ]
    expires_at: Annotated[AwareDatetime, described("after this, ask again", MOMENT)]
    remaining: Annotated[int | None, described("downloads that are left; null: no limit", 4)]


async def get_download(call: Call) -> dict[str, Any]:
    """A URL of the file; the same one while it is valid."""
    downloads, product = call.pod.parts[Downloads], product_id(call, "designId")
    if call.principal.kind is Kind.ADMIN:
        granted = await downloads.grant_uncounted(product, actor=call.principal.actor, request_id=call.request_id)
    else:
        assert call.principal.id is not None
        granted = await downloads.grant(UUID(call.principal.id), product)
    return {
        "url": f"{call.pod.settings.public_url}/downloads/{downloads.token_of(granted)}",
        "expiresAt": timestamp(granted.expires_at),
        "remaining": granted.remaining,
    }


async def get_file(call: Call) -> web.StreamResponse:
    """Send the file, or say why not: to a browser on a page, since it has opened the link itself."""
    try:
        return await _file_behind(call)
    except RejectedError as error:
        if not asks_for_page(call.request):
            raise
        return page_for(
            error,
            call.request_id,
            title="This download is not available",
            link=f"{call.pod.settings.public_url}/account",
            link_text="Go to your account",
        )


async def _file_behind(call: Call) -> web.StreamResponse:
    """From the folder, or a redirect to the bucket."""
    downloads = call.pod.parts[Downloads]
    found = await downloads.find(call.named("token"))
    storage = downloads.storage
    if isinstance(storage, Bucket):
        url = storage.url(call.request.method, found.file, found.seconds_left)
        return web.Response(status=HTTPStatus.FOUND, headers={"Location": url, "Cache-Control": _FOR_ONE_READER})
    file = await downloads.open(storage, found.file)
    try:
        return await _sent(call, storage, file, found.file)
    finally:
        file.close()


async def _sent(call: Call, folder: Folder, file: OpenFile, key: str) -> web.StreamResponse:
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": _FOR_ONE_READER,
        "Content-Disposition": attachment(key),
        "Content-Length": str(file.size),
        "Content-Type": _type_of(key),
        "ETag": file.etag,
    }
    asked = call.request.headers
    known = asked.get("If-None-Match")
    if known is not None and matches(known, file.etag):
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    if call.request.method == "HEAD":
        return web.Response(headers=headers)
    try:
        part = part_of(asked.get("Range"), asked.get("If-Range"), file.etag, file.size)
    except UnsatisfiableRangeError:
        return _outside(call, file)
    if part is None:
        return await send_file(call.request, web.StreamResponse(headers=headers), folder, file, Part(0, file.size))
    headers["Content-Length"] = str(part.length)
    headers["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{file.size}"
    response = web.StreamResponse(status=HTTPStatus.PARTIAL_CONTENT, headers=headers)
    return await send_file(call.request, response, folder, file, part)


def _outside(call: Call, file: OpenFile) -> web.Response:
    return error_answer(
        HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        "range_not_satisfiable",
        f"The file has {file.size} bytes. Ask for a range inside it.",
        request_id=call.request_id,
        headers={"Content-Range": f"bytes */{file.size}"},
    )


def _type_of(key: str) -> str:
    """The media type by the file's name. A compressed file keeps its own type: `Content-Encoding` is not sent."""
    kind, encoding = _TYPES.guess_type(key.rpartition("/")[2])
    return kind if kind is not None and encoding is None else _ANY_TYPE


_DESIGN = {"designId": {"type": "string", "description": "the design's product id", "examples": [PRODUCT]}}
_TOKEN = {"token": {"type": "string", "description": "the last part of a download's `url`", "examples": [DOWNLOAD]}}
_RANGES = {
    "Range": {"type": "string", "description": "one range of bytes, to continue a download", "examples": ["bytes=0-"]},
    "If-Range": {
        "type": "string",
        "description": "the `ETag` of what is continued; if the file has changed, all of it is sent",
        "examples": ['"18ab3c5d0e1f2a00-5f5e100"'],
    },
}
_UNLESS_KNOWN = {
    "If-None-Match": {
        "type": "string",
        "description": "the `ETag` of a file that the client already has",
        "examples": ['"18ab3c5d0e1f2a00-5f5e100"'],
    },
}


def _file(method: str, summary: str, headers: Mapping[str, Any]) -> Endpoint:
    return Endpoint(
        method=method,
        path="/downloads/{token}",
        handler=get_file,
        summary=summary,
        description="The file with its name in `Content-Disposition`, with single ranges, `ETag` and `If-Range`; where "
        "the files are in S3, a redirect to it. Nothing is counted, however often it is asked for. The answer is 410 "
        "after the URL's time and as soon as access has ended. To a browser (`Accept: text/html`) errors are pages.",
        tag=_TAG,
        parts=_TOKEN,
        headers=headers,
        media="*/*",
        other_statuses={status: text for status, text in _OTHERS.items() if method == "GET" or status != _PARTIAL},
        errors=_OF_FILES if method == "HEAD" else (*_OF_FILES, "range_not_satisfiable"),
    )


_PARTIAL = HTTPStatus.PARTIAL_CONTENT
_OTHERS = {
    _PARTIAL: "The part that was asked for.",
    HTTPStatus.FOUND: "The file is in S3: `Location` is valid for five minutes at most.",
}
_OF_FILES: tuple[ErrorCode, ...] = (
    "database_unavailable", "download_expired", "download_unavailable", "downloads_disabled", "unknown_download",
)  # fmt: skip

ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/downloads/{designId}",
        handler=get_download,
        summary="Download a design",
        description="A URL of the file for those who have bought the design, or have a subscription with downloads "
        "left. While a URL is valid the same one is answered, and not counted again. The design's own purchase is used "
        "before a subscription. Admins get a URL that is not counted.",
        tag=_TAG,
        answer=DownloadAnswer,
        access=(Kind.USER, Kind.ADMIN),
        parts=_DESIGN,
        errors=(
            "database_unavailable",
            "disputed",
            "download_limit",
            "download_unavailable",
            "downloads_disabled",
            "expired",
            "not_bought",
            "refunded",
            "unknown_product",
        ),
    ),
    _file("GET", "Get the file", {**_RANGES, **_UNLESS_KNOWN}),
    _file("HEAD", "Get the file's headers", _UNLESS_KNOWN),
]
