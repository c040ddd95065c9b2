"""The OpenAPI 3.1 document, written from the declared endpoints; `make generate` checks it in as docs/openapi.json."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, get_args

from pydantic import BaseModel

from hingecraft import __version__
from hingecraft.errors import ErrorCode
from hingecraft_api.access import credentials
from hingecraft_api.messages.answers import REQUEST_ID
from hingecraft_api.messages.described import IDEMPOTENCY_KEY
from hingecraft_api.reference import curl, events, guide
from hingecraft_api.reference.codes import by_status, codes_of
from hingecraft_api.reference.schemas import alternatives, example_of, query_schema, reference, schemas_of
from hingecraft_api.web.call import LONGEST_NAME
from hingecraft_api.web.endpoint import Endpoint
from hingecraft_api.web.idempotent import HEADER, LONGEST_KEY, REPLAYED, SHORTEST_KEY

_REQUEST = "8db4145d8032f9390000000a"
_REFUSAL = {
    "type": "object",
    "description": "What every error looks like.",
    "required": ["success", "error", "code", "requestId"],
    "properties": {
        "success": {"const": False},
        "error": {"type": "string", "description": "one sentence for people"},
        "code": {"type": "string", "enum": sorted(get_args(ErrorCode)), "description": "for your program"},
        "requestId": {"type": "string", "description": "finds the request in our logs", "examples": [_REQUEST]},
        "fields": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "what to correct, by the name of the field",
        },
        "lagging": {
            "type": "array",
            "items": {"type": "string"},
            "description": "with `not_served_everywhere`: the pods that don't serve `version` yet",
        },
        "version": {"type": "integer", "description": "with `not_served_everywhere`: what was waited for"},
        "pods": {"type": "integer", "description": "with `not_served_everywhere`: how many pods are known"},
    },
}
_DONE: Mapping[int, str] = {
    HTTPStatus.OK: "Done.",
    HTTPStatus.CREATED: "Created.",
    HTTPStatus.ACCEPTED: "Accepted. It is done after the answer.",
}
_WHY: Mapping[int, str] = {
    HTTPStatus.BAD_REQUEST: "The request is malformed or out of range. `fields` names what to correct.",
    HTTPStatus.PAYMENT_REQUIRED: "There are not enough credits, or the design is not bought.",
    HTTPStatus.FORBIDDEN: "The token is genuine, but it may not make this call, or access has ended.",
    HTTPStatus.NOT_FOUND: "There is nothing with this id.",
    HTTPStatus.REQUEST_TIMEOUT: "The body did not arrive in time.",
    HTTPStatus.CONFLICT: "The current state does not allow this, or a request with the same key is still running.",
    HTTPStatus.GONE: "It is used, expired or unknown.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "The `Idempotency-Key` or the reference was used for something else.",
    HTTPStatus.BAD_GATEWAY: "The payment provider rejected the payment or cannot be reached.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is not `application/json`.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests. Wait for the seconds in `Retry-After`.",
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE: "The range begins after the end of the file.",
    HTTPStatus.GATEWAY_TIMEOUT: "Not every pod serves the version yet. `lagging` names those that don't.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The server is not ready, the database is down or the provider is switched off.",
}
_HEADERS: Mapping[str, dict[str, Any]] = {
    REQUEST_ID: {
        "description": "Finds the request in our logs. The one that you send is kept if it is plain text of up to "
        "128 characters.",
        "required": True,
        "schema": {"type": "string"},
        "example": _REQUEST,
    },
    REPLAYED: {
        "description": "`true`: the answer was given before, to the same `Idempotency-Key` and body.",
        "schema": {"const": "true"},
    },
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string"}, "example": "1"},
}
_ALWAYS_SAYS_WHEN = HTTPStatus.TOO_MANY_REQUESTS
_MAY_SAY_WHEN = (HTTPStatus.CONFLICT, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE)
_NOT_A_LETTER = re.compile(r"[^A-Za-z]")
_PATH_PART = re.compile(r"{(\w+)}")
_KEY = {
    "type": "string",
    "minLength": SHORTEST_KEY,
    "maxLength": LONGEST_KEY,
    "pattern": "^[!-~]+$",
    "description": "a key of your own for this donation: repeat it with every retry, and nothing happens twice",
    "examples": [IDEMPOTENCY_KEY],
}


def document_of(endpoints: Iterable[Endpoint], rates: guide.Rates | None = None) -> dict[str, Any]:
    """The whole document; `rates` are the limits of the pod that serves it, else the defaults."""
    declared = list(endpoints)
    models = {model for endpoint in declared for model in (endpoint.answer, endpoint.body) if model}
    schemas = {**schemas_of({*models, *events.MODELS}), "Refusal": _REFUSAL}
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in declared:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, schemas)
    used = {events.TAG, *(endpoint.tag for endpoint in declared)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "HingeCraft payments",
            "version": __version__,
            "summary": "Takes donations by card and in coins.",
            "description": guide.markdown(rates or guide.Rates()),
        },
        "servers": [{"url": "/", "description": "the backend that serves this document"}],
        "tags": [{"name": name, "description": text} for name, text in guide.TAGS.items() if name in used],
        "paths": paths,
        "webhooks": events.webhooks(schemas),
        "components": {
            "schemas": schemas,
            "headers": dict(_HEADERS),
            "securitySchemes": credentials.schemes(endpoint.access for endpoint in declared),
        },
    }


def _operation(endpoint: Endpoint, schemas: Mapping[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "description": endpoint.description,
        "tags": [endpoint.tag],
        "operationId": f"{endpoint.method.lower()}{_NOT_A_LETTER.sub('', endpoint.path.title())}",
        "responses": _responses(endpoint, schemas),
    }
    parameters = [*_path_parameters(endpoint), *_headers(endpoint)]
    if endpoint.query:
        parameters += _parameters(endpoint.query)
    if parameters:
        operation["parameters"] = parameters
    if endpoint.body:
        content = _json(schemas, reference(endpoint.body))
        operation["requestBody"] = {"required": not endpoint.body_optional, "content": content}
    if endpoint.raw_body:
        operation["requestBody"] = {"required": True, "content": _json(schemas, endpoint.raw_body)}
    security = credentials.security(endpoint.access)
    if security:
        operation["security"] = security
    if not endpoint.raw_body:
        operation["x-codeSamples"] = [{"lang": "Shell", "label": "curl", "source": curl.call(endpoint, operation)}]
    return operation


def _responses(endpoint: Endpoint, schemas: Mapping[str, Any]) -> dict[str, Any]:
    own = {name: _own_header(schema) for name, schema in endpoint.answer_headers.items()}
    replayed = {REPLAYED: _header(REPLAYED)} if endpoint.idempotent else {}
    headers = {REQUEST_ID: _header(REQUEST_ID), **own, **replayed}
    done = {"description": _DONE[endpoint.status], "headers": headers, **_answer(endpoint, schemas)}
    responses: dict[str, Any] = {str(int(endpoint.status)): done}
    if endpoint.may_take_longer:
        responses[str(int(HTTPStatus.ACCEPTED))] = {**done, "description": _DONE[HTTPStatus.ACCEPTED]}
    for status, meaning in endpoint.other_statuses.items():
        responses[str(int(status))] = {"description": meaning, "headers": headers}
    if endpoint.may_exist:
        responses[str(int(HTTPStatus.OK))] = {**done, "description": "It exists already."}
    if "If-None-Match" in endpoint.headers:
        responses["304"] = {"description": "You have this version already.", "headers": headers}
    for status, codes in by_status(codes_of(endpoint)).items():
        responses[str(int(status))] = _rejection(endpoint, status, codes)
    return responses


def _rejection(endpoint: Endpoint, status: int, codes: list[ErrorCode]) -> dict[str, Any]:
    headers = {REQUEST_ID: _header(REQUEST_ID)}
    if status == _ALWAYS_SAYS_WHEN:
        # A limit of downloads does not end by itself.
        headers["Retry-After"] = {**_HEADERS["Retry-After"], "required": codes == ["rate_limited"]}
    elif status in _MAY_SAY_WHEN:
        headers["Retry-After"] = _header("Retry-After")
    if endpoint.idempotent and status == HTTPStatus.BAD_GATEWAY:
        headers[REPLAYED] = _header(REPLAYED)
    unauthorized = status == HTTPStatus.UNAUTHORIZED
    why = credentials.rejected(endpoint.access) if unauthorized else _WHY[status]
    answer = {"description": why, "headers": headers}
    if endpoint.method == "HEAD":
        return answer
    schema = {"allOf": [reference("Refusal"), {"properties": {"code": {"enum": codes}}}]}
    return {**answer, "content": {"application/json": {"schema": schema}}}


def _answer(endpoint: Endpoint, schemas: Mapping[str, Any]) -> dict[str, Any]:
    if endpoint.method == "HEAD":
        return {}
    if endpoint.media is not None:
        return {"content": {endpoint.media: {"schema": {"type": "string", "format": "binary"}}}}
    if endpoint.answer is None:
        return {}
    envelope = {
        "type": "object",
        "required": ["success", "data"],
        "properties": {"success": {"const": True}, "data": reference(endpoint.answer)},
    }
    return {"content": _json(schemas, envelope)}


def _parameters(query: type[BaseModel]) -> list[dict[str, Any]]:
    schema = query_schema(query)
    required = schema.get("required", [])
    return [
        _parameter(name, "query", _without_null(part), required=name in required)
        for name, part in schema["properties"].items()
    ]


def _path_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    bounds = {"minLength": 1, "maxLength": LONGEST_NAME}
    return [
        _parameter(name, "path", {**endpoint.parts[name], **bounds}, required=True)
        for name in _PATH_PART.findall(endpoint.path)
    ]


def _headers(endpoint: Endpoint) -> list[dict[str, Any]]:
    headers = {**endpoint.headers, **({HEADER: _KEY} if endpoint.idempotent else {})}
    return [_parameter(name, "header", schema, required=False) for name, schema in headers.items()]


def _parameter(name: str, place: str, schema: Mapping[str, Any], *, required: bool) -> dict[str, Any]:
    plain = {key: value for key, value in schema.items() if key not in {"description", "examples"}}
    shown = {"example": schema["examples"][0]} if "examples" in schema else {}
    return {
        "name": name,
        "in": place,
        "required": required,
        "description": schema["description"],
        "schema": plain,
        **shown,
    }


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter is absent, never null."""
    choices = alternatives(schema)
    kept = {name: value for name, value in schema.items() if name not in {"anyOf", "default"} or value is not None}
    return {**choices[0], **{name: kept[name] for name in kept if name != "anyOf"}} if len(choices) == 1 else kept


def _header(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/headers/{name}"}


def _own_header(schema: Mapping[str, Any]) -> dict[str, Any]:
    header = _parameter("", "", schema, required=True)
    return {name: value for name, value in header.items() if name not in {"name", "in"}}


def _json(schemas: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema, "example": example_of(schemas, schema)}}


def written(document: dict[str, Any]) -> str:
    """The document's JSON, as it is checked in."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
