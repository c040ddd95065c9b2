"""The rendered chart: valid for a real API server, restricted, with the fewest rights, and checked by other tools."""

from __future__ import annotations

import json
import subprocess
from typing import get_args

import pytest
import yaml

from chart.conftest import EVERYTHING, NUMBERS, WAYS
from hingecraft.migrations.command import MigrateSettings
from hingecraft.reconcile.command import ReconcileSettings
from hingecraft.settings import Secret
from hingecraft_api.settings import ApiSettings
from hingecraft_operator.settings import OperatorSettings
from support import cluster_tools
from support.control_plane import control_plane
from support.definitions import define_all, kubectl, write_schemas
from support.folders import open_folder
from support.helm_chart import REQUIRED, rendered, rendered_text
from support.helm_release import CHART, DEFINITION_CHART
from support.kubernetes_node.places import ROOT

POD_KINDS = {"Deployment", "StatefulSet", "Job", "Pod"}
# kube-score's opinions that we do not share.
NOT_SHARED = (
    "container-image-pull-policy",  # our tags never move, and a digest can be given
    "pod-networkpolicy",  # it does not see through matchExpressions
    "deployment-has-host-podantiaffinity",  # topologySpreadConstraints do the same, for zones too
    "statefulset-has-host-podantiaffinity", "statefulset-has-poddisruptionbudget",  # one pod, for demonstrations
    "statefulset-has-servicename",  # it has one, which is not headless: one pod needs no names of its own
)  # fmt: skip


@pytest.fixture(scope="module")
def plane():
    with open_folder() as folder, control_plane(folder) as made:
        define_all(made)
        kubectl(made, "create", "namespace", "pay")
        kubectl(made, "--namespace=pay", "create", "serviceaccount", "checks")
        yield made


def pod_of(document):
    spec = document["spec"]
    return spec if document["kind"] == "Pod" else spec["template"]["spec"]


@pytest.mark.parametrize("values", [*WAYS.values(), NUMBERS], ids=[*WAYS, "numbers"])
def test_a_real_api_server_takes_it(plane, values):
    """With every field checked, and each default of Kubernetes filled in."""
    labels = "pod-security.kubernetes.io/enforce=restricted"
    kubectl(plane, "label", "namespace", "pay", labels, "--overwrite")
    # As JSON: PyYAML itself writes 1e3 so that Kubernetes reads a number.
    text = "\n---\n".join(map(json.dumps, rendered(values)))
    arguments = ("--namespace=pay", "apply", "--server-side", "--dry-run=server", "--validate=strict", "--filename=-")
    done = kubectl(plane, *arguments, given=text)
    assert done.returncode == 0, done.stderr
    assert "PodSecurity" not in done.stderr


def test_kubeconform_finds_nothing(plane, way, tmp_path):
    write_schemas(plane, tmp_path)
    location = f"{tmp_path}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    done = subprocess.run(
        [cluster_tools.kubeconform(), "-strict", "-summary", "-output=json", f"-schema-location={location}"],
        input=rendered_text(way).stdout, capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert found["resources"] is None or [each["msg"] for each in found["resources"]] == []
    assert (found["summary"]["invalid"], found["summary"]["errors"], found["summary"]["skipped"]) == (0, 0, 0)
    assert found["summary"]["valid"] == len(rendered(way))


def test_kube_score_is_content(way):
    ignored = [part for test in NOT_SHARED for part in ("--ignore-test", test)]
    done = subprocess.run(
        [cluster_tools.kube_score(), "score", "--output-format=ci", "--ignore-container-cpu-limit", *ignored, "-"],
        input=rendered_text(way).stdout, capture_output=True, text=True, check=False,
    )  # fmt: skip
    complaints = [line for line in done.stdout.splitlines() if line.startswith(("[CRITICAL]", "[WARNING]"))]
    assert complaints == []


def test_every_pod_is_restricted(way):
    for document in rendered(way):
        if document["kind"] in POD_KINDS:
            pod = pod_of(document)
            assert pod["securityContext"]["runAsNonRoot"] is True
            assert pod["securityContext"]["runAsUser"] > 0
            assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
            for container in pod["containers"]:
                assert container["securityContext"]["readOnlyRootFilesystem"] is True
                assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
                assert "memory" in container["resources"]["limits"]
            uses_kubernetes = document["metadata"]["name"].endswith(("-operator", "-definition"))
            assert pod.get("automountServiceAccountToken", True) is uses_kubernetes


def test_the_operator_may_do_what_it_was_tested_with(way):
    """`operator/rbac` is compared with what the operator does."""
    rules = {}
    for file in ("own-namespace", "watched-namespace"):
        for document in yaml.safe_load_all((ROOT / "operator" / "rbac" / f"{file}.yaml").read_text()):
            if document["kind"] == "Role":
                rules[document["metadata"]["name"]] = document["rules"]
    made = {
        document["metadata"]["name"]: document["rules"]
        for document in rendered(way)
        if document["kind"] in {"Role", "ClusterRole"}
        and document["metadata"]["name"].endswith(("-operator", "-lease"))
    }
    assert sorted(name.rpartition("-")[2] for name in made) == ["lease", "operator"]
    for name, found in made.items():
        lease = name.endswith("-lease")
        wanted = rules["hingecraft-operator-lease" if lease else "hingecraft-operator"]
        named = [rule.pop("resourceNames", None) for rule in found if rule["resources"] == ["secrets"]]
        assert found == wanted
        # The chart knows which Secrets its own resource names.
        assert lease or named == ([["api", "database"]] if way == REQUIRED else [None])


def secret_settings() -> set[str]:
    """The names of the settings whose values are secrets, such as ADMIN_TOKEN."""
    fields = [item for settings in (ApiSettings, MigrateSettings, ReconcileSettings, OperatorSettings)
              for item in settings.model_fields.items()]  # fmt: skip
    found = {name.upper() for name, field in fields if any(is_secret(kind) for kind in parts_of(field.annotation))}
    # Those with a password are refused: test_refusals.py.
    return found - {"HTTP_PROXY", "HTTPS_PROXY"}


def parts_of(kind):
    return [kind, *(part for below in get_args(kind) for part in parts_of(below))]


def is_secret(kind):
    return isinstance(kind, type) and issubclass(kind, Secret)


def test_no_secret_is_made_and_none_is_in_the_values():
    documents = rendered(EVERYTHING)
    assert not [document for document in documents if document["kind"] == "Secret"]
    assert {"ADMIN_TOKEN", "DATABASE_URL", "STRIPE_SECRET", "MIGRATION_DATABASE_URL"} <= secret_settings()
    variables = [
        variable
        for document in documents
        if document["kind"] in POD_KINDS
        for container in containers_of(pod_of(document))
        for variable in container.get("env", [])
    ]
    assert "ADMIN_TOKEN_FILE" in {variable["name"] for variable in variables}
    assert [each["name"] for each in variables if each["name"] in secret_settings() and "value" in each] == []


def containers_of(pod):
    return pod.get("initContainers", []) + pod["containers"]


def test_what_the_smallest_installation_is():
    kinds = sorted(f"{each['kind']}/{each['metadata']['name']}" for each in rendered(REQUIRED))
    assert "Deployment/release-hingecraft-api" in kinds
    assert "PaymentRoutes/release-hingecraft" in kinds
    assert not [kind for kind in kinds if kind.startswith(("Ingress", "StatefulSet", "ServiceMonitor"))]


@pytest.mark.parametrize(("chart", "values"), [(CHART, EVERYTHING), (DEFINITION_CHART, {})])
def test_helm_lints_it(chart, values):
    done = subprocess.run(
        [cluster_tools.helm(), "lint", "--strict", chart, "--values=-"],
        input=yaml.safe_dump(values), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "recommended" not in done.stdout


def test_the_example_for_a_hub_is_one_that_the_cluster_takes(plane):
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    text = yaml.safe_dump_all(yaml.safe_load(chart["annotations"]["artifacthub.io/crdsExamples"]))
    done = kubectl(
        plane, "--namespace=pay", "apply", "--dry-run=server", "--validate=strict", "--filename=-", given=text
    )
    assert done.returncode == 0, done.stderr


def test_its_own_tests_pass():
    """helm-unittest, with snapshots: what a change of a template changes is seen in the difference."""
    done = subprocess.run(
        [cluster_tools.helm_unittest(), "--strict", CHART], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:]


def test_what_the_api_takes_at_most_the_standing_links_take_too():
    (routes,) = [each for each in rendered(EVERYTHING) if each["kind"] == "PaymentRoutes"]
    assert routes["spec"]["reconcile"]["amounts"] == {"min": "1", "max": "5000"}


def test_the_reconciliation_asks_wix_as_the_api_does():
    (routes,) = [each for each in rendered(EVERYTHING) if each["kind"] == "PaymentRoutes"]
    app = EVERYTHING["api"]["wixApp"]
    assert routes["spec"]["reconcile"]["wixApp"] == {
        "id": app["id"], "secretRef": {"name": "wix", "key": "WIX_APP_SECRET"}, "apiBase": app["apiBase"],
    }  # fmt: skip
