"""The examples of docs/gitops.md as Argo CD and Flux apply them, on a cluster without our definitions."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
import yaml

from support import cluster_tools
from support.control_plane import ADMIN, control_plane
from support.definitions import kubectl
from support.folders import open_folder
from support.helm_chart import rendered
from support.helm_release import CHART, DEFINITION_CHART
from support.kubernetes_node.places import ROOT
from support.limits import PROGRESS

DEFINITION = "paymentroutes.payments.hingecraft.io"
PAGE = (ROOT / "docs" / "gitops.md").read_text()
SHOWN = [
    document for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) for document in yaml.safe_load_all(block)
]
# What Argo CD makes of Helm's hooks; tests it leaves out.
PRE_SYNC = {"pre-install", "pre-upgrade"}


def shown(kind, name):
    (found,) = [each for each in SHOWN if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found["spec"]


@pytest.fixture
def plane():
    with open_folder() as folder, control_plane(folder) as made:
        for namespace in ("hingecraft", "other"):
            assert kubectl(made, "create", "namespace", namespace).returncode == 0
        yield made


def applied(plane, documents, manager="argocd-controller"):
    arguments = ("apply", "--server-side", "--force-conflicts", f"--field-manager={manager}", "--validate=strict")
    done = kubectl(plane, *arguments, "--filename=-", given=yaml.safe_dump_all(documents))
    assert done.returncode == 0, done.stderr


def hooks_of(document):
    said = (document["metadata"].get("annotations") or {}).get("helm.sh/hook", "")
    return set(said.split(",")) - {""}


def weight(document):
    return int(document["metadata"]["annotations"].get("helm.sh/hook-weight", "0"))


def synced(plane, documents):
    """Hooks first, by weight, each created again; then the rest, by server-side apply."""
    before = sorted((each for each in documents if hooks_of(each) & PRE_SYNC), key=weight)
    for hook in before:
        text = yaml.safe_dump(hook)
        kubectl(plane, "delete", "--ignore-not-found", "--filename=-", "--cascade=background", given=text)
        applied(plane, [hook])
    applied(plane, [each for each in documents if not hooks_of(each)])
    return [f"{each['kind']}/{each['metadata']['name']}" for each in before]


def established(plane):
    done = kubectl(plane, "wait", "--for=condition=Established", f"crd/{DEFINITION}", f"--timeout={PROGRESS:.0f}s")
    assert done.returncode == 0, done.stderr


def definition(plane):
    return json.loads(kubectl(plane, "get", "crd", DEFINITION, "--output=json").stdout)


def columns(document):
    return document["spec"]["versions"][0]["additionalPrinterColumns"]


def test_argo_cd_makes_the_first_sync_and_an_upgrade(plane):
    source = shown("Application", "hingecraft")["source"]
    assert (ROOT / source["path"]) == CHART
    values, namespace = source["helm"]["valuesObject"], "--namespace=hingecraft"
    assert (ROOT / shown("Application", "hingecraft-crds")["source"]["path"]) == DEFINITION_CHART
    (ours,) = rendered({}, namespace, chart=DEFINITION_CHART)
    older = json.loads(json.dumps(ours))
    del columns(older)[2:]
    synced(plane, [older])
    established(plane)
    first = rendered(values, "--skip-crds", namespace, name="hingecraft")
    hooks = synced(plane, first)
    assert hooks == ["NetworkPolicy/hingecraft-migrate", "Job/hingecraft-migrate"]
    synced(plane, [ours])
    assert columns(definition(plane)) == columns(ours)
    newer = {**values, "image": {**values["image"], "tag": "0.2.0"}}
    synced(plane, rendered(newer, "--skip-crds", namespace, name="hingecraft"))
    found = kubectl(plane, "--namespace=hingecraft", "get", "deployment,job,paymentroutes", "--output=json")
    images = re.findall(r"registry.example.com/hingecraft:[0-9.]+", found.stdout)
    assert set(images) == {"registry.example.com/hingecraft:0.2.0"}
    assert {each["kind"] for each in json.loads(found.stdout)["items"]} == {"Deployment", "Job", "PaymentRoutes"}


def test_nobody_needs_rights_over_the_cluster():
    """Beside the roles of people, which aggregatedRoles leaves out."""
    values = {**shown("Application", "hingecraft")["source"]["helm"]["valuesObject"], "aggregatedRoles": False}
    assert not [each for each in rendered(values) if each["kind"].startswith("ClusterRole")]


def test_the_job_can_make_the_definition_before_anything_is_there(plane):
    """Where crds.upgrade is wanted with Argo CD: what it needs comes first."""
    values = {**shown("Application", "hingecraft")["source"]["helm"]["valuesObject"], "crds": {"upgrade": True}}
    documents = rendered(values, "--skip-crds", "--namespace=hingecraft", name="hingecraft")
    before = [each for each in documents if hooks_of(each) & PRE_SYNC]
    hooks = [each["kind"] for each in sorted(before, key=weight)]
    assert hooks.index("NetworkPolicy") < hooks.index("Job")
    for hook in before:
        applied(plane, [hook])
    who = "--as=system:serviceaccount:hingecraft:hingecraft-definition"
    may = [
        kubectl(plane, "auth", "can-i", verb, f"customresourcedefinitions/{name}", who).stdout.strip()
        for verb, name in (("create", DEFINITION), ("patch", DEFINITION), ("patch", "other.example.com"))
    ]
    assert may == ["yes", "yes", "no"]


def helm(plane, *arguments, given=None):
    done = subprocess.run(
        [cluster_tools.helm(), f"--kubeconfig={plane.kubeconfig(ADMIN)}", "--namespace=hingecraft", *arguments],
        input=given, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_flux_installs_and_upgrades_by_helm(plane):
    """The migration is a pod, for which this cluster has no node."""
    spec = shown("HelmRelease", "hingecraft")
    assert (ROOT / spec["chart"]["spec"]["chart"]) == CHART
    assert spec["dependsOn"] == [{"name": "hingecraft-crds"}]
    assert (spec["install"]["crds"], spec["upgrade"]["crds"]) == ("Skip", "Skip")
    crds = ("upgrade", "--install", "hingecraft-crds", str(DEFINITION_CHART), "--take-ownership")
    helm(plane, *crds)
    established(plane)
    for tag in ("0.1.0", "0.2.0"):
        values = {**spec["values"], "image": {**spec["values"]["image"], "tag": tag}, "migrate": {"enabled": False}}
        release = ("upgrade", "--install", "hingecraft", str(CHART), "--skip-crds", "--values=-")
        helm(plane, *release, given=json.dumps(values))
        helm(plane, *crds)
    assert kubectl(plane, "--namespace=hingecraft", "get", "paymentroutes", "hingecraft").returncode == 0
    helm(plane, "uninstall", "hingecraft-crds")
    assert definition(plane)["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert kubectl(plane, "--namespace=hingecraft", "get", "paymentroutes", "hingecraft").returncode == 0


def test_a_definition_that_came_otherwise_is_taken_over(plane):
    done = kubectl(plane, "create", f"--filename={ROOT / 'crds' / 'paymentroutes.yaml'}")
    assert done.returncode == 0, done.stderr
    helm(plane, "upgrade", "--install", "hingecraft-crds", str(DEFINITION_CHART), "--take-ownership")
    assert definition(plane)["metadata"]["annotations"]["meta.helm.sh/release-name"] == "hingecraft-crds"
