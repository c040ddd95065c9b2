"""Request bodies: strict JSON, limited in size, time and depth, then a pydantic model. Errors name the fields."""

from __future__ import annotations

import asyncio
import json
import re
from decimal import Decimal
from typing import Any, NoReturn, TypeVar

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from hingecraft.errors import ErrorCode, InvalidError
from hingecraft_api.messages.sentences import reason

LARGEST_BODY = 64 * 1024
_DEEPEST = 16
_LONGEST_NUMBER = 100
_LONGEST_WHOLE_NUMBER = 20
_BODY_TIMEOUT = 10.0
_MOST_NAMED = 3

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

_Model = TypeVar("_Model", bound=BaseModel)


class Input(BaseModel):
    """The base of all request bodies: camelCase in JSON; unknown fields are rejected."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, alias_generator=to_camel)


class UnsupportedMediaTypeError(InvalidError):
    """The body is not JSON."""


class SlowBodyError(InvalidError):
    """The body did not come in time."""


async def body_of(request: web.Request, model: type[_Model], *, optional: bool = False) -> _Model:
    """The request's body as that model; an optional one that was not sent is an empty object."""
    if optional and not request.body_exists:
        return _validated({}, model)
    if request.content_type != "application/json":
        raise UnsupportedMediaTypeError("unsupported_media_type", "Send the body as application/json.")
    return _validated(parse_json(await _read(request)), model)


def query_of(request: web.Request, model: type[_Model]) -> _Model:
    """The query string as that model; a repeated name is rejected."""
    pairs = list(request.query.items())
    twice = {name for name, _ in pairs if len(request.query.getall(name)) > 1}
    if twice:
        raise wrong_fields("invalid_request", dict.fromkeys(twice, "is given twice"))
    check_text(dict(pairs))
    return _validated(dict(pairs), model)


async def raw_body(request: web.Request, largest: int) -> bytes:
    """The raw body, up to the call's own size limit."""
    if (request.content_length or 0) > largest:
        raise web.HTTPRequestEntityTooLarge(max_size=largest, actual_size=request.content_length or 0)
    chunks, size = [], 0
    try:
        async with asyncio.timeout(_BODY_TIMEOUT):
            async for chunk in request.content.iter_any():
                chunks.append(chunk)
                size += len(chunk)
                if size > largest:
                    raise web.HTTPRequestEntityTooLarge(max_size=largest, actual_size=size)
    except TimeoutError:
        raise SlowBodyError("request_timeout", "The body did not arrive within 10 seconds. Send it again.") from None
    except (HttpProcessingError, web.RequestPayloadError) as error:
        raise InvalidError("invalid_body", "The body is cut off or its encoding is broken. Send it again.") from error
    return b"".join(chunks)


async def _read(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(_BODY_TIMEOUT):
            return await request.read()
    except TimeoutError:
        raise SlowBodyError("request_timeout", "The body did not arrive within 10 seconds. Send it again.") from None
    except (HttpProcessingError, web.RequestPayloadError) as error:
        raise InvalidError("invalid_body", "The body is cut off or its encoding is broken. Send it again.") from error


def parse_json(raw: bytes) -> Any:
    """JSON as the standard has it: no NaN, no doubled names, nothing too deep, no half characters, decimals kept."""
    try:
        document = json.loads(
            raw.decode("utf-8"),
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=_no_constant,
            object_pairs_hook=_no_doubles,
        )
    except UnicodeDecodeError:
        raise InvalidError("invalid_json", "The body must be UTF-8.") from None
    except RecursionError:
        raise InvalidError("invalid_json", "The body is nested too deeply.") from None
    except json.JSONDecodeError as error:
        raise InvalidError("invalid_json", _not_json(error)) from None
    except ValueError:
        raise InvalidError(
            "invalid_json", "The body must be valid JSON, which does not allow NaN or Infinity."
        ) from None
    check_text(document)
    return document


def _not_json(error: json.JSONDecodeError) -> str:
    if not error.doc.strip():
        return "The body is empty. Send a JSON object."
    return f"The body is not valid JSON. Check it at character {error.pos + 1}."


def _decimal(text: str) -> Decimal | int:
    """A number as a decimal; 7.0 is a whole number, as in JSON."""
    if len(text) > _LONGEST_NUMBER:
        raise InvalidError("invalid_json", "A number in the body has too many digits.")
    number = Decimal(text)
    whole = number.adjusted() < _LONGEST_WHOLE_NUMBER and number == number.to_integral_value()
    return int(number) if whole else number


def _integer(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise InvalidError("invalid_json", "A number in the body has too many digits.")
    return int(text)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise InvalidError("invalid_json", "An object in the body has the same name twice. Use each name once.")
    return document


def check_text(value: Any, depth: int = 0) -> None:
    """Reject text that Postgres cannot store: NUL characters and half surrogate pairs."""
    if depth > _DEEPEST:
        raise InvalidError("invalid_json", "The body is nested too deeply.")
    if isinstance(value, str):
        if _UNSTORABLE.search(value):
            raise InvalidError("invalid_text", "Text must not contain NUL or half of a surrogate pair.")
    elif isinstance(value, dict):
        for name, item in value.items():
            check_text(name, depth + 1)
            check_text(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            check_text(item, depth + 1)


def _validated(document: Any, model: type[_Model]) -> _Model:
    if not isinstance(document, dict):
        raise InvalidError("invalid_request", "The body must be a JSON object.")
    try:
        return model.model_validate(document)
    except ValidationError as error:
        fields = {
            _name(part["loc"]): reason(part, model) for part in error.errors(include_url=False, include_input=False)
        }
        raise wrong_fields("invalid_request", fields) from None


def wrong_fields(code: ErrorCode, fields: dict[str, str]) -> InvalidError:
    """An error with the reason for each field, also in the sentence, since many clients show only that."""
    named = sorted(fields)
    listed = "; ".join(f"{name} {fields[name]}" for name in named[:_MOST_NAMED])
    more = f"; and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    return InvalidError(code, f"Please correct: {listed}{more}.", fields=fields)


def wrong_field(code: ErrorCode, field: str, reason: str) -> InvalidError:
    """One field, and a reason that continues a sentence that begins with its name."""
    return wrong_fields(code, {field: reason})


def _name(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location)[:200] or "body"
