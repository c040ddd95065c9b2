"""Prometheus in the tests' cluster, configured by the chart's monitors and rules as Prometheus' operator does it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

import yaml

from support.dashboard_picture import Line
from support.helm_release import CHART, VALUES, Document, Release

_IMAGE = "docker.io/prom/prometheus:v3.13.5"
_NAMESPACE, _NAME, _PORT = "monitoring", "prometheus", 9090
_ACCOUNT = {"kind": "ServiceAccount", "name": _NAME, "namespace": _NAMESPACE}
# For each kind of monitor: where its selector's labels are, its endpoints, and how Prometheus finds its targets.
_MONITORS = {
    "ServiceMonitor": ("service", "endpoints", "endpointslice", "__meta_kubernetes_endpointslice_port_name"),
    "PodMonitor": ("pod", "podMetricsEndpoints", "pod", "__meta_kubernetes_pod_container_port_name"),
}


def panels(namespace: str) -> Iterator[tuple[str, str]]:
    """The title and each query of the dashboard's panels, as Grafana asks them about a namespace."""
    for panel in json.loads((CHART / "dashboard.json").read_text())["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], asked(target["expr"], namespace)


def asked(query: str, namespace: str) -> str:
    """A query of the dashboard as Grafana asks it about a namespace."""
    return query.replace("$__rate_interval", "1m").replace("$namespace", namespace)


def recorded(queries: Iterable[str]) -> Document:
    """A file of rules that records the results of queries, numbered by the label `query`."""
    rules = [{"record": "panel", "labels": {"query": str(n)}, "expr": query} for n, query in enumerate(queries)]
    return {"groups": [{"name": "panels", "rules": rules}]}


class Prometheus:
    """One pod that scrapes a release and evaluates its rules, each second."""

    def __init__(self, release: Release) -> None:
        self._release = release
        self._home = Release(namespace=_NAMESPACE)

    def start(self, custom: Document) -> None:
        """With the chart's own monitors and alerts; `custom` is its value monitoring.rules.custom."""
        self.stop()
        monitoring = {
            "podMonitors": {"enabled": True, "interval": "1s"},
            "rules": {"enabled": True, "runbooks": "https://docs.example", "custom": custom},
        }
        values = ("--values", str(VALUES), "--values=-")
        text = self._release.helm(
            "template", self._release.name, str(CHART), *values, given=json.dumps({"monitoring": monitoring})
        )
        made = [document for document in yaml.safe_load_all(text) if document]
        (alerts,) = (each["spec"] for each in made if each["kind"] == "PrometheusRule")
        files = {
            "prometheus.yaml": self._configuration(each for each in made if each["kind"] in _MONITORS),
            "alerts.yaml": alerts,
            "panels.yaml": recorded(query for _, query in panels(self._release.namespace)),
        }
        self._home.apply(*_objects({name: yaml.safe_dump(content) for name, content in files.items()}))
        self._release.apply(*self._rights())
        self._home.kubectl("rollout", "status", f"deployment/{_NAME}", "--timeout=60s")

    def stop(self) -> None:
        self._home.remove()

    def firing(self) -> set[str]:
        """The alerts that fire."""
        return {labels["alertname"] for labels, _ in self.query('ALERTS{alertstate="firing"}')}

    def shown(self) -> set[int]:
        """The numbers of the dashboard's queries that have returned a number since the start."""
        found = self.query("max by (query) (max_over_time(panel[1h])) < inf")
        return {int(labels["query"]) for labels, _ in found}

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """The series of an instant query, with their values."""
        found = self._answer("query", query=expression)
        return [(series["metric"], float(series["value"][1])) for series in found]

    def course(self, expression: str) -> list[Line]:
        """The series of a query of the dashboard, with their values of the last ten minutes."""
        now = time.time()
        query = asked(expression, self._release.namespace)
        found = self._answer("query_range", query=query, start=str(now - 600), end=str(now), step="5")
        return [(each["metric"], [(at, float(value)) for at, value in each["values"]]) for each in found]

    def _answer(self, path: str, **parameters: str) -> list[Document]:
        where = f"/api/v1/namespaces/{_NAMESPACE}/services/{_NAME}:{_PORT}/proxy"
        found: Document = self._home.raw(f"{where}/api/v1/{path}?{urlencode(parameters, quote_via=quote)}")
        series: list[Document] = found["data"]["result"]
        return series

    def _configuration(self, monitors: Iterable[Document]) -> Document:
        return {
            "global": {"evaluation_interval": "1s"},
            "rule_files": ["/etc/prometheus/alerts.yaml", "/etc/prometheus/panels.yaml"],
            "scrape_configs": [self._scraped(monitor) for monitor in monitors],
        }

    def _scraped(self, monitor: Document) -> Document:
        """A monitor as Prometheus' operator writes it into the configuration."""
        of, endpoints, role, port = _MONITORS[monitor["kind"]]
        (endpoint,) = monitor["spec"][endpoints]
        wanted = {
            f"__meta_kubernetes_{of}_label_{_as_label(name)}": value
            for name, value in monitor["spec"]["selector"]["matchLabels"].items()
        } | {port: endpoint["port"]}
        job = f"__meta_kubernetes_{of}_label_{_as_label(monitor['spec']['jobLabel'])}"
        taken = {
            "namespace": "__meta_kubernetes_namespace", "service": "__meta_kubernetes_service_name",
            "pod": "__meta_kubernetes_pod_name", "container": "__meta_kubernetes_pod_container_name", "job": job,
        }  # fmt: skip
        return {
            "job_name": f"{monitor['kind']}/{monitor['metadata']['name']}",
            "scrape_interval": endpoint["interval"],
            "honor_labels": endpoint["honorLabels"],
            "kubernetes_sd_configs": [{"role": role, "namespaces": {"names": [monitor["metadata"]["namespace"]]}}],
            "relabel_configs": [
                *({"action": "keep", "source_labels": [label], "regex": value} for label, value in wanted.items()),
                *({"source_labels": [label], "target_label": name} for name, label in taken.items()),
            ],
        }

    def _rights(self) -> list[Document]:
        """The rights of its account in the release's namespace."""
        group, metadata = "rbac.authorization.k8s.io", {"name": _NAME, "namespace": self._release.namespace}
        rules = [
            {"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["get", "list", "watch"]},
        ]
        role = {"apiGroup": group, "kind": "Role", "name": _NAME}
        both = {"apiVersion": f"{group}/v1", "metadata": metadata}
        return [
            {**both, "kind": "Role", "rules": rules},
            {**both, "kind": "RoleBinding", "roleRef": role, "subjects": [_ACCOUNT]},
        ]


def _objects(files: dict[str, str]) -> list[Document]:
    labels = {"app": _NAME}
    container = {
        "name": _NAME, "image": _IMAGE,
        "args": ["--config.file=/etc/prometheus/prometheus.yaml", "--storage.tsdb.path=/data"],
        "readinessProbe": {"httpGet": {"path": "/-/ready", "port": _PORT}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "50m", "memory": "100Mi"}},
        "volumeMounts": [{"name": "files", "mountPath": "/etc/prometheus"}, {"name": "data", "mountPath": "/data"}],
    }  # fmt: skip
    pod = {
        "serviceAccountName": _NAME, "containers": [container], "terminationGracePeriodSeconds": 1,
        "volumes": [{"name": "files", "configMap": {"name": _NAME}}, {"name": "data", "emptyDir": {}}],
    }  # fmt: skip
    deployment = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    service = {"selector": labels, "ports": [{"port": _PORT}]}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _here()},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _here(), "data": files},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": _here(), "spec": deployment},
        {"apiVersion": "v1", "kind": "Service", "metadata": _here(), "spec": service},
    ]


def _here() -> dict[str, Any]:
    return {"name": _NAME, "namespace": _NAMESPACE}


def _as_label(name: str) -> str:
    """A label of Kubernetes as Prometheus writes it."""
    return re.sub(r"[^a-zA-Z0-9_]", "_", name)
