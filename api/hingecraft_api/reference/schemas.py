"""JSON Schemas of the models, and an example of each, made from the examples of its fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from hingecraft_api.messages.described import MOMENT

COMPONENTS = "#/components/schemas/"
_COMPONENT = COMPONENTS + "{model}"


class _WithoutTitles(GenerateJsonSchema):
    """`priceCurrency` needs no title "Pricecurrency"."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic calls it so
        return False


def schemas_of(models: Iterable[type[BaseModel]]) -> dict[str, Any]:
    """The components, by name."""
    wanted: list[tuple[type[BaseModel], Any]] = [
        (model, "validation") for model in sorted(set(models), key=lambda model: model.__name__)
    ]
    _, schema = models_json_schema(wanted, ref_template=_COMPONENT, schema_generator=_WithoutTitles)
    found: dict[str, Any] = schema.get("$defs", {})
    return found


def query_schema(query: type[BaseModel]) -> dict[str, Any]:
    """The parameters of a query string as the properties of one object."""
    return query.model_json_schema(schema_generator=_WithoutTitles)


def reference(model: type[BaseModel] | str) -> dict[str, Any]:
    """A reference to a component."""
    return {"$ref": COMPONENTS + (model if isinstance(model, str) else model.__name__)}


def resolved(components: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema that a reference leads to, with what stands beside the reference; else the schema."""
    if "$ref" not in schema:
        return schema
    target = resolved(components, components[schema["$ref"].removeprefix(COMPONENTS)])
    return {**target, **{name: value for name, value in schema.items() if name != "$ref"}}


def alternatives(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The alternatives of a schema, without null."""
    return [choice for choice in schema.get("anyOf", []) if choice.get("type") != "null"]


def example_of(components: Mapping[str, Any], schema: Mapping[str, Any]) -> Any:
    """A value that fits the schema. Optional fields are in it only if they have an example of their own."""
    schema = resolved(components, schema)
    if schema.get("examples"):
        return schema["examples"][0]
    if "const" in schema:
        return schema["const"]
    if "anyOf" in schema:
        return None if len(alternatives(schema)) < len(schema["anyOf"]) else example_of(components, schema["anyOf"][0])
    return _example_of_type(components, schema)


def _example_of_type(components: Mapping[str, Any], schema: Mapping[str, Any]) -> Any:
    kind = schema.get("type")
    if "properties" in schema:
        shown = [
            name
            for name, part in schema["properties"].items()
            if name in schema.get("required", ()) or resolved(components, part).get("examples")
        ]
        return {name: example_of(components, schema["properties"][name]) for name in shown}
    if kind == "array":
        return [example_of(components, schema["items"])]
    if kind == "object":
        return {"EUR": example_of(components, schema["additionalProperties"])}
    if schema.get("format") == "date-time":
        return MOMENT
    raise ValueError(f"give this schema an example: {dict(schema)}")
