"""`/docs`: the OpenAPI document as one page for people, with no script and nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
from html import escape
from typing import Any

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2330; --soft: #5b6475; --line: #dfe3ea; --paper: #fff; --tint: #f5f7fa }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ebf1; --soft: #a2abbb; --line: #323a49; --paper: #14181f; --tint: #1c222c } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 2rem 1rem 4rem; max-width: 60rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, sans-serif }
h1 { font-size: 1.6rem; margin: 0 } h2 { margin: 2.5rem 0 .75rem; font-size: 1.15rem }
p { margin: .4rem 0; color: var(--soft) } a { color: inherit }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .5rem 0; background: var(--tint) }
summary { padding: .7rem 1rem; cursor: pointer; display: flex; gap: .9rem; flex-wrap: wrap; align-items: baseline }
summary:focus-visible { outline: 3px solid #4c7dd9; border-radius: .5rem }
.method { font: 600 .8rem/1 ui-monospace, monospace; min-width: 4rem }
.path { font: .95rem/1 ui-monospace, monospace; overflow-wrap: anywhere } .what { color: var(--soft) }
.inside { padding: 0 1rem 1rem; border-top: 1px solid var(--line) }
h3 { font-size: .85rem; margin: 1rem 0 .3rem; color: var(--soft); font-weight: 600 }
pre { margin: 0; overflow-x: auto; font: .82rem/1.5 ui-monospace, monospace }
table { border-collapse: collapse; font-size: .9rem } td { padding: .15rem 1.2rem .15rem 0; vertical-align: top }
"""

STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; frame-ancestors 'none'; base-uri 'none'"
)

# Where a parameter stands, as the document calls it and as people do.
_PLACES = {"path": "Path", "query": "Query", "header": "Headers"}


def page_of(document: dict[str, Any]) -> str:
    """The page."""
    info = document["info"]
    groups: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            groups.setdefault(operation["tags"][0], []).append(_operation(document, path, method, operation))
    body = "".join(f"<h2>{escape(tag)}</h2>{''.join(parts)}" for tag, parts in groups.items())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])}: the calls</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>"
        f"<p>{escape(info['description']).replace('`', '')}</p>"
        f'<p>The same for machines: <a href="/openapi.json">openapi.json</a></p>{body}</main></body></html>'
    )


def _operation(document: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> str:
    parameters = operation.get("parameters", [])
    parts = [
        _section("Needs", "Authorization: Bearer &lt;ADMIN_TOKEN&gt;" if operation.get("security") else ""),
        *(_section(title, _parameters(parameters, place)) for place, title in _PLACES.items()),
        _section("Body", _shape(document, operation.get("requestBody", {}))),
        _section("Answers", _answers(document, operation["responses"])),
    ]
    return (
        f'<details><summary><span class="method">{method.upper()}</span><span class="path">{escape(path)}</span>'
        f'<span class="what">{escape(operation["summary"])}</span></summary>'
        f'<div class="inside">{"".join(parts)}</div></details>'
    )


def _section(title: str, html: str) -> str:
    return f"<h3>{title}</h3>{html}" if html else ""


def _parameters(parameters: list[dict[str, Any]], place: str) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(p['name'])}</code></td><td>{escape(_example_text(p['schema']))}</td></tr>"
        for p in parameters
        if p["in"] == place
    )
    return f"<table>{rows}</table>" if rows else ""


def _answers(document: dict[str, Any], responses: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{escape(status)}</td><td>{escape(response['description'])}</td></tr>"
        for status, response in responses.items()
        if status != "200"
    )
    return _shape(document, responses["200"]) + (f"<table>{rows}</table>" if rows else "")


def _shape(document: dict[str, Any], holder: dict[str, Any]) -> str:
    schema = holder.get("content", {}).get("application/json", {}).get("schema")
    if schema is None:
        return ""
    return f"<pre>{escape(json.dumps(_example(document, schema), indent=2))}</pre>"


def _any_or(schema: Any) -> dict[str, Any]:
    """`true` is JSON Schema for anything at all."""
    return schema if isinstance(schema, dict) else {}


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The schema itself, where it is a reference or one of several."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return _resolved(document, schema["anyOf"][0]) if "anyOf" in schema else schema


def _example(document: dict[str, Any], reference: dict[str, Any]) -> Any:
    """A value in the shape of the schema, with words in the places of values."""
    schema = _resolved(document, reference)
    if "const" in schema:
        return schema["const"]
    if "properties" in schema:
        return {name: _example(document, part) for name, part in schema["properties"].items()}
    if schema.get("type") == "object":
        return {"...": _example(document, _any_or(schema.get("additionalProperties")))}
    if schema.get("type") == "array":
        return [_example(document, schema.get("items", {}))]
    return _example_text(schema)


def _example_text(schema: dict[str, Any]) -> str:
    kind = schema.get("format") or schema.get("type", "anything")
    return f"{kind}: {schema['description']}" if "description" in schema else str(kind)
