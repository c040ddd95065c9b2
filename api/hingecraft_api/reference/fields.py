"""The fields of a schema as HTML: name, type, whether it is required, what it means and what it may be."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from hingecraft_api.reference.markdown import Links, inline
from hingecraft_api.reference.schemas import alternatives, resolved

Components = Mapping[str, Any]
Schema = Mapping[str, Any]

_BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
}
_TOO_LARGE_TO_MATTER = 10**12
_QUOTE = '"'
_KINDS = {"date-time": "time", "uuid": "UUID"}


def fields(components: Components, schema: Schema, links: Links, *, optional: bool = False) -> str:
    """The properties of an object, or of a list's items. Required ones are marked, or with `optional` the others."""
    schema = resolved(components, schema)
    if schema.get("type") == "array":
        return fields(components, schema["items"], links, optional=optional)
    required = schema.get("required", ())
    rows = (
        _row(components, name, part, (name in required, optional), links) for name, part in schema["properties"].items()
    )
    return f"<dl>{''.join(rows)}</dl>" if schema["properties"] else ""


def parameter(components: Components, given: Mapping[str, Any], links: Links, *, optional: bool = False) -> str:
    """A parameter, or a header, as a row of its own."""
    shown = f" Example: `{given['example']}`." if "example" in given else ""
    schema = {**given["schema"], "description": f"{_sentence(given['description'].removesuffix('.'))}{shown}"}
    return _row(components, given["name"], schema, (given.get("required", False), optional), links)


def _row(components: Components, name: str, part: Schema, marks: tuple[bool, bool], links: Links) -> str:
    required, optional = marks
    schema = resolved(components, part)
    mark = '<span class="required">required</span>' if required and not optional else ""
    mark = '<span class="kind">optional</span>' if optional and not required else mark
    text = inline(_sentence(schema.get("description", "").removesuffix(".")), links)
    rules = inline(_sentence("; ".join(_rules(components, schema))), links)
    allowed = f' <span class="rules">{rules}</span>' if rules else ""
    return (
        f'<div class="row"><dt><code class="name">{escape(name)}</code>'
        f'<span class="kind">{escape(_kind(components, schema))}</span>{mark}</dt>'
        f"<dd>{text}{allowed}{_nested(components, schema, links, optional=optional)}</dd></div>"
    )


def _nested(components: Components, schema: Schema, links: Links, *, optional: bool) -> str:
    for choice in (schema, *alternatives(schema)):
        inner = resolved(components, choice)
        for part in (inner, inner.get("items"), inner.get("additionalProperties")):
            if isinstance(part, dict) and "properties" in resolved(components, part):
                return fields(components, part, links, optional=optional)
    return ""


def _kind(components: Components, schema: Schema) -> str:
    schema = resolved(components, schema)
    if "anyOf" in schema:
        kinds = dict.fromkeys(_kind(components, choice) for choice in schema["anyOf"])
        return " or ".join(kinds)
    if schema.get("type") == "array":
        return f"list of {_kind(components, schema['items'])}s"
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " or ".join(dict.fromkeys("string" if isinstance(value, str) else _plain(value) for value in values))
    return str(_KINDS.get(schema.get("format", ""), schema.get("type", "anything")))


def _plain(value: object) -> str:
    return "boolean" if isinstance(value, bool) else "number"


def _rules(components: Components, schema: Schema) -> Iterator[str]:
    for choice in (schema, *alternatives(schema)):
        inner = resolved(components, choice)
        if "const" in inner:
            yield f"always `{json.dumps(inner['const']).strip(_QUOTE)}`"
        if "enum" in inner:
            yield "one of " + ", ".join(f"`{value}`" for value in inner["enum"])
        for rule, text in _BOUNDS.items():
            if rule in inner and abs(inner[rule]) < _TOO_LARGE_TO_MATTER:
                yield text.format(inner[rule])
        if "maxLength" in inner:
            least = f"{inner['minLength']} to" if "minLength" in inner else "up to"
            yield f"{least} {inner['maxLength']} characters"
    if schema.get("default") is not None:
        yield f"default `{json.dumps(schema['default']).strip(_QUOTE)}`"


def _sentence(text: str) -> str:
    """With a capital, and a full stop."""
    return f"{text[:1].upper()}{text[1:]}." if text else ""
