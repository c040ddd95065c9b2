"""Rows of the database as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic.alias_generators import to_camel

from hingecraft.routes.model import timestamp
from hingecraft_api.messages.answers import number


def as_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as JSON: names in camelCase, amounts as numbers, everything else as text where JSON has no word for it."""
    return {to_camel(name): _value(value) for name, value in row.items()}


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, Decimal):
        return number(value) if value.is_finite() else None
    return str(value) if isinstance(value, UUID) else value
