"""Whether an alert fires and resolves for what processes really expose; promtool lets the time pass."""

from __future__ import annotations

import json
import math
import re
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import cache
from typing import ClassVar, Protocol

from prometheus_client.parser import text_string_to_metric_families

from support import cluster_tools
from support.folders import open_folder
from support.helm_chart import REQUIRED, rendered
from support.helm_release import Document

NAMESPACE, SERVICE = "pay", "hingecraft-api"
_VALUES = {
    **REQUIRED,
    "networkPolicies": {"metricsFrom": [{"podSelector": {}}]},
    "monitoring": {
        "podMonitors": {"enabled": True},
        "rules": {"enabled": True, "runbooks": "https://docs.example"},
    },
}
_MONITORS = {"api": ("ServiceMonitor", "endpoints"), "operator": ("PodMonitor", "podMetricsEndpoints")}
_MINUTES = {"m": 1, "h": 60, "d": 1440}
# How long nothing happens at first.
_QUIET = 10

Labels = dict[str, str]
Series = tuple[tuple[str, str], ...]


class Scraped(Protocol):
    """A process with metrics: a pod of the API or an operator."""

    component: ClassVar[str]

    async def exposition(self) -> str:
        """The answer of `/metrics`."""
        ...


@asynccontextmanager
async def proven(alert: str, *processes: Scraped) -> AsyncIterator[Proof]:
    """Fails unless the alert is quiet at first, `fires` inside, and has resolved some time after the end.

    In between the processes are scraped as the chart's monitors say, and the rule is the chart's.
    """
    proof = Proof(alert, processes)
    await proof.scrape(_QUIET)
    proof.expect([])
    yield proof
    assert proof.expects_to_fire, f"{alert}: nobody has said when it fires"
    await proof.scrape(_longest_window(proof.rule["expr"]) + 2)
    proof.expect([])
    proof.ask()


class Proof:
    """The metrics of some processes over time, and whether an alert should fire for them."""

    def __init__(self, alert: str, processes: tuple[Scraped, ...]) -> None:
        self.rule = _rule(alert)
        self.expects_to_fire = False
        self._processes = processes
        self._metrics = set(re.findall(r"hingecraft_\w+", self.rule["expr"]))
        self._scrapes: list[tuple[int, dict[Series, float]]] = []
        self._expectations: list[Document] = []

    def target(self, number: int) -> Labels:
        """The labels that Prometheus gives the process of this number, from 0."""
        return _target(self._processes[number].component, number)[0]

    @property
    def _passed(self) -> int:
        return sum(minutes for minutes, _ in self._scrapes)

    async def scrape(self, minutes: int = 1) -> None:
        """Prometheus gets what the processes expose now, for so many minutes."""
        seen: dict[Series, float] = {}
        for number, process in enumerate(self._processes):
            target, honor = _target(process.component, number)
            for family in text_string_to_metric_families(await process.exposition()):
                for sample in family.samples:
                    if sample.name in self._metrics:
                        seen[_series(sample.name, sample.labels, target, honor=honor)] = sample.value
        self._scrapes.append((minutes, seen))

    async def fires(self, summary: str, **labels: str) -> None:
        """The alert fires once it has waited as long as it should: with these labels, and those of its rule."""
        await self.fires_together({summary: labels})

    async def fires_together(self, alerts: Mapping[str, Labels]) -> None:
        """Several series of the alert fire: their labels, by their summaries."""
        self.expects_to_fire = True
        wait = _minutes(self.rule.get("for", "0m")) + 2
        await self.scrape(max(1, wait - (self._passed - _QUIET)))
        self.expect([
            {
                "exp_labels": {"namespace": NAMESPACE, **labels, **self.rule["labels"]},
                "exp_annotations": {**self.rule["annotations"], "summary": summary},
            }
            for summary, labels in alerts.items()
        ])  # fmt: skip

    def expect(self, alerts: list[Document]) -> None:
        """Of the last minute that has passed."""
        when = f"{self._passed - 1}m"
        self._expectations.append({"alertname": self.rule["alert"], "eval_time": when, "exp_alerts": alerts})

    def ask(self) -> None:
        """Let promtool judge."""
        series = {each for _, seen in self._scrapes for each in seen}
        test = {
            "interval": "1m",
            "input_series": [{"series": _written(each), "values": " ".join(self._values(each))} for each in series],
            "alert_rule_test": self._expectations,
        }
        files = {
            "rules.yaml": {"groups": [{"name": "alert", "rules": [self.rule]}]},
            "test.yaml": {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [test]},
        }
        with open_folder() as folder:
            for name, content in files.items():
                (folder / name).write_text(json.dumps(content))  # which is YAML too
            done = subprocess.run(
                [cluster_tools.promtool(), "test", "rules", "test.yaml"],
                cwd=folder, capture_output=True, text=True, check=False,
            )  # fmt: skip
        assert done.returncode == 0, f"{done.stdout}{done.stderr}\nof {json.dumps(test, indent=1)[:5000]}"

    def _values(self, series: Series) -> Iterator[str]:
        """As promtool writes them: `1x2` is a value three times, `_x2` none twice."""
        was_there = False
        for minutes, seen in self._scrapes:
            value = seen.get(series)
            if value is None:
                # What is gone from an exposition ends at once.
                yield from ["stale"] if was_there else ["_"]
                yield from [f"_x{minutes - 1}"] if minutes > 1 else []
            elif math.isfinite(value):
                yield f"{Decimal(repr(value)):f}x{minutes - 1}"
            else:
                yield from [str(value).replace("nan", "NaN").replace("inf", "Inf")] * minutes
            was_there = value is not None


@cache
def _chart() -> list[Document]:
    return rendered(_VALUES, name="hingecraft")


def _rule(alert: str) -> Document:
    (rules,) = (each["spec"] for each in _chart() if each["kind"] == "PrometheusRule")
    (rule,) = (each for group in rules["groups"] for each in group["rules"] if each["alert"] == alert)
    found: Document = rule
    return found


def _target(component: str, number: int) -> tuple[Labels, bool]:
    """The labels that a process gets by its monitor, as Prometheus' operator sets them; whether its own prevail."""
    kind, endpoints = _MONITORS[component]
    (monitor,) = (each["spec"] for each in _chart() if each["kind"] == kind)
    (endpoint,) = monitor[endpoints]
    selected = monitor["selector"]["matchLabels"]
    (workload,) = (each for each in _chart() if each["kind"] == "Deployment" and _has(_template(each), selected))
    (container,) = (
        each["name"]
        for each in _template(workload)["spec"]["containers"]
        if endpoint["port"] in {port["name"] for port in each.get("ports", ())}
    )
    pod = f"{workload['metadata']['name']}-{number}"
    labels = {
        "namespace": NAMESPACE, "job": selected[monitor["jobLabel"]], "pod": pod, "container": container,
        "endpoint": endpoint["port"], "instance": f"10.0.0.{number + 1}:8081",
    }  # fmt: skip
    if kind == "ServiceMonitor":
        (service,) = (each for each in _chart() if each["kind"] == "Service" and _has(each, selected))
        labels["service"] = service["metadata"]["name"]
    return labels, endpoint["honorLabels"]


def _template(workload: Document) -> Document:
    found: Document = workload["spec"]["template"]
    return found


def _has(document: Document, labels: Labels) -> bool:
    return bool(labels.items() <= document["metadata"].get("labels", {}).items())


def _series(name: str, own: Labels, target: Labels, *, honor: bool) -> Series:
    labels = {**target, **own} if honor else {**{_exported(each, target): own[each] for each in own}, **target}
    return tuple(sorted({**labels, "__name__": name}.items()))


def _exported(label: str, target: Labels) -> str:
    return f"exported_{label}" if label in target else label


def _written(series: Series) -> str:
    inside = ",".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in series)
    return f"{{{inside}}}"


def _longest_window(expression: str) -> int:
    """The length of the longest window in minutes. An increase counts for that long."""
    return max(map(_minutes, re.findall(r"(?:\[|offset )(\d+[mhd])", expression)), default=0)


def _minutes(duration: str) -> int:
    return int(duration[:-1]) * _MINUTES[duration[-1]]
