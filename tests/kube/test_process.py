"""The process around it all: probes, metrics, what it says when it cannot start, and `make operator-dev`."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress

import pytest
from kubernetes.aio.config import incluster_config

from hingecraft.cli import EXIT_FAILED, EXIT_OK
from hingecraft_operator.cluster.client import LEASES, PAYMENT_ROUTES, connect
from hingecraft_operator.controller import handlers
from hingecraft_operator.lease import LEASE_NAME
from hingecraft_sandbox.postgres import free_port
from support.kube import ROOT, ask, operating, until
from support.limits import PROGRESS
from support.pods import PUSH_SECRET
from support.sentry import taking_reports

# A replica whose Lease is lost while it works: {work} is what cancellation does to the work.
LOSES_LEASE = """
import asyncio, threading, time
from contextlib import suppress
from hingecraft_operator.command import _Deadline, _hold
from hingecraft_operator.lease import LeadershipLostError

class Lost:
    async def hold(self):
        await asyncio.sleep(0)
        raise LeadershipLostError("another replica leads")

async def work():
    try:
        await asyncio.Event().wait()
    finally:
        {work}

async def lead():
    with suppress(BaseExceptionGroup), _Deadline({within}) as deadline:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(work())
            tasks.create_task(_hold(Lost(), deadline))

asyncio.run(lead())
for thread in {{*threading.enumerate()}} - {{threading.main_thread()}}:
    thread.join()
"""
SWITCH_CHF = "UPDATE currencies SET enabled = NOT enabled WHERE code = 'CHF'"


async def test_an_operator_reports_what_failed_without_the_secrets_that_it_reads(namespace, pod, dsn, conn):
    with taking_reports() as sentry:
        async with operating(namespace, SENTRY_DSN=sentry.dsn):
            await namespace.pods(pod.internal)
            await namespace.database_secret(dsn.newest)
            await namespace.make(namespace.routes())
            await namespace.becomes("FanoutComplete", "True", "Complete")
            await conn.execute("ALTER TABLE payment_routes ADD CONSTRAINT broken CHECK (false) NOT VALID")
            await conn.execute(SWITCH_CHF)
            report, *_ = await asyncio.to_thread(sentry.until, 1)
        assert (report["server_name"], report["level"]) == ("operator", "error")
        assert report["exception"]["values"][-1]["type"] == "CheckViolationError"
        for each in (dsn.newest.partition("://")[2], PUSH_SECRET, await namespace.token()):
            assert each not in sentry.text


async def answers(port):
    await until(lambda: ask(port, "/readyz"), lambda seen: seen[0] == 200)


async def test_probes_and_metrics_of_who_leads_and_of_who_waits(namespace, pod, dsn, conn):
    first, second = free_port(), free_port()
    async with operating(namespace, "first", OPERATOR_PORT=str(first)):
        await namespace.pods(pod.internal)
        await namespace.database_secret(dsn.newest)
        await namespace.make(namespace.routes())
        await namespace.becomes("FanoutComplete", "True", "Complete")
        async with operating(namespace, "second", OPERATOR_PORT=str(second)):
            await answers(second)
            assert await ask(second, "/healthz") == (200, "ok\n")
            assert "hingecraft_operator_leads 0.0" in (await ask(second, "/metrics"))[1]
        await conn.execute(SWITCH_CHF)
        labels = f'{{namespace="{namespace.name}",resource="main"}}'
        text = await until(
            lambda: ask(first, "/metrics"), lambda seen: f"hingecraft_routes_version{labels} 2.0" in seen[1]
        )
        for line in (
            "hingecraft_operator_leads 1.0", "hingecraft_operator_resources 1.0",
            f"hingecraft_paymentroutes_ready{labels} 1.0",
            f'hingecraft_paymentroutes_condition{{condition="FanoutComplete",{labels[1:-1]},status="True"}} 1.0',
            f'hingecraft_route_rebuilds_total{{{labels[1:-1]},result="published"}}',
            'hingecraft_operator_reconciles_total{result="troubled"}', f"hingecraft_sync_seconds_count{labels}",
            f"hingecraft_sync_since_commit_seconds_count{labels}", "hingecraft_operator_queue",
            "hingecraft_operator_reconcile_seconds_count ",
            "hingecraft_operator_watch_restarts_total", "process_resident_memory_bytes",
            'hingecraft_build_info{process="operator",version=',
        ):  # fmt: skip
            assert line in text[1], line
        await namespace.remove("main")
        await until(lambda: ask(first, "/metrics"), lambda seen: labels not in seen[1])


async def test_the_lease_is_taken_although_there_is_no_definition_and_no_resource(namespace):
    """As while a chart is being installed: it waits, and says what is missing."""
    async with operating(namespace) as operator:
        lease = await until(lambda: namespace.cluster.get(LEASES, namespace.name, LEASE_NAME), bool)
        assert lease["spec"]["holderIdentity"] == "one"
        assert operator.running


@pytest.mark.parametrize(("work", "within", "code"), [
    ("await asyncio.Event().wait()", "0.1", EXIT_FAILED),
    ("time.sleep(1e6)", "0.1", EXIT_FAILED),
    ("pass", "", EXIT_OK),
], ids=["ignores its cancellation", "blocks the event loop", "ends"])  # fmt: skip
async def test_a_replica_whose_work_does_not_end_when_the_lease_is_lost_is_killed(work, within, code):
    """Another may lead. A deadline that was not called off would kill the last one too, before its thread ends."""
    script = LOSES_LEASE.format(work=work, within=within)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script)
    try:
        async with asyncio.timeout(PROGRESS):
            assert await process.wait() == code
    finally:
        with suppress(ProcessLookupError):
            process.kill()


@pytest.mark.parametrize(("environment", "sentence"), [
    ({"WATCH_NAMESPACES": "a"}, "no cluster found"),
    ({}, "WATCH_NAMESPACES is not set; set WATCH_NAMESPACES or WATCH_NAMESPACES_FILE, as .env.example shows"),
    ({"WATCH_NAMESPACES": "a,*"}, "WATCH_NAMESPACES must be names of namespaces, comma-separated, or only *"),
])  # fmt: skip
async def test_what_it_is_told_wrong_is_said_in_one_line(tmp_path, environment, sentence):
    kept = {key: os.environ[key] for key in ("PATH",)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hingecraft", "operator",
        env={**kept, "HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "none"), **environment},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, complained = await process.communicate()
    assert process.returncode == 2
    (line,) = complained.decode().splitlines()
    assert line.startswith(f"hingecraft operator: {sentence}")


async def test_as_a_pod_it_uses_the_token_and_the_authority_that_it_is_given(namespace, plane, tmp_path, monkeypatch):
    """The kubelet renews the token in its file: what is sent is what stands there."""
    token = tmp_path / "token"
    token.write_text(await namespace.token())
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(plane.authority))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(plane.port))
    cluster = await connect()
    try:
        assert await cluster.list(PAYMENT_ROUTES, namespace.name) == []
        assert cluster.identity == namespace.cluster.identity
        connection = await handlers.connection_info(cluster)
        assert (connection.server, connection.token) == (plane.address, token.read_text())
    finally:
        await cluster.close()


async def test_operator_dev_shows_a_commit_arriving():
    script = """
    kubectl get paymentroutes -w > "$TMPDIR/watch" & watching=$!
    sleep 2
    psql -q -c "UPDATE currencies SET enabled = NOT enabled WHERE code = 'CHF'"
    for _ in $(seq 100); do grep -q 'main   3 ' "$TMPDIR/watch" && break; sleep 0.1; done
    kill $watching
    cat "$TMPDIR/watch"
    exit 3
    """
    folder = ROOT / "test_results" / "operator-dev"
    folder.mkdir(parents=True, exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        sys.executable, ROOT / "scripts" / "operator_dev.py",
        env={**os.environ, "SHELL": "/bin/bash", "TMPDIR": str(folder)},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, complained = await process.communicate(script.encode())
    assert process.returncode == 0, complained.decode()
    rows = [line.split() for line in said.decode().splitlines() if line.startswith("main ")]
    assert [row[1] for row in rows][-1] == "3"
    assert rows[-1][2:6] == ["148", "3/3", "0/0", "True"]
