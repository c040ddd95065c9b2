"""The image, built and run: what is in it, what is not, and that each of our processes starts in it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import signal
import stat
from contextlib import asynccontextmanager, suppress
from importlib.metadata import distributions
from pathlib import Path

import aiohttp
import pytest

from hingecraft import __version__
from hingecraft_sandbox.postgres import free_port
from support.control_plane import control_plane
from support.folders import open_folder
from support.image import OURS, base_files, building
from support.kube import define, namespace_of, until
from support.processes import SECRETS

pytestmark = pytest.mark.timeout(400)
# Private keys with their content, live keys of Stripe, tokens of clouds and of GitHub.
SECRETS_LOOK_LIKE = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}|[sr]k_live_[A-Za-z0-9]{20}"
    rb"|AKIA[0-9A-Z]{16}|ghp_[A-Za-z0-9]{36}"
)
OURS_AT_MOST, ALL_AT_MOST = 200 * 2**20, 350 * 2**20
COMMANDS = (
    "api", "check", "correct", "credits", "definition", "links", "migrate", "operator", "privacy", "reconcile",
    "routes", "site", "sync", "token", "trail", "wait", "wix",
)  # fmt: skip


@pytest.fixture(scope="module")
def builder():
    with building() as made:
        yield made


@pytest.fixture(scope="module")
def container(builder):
    builder.build()
    return builder.container()


@pytest.fixture(scope="module")
def files(builder, container):
    return builder.files(container)


def size_of(folder):
    """Each file once, links not followed."""
    seen = {}
    for where, _, names in os.walk(folder):
        for name in names:
            found = Path(where, name).lstat()
            seen[found.st_dev, found.st_ino] = found.st_size
    return sum(seen.values())


async def run(builder, container, *arguments, **environment):
    process = await asyncio.create_subprocess_exec(
        *builder.command(container, environment, *arguments),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, complained = await process.communicate()
    return process.returncode, said.decode(), complained.decode()


@asynccontextmanager
async def running(builder, container, *arguments, **environment):
    process = await asyncio.create_subprocess_exec(
        *builder.command(container, environment, *arguments), start_new_session=True,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        await process.wait()


def test_it_has_no_role_and_no_rights(builder, container):
    found = builder.configuration()
    assert found["User"] == "65532:65532"
    assert found["Entrypoint"] == ["hingecraft"]
    assert not found.get("Cmd")
    assert found["Labels"]["org.opencontainers.image.revision"] == "abc123"
    assert "PYTHONSAFEPATH=1" in found["Env"]


def test_it_is_small(files):
    assert size_of(files / "hingecraft") <= OURS_AT_MOST
    assert size_of(files) <= ALL_AT_MOST


def test_nothing_of_the_build_is_left(files):
    ours = files / "hingecraft"
    for name in ("pip", "gcc", "hatchling", "uv", "cyclonedx-py"):
        assert not list(ours.rglob(f"bin/{name}"))
    assert not list(ours.rglob("hingecraft_sandbox"))
    assert not list(ours.rglob("tests"))
    assert not (files / "build").exists()
    assert not (files / "installer").exists()
    assert not list((files / "run").glob("secrets/*"))


def test_nobody_gains_rights_or_writes(files):
    before = {path.relative_to(base_files()) for path in privileged(base_files())}
    assert {path.relative_to(files) for path in privileged(files)} <= before
    for path in (files / "hingecraft").rglob("*"):
        found = path.lstat()
        assert found.st_uid == 0
        assert stat.S_ISLNK(found.st_mode) or not found.st_mode & 0o022, path


def test_it_says_what_it_is_made_of(files):
    """Each distribution that is installed, with its version: no more and no less."""
    bill = json.loads((files / "hingecraft/share/hingecraft/sbom.cdx.json").read_text())
    assert bill["bomFormat"] == "CycloneDX"
    named = {(normal(each["name"]), each["version"]) for each in bill["components"]}
    (packages,) = (files / "hingecraft" / "lib").glob("python3*/site-packages")
    installed = {(normal(each.name), each.version) for each in distributions(path=[str(packages)])}
    assert named | {("hingecraft", __version__)} == installed


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_no_secret_is_in_it(builder, files):
    """Neither a key of any kind, nor what the build was lent."""
    lent = next((path for path in (os.environ.get("PIP_CERT"), os.environ.get("SSL_CERT_FILE")) if path), None)
    bundle = Path(lent).read_bytes() if lent else None
    for path in (files / "hingecraft").rglob("*"):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            assert not SECRETS_LOOK_LIKE.search(content), path
            assert bundle is None or bundle not in content, path
    described = json.dumps(builder.run("inspect", "--type", "image", OURS))
    assert not SECRETS_LOOK_LIKE.search(described.encode())
    assert "PIP_CERT=/" not in described.replace("PIP_CERT=/run/secrets/ca", "")


def privileged(folder):
    return [
        path for path in folder.rglob("*") if path.is_file() and path.lstat().st_mode & (stat.S_ISUID | stat.S_ISGID)
    ]


async def test_every_production_command_is_there_and_none_of_the_laptops(builder, container):
    code, said, _ = await run(builder, container, "hingecraft", "--help")
    assert code == 0
    assert re.findall(r"^    ([a-z]+)", said, re.MULTILINE) == list(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
async def test_each_command_starts(builder, container, command):
    """Whatever was left out of the image is not imported by it."""
    code, _, complained = await run(builder, container, "hingecraft", command, "--help")
    assert (code, complained) == (0, "")


async def test_it_migrates_serves_and_reconciles(builder, container, empty_dsn):
    dsn, port = empty_dsn.newest, free_port()
    code, _, complained = await run(builder, container, "hingecraft", "migrate", DATABASE_URL=dsn)
    assert code == 0, complained
    settings = {**SECRETS, "DATABASE_URL": dsn, "PORT": str(port), "INTERNAL_PORT": str(free_port())}
    async with running(builder, container, "hingecraft", "api", **settings):
        await until(lambda: status(f"http://127.0.0.1:{port}/ready"), lambda seen: seen == 200, within=30)
        for path in (
            "/routes",
            "/embed/charter",
            "/embed/mission-support",
            "/account",
            "/wix-panel",
            "/assets/plan-session.js",
            "/widget/hingecraft-donate.js",
        ):
            assert await status(f"http://127.0.0.1:{port}{path}") == 200, path
    code, _, complained = await run(builder, container, "hingecraft", "reconcile", "--once", **settings)
    assert code == 2
    assert "no provider is configured" in complained


async def status(url):
    try:
        async with aiohttp.ClientSession() as client, client.get(url) as response:
            return response.status
    except aiohttp.ClientError:
        return 0


async def test_it_operates(builder, container, dsn):
    """With the parts of the Kubernetes client that the image keeps."""
    with open_folder() as folder, control_plane(folder) as plane:
        await define(plane)
        async with namespace_of(plane) as namespace:
            kubeconfig = builder.folder / "kubeconfig"
            text = plane.kubeconfig(await namespace.token(), name="image").read_text()
            authority = builder.folder / "ca.pem"
            authority.write_bytes(plane.authority.read_bytes())
            kubeconfig.write_text(text.replace(str(plane.authority), str(authority)))
            for path in (kubeconfig, authority):
                path.chmod(0o644)
            settings = {
                "KUBECONFIG": str(kubeconfig), "WATCH_NAMESPACES": namespace.name, "OPERATOR_NAMESPACE": namespace.name,
                "RECONCILE_IMAGE": "hingecraft", "OPERATOR_PORT": "0",
            }  # fmt: skip
            async with running(builder, container, "hingecraft", "operator", **settings):
                await namespace.database_secret(dsn.newest)
                await namespace.make(namespace.routes())
                await namespace.becomes("DatabaseConnected", "True", "Listening", within=60)
                await namespace.becomes("FanoutComplete", "False", "NoPods")


def test_the_same_sources_give_the_same_files(builder, files):
    builder.build("localhost/again")
    again = builder.files(builder.container("localhost/again"))
    assert digest(again / "hingecraft") == digest(files / "hingecraft")


def digest(folder):
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime
    return found
