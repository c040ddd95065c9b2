"""Field types of the custom resource: patterns and CEL rules, each with its error message."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

_DURATION = "^[1-9][0-9]{0,5}(ms|s|m|h)$"
_LONGEST_DURATION = 8
# A list that is replaced as a whole.
ATOMIC_LIST: dict[str, Any] = {"x-kubernetes-list-type": "atomic"}
_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours"}


def rules(*pairs: tuple[str, str], at: str = "") -> dict[str, Any]:
    """CEL rules, each with its error message; `at` is the path of the field to name, if it is a nested one."""
    place = {"fieldPath": at} if at else {}
    return {
        "x-kubernetes-validations": [
            {"rule": rule, "message": message, "reason": "FieldValueInvalid", **place} for rule, message in pairs
        ]
    }


def like(pattern: str, longest: int, sentence: str) -> dict[str, Any]:
    """A pattern with an error message; the schema's own `pattern` would show only the pattern."""
    return {"maxLength": longest, **rules((f"self.matches('{pattern}')", sentence))}


def between(shortest: str, longest: str) -> dict[str, Any]:
    """A duration between two limits, both included."""
    within = f"duration(self) >= duration('{shortest}') && duration(self) <= duration('{longest}')"
    return {
        "maxLength": _LONGEST_DURATION,
        **rules(
            (
                f"self.matches('{_DURATION}') && {within}",
                f"must be between {shortest} and {longest}, written as 100ms, 30s, 5m or 24h",
            )
        ),
    }


def list_map(key: str = "name") -> dict[str, Any]:
    """A list whose items are merged by a key: managers own single items."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}


def seconds(text: str) -> float:
    """The length of a duration such as `100ms` in seconds; raises ValueError if it is not a duration."""
    shape = re.fullmatch(r"(\d+)(ms|s|m|h)", text)
    if shape is None:
        raise ValueError(f"{text!r} is not a duration such as 100ms or 30s")
    return timedelta(**{_UNITS[shape[2]]: int(shape[1])}).total_seconds()


def _checked(text: str) -> str:
    seconds(text)
    return text


# An object that was stored before a rule was added may break it; the message then names the field.
Duration = Annotated[str, AfterValidator(_checked)]

_NAME = like("^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", 63, "must contain only lower-case letters, digits and hyphens")
_SECRET_NAME = like("^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$", 253, "must be the name of a Secret")
_CONFIG_MAP_NAME = like("^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$", 253, "must be the name of a ConfigMap")
_CLASS_NAME = like("^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$", 253, "must be the name of a class")
_SECRET_KEY = like("^[-._a-zA-Z0-9]+$", 253, "must be a key of a Secret: only letters, digits, - _ and .")

Name = Annotated[str, Field(json_schema_extra=_NAME)]
SecretName = Annotated[str, Field(json_schema_extra=_SECRET_NAME)]
ConfigMapName = Annotated[str, Field(json_schema_extra=_CONFIG_MAP_NAME)]
ClassName = Annotated[str, Field(json_schema_extra=_CLASS_NAME)]
SecretKey = Annotated[str, Field(json_schema_extra=_SECRET_KEY)]


class Part(BaseModel):
    """The base of all parts. Unknown fields are ignored, so that an older operator can read a newer object."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")


class SecretRef(Part):
    """A key of a Secret in the resource's namespace."""

    name: SecretName = Field(description="the name of the Secret")
    key: SecretKey = Field(description="the key of the value in it")


class LocalRef(Part):
    """A name in the resource's namespace."""

    name: SecretName = Field(description="its name")
