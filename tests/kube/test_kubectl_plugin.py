"""`kubectl hingecraft` at a real API server, with a real operator.

Only `kubectl exec` needs a node: what it would run in a pod runs here, with the pod's database.
"""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import subprocess
import sys
from functools import partial

import pytest

from hingecraft_operator.cluster.client import JOBS
from hingecraft_operator.cronjob.manifest import RESOURCE_LABEL
from support.control_plane import ADMIN, binaries
from support.kube import ROOT, until

PLUGIN = ROOT / "operator" / "kubectl-hingecraft"
WITHOUT_NODES = """#!/bin/sh
case " $* " in *' exec '*) ;; *) exec {kubectl} "$@" ;; esac
printf '%s\\n' "$*" >>{asked}
while [ "$1" != -- ]; do shift; done
shift 2
exec {python} -m hingecraft "$@"
"""
CLOSE_CHF = "UPDATE currencies SET enabled = false WHERE code = 'CHF'"


class Person:
    """Somebody with kubectl and the plugin on the PATH, and nothing else."""

    def __init__(self, namespace, dsn) -> None:
        self.namespace = namespace
        self.asked = namespace.folder / "asked"
        tools = namespace.folder / "bin"
        tools.mkdir()
        (tools / PLUGIN.name).symlink_to(PLUGIN)
        kubectl = tools / "kubectl"
        kubectl.write_text(
            WITHOUT_NODES.format(
                kubectl=shlex.quote(str(binaries() / "kubectl")), asked=self.asked, python=shlex.quote(sys.executable)
            )
        )
        kubectl.chmod(0o755)
        self._environment = {
            "PATH": f"{tools}:/usr/bin:/bin", "HOME": str(namespace.folder), "DATABASE_URL": dsn.newest,
            "KUBECONFIG": str(namespace.plane.folder / "admin.kubeconfig"),
        }  # fmt: skip

    async def tried(self, *arguments: str) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            "kubectl", "hingecraft", f"--namespace={self.namespace.name}", *arguments, env=self._environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        said, complained = await process.communicate()
        assert process.returncode is not None
        return process.returncode, said.decode(), complained.decode()

    async def runs(self, *arguments: str) -> str:
        code, said, complained = await self.tried(*arguments)
        assert code == 0, complained
        return said


@pytest.fixture
async def person(namespace, dsn):
    return Person(namespace, dsn)


def row(screen: str, first: str) -> list[str]:
    (found,) = [line.split() for line in screen.splitlines() if line.split()[:1] == [first]]
    return found


async def test_one_screen_says_what_is_wrong(namespace, served, pod, person):
    await namespace.pods(pod.internal, "http://127.0.0.1:9")
    await namespace.secret("hooks", WEBHOOK_SECRET="whsec_" + "c2VjcmV0c2VjcmV0c2VjcmV0")
    await namespace.edit(
        "main",
        webhooks=[{
            "name": "site", "url": "https://127.0.0.1:9/hook",
            "secretRef": {"name": "hooks", "key": "WEBHOOK_SECRET"},
        }],
    )  # fmt: skip
    await namespace.becomes("FanoutComplete", "False", "PodsLagging")
    await namespace.becomes("WebhooksDelivered", "False", "Failing")
    await a_job(namespace)
    screen = await person.runs("status")
    head = screen.splitlines()
    assert head[0] == f"PaymentRoutes  {namespace.name}/main"
    assert head[1].startswith("Version        1, ")
    assert "1 of 2 serve it; lagging: pod-9" in screen
    assert row(screen, "site")[1:4] == ["Failing", "none", row(screen, "site")[3]]
    assert int(row(screen, "site")[3]) > 0
    for condition in (await namespace.status())["conditions"]:
        shown = row(screen, condition["type"])
        assert shown[1:4] == [condition["status"], condition["reason"], condition["lastTransitionTime"]]
        assert " ".join(condition["message"].split()) in " ".join(shown)
    assert row(screen, "main-reconcile-1")[2:] == ["<none>", "1"]


async def a_job(namespace) -> None:
    """As the CronJob's controller makes them, with the status that it gives to one that failed."""
    container = {"name": "x", "image": "registry.example/x"}
    labels = {RESOURCE_LABEL: "main"}
    document = {
        "apiVersion": JOBS.api_version, "kind": "Job",
        "metadata": {"name": "main-reconcile-1", "namespace": namespace.name, "labels": labels},
        "spec": {
            "backoffLimit": 0, "suspend": True,
            "template": {"spec": {"restartPolicy": "Never", "containers": [container]}},
        },
    }  # fmt: skip
    await namespace.cluster.create(JOBS, namespace.name, document)
    path = JOBS.path(namespace.name, "main-reconcile-1") + "/status"
    change = {"status": {"failed": 1}}
    await namespace.cluster.request("PATCH", path, change, content="application/merge-patch+json")


async def test_it_pins_pauses_and_undoes_both(namespace, served, person, conn):
    await conn.execute(CLOSE_CHF)
    await namespace.shows(version=2)
    await person.runs("pin", "1")
    await namespace.shows(version=3)
    assert "\nPinned         to version 1;" in await person.runs("status")
    await person.runs("unpin")
    await namespace.shows(version=4)
    await person.runs("pause")
    await namespace.becomes("RoutesBuilt", "True", "Paused")
    assert "\nPaused         nothing is published;" in await person.runs("status")
    await person.runs("resume")
    await namespace.becomes("RoutesBuilt", "True", "Published")
    spec = (await namespace.read())["spec"]
    assert spec["paused"] is False
    assert "pinVersion" not in spec
    managers = {entry["manager"] for entry in (await namespace.read())["metadata"]["managedFields"]}
    assert "kubectl-hingecraft" in managers, "who looks for the change finds who made it"


async def test_history_difference_and_wait_run_in_a_pod_of_the_resource(namespace, served, pod, person, conn):
    await conn.execute(CLOSE_CHF)
    waited = json.loads(await person.runs("wait"))
    assert (waited["version"], waited["served"]) == (2, True)
    await pod.serves(2)
    code, said, _ = await person.tried("diff", "1", "newest")
    assert (code, said) == (1, "- CHF Swiss franc\n")
    assert [line.split()[0] for line in (await person.runs("history")).splitlines()] == ["VERSION", "2", "1"]
    code, said, _ = await person.tried("wait", "--version", "99", "--timeout", "1s")
    assert (code, json.loads(said)["served"]) == (1, False)
    asked = person.asked.read_text().splitlines()
    assert len(asked) == 4
    assert asked[0] == f"--namespace={namespace.name} exec service/api -- hingecraft wait --now"


async def test_one_of_several_resources_is_chosen(namespace, person):
    code, _, complained = await found(person, "status")
    assert (code, complained) == (
        2, "kubectl hingecraft: there is no PaymentRoutes in this namespace: choose another with -n\n"
    )  # fmt: skip
    await namespace.make(namespace.routes("main"))
    assert "No operator has reported on it yet" in await person.runs("status")
    await namespace.make(namespace.routes("second"))
    code, _, complained = await person.tried("pause")
    assert code == 2
    assert "choose one of main second with -r" in complained
    await person.runs("pause", "-r", "second")
    paused = {name: (await namespace.read(name))["spec"].get("paused") for name in ("main", "second")}
    assert paused["second"] is True
    assert not paused["main"]


async def found(person, *arguments):
    """kubectl learns of a new definition some time after the API server."""
    return await until(lambda: person.tried(*arguments), lambda seen: "doesn't have a resource type" not in seen[2])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("pin",), "pin takes one version such as 41"),
        (("pin", "-1"), "pin takes one version such as 41"),
        (("pin", "1", "2"), "pin takes one version such as 41"),
        (("pause", "main"), "pause takes no argument main"),
        (("delete",), "unknown command: delete"),
        (("status", "-r"), "-r needs a value"),
    ],
)
async def test_a_usage_error_changes_nothing(namespace, person, arguments, words):
    made = await namespace.make(namespace.routes())
    code, _, complained = await found(person, *arguments)
    assert (code, words in complained) == (2, True), complained
    assert (await namespace.read())["metadata"]["generation"] == made["metadata"]["generation"]


async def test_a_right_that_the_caller_lacks_is_named_by_kubernetes(namespace, plane, person):
    """The plugin has no rights of its own: the operator's account may read a resource and not edit it."""
    await namespace.make(namespace.routes())
    path = plane.kubeconfig(await namespace.token(), name=f"{namespace.name}-reader")
    code, _, complained = await person.tried("pause", f"--kubeconfig={path}", "-r", "main")
    assert code != 0
    assert "cannot patch resource" in complained


@pytest.mark.parametrize(
    ("first", "commands"),
    [
        ("`kubectl hingecraft status`", [(("status",), {}, "PaymentRoutes  ")]),
        ("`... pin 41`, `... unpin`", [(("pin", "1"), {"pinVersion": 1}, "patched"), (("unpin",), {}, "patched")]),
        (
            "`... pause`, `... resume`",
            [(("pause",), {"paused": True}, "patched"), (("resume",), {"paused": False}, "patched")],
        ),
    ],
)
async def test_the_rights_that_the_page_names_are_enough(namespace, plane, person, first, commands):
    made = (await namespace.make(namespace.routes()))["spec"]
    await namespace.allow_user("a-colleague", rights_of(first))
    kubeconfig = json.loads(plane.kubeconfig(ADMIN).read_text())
    kubeconfig["users"][0]["user"]["as"] = "a-colleague"
    file = namespace.folder / "colleague.kubeconfig"
    file.write_text(json.dumps(kubeconfig))
    for command, change, says in commands:
        _, said, _ = await until(partial(person.tried, *command, f"--kubeconfig={file}"), lambda seen: seen[0] == 0)
        assert says in said
        assert (await namespace.read())["spec"] == {**made, **change}


def rights_of(first: str) -> list[dict[str, list[str]]]:
    """The rules in the last cell of a row in docs/operator.md, such as "get and list `paymentroutes`"."""
    page = (ROOT / "docs/operator.md").read_text(encoding="utf-8")
    (cell,) = [line.split("|")[-2] for line in page.splitlines() if line.startswith(f"| {first}")]
    return [
        {
            "apiGroups": ["payments.hingecraft.io", "batch"],
            "resources": [resource],
            "verbs": re.split(", | and ", verbs),
        }
        for verbs, resource in re.findall(r"([a-z]+(?:(?:, | and )[a-z]+)*) `([a-z]+)`", cell)
    ]


def test_help_needs_no_cluster():
    shown = subprocess.run([PLUGIN, "--help"], capture_output=True, text=True, check=True, env={}).stdout
    for command in ("status", "history", "diff", "wait", "pin", "unpin", "pause", "resume"):
        assert f"\n  {command} " in shown
