"""The one middleware: request id, limits, CORS, security headers, errors into the envelope, metrics and logs.

It is one and not seven because each layer costs the hot path of `GET /routes` several microseconds.
"""

from __future__ import annotations

import itertools
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Middleware

from hingecraft.errors import DatabaseUnavailableError, ErrorCode, RejectedError
from hingecraft.identity.errors import InvalidTokenError
from hingecraft.identity.principal import ANONYMOUS, Principal
from hingecraft.observability import traces
from hingecraft.observability.spans import Kind
from hingecraft.wix_app.errors import InvalidInstanceError
from hingecraft_api.access.bearer import BEARERS, is_jwt, token_of
from hingecraft_api.access.guards import Guards, visitor_of
from hingecraft_api.access.limits import Limit, Limits, Mistakes, counted_as
from hingecraft_api.access.visitor import HEADER as VISITOR
from hingecraft_api.access.visitor import VISITOR_KEY, Visitor, Visitors
from hingecraft_api.messages.answers import REQUEST_ID, SECURITY_HEADERS, error_answer
from hingecraft_api.messages.errors import ForgedError, WrongTokenError, answer_for
from hingecraft_api.messages.nearest import nearest_path
from hingecraft_api.pod import Pod
from hingecraft_api.web.call import PRINCIPAL_KEY, REQUEST_ID_KEY, STREAM_KEY, SUSPECT_KEY
from hingecraft_api.web.cors import exposed_headers, preflight_headers, preflight_of_any_origin
from hingecraft_api.web.endpoint import Endpoint

log = logging.getLogger(__name__)

_REQUEST_ID_SHAPE = re.compile(r"[A-Za-z0-9._:-]{1,128}")
# A successful request that takes as many seconds is logged.
SLOW = 1.0
_SENTENCES: Mapping[int, tuple[ErrorCode, str]] = {
    HTTPStatus.EXPECTATION_FAILED: ("expectation_failed", "Send the request without an Expect header."),
}

# Calls that are answered from memory, many times a second.
_UNTRACED = frozenset({"/routes", "/health", "/ready", "/metrics"})

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
# Each address may send only so many of these.
_MISTAKES = (ForgedError, WrongTokenError, InvalidTokenError, InvalidInstanceError)
Mistaken = ForgedError | WrongTokenError | InvalidTokenError | InvalidInstanceError


class Edge:
    """The steps of every request on one port."""

    def __init__(self, pod: Pod, endpoints: list[Endpoint]) -> None:
        settings = pod.settings
        self._pod = pod
        self.endpoints = endpoints
        self._endpoints = {(endpoint.method, endpoint.path): endpoint for endpoint in endpoints}
        self.visitors = Visitors(
            settings.visitor_secret,
            settings.trusted_proxies,
            pod.metrics.requests.refused_signatures.labels("visitor").inc,
        )
        self._trusts_proxies = bool(settings.trusted_proxies)
        self._guards = Guards(settings, pod.rejected_calls, pod.tokens, pod.wix_callers)
        self.limits = Limits(settings)
        self._forgeries, self._guesses, self._rejected_tokens = Mistakes(), Mistakes(), Mistakes()
        self._origins = frozenset(settings.cors_origins)
        self._open = frozenset((endpoint.method, endpoint.path) for endpoint in endpoints if endpoint.any_origin)
        self._preflight_headers, self._exposed_headers = preflight_headers(endpoints), exposed_headers(endpoints)
        self._ids = map(f"{secrets.token_hex(8)}%08x".__mod__, itertools.count(1))
        self._timers: dict[tuple[str, str, int], Callable[[float], None]] = {}

    def middleware(self) -> Middleware:
        """The edge as a middleware of aiohttp."""

        @web.middleware
        async def edge(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._serve(request, handler)

        return edge

    async def _serve(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        request_id = self.request_id(request.headers.get(REQUEST_ID))
        request[REQUEST_ID_KEY] = request_id
        resource = request.match_info.route.resource
        path = resource.canonical if resource is not None else "unmatched"
        endpoint = self._endpoints.get((request.method, path))
        if endpoint is None or path in _UNTRACED:
            return await self._timed(request, handler, endpoint, path)
        with traces.span(
            f"{request.method} {path}", Kind.SERVER, origin=request.headers,
            method=request.method, route=path, request_id=request_id,
        ):  # fmt: skip
            response = await self._timed(request, handler, endpoint, path)
            traces.note(status=response.status)
            if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                traces.note(error=str(response.status))
            return response

    async def _timed(
        self, request: web.Request, handler: Handler, endpoint: Endpoint | None, path: str
    ) -> web.StreamResponse:
        started = time.perf_counter()
        request_id: str = request[REQUEST_ID_KEY]
        refused = self._preflight(request, request_id) or await self._limited(request, endpoint, request_id)
        try:
            response = refused or await self._answer(request, handler, endpoint, request_id)
        except ConnectionError:
            if STREAM_KEY not in request:
                raise
            response = _cut(request)
        if response.status >= HTTPStatus.BAD_REQUEST and STREAM_KEY in request:
            response = _cut(request)
        streamed = not isinstance(response, web.Response)
        seconds = time.perf_counter() - started
        self.observe(request.method, path, response.status, seconds, request_id, streamed=streamed)
        return response

    def request_id(self, given: str | None) -> str:
        """The caller's id if it is plain text of a sane length, otherwise a new one."""
        if given is not None and _REQUEST_ID_SHAPE.fullmatch(given):
            return given
        return next(self._ids)

    async def _limited(self, request: web.Request, endpoint: Endpoint | None, request_id: str) -> web.Response | None:
        """Unknown paths count against the visitor's limit as well, so that guessing is bounded.

        Where others than visitors may call, `_admit` counts the call once it knows who calls.
        """
        limit = endpoint.limit if endpoint else Limit.VISITOR
        if not self.limits.apply_to(limit):
            return None
        now = time.time()
        visitor = self.visitors.named(request.headers.get(VISITOR), request.remote or "", self._forwarded(request), now)
        request[VISITOR_KEY] = visitor
        if endpoint is not None and not endpoint.visitors_only:
            return None
        return await self._count(limit, visitor, now, request_id)

    async def _count(self, limit: Limit, caller: Visitor, now: float, request_id: str) -> web.Response | None:
        reached = self.limits.reached(limit, caller, now)
        if reached is None and self._pod.shared_limit is not None:
            reached = await self.limits.reached_in_all_pods(self._pod.shared_limit, limit, caller)
        return self._too_many(reached.limit, reached.wait, request_id) if reached else None

    def _too_many(self, limit: str, wait: int, request_id: str) -> web.Response:
        self._pod.metrics.requests.limited.labels(limit).inc()
        return error_answer(
            HTTPStatus.TOO_MANY_REQUESTS,
            "rate_limited",
            f"Too many requests. Try again in {wait} s.",
            request_id=request_id,
            headers={"Retry-After": str(wait)},
        )

    def _address(self, request: web.Request) -> Visitor:
        return self.visitors.at(request.remote or "", self._forwarded(request))

    def _forwarded(self, request: web.Request) -> str:
        return ",".join(request.headers.getall("X-Forwarded-For", ())) if self._trusts_proxies else ""

    async def _admit(self, request: web.Request, endpoint: Endpoint, request_id: str) -> web.Response | None:
        wait = self._wait_after_guesses(request, endpoint)
        if wait:
            return self._too_many("admin_token", wait, request_id)
        try:
            principal = request[PRINCIPAL_KEY] = await self._guards.identify(endpoint.access, request, request_id)
        except _MISTAKES:
            raise  # have limits of their own
        except RejectedError:
            kept_out = await self._count_caller(request, endpoint, ANONYMOUS, request_id)
            if kept_out is None:
                raise
            return kept_out
        if endpoint.limit is Limit.FORGERIES:
            request[SUSPECT_KEY] = self._forgeries.wait(self._address(request), time.time()) > 0
        return await self._count_caller(request, endpoint, principal, request_id)

    def _wait_after_guesses(self, request: web.Request, endpoint: Endpoint) -> int:
        """The seconds to wait after too many guesses: a token is then not even compared, so that it reveals nothing.

        Nobody guesses a JWT: one that verifies passes, whatever others at the same address have sent.
        """
        if BEARERS.isdisjoint(endpoint.access):
            return 0
        token = token_of(request, endpoint.access)
        if token is None or is_jwt(token):
            return 0
        return self._guesses.wait(self._address(request), time.time())

    async def _count_caller(
        self, request: web.Request, endpoint: Endpoint, principal: Principal, request_id: str
    ) -> web.Response | None:
        if endpoint.visitors_only or not self.limits.apply_to(endpoint.limit):
            return None
        caller = counted_as(principal, request[VISITOR_KEY])
        return await self._count(endpoint.limit, caller, time.time(), request_id) if caller is not None else None

    def _mistaken(self, error: Mistaken, request: web.Request, request_id: str) -> web.Response:
        limit, mistakes = "admin_token", self._guesses
        if isinstance(error, ForgedError):
            limit, mistakes = "forgeries", self._forgeries
        elif isinstance(error, InvalidTokenError | InvalidInstanceError):
            limit, mistakes = "rejected_tokens", self._rejected_tokens
        wait = mistakes.count(self._address(request), time.time())
        return self._too_many(limit, wait, request_id) if wait else answer_for(error, request_id)

    async def _answer(
        self, request: web.Request, handler: Handler, endpoint: Endpoint | None, request_id: str
    ) -> web.StreamResponse:
        try:
            if endpoint is None or endpoint.admits_anybody:
                kept_out, request[PRINCIPAL_KEY] = None, visitor_of(request)
            else:
                kept_out = await self._admit(request, endpoint, request_id)
            return kept_out or await handler(request)
        except _MISTAKES as error:
            return self._mistaken(error, request, request_id)
        except RejectedError as error:
            return answer_for(error, request_id)
        except DatabaseUnavailableError as error:
            log.warning("%s %s: %s", request.method, request.path, error, extra={"request_id": request_id})
            return error_answer(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "database_unavailable",
                "The database cannot be reached right now. Try again in a second.",
                request_id=request_id,
                headers={"Retry-After": "1"},
            )
        except web.HTTPException as error:
            return self._http_error(error, request, request_id)
        except ConnectionError:
            raise
        except Exception:
            route = f"{request.method} {endpoint.path if endpoint is not None else 'unmatched'}"
            log.exception(
                "%s %s failed", request.method, request.path, extra={"request_id": request_id, "route": route}
            )
            return error_answer(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                "internal_error",
                "Something went wrong on our side; it has been reported.",
                request_id=request_id,
            )

    def _http_error(self, error: web.HTTPException, request: web.Request, request_id: str) -> web.Response:
        code, sentence = _SENTENCES.get(error.status, ("bad_request", "The request is not valid HTTP."))
        if isinstance(error, web.HTTPRequestEntityTooLarge):
            code, sentence = "too_large", f"The body is too large: the limit is {request.client_max_size // 1024} KB."
        if isinstance(error, web.HTTPNotFound):
            meant = nearest_path(request.path, {known for _, known in self._endpoints})
            code, sentence = "not_found", f"No such endpoint.{f' Did you mean {meant}?' if meant else ''} See /docs."
        if isinstance(error, web.HTTPMethodNotAllowed):
            allowed = " or ".join(sorted(error.allowed_methods))
            code, sentence = "method_not_allowed", f"Use {allowed} for this path."
        allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
        return error_answer(error.status, code, sentence, request_id=request_id, headers=allow)

    def _preflight(self, request: web.Request, request_id: str) -> web.Response | None:
        if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
            return None
        if request.headers.get("Origin") in self._origins:
            return web.Response(status=HTTPStatus.NO_CONTENT, headers=self._preflight_headers)
        if (request.headers["Access-Control-Request-Method"], request.path) in self._open:
            return web.Response(status=HTTPStatus.NO_CONTENT, headers=preflight_of_any_origin(self._preflight_headers))
        return error_answer(
            HTTPStatus.FORBIDDEN,
            "origin_not_allowed",
            "This origin is not in the backend's CORS_ORIGINS.",
            request_id=request_id,
        )

    async def add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        """Add the headers of every answer; aiohttp calls this before it sends the headers, also those of a stream."""
        headers = response.headers
        try:
            headers[REQUEST_ID] = request[REQUEST_ID_KEY]
        except KeyError:  # aiohttp has rejected the header Expect before the middleware
            headers[REQUEST_ID] = self.request_id(None)
        if "X-Content-Type-Options" not in headers:
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
            headers["Server"] = SECURITY_HEADERS["Server"]  # aiohttp has set its own
            headers.setdefault("Cache-Control", "no-store")
            headers.setdefault("Vary", "Origin")
        origin = request.headers.get("Origin")
        headers.update(self.cors_headers(self.allowed(origin)))
        if origin is not None and (request.method, request.path) in self._open:
            headers.setdefault("Access-Control-Allow-Origin", "*")
            headers.setdefault("Access-Control-Expose-Headers", self._exposed_headers)
        if self._pod.draining.is_set():
            response.force_close()
            headers["Connection"] = "close"
        if not isinstance(response, web.Response):
            request[STREAM_KEY] = response

    def allowed(self, origin: str | None) -> str | None:
        """The origin, if it is one of the site's."""
        return origin if origin in self._origins else None

    def cors_headers(self, origin: str | None) -> Mapping[str, str]:
        """The headers that let a page of an allowed origin read the answer."""
        if origin is None:
            return {}
        return {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Credentials": "true",
            "Access-Control-Expose-Headers": self._exposed_headers,
        }

    def timer(self, method: str, path: str, status: int) -> Callable[[float], None]:
        """A function that records the seconds of one request."""
        timer = self._timers.get((method, path, status))
        if timer is None:
            timer = self._pod.metrics.requests.seconds.labels(method, path, str(status)).observe
            self._timers[(method, path, status)] = timer
        return timer

    def observe(
        self, method: str, path: str, status: int, seconds: float, request_id: str, *, streamed: bool = False
    ) -> None:
        """Record a request. Fast, successful ones are counted but not logged: a log line costs more than the answer.

        How long a stream or a download takes says nothing about how quickly we answer, so it is not counted.
        """
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            method = "other"
        if not streamed:
            self.timer(method, path, status)(seconds)
        reading = method in {"GET", "HEAD"}
        if (reading and status < HTTPStatus.BAD_REQUEST and seconds < SLOW) or log.getEffectiveLevel() > logging.INFO:
            return
        log.info(
            "%s %s %s",
            method,
            path if path != "unmatched" else "an unknown address",
            status,
            extra={"request_id": request_id, "status": status, "ms": round(seconds * 1000, 1)},
        )


def _cut(request: web.Request) -> web.StreamResponse:
    """A stream that has begun cannot be answered with an error: its reader, if still there, sees it is not complete."""
    if request.transport is not None:
        request.transport.abort()
    return request[STREAM_KEY]
