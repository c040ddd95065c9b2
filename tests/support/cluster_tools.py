"""The programs that a cluster, a chart and its alerts are made and tested with: which, in which version."""

from __future__ import annotations

from pathlib import Path

from support import control_plane, definitions
from toolchain import node_js
from toolchain.go_tools import built, built_together


def helm() -> Path:
    return built("helm.sh/helm/v4/cmd/helm", "v4.3.1")


def helm_unittest() -> Path:
    return built_together("helm-unittest") / "helm-unittest"


def kubeconform() -> Path:
    return built("github.com/yannh/kubeconform/cmd/kubeconform", "v0.8.0")


def kube_score() -> Path:
    return built("github.com/zegl/kube-score/cmd/kube-score", "v1.20.0")


def promtool() -> Path:
    return built_together("prometheus") / "promtool"


def prometheus() -> Path:
    return built_together("prometheus") / "prometheus"


def coredns() -> Path:
    return built("github.com/coredns/coredns", "v1.15.0")


def metrics_server() -> Path:
    return built("sigs.k8s.io/metrics-server/cmd/metrics-server", "v0.9.0")


def traefik() -> Path:
    return built_together("traefik") / "traefik"


def kube_router() -> Path:
    return built("github.com/cloudnativelabs/kube-router/v2/cmd/kube-router", "v2.1.0")


def pause() -> Path:
    return built_together("pause") / "pause"


def for_the_chart() -> None:
    """Build what its tests need, and fetch definitions and the types of its dashboard."""
    tools = (helm, helm_unittest, kubeconform, kube_score, promtool, control_plane.binaries)
    for tool in (*tools, definitions.neighbours, node_js.modules):
        tool()


def for_the_operator() -> None:
    """Build what its tests need."""
    for tool in (control_plane.binaries, helm, promtool):
        tool()


def for_the_cluster() -> None:
    """Build what a node needs."""
    for tool in (control_plane.binaries, helm, coredns, metrics_server, traefik, kube_router, pause, prometheus):
        tool()
