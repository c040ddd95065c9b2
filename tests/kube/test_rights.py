"""The manifests in `operator/rbac` give what the operator does, and nothing more."""

from __future__ import annotations

import re

import yaml

from hingecraft_operator.cluster.client import CRON_JOBS, Kind
from support.kube import ACCOUNT, RBAC, ROLES, ROOT, operating, until

BY_HAND = {"content": "application/merge-patch+json", "query": {"fieldManager": "kubectl-edit"}}
# An apply of what is not there yet is logged as a patch, and needs this too.
ASKED_FOR_BY_APPLY = ("batch", "cronjobs", "create")
CLUSTER_ROLES = Kind("rbac.authorization.k8s.io/v1", "clusterroles")
CLUSTER_BINDINGS = Kind("rbac.authorization.k8s.io/v1", "clusterrolebindings")


def rules():
    documents = [each for file in sorted(RBAC.iterdir()) for each in yaml.safe_load_all(file.read_text())]
    return [rule for document in documents if document["kind"] == "Role" for rule in document["rules"]]


def given():
    return {
        (group, resource, verb)
        for rule in rules()
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def used(namespace):
    ours = namespace.audited()
    refused = [event["requestURI"] for event in ours if event["responseStatus"]["code"] == 403]
    return {right(event) for event in ours}, refused


def right(event):
    target = event["objectRef"]
    resource = "/".join(part for part in (target["resource"], target.get("subresource")) if part)
    return target.get("apiGroup", ""), resource, event["verb"]


async def test_every_right_is_used_and_none_is_missing(namespace, served):
    """A life of a resource: made, served, its CronJob edited and repaired; a second one may not have a CronJob."""
    await until(lambda: namespace.cluster.get(CRON_JOBS, namespace.name, "main-reconcile"), bool)
    path = CRON_JOBS.path(namespace.name, "main-reconcile")
    # A field of the operator's own would be taken back by an apply that is under way already.
    await namespace.cluster.request("PATCH", path, {"spec": {"timeZone": "Etc/UTC"}}, **BY_HAND)
    await namespace.make(namespace.routes("second"))
    await namespace.becomes("Ready", "False", "DatabaseClaimed", name="second")

    async def everything():
        rights, refused = used(namespace)
        assert refused == []
        return given() ^ rights ^ {ASKED_FOR_BY_APPLY}

    await until(everything, lambda differing: differing == set())


async def test_a_right_that_is_missing_is_named_in_the_status(namespace, served):
    role = await namespace.cluster.get(ROLES, namespace.name, ACCOUNT)
    for rule in role["rules"]:
        if "cronjobs" in rule["resources"]:
            rule["verbs"].remove("create")
    await namespace.cluster.replace(ROLES, namespace.name, ACCOUNT, role)
    await namespace.cluster.delete(CRON_JOBS, namespace.name, "main-reconcile")
    message = await namespace.becomes("ReconcileHealthy", "False", "CronJobRefused")
    assert 'cannot create resource "cronjobs"' in message


def test_the_docs_say_what_each_right_is_for():
    document = (ROOT / "docs" / "operator.md").read_text().partition("## Rights")[2]
    rows = [row.split("|") for row in document.splitlines() if row.startswith("| `")]
    told = {
        (resource, verb)
        for _, resources, verbs, *_ in rows
        for resource in re.findall(r"`([a-z/]+)`", resources)
        for verb in re.findall(r"`([a-z]+)`", verbs)
    }
    assert told == {(resource, verb) for _, resource, verb in given()}


def test_no_rule_has_a_wildcard_or_reads_what_it_need_not():
    for group, resource, verb in given():
        assert "*" not in {group, resource, verb}
    assert {verb for _, resource, verb in given() if resource == "secrets"} == {"get"}


async def test_the_same_rules_serve_a_whole_cluster(namespace, pod, dsn):
    """Where the owner of a cluster has bound them so: then a resource in any namespace is served."""
    (role,) = [
        each for each in yaml.safe_load_all((RBAC / "watched-namespace.yaml").read_text()) if each["kind"] == "Role"
    ]
    name = f"everywhere-{namespace.name}"
    await namespace.cluster.request(
        "POST", CLUSTER_ROLES.path(None), {**role, "kind": "ClusterRole", "metadata": {"name": name}}
    )
    binding = {
        "apiVersion": CLUSTER_BINDINGS.api_version, "kind": "ClusterRoleBinding", "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace.name}],
    }  # fmt: skip
    await namespace.cluster.request("POST", CLUSTER_BINDINGS.path(None), binding)
    try:
        async with operating(namespace, WATCH_NAMESPACES="*"):
            await namespace.pods(pod.internal)
            await namespace.database_secret(dsn.newest)
            await namespace.make(namespace.routes())
            await namespace.becomes("FanoutComplete", "True", "Complete")
    finally:
        await namespace.cluster.delete(CLUSTER_BINDINGS, "", name)
        await namespace.cluster.delete(CLUSTER_ROLES, "", name)
