"""The OpenAPI 3.1 document, written from the declared endpoints; `make openapi` checks it in as docs/openapi.json."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from hingecraft import __version__
from hingecraft.errors import ErrorCode
from hingecraft_api.call import LONGEST_NAME
from hingecraft_api.endpoint import Endpoint, Guard, Limit

_COMPONENTS = "#/components/schemas/{model}"
_REFUSAL = {
    "type": "object",
    "required": ["success", "error", "code", "requestId"],
    "properties": {
        "success": {"const": False},
        "error": {"type": "string", "description": "one sentence for people"},
        "code": {"type": "string", "enum": sorted(get_args(ErrorCode)), "description": "for machines; docs/api.md"},
        "requestId": {"type": "string"},
        "fields": {"type": "object", "additionalProperties": {"type": "string"}, "description": "what is wrong where"},
    },
}
# In our own words: the standard library's phrases change from one Python to the next.
_WHY = {
    HTTPStatus.BAD_REQUEST: "malformed or out of range; `fields` names what",
    HTTPStatus.UNAUTHORIZED: "the token or signature is missing or wrong",
    HTTPStatus.NOT_FOUND: "there is no such thing",
    HTTPStatus.REQUEST_TIMEOUT: "the body did not come in time",
    HTTPStatus.CONFLICT: "the state of things forbids it, or a request with this key is still under way",
    HTTPStatus.GONE: "used, expired or unknown",
    HTTPStatus.UNPROCESSABLE_ENTITY: "the Idempotency-Key came with another body before",
    HTTPStatus.BAD_GATEWAY: "the provider refused, or cannot be reached",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is larger than 64 KB (1 MB where providers send)",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "the body is not application/json",
    HTTPStatus.TOO_MANY_REQUESTS: "too many requests; see Retry-After",
    HTTPStatus.SERVICE_UNAVAILABLE: "not ready, the provider is switched off, or the database is away",
}
_NOT_A_LETTER = re.compile(r"[^A-Za-z]")
_PATH_PART = re.compile(r"{(\w+)}")
_BODY_REFUSALS = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)


def document_of(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """The whole document."""
    declared = list(endpoints)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in declared:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "HingeCraft payments",
            "version": __version__,
            "description": "Payment routing served from memory. Every answer is an envelope: "
            "`success` with `data`, or `error`, `code` and `requestId`.",
        },
        "paths": paths,
        "components": {
            "schemas": {**_schemas(declared), "Refusal": _REFUSAL},
            "securitySchemes": {"admin": {"type": "http", "scheme": "bearer", "description": "ADMIN_TOKEN"}},
        },
    }


def _schemas(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    models = {model for endpoint in endpoints for model in (endpoint.answer, endpoint.body) if model}
    ordered: list[tuple[type[BaseModel], Any]] = [
        (model, "validation") for model in sorted(models, key=lambda model: model.__name__)
    ]
    _, schema = models_json_schema(ordered, ref_template=_COMPONENTS)
    found: dict[str, Any] = schema.get("$defs", {})
    return found


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "tags": [endpoint.tag],
        "operationId": f"{endpoint.method.lower()}{_NOT_A_LETTER.sub('', endpoint.path.title())}",
        "responses": _responses(endpoint),
    }
    parameters = [*_path_parameters(endpoint), *_headers(endpoint)]
    if endpoint.query:
        parameters += _parameters(endpoint.query)
    if parameters:
        operation["parameters"] = parameters
    if endpoint.body:
        operation["requestBody"] = {"required": True, "content": _json(_reference(endpoint.body))}
    if endpoint.guard is Guard.ADMIN:
        operation["security"] = [{"admin": []}]
    return operation


def _responses(endpoint: Endpoint) -> dict[str, Any]:
    responses: dict[str, Any] = {"200": {"description": "done", **_answer(endpoint)}}
    if endpoint.path == "/routes":
        responses["304"] = {"description": "the client has this version already"}
    for status in sorted({*endpoint.refusals, *_implied_refusals(endpoint)}):
        responses[str(int(status))] = {"description": _WHY[HTTPStatus(status)], "content": _json(_named("Refusal"))}
    return responses


def _implied_refusals(endpoint: Endpoint) -> tuple[HTTPStatus, ...]:
    is_limited = endpoint.limit is not Limit.NONE or endpoint.guard is Guard.ADMIN
    limited = (HTTPStatus.TOO_MANY_REQUESTS,) if is_limited else ()
    repeated = (HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY) if endpoint.idempotent else ()
    return (*limited, *repeated, *(_BODY_REFUSALS if endpoint.body else ()))


def _answer(endpoint: Endpoint) -> dict[str, Any]:
    if endpoint.answer is None or endpoint.method == "HEAD":
        return {}
    envelope = {
        "type": "object",
        "required": ["success", "data"],
        "properties": {"success": {"const": True}, "data": _reference(endpoint.answer)},
    }
    return {"content": _json(envelope)}


def _parameters(query: type[BaseModel]) -> list[dict[str, Any]]:
    schema = query.model_json_schema()
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _without_null(part)}
        for name, part in schema["properties"].items()
    ]


def _path_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME}
    return [
        {"name": name, "in": "path", "required": True, "schema": schema} for name in _PATH_PART.findall(endpoint.path)
    ]


def _headers(endpoint: Endpoint) -> list[dict[str, Any]]:
    headers = dict(endpoint.headers)
    if endpoint.idempotent:
        headers["Idempotency-Key"] = {"type": "string", "minLength": 16, "maxLength": 255, "pattern": "^[!-~]+$"}
    return [{"name": name, "in": "header", "required": False, "schema": schema} for name, schema in headers.items()]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter is absent, never null."""
    choices = [choice for choice in schema.get("anyOf", []) if choice.get("type") != "null"]
    kept = {name: value for name, value in schema.items() if name not in {"anyOf", "default"} or value is not None}
    return {**choices[0], **{name: kept[name] for name in kept if name != "anyOf"}} if len(choices) == 1 else kept


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _named(name: str) -> dict[str, Any]:
    return {"$ref": _COMPONENTS.format(model=name)}


def _reference(model: type[BaseModel]) -> dict[str, Any]:
    return _named(model.__name__)


def written(document: dict[str, Any]) -> str:
    """As it is checked in and served."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
