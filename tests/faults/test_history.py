"""No read goes back, whatever fails: neither for a reader that passes on what it saw, nor after an answered wait."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import cycle

import pytest

from support.folders import open_folder
from support.limits import PROGRESS
from support.processes import ApiProcess
from support.product import Product, running_product
from support.routes_history import BROKEN_OFF, COMMITS, History, Reader, Waiter

# `make nightly` reads a million times.
READS = int(os.environ.get("HC_READS", "20000"))
READERS = 6
pytestmark = pytest.mark.timeout(600 + READS // 200)


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    with open_folder() as folder:
        async with running_product(folder) as made:
            yield made


async def test_no_read_goes_back_while_pods_engines_and_the_database_fail(product):
    history = History()
    backup = product.folder / "backup"
    await asyncio.to_thread(_copied, product, product.postgres.folder, backup)

    async def a_pod_is_killed() -> None:
        for pod in product.pods[:2]:
            await pod.kill()
            await history.more(BROKEN_OFF)
            await pod.start()
            await pod.until("/ready", 200)

    async def the_engine_is_killed() -> None:
        await product.syncs[-1].kill()
        await product.new_sync().start()

    async def a_pod_is_stopped() -> None:
        product.pods[2].signal(signal.SIGSTOP)
        await history.more(BROKEN_OFF)
        product.pods[2].signal(signal.SIGCONT)

    async def the_engine_is_stopped() -> None:
        product.syncs[-1].signal(signal.SIGSTOP)
        # The second of them is made when the wait for the first one has ended.
        await history.more(COMMITS, 2)
        product.syncs[-1].signal(signal.SIGCONT)

    async def a_backup_is_restored() -> None:
        await asyncio.to_thread(_copied, product, backup, product.postgres.folder)

    faults: list[Callable[[], Awaitable[None]]] = [
        a_pod_is_killed, the_engine_is_killed, a_pod_is_stopped, the_engine_is_stopped, a_backup_is_restored,
    ]  # fmt: skip
    async with _running(history, product):
        await _acknowledged_after(history, 0)
        for number, fault in enumerate(cycle(faults), start=1):
            await fault()
            # A pod that starts after a restore, and before an engine has published above what the others serve, knows
            # only the backup. So the next fault waits until the product has recovered.
            await _acknowledged_after(history, history.acknowledged)
            if number >= len(faults) and history.reads >= READS:
                break
    print(f"{history.reads:,} reads, {number} faults, versions up to {history.acknowledged}, {dict(history.counts)}")


def test_the_history_says_which_read_went_back(tmp_path):
    history, pod = History(), ApiProcess(tmp_path, "pod", "postgresql://127.0.0.1/none")
    history.check([3, 3, 5], 3, pod)
    for versions, promised in (([4], 5), ([5, 6, 5], 5)):
        with pytest.raises(AssertionError, match="answered"):
            history.check(versions, promised, pod)


@asynccontextmanager
async def _running(history: History, product: Product) -> AsyncIterator[None]:
    """Readers and a waiter beside; what one of them finds ends the test."""
    async with asyncio.TaskGroup() as group:
        beside = [group.create_task(Reader(history, product.pods).run()) for _ in range(READERS)]
        beside.append(group.create_task(Waiter(history, product.pods, product.postgres.dsn()).run()))
        yield
        for task in beside:
            task.cancel()


async def _acknowledged_after(history: History, version: int) -> None:
    async with asyncio.timeout(PROGRESS):
        while history.acknowledged <= version:
            await asyncio.sleep(0.02)


def _copied(product: Product, source: object, target: object) -> None:
    """With the owner of the files, while the server is down."""
    product.postgres.stop(immediately=True)
    subprocess.run(["rm", "-rf", str(target)], check=True)
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)
    product.postgres.start()
