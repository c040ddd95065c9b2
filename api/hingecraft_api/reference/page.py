"""`/docs`: the OpenAPI document as one page for people, with no script and nothing from other servers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from hingecraft.identity.principal import Kind
from hingecraft_api.messages.answers import REQUEST_ID
from hingecraft_api.reference import events
from hingecraft_api.reference.codes import CODES, OF_ANY_CALL
from hingecraft_api.reference.fields import fields, parameter
from hingecraft_api.reference.markdown import Links, anchor, blocks, inline, sections
from hingecraft_api.reference.schemas import COMPONENTS
from hingecraft_api.reference.style import STYLE

# Where a parameter stands, as the document calls it and as people do.
_PLACES = {"path": "Path", "query": "Query", "header": "Headers"}
_ERRORS_HEADING = "Errors"
_SENDERS = {Kind.USER: "a user's token", Kind.SERVICE: "a service's token", Kind.ADMIN: "the admin token"}


class _Page:
    """Writes one page; `links` are the anchors that code spans lead to."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._schemas: Mapping[str, Any] = document["components"]["schemas"]
        self._guide = [(title, text) for title, text in sections(document["info"]["description"])]
        self._calls = [
            (f"{method.upper()} {path}", operation)
            for path, operations in document["paths"].items()
            for method, operation in operations.items()
        ]
        self._events = [(kind, each["post"]) for kind, each in document["webhooks"].items()]
        named = {name: anchor(name) for name, _ in [*self._calls, *self._events]}
        codes: dict[str, str] = {code: f"error-{code}" for code in CODES}
        self.links: Links = {**named, **codes}

    def html(self) -> str:
        info = self._document["info"]
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escape(info['title'])}: API reference</title><style>{STYLE}</style></head><body>"
            '<a class="skip" href="#content">Skip to the content</a><div class="page">'
            f"<header><h1>{escape(info['title'])} API <small>{escape(info['version'])}</small></h1>"
            f"<p>{escape(info['summary'])} For tools: "
            '<a href="/openapi.json">openapi.json</a> (OpenAPI 3.1; import it into Postman or a client generator).</p>'
            f'</header><div class="columns">{self._contents()}<main id="content">{self._main()}</main></div></div>'
            "</body></html>"
        )

    def _contents(self) -> str:
        """Beside the text where there is room, else folded up above it."""
        guide = "".join(f'<li><a href="#{anchor(title)}">{escape(title)}</a></li>' for title, _ in self._guide)
        groups = "".join(
            f'<p class="title">{escape(tag)}</p><ul>{"".join(items)}</ul>'
            for tag, items in self._links_by_tag().items()
        )
        links = f'<p class="title">Guide</p><ul>{guide}</ul>{groups}'
        return (
            f'<div class="side"><nav aria-label="Contents">{links}</nav></div>'
            '<details class="menu"><summary>Contents</summary>'
            f'<nav aria-label="Contents, folded">{links}</nav></details>'
        )

    def _links_by_tag(self) -> dict[str, list[str]]:
        groups: dict[str, list[str]] = {}
        for call, operation in [*self._calls, *self._events]:
            if not call.startswith("HEAD "):
                link = f'<li><a href="#{anchor(call)}">{escape(operation["summary"])}</a></li>'
                groups.setdefault(operation["tags"][0], []).append(link)
        return groups

    def _main(self) -> str:
        guide = "".join(self._section(title, text) for title, text in self._guide)
        return guide + "".join(self._group(tag) for tag in self._document["tags"])

    def _section(self, title: str, text: str) -> str:
        codes = self._codes() if title == _ERRORS_HEADING else ""
        return f"{self._heading(title)}{blocks(text, self.links)}{codes}"

    def _heading(self, title: str) -> str:
        return f'<h2 id="{anchor(title)}">{escape(title)}{_anchor_link(anchor(title), title)}</h2>'

    def _codes(self) -> str:
        rows = "".join(
            f'<div class="row" id="error-{name}"><dt><code class="name">{name}</code>'
            f'<span class="kind">{int(code.status)}{", any call" if name in OF_ANY_CALL else ""}</span></dt>'
            f"<dd>{inline(code.advice, self.links)}</dd></div>"
            for name, code in CODES.items()
        )
        title = f"Error codes{_anchor_link('error-codes', 'Error codes')}"
        return f'<h3 id="error-codes">{title}</h3><dl class="codes">{rows}</dl>'

    def _group(self, tag: Mapping[str, str]) -> str:
        name = tag["name"]
        calls = "".join(
            self._call(call, operation)
            for call, operation in self._calls
            if operation["tags"][0] == name and not call.startswith("HEAD ")
        )
        told = "".join(self._event(kind, each) for kind, each in self._events) if name == events.TAG else ""
        return f"{self._heading(name)}<p>{inline(tag['description'], self.links)}</p>{calls}{told}"

    def _call(self, call: str, operation: Mapping[str, Any]) -> str:
        method, path = call.split(" ")
        parameters = operation.get("parameters", [])
        head = next((each for other, each in self._calls if other == f"HEAD {path}"), None)
        samples = operation.get("x-codeSamples", [])
        done = next(each for status, each in operation["responses"].items() if status.startswith("2"))
        parts = [
            _needed(operation.get("security", ())),
            *(self._part(title, self._parameters(parameters, place)) for place, title in _PLACES.items()),
            self._part("Body", self._body(operation.get("requestBody", {}), shown=not samples)),
            self._part("Example", "".join(f"<pre><code>{escape(each['source'])}</code></pre>" for each in samples)),
            self._part("Answer", self._answer(done)),
            self._part("Headers of the answer", self._answer_headers(done)),
            self._part("Errors", self._errors(operation["responses"])),
            self._part("HEAD", blocks(f"{head['summary']}. {head['description']}", self.links) if head else ""),
        ]
        title = f'<span class="method {method.lower()}">{method}</span><code class="path">{escape(path)}</code>'
        return self._article(anchor(call), call, title, operation, parts)

    def _event(self, kind: str, operation: Mapping[str, Any]) -> str:
        parts = [
            self._part("Headers", self._parameters(operation["parameters"], "header", optional=True)),
            self._part("Body", self._body(operation["requestBody"], shown=True, optional=True)),
        ]
        return self._article(anchor(kind), kind, f'<code class="path">{escape(kind)}</code>', operation, parts)

    def _article(self, name: str, label: str, title: str, operation: Mapping[str, Any], parts: list[str]) -> str:
        return (
            f'<article id="{name}"><h3>{title}{_anchor_link(name, label)}</h3>'
            f'<p class="summary">{escape(operation["summary"])}</p>'
            f"{blocks(operation['description'], self.links)}{''.join(parts)}</article>"
        )

    @staticmethod
    def _part(title: str, html: str) -> str:
        return f"<h4>{title}</h4>{html}" if html else ""

    def _parameters(self, parameters: list[dict[str, Any]], place: str, *, optional: bool = False) -> str:
        rows = "".join(
            parameter(self._schemas, each, self.links, optional=optional) for each in parameters if each["in"] == place
        )
        return f"<dl>{rows}</dl>" if rows else ""

    def _body(self, holder: Mapping[str, Any], *, shown: bool, optional: bool = False) -> str:
        """The body's fields, and an example if no command below shows one."""
        content = holder.get("content", {}).get("application/json")
        if content is None:
            return ""
        shape = (
            fields(self._schemas, content["schema"], self.links, optional=optional)
            if _has_fields(content["schema"])
            else ""
        )
        return f"{shape}{_json(content['example'])}" if shown else shape

    def _answer(self, response: Mapping[str, Any]) -> str:
        content = response.get("content", {}).get("application/json")
        if content is None:
            return ""
        data = content["schema"]["properties"]["data"]
        return f"{_json(content['example'])}{fields(self._schemas, data, self.links, optional=True)}"

    def _answer_headers(self, response: Mapping[str, Any]) -> str:
        """A table of the headers that only some calls answer with."""
        shared = self._document["components"]["headers"]
        rows = "".join(
            parameter(self._schemas, {**shared.get(name, header), "name": name, "required": False}, self.links)
            for name, header in response["headers"].items()
            if name != REQUEST_ID
        )
        return f"<dl>{rows}</dl>" if rows else ""

    def _errors(self, responses: Mapping[str, Any]) -> str:
        rows = "".join(
            f"<li>{status}: {', '.join(inline(f'`{code}`', self.links) for code in codes)}</li>"
            for status, response in responses.items()
            if (codes := _codes_in(response))
        )
        return f"<ul>{rows}</ul>" if rows else ""


def page_of(document: Mapping[str, Any]) -> str:
    """The page."""
    return _Page(document).html()


def _needed(security: Sequence[Mapping[str, Any]]) -> str:
    """The tokens that the call accepts."""
    named = [text for kind, text in _SENDERS.items() if {kind.value: []} in security]
    if not named:
        return ""
    verb = "Takes" if {} in security else "Needs"
    return f'<p>{verb} {" or ".join(named)}: see <a href="#authentication">Authentication</a>.</p>'


def _has_fields(schema: Mapping[str, Any]) -> bool:
    return "$ref" in schema or "properties" in schema


def _codes_in(response: Mapping[str, Any]) -> list[str]:
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    refusal = {"$ref": f"{COMPONENTS}Refusal"}
    return next((part["properties"]["code"]["enum"] for part in schema.get("allOf", []) if part != refusal), [])


def _anchor_link(name: str, label: str) -> str:
    return f'<a class="anchor" href="#{name}" aria-label="Link to {escape(label)}">#</a>'


def _json(value: Any) -> str:
    return f"<pre><code>{escape(json.dumps(value, indent=2, ensure_ascii=False))}</code></pre>"
