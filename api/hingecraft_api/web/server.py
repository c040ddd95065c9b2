"""aiohttp's server, extended to answer requests that it cannot parse in our envelope."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler

from hingecraft.errors import ErrorCode
from hingecraft_api.messages.answers import REQUEST_ID, SECURITY_HEADERS, error_answer

# A token may have 8 KB, and one that is larger is told so.
_LARGEST_HEADER = 16 * 1024
# How long, in seconds, a client may take to read what is left when its connection is closed.
_FLUSHED_WITHIN = 10.0


class EnvelopeProtocol(RequestHandler):
    """One connection; `lost` is set when the client is gone."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.lost = asyncio.Event()

    def connection_lost(self, exc: BaseException | None) -> None:
        """End the answers that nobody reads any more."""
        super().connection_lost(exc)
        self.lost.set()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer a request that the parser rejects and close the connection; the client's mistakes are not logged."""
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return super().handle_error(request, status, exc, message)
        code: ErrorCode = "bad_request"
        sentence = "The request is not valid HTTP. Check its first line, headers and body."
        if isinstance(exc, LineTooLong) or "Too many" in str(exc):
            status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            code, sentence = "headers_too_large", "The URL is too long, or the headers are too long or too many."
        response = error_answer(status, code, sentence, request_id=secrets.token_hex(12), headers=SECURITY_HEADERS)
        response.headers[REQUEST_ID] = "unknown"
        response.force_close()
        return response

    def force_close(self) -> None:
        """Close the connection, also if the client does not read: the transport by itself would wait without end."""
        transport = self.transport
        super().force_close()
        if transport is not None and transport.get_write_buffer_size():
            self._loop.call_later(_FLUSHED_WITHIN, transport.abort)

    def read_no_further(self) -> None:
        """After the answer, close the connection instead of reading the rest of the body to throw it away."""
        self._lingering_time = 0.0


def lost(request: web.Request) -> asyncio.Event:
    """Set when the client of this request is gone."""
    protocol = request.protocol
    assert isinstance(protocol, EnvelopeProtocol), "each application runs on it"
    return protocol.lost


# How an application makes the protocol of a connection, where it is not `EnvelopeProtocol` itself.
PROTOCOL: web.AppKey[Callable[..., RequestHandler]] = web.AppKey("protocol")


class _EnvelopeServer(web.Server):
    def __init__(self, protocol: Callable[..., RequestHandler], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._protocol = protocol

    def __call__(self) -> RequestHandler:
        return self._protocol(self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """Runs an application on `EnvelopeProtocol` or its `PROTOCOL`; aiohttp has no setting for the protocol's class."""

    def __init__(self, app: web.Application, **options: Any) -> None:
        super().__init__(app, max_field_size=_LARGEST_HEADER, **options)

    async def _make_server(self) -> web.Server:
        made: Any = await super()._make_server()
        return _EnvelopeServer(
            self.app.get(PROTOCOL, EnvelopeProtocol),
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            loop=made._loop,  # noqa: SLF001 - see the class
            **made._kwargs,  # noqa: SLF001 - see the class
        )
