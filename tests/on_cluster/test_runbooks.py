"""The commands of docs/ that need pods, run by kubectl against the release."""

from __future__ import annotations

import asyncio
import os
import shutil
import uuid

import pytest

from support.control_plane import binaries
from support.documented import Shell, blocks_for, pages_for
from support.helm_release import kubeconfig, until
from support.limits import PROGRESS
from support.through_ingress import MICRO

# Seconds for a command that waits for a Job, as the pages allow: a reconciliation asks Stripe about each checkout that
# the tests before have left, as fast as Stripe allows.
JOB = 15 * PROGRESS

pytestmark = pytest.mark.timeout(2 * JOB)


@pytest.fixture
async def shell(release, people, tmp_path):
    """In the namespace of the release, as operations.md begins, and with the id of a request."""
    site, _ = people
    # kubectl shows no logs while one of the pods is not there yet.
    await asyncio.to_thread(until, lambda: all(has_logs(pod) for pod in release.items("pods")), PROGRESS)
    request = f"test-{uuid.uuid4().hex}"
    status, _ = await site.call("POST", MICRO, json={"amount": 2}, headers={"X-Request-Id": request})
    assert status == 200
    shutil.copy(kubeconfig(), tmp_path / "kubeconfig")
    path = f"{binaries()}:{os.environ['PATH']}"
    examples = {"<request id>": request}
    made = Shell(tmp_path, examples, HOME=str(tmp_path), KUBECONFIG=str(tmp_path / "kubeconfig"), PATH=path)
    made.within = JOB
    await made.run(blocks_for("operations.md", "cluster")[0])
    return made


def has_logs(pod):
    return pod["status"]["phase"] != "Pending" and "deletionTimestamp" not in pod["metadata"]


@pytest.mark.parametrize("page", pages_for("cluster"))
async def test_the_commands_of_a_page_work(shell, page):
    await shell.page(page, "cluster")
