"""The commands of docs/ that need pods, run by kubectl against the release."""

from __future__ import annotations

import os
import shutil

import pytest

from support.control_plane import binaries
from support.documented import Shell, pages_for
from support.release import kubeconfig

pytestmark = pytest.mark.usefixtures("release")


@pytest.fixture(scope="module", autouse=True)
def keys(release):
    """The release gets its own back after they were rotated."""
    yield
    release.prepare()


@pytest.fixture
async def shell(tmp_path):
    """As operations.md leaves it: in the namespace of the release, with a kubeconfig of its own."""
    shutil.copy(kubeconfig(), tmp_path / "kubeconfig")
    path = f"{binaries()}:{os.environ['PATH']}"
    made = Shell(tmp_path, {}, HOME=str(tmp_path), KUBECONFIG=str(tmp_path / "kubeconfig"), PATH=path)
    await made.page("operations.md", "cluster")
    return made


@pytest.mark.parametrize("page", pages_for("cluster"))
async def test_the_commands_of_a_page_work(shell, page):
    await shell.page(page, "cluster")
