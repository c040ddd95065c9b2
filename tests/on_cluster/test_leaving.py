"""A second release, in a namespace of its own: installed, removed, and what is left of it."""

from __future__ import annotations

import pytest

from support.helm_release import Release, until

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def leaving():
    other = Release(namespace="hingecraft-leaving")
    other.remove()
    other.prepare()
    other.apply(deny_by_default(other))
    yield other
    other.remove()


def deny_by_default(release):
    """As many companies do in each namespace: what a release needs, its own policies have to allow."""
    metadata = {"name": "default-deny", "namespace": release.namespace}
    spec = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def things_in(release):
    kinds = release.kubectl("api-resources", "--namespaced", "--verbs=list", "--output=name").split()
    found = release.kubectl("get", ",".join(sorted(kinds)), "--output=name", "--ignore-not-found").split()
    return {name for name in found if not name.startswith("event") and "metrics.k8s.io" not in name}


def test_uninstall_leaves_the_definition_and_the_volume(release, leaving):
    empty = things_in(leaving)
    of_the_cluster = global_things(release)
    leaving.install("--set=ingress.enabled=false", "--set=crds.upgrade=true")
    assert leaving.ready_pods("api")
    assert "FAILED" not in leaving.helm("test", leaving.name, "--logs")
    leaving.helm("uninstall", leaving.name, "--wait", "--timeout=120s")
    claim = "persistentvolumeclaim/data-hingecraft-postgres-0"
    until(lambda: things_in(leaving) - empty == {claim}, 60)
    assert global_things(release) == of_the_cluster
    assert release.get("crd", "paymentroutes.payments.hingecraft.io")


def global_things(release):
    kinds = "clusterroles,clusterrolebindings,customresourcedefinitions"
    return {name for name in release.kubectl("get", kinds, "--output=name").split() if "hingecraft" in name}
