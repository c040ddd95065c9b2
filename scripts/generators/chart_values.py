"""The chart's values.yaml and its README, written from values.schema.json: what a value is stands in one place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parents[2] / "helm" / "hingecraft"
_README = """# The chart of HingeCraft's payment routing

`docs/deployment.md` leads from nothing to a site that takes money. These are the values; `values.schema.json` refuses
what is none of them, and this page and `values.yaml` are written from it by `make generate`.

| value | what it is | default |
|---|---|---|
"""


# A schema can only recite itself; this says what to do.
_NOT_NULL = """{{- /* Written from values.schema.json by `make generate`. */ -}}
{{- define "hingecraft.checkNothingIsNull" -}}
{{- range $path := include "hingecraft.notNull" . | splitList "\\n" -}}
{{- $at := $.Values -}}
{{- range $name := splitList "." $path -}}
{{- if not (hasKey $at $name) -}}
{{- fail (printf "%s is null, which takes away the chart's default: leave it out, or give it a value" $path) -}}
{{- end -}}
{{- $at = get $at $name -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- define "hingecraft.notNull" -}}
PATHS
{{- end -}}
"""


def _schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
    return found


def values() -> str:
    """Every value with its default, and what it is above it."""
    return "# Written from values.schema.json by `make generate`.\n" + "\n".join(_lines(_schema(), 0)) + "\n"


def _lines(schema: dict[str, Any], depth: int) -> Iterator[str]:
    indent = "  " * depth
    for name, about in schema["properties"].items():
        yield f"{indent}# {about['description']}"
        if "properties" in about:
            yield f"{indent}{name}:"
            yield from _lines(about, depth + 1)
        else:
            shown = yaml.safe_dump({name: about["default"]}, sort_keys=False, width=1000).rstrip()
            yield from (f"{indent}{line}" for line in shown.splitlines())


def not_null() -> str:
    """The template that rejects null where a value is needed, parents first."""
    paths = "\n".join(_not_null(_schema()))
    return _NOT_NULL.replace("PATHS", paths)


def _not_null(schema: dict[str, Any], before: str = "") -> Iterator[str]:
    for name, about in schema["properties"].items():
        if name in schema.get("x-not-null", ()) or about.get("default"):
            yield f"{before}{name}"
        if "properties" in about:
            yield from _not_null(about, f"{before}{name}.")


def readme() -> str:
    """A Markdown table of the values."""
    rows = [
        f"| `{name}` | {about['description']} | `{json.dumps(about['default'])}` |"
        for name, about in _leaves(_schema())
    ]
    return _README + "\n".join(rows) + "\n"


def _leaves(schema: dict[str, Any], before: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, about in schema["properties"].items():
        if "properties" in about:
            yield from _leaves(about, f"{before}{name}.")
        else:
            yield f"{before}{name}", about
