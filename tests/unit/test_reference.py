"""The API reference says everything that a client needs, and nothing that is not so."""

from __future__ import annotations

import json
import re
from collections import Counter
from html import escape
from html.parser import HTMLParser

import jsonschema_rs
import pytest

from hingecraft.donations import purpose
from hingecraft.outbox.model import PAYMENT_EVENTS, ROUTES_UPDATED
from hingecraft_api.app import PUBLIC_ENDPOINTS
from hingecraft_api.reference.codes import CODES, OF_ANY_CALL, by_status, codes_of
from hingecraft_api.reference.guide import Rates, markdown
from hingecraft_api.reference.markdown import anchor, blocks, inline
from hingecraft_api.reference.openapi import document_of
from hingecraft_api.reference.page import page_of

DOCUMENT = json.loads(json.dumps(document_of(PUBLIC_ENDPOINTS)))
PAGE = page_of(DOCUMENT)
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}
EVENTS = {kind: each["post"] for kind, each in DOCUMENT["webhooks"].items()}
EVERYTHING = {**OPERATIONS, **EVENTS}
# Only the providers call these.
INBOUND = {anchor(call) for call in OPERATIONS if "/webhook" in call}
# Written by the database for settings that no call of the API changes.
OF_NO_CALL = {"append_only", "invalid_endpoint", "unknown_event"}


def validator(schema):
    return jsonschema_rs.validator_for({**schema, "components": DOCUMENT["components"]}, validate_formats=True)


def contents(operation):
    """Each body that is sent or answered: its schema and its example."""
    holders = [operation.get("requestBody", {}), *operation["responses"].values()]
    found = [holder["content"].get("application/json") for holder in holders if "content" in holder]
    return [content for content in found if content is not None]


@pytest.mark.parametrize("name", EVERYTHING)
def test_a_call_has_a_summary_a_description_a_tag_and_an_example(name):
    operation = EVERYTHING[name]
    assert operation["summary"]
    assert not operation["summary"].endswith(".")
    assert operation["description"].endswith((".", ".)"))
    assert operation["tags"][0] in {tag["name"] for tag in DOCUMENT["tags"] if tag["description"]}
    assert all(parameter["description"] for parameter in operation.get("parameters", []))
    media = operation["responses"].get("200", {}).get("content", {})
    answers_a_file = not {"*/*", "text/csv", "text/event-stream"}.isdisjoint(media)
    if not name.startswith("HEAD ") and not answers_a_file:
        assert any("example" in content for content in contents(operation))


@pytest.mark.parametrize("name", EVERYTHING)
def test_an_example_is_valid(name):
    operation = EVERYTHING[name]
    for content in contents(operation):
        if "example" in content:
            validator(content["schema"]).validate(content["example"])
    for parameter in operation.get("parameters", []):
        if "example" in parameter:
            validator(parameter["schema"]).validate(parameter["example"])


def test_a_wrong_example_would_be_found():
    schema = OPERATIONS["POST /charter/generate-payment"]["requestBody"]["content"]["application/json"]["schema"]
    for wrong in ({}, {"amount": "25", "currency": "EUR", "more": 1}, {"amount": True, "currency": "EUR"}):
        assert not validator(schema).is_valid(wrong)


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_a_field_is_described(name):
    schema = DOCUMENT["components"]["schemas"][name]
    assert schema["description"]
    assert "title" not in json.dumps(schema.get("properties", {}))
    for field, part in schema.get("properties", {}).items():
        assert part.get("description") or "const" in part or name == "Refusal", f"{name}.{field} has no description"


@pytest.mark.parametrize("endpoint", PUBLIC_ENDPOINTS, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}")
def test_each_status_lists_its_codes(endpoint):
    operation = OPERATIONS[f"{endpoint.method} {endpoint.path}"]
    for status, codes in by_status(codes_of(endpoint)).items():
        response = operation["responses"][str(status)]
        assert "X-Request-ID" in response["headers"]
        if endpoint.method != "HEAD":
            parts = response["content"]["application/json"]["schema"]["allOf"]
            assert parts[1]["properties"]["code"]["enum"] == codes


def test_each_code_is_answered_by_some_call():
    answered = {code for endpoint in PUBLIC_ENDPOINTS for code in codes_of(endpoint)} | set(OF_ANY_CALL)
    assert set(CODES) - answered == OF_NO_CALL


def test_every_event_that_is_sent_is_described_with_every_status():
    assert set(EVENTS) == {ROUTES_UPDATED, *PAYMENT_EVENTS}
    for kind in PAYMENT_EVENTS:
        schema = EVENTS[kind]["requestBody"]["content"]["application/json"]["schema"]
        data = DOCUMENT["components"]["schemas"][schema["properties"]["data"]["$ref"].rpartition("/")[2]]
        status = data["properties"]["status"]
        described = set(status.get("enum", [status.get("const")]))
        assert described == {after.value for after, event in purpose.NEWS.items() if event == kind}


def test_the_guide_has_the_limits_of_the_pod():
    text = markdown(Rates(visitor=71, routes=72, site=73))
    assert all(f"| {number}" in text for number in (71, 72, 73))
    assert "| 100 |" in markdown(Rates())


class Anchors(HTMLParser):
    """Whether each tag is closed, and where links lead."""

    VOID = frozenset({"meta"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.tags: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        self.ids += [value for name, value in attrs if name == "id"]
        self.links += [value for name, value in attrs if name == "href"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page():
    parser = Anchors()
    parser.feed(PAGE)
    return parser


def test_the_page_is_whole_and_its_links_lead_somewhere(page):
    assert page.open == []
    assert [name for name, count in Counter(page.ids).items() if count > 1] == []
    for link in page.links:
        assert link in {"/openapi.json", "https://www.standardwebhooks.com/"} or link[1:] in page.ids, link


def test_the_page_needs_no_script_and_loads_nothing(page):
    assert page.tags & {"script", "img", "link", "iframe", "form"} == set()
    assert {name for name in page.attributes if name.startswith("on") or name in {"style", "src"}} == set()


def test_the_page_shows_every_call_code_and_event(page):
    calls = {anchor(call) for call in OPERATIONS if not call.startswith("HEAD ")}
    assert calls | {anchor(kind) for kind in EVENTS} | {f"error-{code}" for code in CODES} <= set(page.ids)
    for section in ("authentication", "rate-limits", "idempotency", "errors", "events", "versions"):
        assert section in page.ids
    samples = [each["x-codeSamples"][0] for name, each in OPERATIONS.items() if anchor(name) in calls - INBOUND]
    assert samples
    assert [sample["source"] for sample in samples if escape(sample["source"]) not in PAGE] == []


def test_required_fields_are_marked():
    call = PAGE.partition('<article id="post-charter-generate-payment">')[2].partition("</article>")[0]
    marked = re.findall(r'<code class="name">(\w+)</code><span class="kind">[^<]*</span><span class="required">', call)
    assert marked == ["amount", "currency"]


def test_markup_of_the_text_cannot_break_the_page():
    assert inline("<b> `<i>` **<u>**", {}) == "&lt;b&gt; <code>&lt;i&gt;</code> <strong>&lt;u&gt;</strong>"
    assert blocks("```\n<script>\n```\n", {}) == "<pre><code>&lt;script&gt;\n</code></pre>"
    assert inline("[x](javascript:alert(1))", {}) == "[x](javascript:alert(1))"
