"""The dashboard is one that Grafana understands."""

from __future__ import annotations

import json
import subprocess

import pytest

from support.helm_release import CHART
from toolchain import node_js

# A panel has the options of its own type. The type of Prometheus' queries is not in @grafana/schema.
TYPES = """
import type { Dashboard, DataQuery, FieldConfigSource, GraphFieldConfig, Panel } from '@grafana/schema';
import type { Options as Stat } from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type { Options as TimeSeries } from
  '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

interface Query extends DataQuery { expr: string; legendFormat?: string; instant?: boolean }
type Of<Kind extends string, Options, Fields = Record<never, never>> =
  Omit<Panel, 'type' | 'options' | 'fieldConfig' | 'targets'>
  & { type: Kind; options: Partial<Options>; fieldConfig: FieldConfigSource<Fields>; targets: Query[] };
type Ours = Omit<Dashboard, 'panels'>
  & { panels: (Of<'stat', Stat> | Of<'timeseries', TimeSeries, GraphFieldConfig>)[] };
// JSON has the values of an enum, and not its names.
type Json<T> = T extends string ? `${T}` : T extends object ? { [K in keyof T]: Json<T[K]> } : T;
"""
OPTIONS = (
    "--noEmit",
    "--strict",
    "--skipLibCheck",
    "--target",
    "es2023",
    "--module",
    "esnext",
    "--moduleResolution",
    "bundler",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("dashboard")
    (made / "node_modules").symlink_to(node_js.modules())
    return made


def problems(text, folder):
    (folder / "dashboard.ts").write_text(f"{TYPES}\nexport const dashboard: Json<Ours> = {text};\n")
    compiler = folder / "node_modules" / "typescript" / "bin" / "tsc"
    done = subprocess.run(
        [node_js.NODE, compiler, *OPTIONS, "dashboard.ts"], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.stdout


def test_the_dashboard_has_grafanas_schema(folder):
    assert problems((CHART / "dashboard.json").read_text(), folder) == ""


def test_mistakes_in_panels_are_found(folder):
    dashboard = json.loads((CHART / "dashboard.json").read_text())
    mistakes = {
        "unknown field": ({"titel": "x"}, "'\"titel\"' does not exist"),
        "unknown type": ({"type": "graph"}, "'\"graph\"' is not assignable"),
        "text for a number": ({"id": "1"}, "Type 'string' is not assignable to type 'number'"),
        "unknown value": ({"options": {"graphMode": "bars"}}, "'\"bars\"' is not assignable"),
        "unknown field of a query": ({"targets": [{"refId": "A", "query": "up"}]}, "'\"query\"' does not exist"),
    }
    for panel, (change, _) in zip(dashboard["panels"], mistakes.values(), strict=False):
        panel.update(change)
    said = problems(json.dumps(dashboard), folder)
    assert {name for name, (_, problem) in mistakes.items() if problem in said} == {*mistakes}, said
