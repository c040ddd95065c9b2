"""docs/metrics-and-alerts.md: from the registries of the processes and from the chart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from prometheus_client import CollectorRegistry

from generators.tables import WRITTEN, code, page, table
from hingecraft.observability.metrics import ApiMetrics, SyncMetrics, new_registry
from hingecraft_operator.metrics import OperatorMetrics

ROOT = Path(__file__).parents[2]
_PROCESSES = {"api": ApiMetrics, "operator": OperatorMetrics, "sync": SyncMetrics}
_CHOICE = re.compile(r"{{ if [^}]*}}(.*?){{ else }}(.*?){{ end }}")
_LABEL = re.compile(r"{{ \$labels\.(\w+) }}")


def document() -> str:
    return page([*_HEAD, *_metrics(), "", *_ALERTS, *_alerts(), ""])


def metric_names() -> list[str]:
    """The metrics of all processes, as Prometheus names them; a histogram without its suffixes."""
    found = set()
    for process, metrics in _PROCESSES.items():
        registry = new_registry(process)
        metrics(registry)
        found |= {name for (name, _, _), _ in _rows(registry)}
    return sorted(found)


def _metrics() -> Iterator[str]:
    """Each metric with the processes that have it; what means something else in another process has its own row."""
    labels: dict[tuple[str, str, str], str] = {}
    processes: dict[tuple[str, str, str], list[str]] = {}
    for process, metrics in _PROCESSES.items():
        registry = new_registry(process)
        metrics(registry)
        for metric, names in _rows(registry):
            labels.setdefault(metric, names)
            processes.setdefault(metric, []).append(process)
    rows = [
        (code(name), kind, labels[name, kind, meaning], meaning, ", ".join(processes[name, kind, meaning]))
        for name, kind, meaning in sorted(labels)
    ]
    yield from table(("metric", "type", "labels", "meaning", "processes"), rows)


def _rows(registry: CollectorRegistry) -> Iterator[tuple[tuple[str, str, str], str]]:
    for collector in registry._collector_to_names:
        labels: Any = getattr(collector, "_labelnames", None) or getattr(collector, "_labels", ())
        for family in collector.collect():
            if family.name.startswith("hingecraft_"):
                name = f"{family.name}_total" if family.type == "counter" else family.name
                yield (name, family.type, family.documentation), ", ".join(map(code, labels))


def _alerts() -> Iterator[str]:
    groups: list[dict[str, Any]] = yaml.safe_load((ROOT / "helm/hingecraft/alerts.yaml").read_text())["groups"]
    rows = []
    for rule in sorted((rule for group in groups for rule in group["rules"]), key=lambda rule: str(rule["alert"])):
        runbook = rule["annotations"]["runbook_url"].removeprefix("RUNBOOKS/")
        after, severity = rule.get("for", "at once"), rule["labels"]["severity"]
        summary = _said(rule["annotations"]["summary"])
        rows.append((code(rule["alert"]), severity, after, summary, f"[{_title(runbook)}](runbooks/{runbook})"))
    yield from table(("alert", "severity", "after", "what it says", "runbook"), rows)


def _title(runbook: str) -> str:
    """The heading that the place of an alert leads to."""
    page, _, anchor = runbook.partition("#")
    text = (ROOT / "docs" / "runbooks" / page).read_text(encoding="utf-8")
    headings: list[str] = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return next((each for each in headings if each.lower().replace(" ", "-") == anchor), headings[0])


def _said(summary: str) -> str:
    """The sentence, with a word in the place of each value."""
    text = _LABEL.sub(r"<\1>", _CHOICE.sub(r"\1 / \2", summary))
    return re.sub(r"{{ \$value[^}]*}}", "<value>", text)


_HEAD = (
    "# Metrics and alerts",
    "",
    WRITTEN,
    "",
    (
        "Each process has `/metrics` on its internal port: pods on `INTERNAL_PORT` (8081), the operator on "
        "`OPERATOR_PORT` (8083), `hingecraft sync` on `SYNC_METRICS_PORT`. All of them also have the usual "
        "`process_*` metrics. A histogram has `_bucket`, `_sum` and `_count`. "
        "[Deployment](deployment.md#install) shows the values that make Prometheus scrape them, and that "
        "install the alerts and the dashboard."
    ),
    "",
    (
        "Metrics of members' payments are read from the database, so all pods report the same. Metrics of the "
        "operator's resources carry the labels `namespace` and `resource`. `hingecraft sync` has one "
        "database, and its metrics lack these two labels."
    ),
    "",
    "## Metrics",
    "",
)
_ALERTS = (
    "## Alerts",
    "",
    "The rules are in `helm/hingecraft/alerts.yaml`. `critical` means that somebody should look now.",
    "",
)
