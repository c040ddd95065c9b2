"""The chart has every value that the docs mention."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

ROOT = Path(__file__).parents[2]
SCHEMA: dict[str, Any] = json.loads((ROOT / "helm/hingecraft/values.schema.json").read_text())
DOCS = [path for path in (*ROOT.glob("docs/*.md"), *ROOT.glob("docs/runbooks/*.md")) if path.name != "architecture.md"]
PATH = re.compile(r"[a-z]\w*(\.[a-z]\w*)+")
CAMEL = re.compile(r"[a-z]+[A-Z]\w*")
PAYMENT_EVENTS = ["payment.completed", "payment.failed", "payment.refunded"]


ROW = re.compile(r"^\| [^|]*`([A-Z_]+)` \|", re.MULTILINE)
ROTATES = re.compile(r"^\| `([A-Z_]+)` \| \*\*secret\*\*, may rotate", re.MULTILINE)


def test_the_runbook_rotates_each_key_that_verifies_or_signs_and_those_of_providers():
    keys = ROW.findall((ROOT / "docs/runbooks/rotating-keys.md").read_text())
    held = ROTATES.findall((ROOT / "docs/settings.md").read_text())
    assert keys[-2:] == ["STRIPE_SECRET", "NOWPAYMENTS_API_KEY"]
    assert sorted(keys[:-2]) == sorted(held)


def known(path: str) -> bool:
    """Whether the schema has that value; below an object of anything, all names are."""
    found: dict[str, Any] | None = SCHEMA
    for name in path.split("."):
        if found is None or ("properties" not in found and found.get("type") == "object"):
            return True
        found = found.get("properties", {}).get(name)
        if found is None:
            return False
    return True


def named(text: str) -> Iterator[str]:
    """Paths that begin with a part of the chart, and camel case in a paragraph about the chart's values."""
    for paragraph in text.split("\n\n"):
        for code in re.findall(r"`([^`\n]+)`", paragraph):
            name = code.partition("=")[0]
            is_path = PATH.fullmatch(name) and name.partition(".")[0] in SCHEMA["properties"]
            if is_path or ("chart's values" in paragraph and CAMEL.fullmatch(name)):
                yield name
        yield from re.findall(r"--set ([\w.]+)", paragraph)


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.stem)
def test_every_value_that_is_named_exists(path):
    assert [name for name in named(path.read_text()) if not known(name.rstrip("."))] == []


def production() -> dict[str, Any]:
    text = (ROOT / "docs/deployment.md").read_text()
    block = text.partition("```yaml\n# production.yaml\n")[2].partition("```")[0]
    values: dict[str, Any] = yaml.safe_load(block)
    return values


def over(defaults: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """As Helm puts them together before it holds them against the schema."""
    merged = dict(defaults)
    for name, value in values.items():
        below = merged.get(name)
        merged[name] = over(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def test_the_values_of_the_guide_are_ones_that_the_chart_takes():
    defaults = yaml.safe_load((ROOT / "helm/hingecraft/values.yaml").read_text())
    jsonschema_rs.validate(SCHEMA, over(defaults, production()))


def test_the_values_of_the_guide_tell_the_site_of_routes_and_of_payments():
    """At the two addresses that the site's guide names."""
    guide = (ROOT / "docs/wix-setup.md").read_text()
    routes, payments = production()["paymentRoutes"]["webhooks"]
    assert routes["url"] in guide
    assert payments["url"] in guide
    assert routes.get("events", ["routes.updated"]) == ["routes.updated"]
    assert payments["events"] == PAYMENT_EVENTS
