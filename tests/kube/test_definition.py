"""`hingecraft definition`: what an upgrade of the chart runs, with just the rights that the chart gives it."""

from __future__ import annotations

import os
import sys
from asyncio import create_subprocess_exec, subprocess

import yaml

from hingecraft_operator.cluster.client import Kind
from hingecraft_operator.custom_resource.crd import definition
from support.control_plane import ADMIN
from support.kube import DEFINITIONS, ROOT, admin_of

NAME = definition()["metadata"]["name"]
ROLES, BINDINGS = (Kind("rbac.authorization.k8s.io/v1", each) for each in ("clusterroles", "clusterrolebindings"))


async def command(kubeconfig, *arguments):
    process = await create_subprocess_exec(
        sys.executable, "-m", "hingecraft", "definition", *arguments, env={**os.environ, "KUBECONFIG": str(kubeconfig)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    said, complained = await process.communicate()
    return process.returncode, said.decode(), complained.decode()


async def test_it_prints_what_lies_in_crds(plane):
    code, said, _ = await command(plane.kubeconfig(ADMIN))
    assert (code, said) == (0, (ROOT / "crds" / "paymentroutes.yaml").read_text())


async def test_an_older_definition_becomes_ours_with_the_rights_of_the_chart(namespace):
    """Without the rights, the error says which are missing."""
    kubeconfig = namespace.plane.kubeconfig(await namespace.token(), name="upgrade")
    code, _, complained = await command(kubeconfig, "--apply")
    assert code == 1
    assert complained.startswith("hingecraft definition: ")
    assert "forbidden" in complained
    admin = await admin_of(namespace.plane)
    try:
        older = await admin.request("GET", DEFINITIONS.path(None, NAME))
        columns = older["spec"]["versions"][0]["additionalPrinterColumns"]
        older["spec"]["versions"][0]["additionalPrinterColumns"] = columns[:2]
        await admin.request("PUT", DEFINITIONS.path(None, NAME), older)
        for document in rights_of_the_chart(namespace):
            kind = ROLES if document["kind"] == "ClusterRole" else BINDINGS
            await admin.apply(kind, document)
        code, said, complained = await command(kubeconfig, "--apply")
        assert (code, complained) == (0, "")
        assert said == "applied the CustomResourceDefinition of PaymentRoutes to the cluster\n"
        now = await admin.request("GET", DEFINITIONS.path(None, NAME))
        assert now["spec"]["versions"][0]["additionalPrinterColumns"] == columns
    finally:
        await admin.close()


def rights_of_the_chart(namespace):
    """As its template says them, bound to the test's account."""
    text = (ROOT / "helm" / "hingecraft" / "templates" / "crd-upgrade.yaml").read_text()
    rules = text[text.index("rules:") : text.index("---", text.index("rules:"))]
    name, group = f"{namespace.name}-definition", "rbac.authorization.k8s.io"
    yield {
        "apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": {"name": name}, **yaml.safe_load(rules)
    }  # fmt: skip
    yield {
        "apiVersion": f"{group}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": name},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": "hingecraft-operator", "namespace": namespace.name}],
    }  # fmt: skip
