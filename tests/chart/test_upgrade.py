"""The previous chart on a real API server, upgraded to this one and rolled back."""

from __future__ import annotations

import json
import subprocess

import pytest

from chart.conftest import EVERYTHING
from release.artifacts import package
from support import cluster_tools, previous
from support.control_plane import ADMIN, control_plane
from support.definitions import define_all, kubectl
from support.folders import open_folder
from support.helm_chart import REQUIRED, rendered
from support.helm_release import CHART, DEFINITION_CHART

VALUES = {
    **REQUIRED,
    "providers": {"secret": "providers", "stripe": {"enabled": True}, "nowpayments": {"enabled": True}},
    "ingress": {"enabled": True, "className": "traefik", "tlsSecret": "tls"},
    "postgres": {"enabled": True, "secret": "database"},
    "networkPolicies": {"metricsFrom": [{"podSelector": {"matchLabels": {"app": "prometheus"}}}]},
    "monitoring": {
        "podMonitors": {"enabled": True},
        "rules": {"enabled": True, "runbooks": "https://docs.example/"},
        "dashboard": {"enabled": True},
    },
}


@pytest.fixture(scope="module")
def plane():
    with open_folder() as folder, control_plane(folder) as made:
        define_all(made)
        yield made


@pytest.fixture
def helm(plane):
    """helm as the admin. Without hooks: nothing runs the pods of the Job that migrates."""

    def run(*arguments, values=None):
        done = subprocess.run(
            [cluster_tools.helm(), f"--kubeconfig={plane.kubeconfig(ADMIN)}", "--namespace=pay", *arguments],
            input=json.dumps(values), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def running(plane):
    """The version that each of the release's workloads has, by its name."""
    selector = "--selector=app.kubernetes.io/instance=hingecraft"
    done = kubectl(plane, "--namespace=pay", "get", "deployments,statefulsets", selector, "--output=json")
    labels = {each["metadata"]["name"]: each["metadata"]["labels"] for each in json.loads(done.stdout)["items"]}
    return {name: each["app.kubernetes.io/version"] for name, each in labels.items()}


def default_values(chart):
    return subprocess.run([cluster_tools.helm(), "show", "values", chart], capture_output=True, check=True).stdout


def test_the_chart_of_a_release_is_that_of_the_sources(tmp_path):
    assert rendered(EVERYTHING, chart=package(CHART, tmp_path, 0)) == rendered(EVERYTHING)


def test_the_previous_chart_is_upgraded_with_its_values_and_back(plane, helm, tmp_path):
    """No field that Kubernetes never changes is another one, and no value of then is unknown."""
    workloads = {"hingecraft-api", "hingecraft-operator", "hingecraft-postgres"}
    then = tmp_path / "values.yaml"
    then.write_bytes(default_values(previous.CHART))
    given = (f"--values={then}", "--values=-", "--no-hooks")
    helm("install", "hingecraft", str(previous.CHART), "--create-namespace", "--skip-crds", *given, values=VALUES)
    before = running(plane)
    assert set(before) == workloads
    helm("upgrade", "--install", "hingecraft-crds", str(DEFINITION_CHART), "--take-ownership")
    helm("upgrade", "hingecraft", str(package(CHART, tmp_path, 0)), *given, values=VALUES)
    after = running(plane)
    assert set(after) == workloads
    assert set(before.values()).isdisjoint(after.values())
    helm("rollback", "hingecraft", "1", "--no-hooks")
    assert running(plane) == before
