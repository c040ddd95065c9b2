"""Why a field is wrong, in our own words: they continue a sentence that begins with the field's name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from hingecraft_api.messages.nearest import nearest

# By pydantic's names for what can be wrong, with its names for the bounds.
_SENTENCES: Mapping[str, str] = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "greater_than_equal": "must be at least {ge}",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "int_type": "must be a whole number",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "missing": "is required",
    "model_type": "must be an object",
    "string_too_long": "must be at most {max_length} characters long",
    "string_too_short": "must be at least {min_length} characters long",
    "string_type": "must be a string",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """Text of a certain shape; `otherwise` is the reason for text that has another."""

    pattern: str
    otherwise: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "pattern": self.pattern}

    def _checked(self, typed: str) -> str:
        if not re.fullmatch(self.pattern, typed):
            raise ValueError(self.otherwise)
        return typed


def reason(part: Mapping[str, Any], model: type[BaseModel]) -> str:
    """Why one part of the input was rejected."""
    if part["type"] == "extra_forbidden":
        return _unknown(part["loc"], model)
    if part["type"] in _SENTENCES:
        return _SENTENCES[part["type"]].format(**part.get("ctx", {}))
    text: str = part["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return text[:1].lower() + text[1:]


def _unknown(location: tuple[int | str, ...], model: type[BaseModel]) -> str:
    meant = nearest(str(location[-1]), _names_at(location[:-1], model))
    return f"is not a known field (did you mean {meant}?)" if meant else "is not a known field"


@lru_cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def _names_at(location: Iterable[int | str], model: type[BaseModel]) -> list[str]:
    """The fields that the object at a place inside the input can have."""
    schema = inner = _schema(model)
    for part in location:
        inner = inner.get("properties", {}).get(part, {})
        references = [inner, *inner.get("anyOf", [])]
        name = next((each["$ref"].rpartition("/")[2] for each in references if "$ref" in each), None)
        inner = schema["$defs"][name] if name else {}
    return list(inner.get("properties", {}))
