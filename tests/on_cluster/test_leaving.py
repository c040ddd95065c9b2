"""A second release, in a namespace of its own: installed, removed, and what is left of it."""

from __future__ import annotations

import pytest

from support.release import Release, until

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def leaving():
    other = Release(namespace="hingecraft-leaving")
    other.remove()
    other.prepare()
    yield other
    other.remove()


def things_in(release):
    kinds = release.kubectl("api-resources", "--namespaced", "--verbs=list", "--output=name").split()
    found = release.kubectl("get", ",".join(sorted(kinds)), "--output=name", "--ignore-not-found").split()
    return {name for name in found if not name.startswith("event") and "metrics.k8s.io" not in name}


def test_uninstall_leaves_the_definition_and_the_volume(release, leaving):
    empty = things_in(leaving)
    of_the_cluster = global_things(release)
    leaving.install("--set=ingress.enabled=false")
    assert leaving.ready_pods("api")
    leaving.helm("uninstall", leaving.name, "--wait", "--timeout=120s")
    claim = "persistentvolumeclaim/data-hingecraft-postgres-0"
    until(lambda: things_in(leaving) - empty == {claim}, 60)
    assert global_things(release) == of_the_cluster
    assert release.get("crd", "paymentroutes.payments.hingecraft.io")


def global_things(release):
    kinds = "clusterroles,clusterrolebindings,customresourcedefinitions"
    return {name for name in release.kubectl("get", kinds, "--output=name").split() if "hingecraft" in name}
