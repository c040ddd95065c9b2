"""How the definition may grow: what is stored today is read by what docs/operator.md says will come."""

from __future__ import annotations

import copy
import json
from functools import partial

import pytest

from hingecraft_operator.cluster.client import ClusterRejectedError, Kind
from hingecraft_operator.custom_resource import crd
from hingecraft_operator.custom_resource.spec import Spec
from kube.test_crd import FULL, redefine
from support.kube import DEFINITIONS, until

# A group of its own, so that other tests keep the definition of today.
GROUP = "versions.hingecraft.test"
NAME = f"paymentroutes.{GROUP}"
TODAY, NEXT = (Kind(f"{GROUP}/{version}", "paymentroutes") for version in ("v1", "v2"))
MERGE = "application/merge-patch+json"


def of_today():
    made = copy.deepcopy(crd.definition())
    made["metadata"]["name"] = NAME
    made["spec"]["group"] = GROUP
    made["spec"]["names"].pop("shortNames")
    return made


def of_the_next_version(*, serves_v1=True):
    """Both have the new field; the new version is what is stored."""
    made = of_today()
    (first,) = made["spec"]["versions"]
    first["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["renamed"] = {"type": "string"}
    second = {**copy.deepcopy(first), "name": "v2"}
    made["spec"]["versions"] = [{**first, "storage": False, "served": serves_v1}, second]
    made["spec"]["conversion"] = {"strategy": "None"}
    return made


@pytest.fixture
async def defined(namespace):
    await namespace.cluster.request("POST", DEFINITIONS.path(None), of_today())
    yield
    await namespace.cluster.delete(DEFINITIONS, "", NAME)


async def answered(namespace, kind):
    """None while the API server has not taken the version up."""
    try:
        return await namespace.cluster.get(kind, namespace.name, "main")
    except ClusterRejectedError:
        return None


async def stored_versions(namespace):
    return (await namespace.cluster.get(DEFINITIONS, "", NAME))["status"]["storedVersions"]


async def test_an_object_of_today_outlives_its_version_without_a_webhook(namespace, defined):
    cluster = namespace.cluster
    document = {**namespace.routes(**FULL), "apiVersion": TODAY.api_version}

    async def made():
        try:
            return await cluster.create(TODAY, namespace.name, document)
        except ClusterRejectedError:
            return None

    stored = await until(made, bool)
    await redefine(namespace, of_the_next_version())
    for kind in (TODAY, NEXT):
        read = await until(partial(answered, namespace, kind), bool)
        assert read["spec"] == stored["spec"]
        assert Spec.model_validate(read["spec"]) == Spec.model_validate(stored["spec"])
    # The operator of today goes on writing its status, and takes nothing from what it does not know.
    path = NEXT.path(namespace.name, "main")
    await cluster.request("PATCH", path, {"spec": {"renamed": "kept"}}, content=MERGE)
    status = {"apiVersion": TODAY.api_version, "kind": "PaymentRoutes", "status": {"version": 7}}
    await cluster.apply(TODAY, {**status, "metadata": {"name": "main", "namespace": namespace.name}}, sub="status")
    read = await cluster.get(NEXT, namespace.name, "main")
    assert (read["spec"]["renamed"], read["status"]) == ("kept", {"version": 7})
    # What docs/operator.md says to run before v1 is served no more.
    assert await stored_versions(namespace) == ["v1", "v2"]
    await cluster.replace(NEXT, namespace.name, "main", read)
    done = {"status": {"storedVersions": ["v2"]}}
    await cluster.request("PATCH", f"{DEFINITIONS.path(None, NAME)}/status", done, content=MERGE)
    await redefine(namespace, of_the_next_version(serves_v1=False))
    assert await until(lambda: answered(namespace, TODAY), lambda seen: seen is None) is None
    last = await cluster.get(NEXT, namespace.name, "main")
    assert last["spec"] == {**stored["spec"], "renamed": "kept"}, json.dumps(last)
