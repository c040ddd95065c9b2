"""Stripe's requests: parses `a[b][0][c]=d` into a tree, and checks it against an endpoint's parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

_PARTS = re.compile(r"\[([^\]]*)\]")
_LONGEST_METADATA_KEY, _LONGEST_METADATA_VALUE = 40, 500
_MOST_METADATA = 50

TEXT, WHOLE, YES_NO, METADATA = "text", "whole", "yes_no", "metadata"


class StripeRejectedError(Exception):
    """Stripe's response to a rejected request."""

    def __init__(
        self,
        message: str,
        *,
        status: int = HTTPStatus.BAD_REQUEST,
        code: str | None = None,
        param: str | None = None,
        kind: str = "invalid_request_error",
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        error = {"type": kind, "message": message, "code": code, "param": param, **more}
        self.body: dict[str, Any] = {"error": {name: value for name, value in error.items() if value is not None}}


def tree_of(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Nested dictionaries; those with the keys 0, 1, 2 ... become lists."""
    root: dict[str, Any] = {}
    for name, value in pairs:
        head, *_ = name.split("[", 1)
        keys = [head, *_PARTS.findall(name)]
        place = root
        for key in keys[:-1]:
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                raise StripeRejectedError(f"Invalid {head}: it is given twice.", param=head)
        place[keys[-1]] = value
    return {name: _with_lists(value) for name, value in root.items()}


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {key: _with_lists(each) for key, each in value.items()}
    if inner and all(key.isdecimal() for key in inner):
        return [inner[key] for key in sorted(inner, key=int)]
    return inner


def checked(params: Mapping[str, Any], shape: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The parameters with their types, if the endpoint knows every one of them."""
    found = {}
    for name, value in params.items():
        full = f"{prefix}[{name}]" if prefix else name
        if name not in shape:
            raise StripeRejectedError(f"Received unknown parameter: {full}", code="parameter_unknown", param=full)
        found[name] = _typed(value, shape[name], full)
    return found


def _typed(value: Any, wanted: Any, name: str) -> Any:
    if isinstance(wanted, list):
        if not isinstance(value, list):
            raise StripeRejectedError("Invalid array", param=name)
        return [_typed(each, wanted[0], f"{name}[{number}]") for number, each in enumerate(value)]
    if isinstance(wanted, Mapping):
        if not isinstance(value, Mapping):
            raise StripeRejectedError("Invalid object", param=name)
        return checked(value, wanted, name)
    if wanted == METADATA:
        return _metadata(value, name)
    if isinstance(wanted, frozenset):
        if value not in wanted:
            raise StripeRejectedError(f"Invalid {name}: must be one of {', '.join(sorted(wanted))}", param=name)
        return value
    if not isinstance(value, str):
        raise StripeRejectedError(f"Invalid {name}", param=name)
    return _leaf(value, wanted, name)


def _leaf(value: str, wanted: str, name: str) -> Any:
    if wanted == WHOLE:
        if not re.fullmatch(r"-?\d{1,15}", value):
            raise StripeRejectedError(f"Invalid integer: {value}", code="parameter_invalid_integer", param=name)
        return int(value)
    if wanted == YES_NO:
        if value not in {"true", "false"}:
            raise StripeRejectedError(f"Invalid boolean: {value}", param=name)
        return value == "true"
    if not value:
        raise StripeRejectedError(
            f"You passed an empty string for '{name}'.", code="parameter_invalid_empty", param=name
        )
    return value


def _metadata(value: Any, name: str) -> dict[str, str]:
    if not isinstance(value, Mapping) or len(value) > _MOST_METADATA:
        raise StripeRejectedError("Invalid metadata", param=name)
    for key, each in value.items():
        if len(key) > _LONGEST_METADATA_KEY or not isinstance(each, str) or len(each) > _LONGEST_METADATA_VALUE:
            raise StripeRejectedError("Metadata keys take 40 characters and values 500.", param=name)
    return dict(value)


def required(params: Mapping[str, Any], *names: str) -> None:
    """Reject a request that lacks one of these."""
    for name in names:
        if name not in params:
            raise StripeRejectedError(f"Missing required param: {name}.", code="parameter_missing", param=name)
