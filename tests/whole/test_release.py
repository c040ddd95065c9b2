"""`make release`: twice the same bytes, and a zip that can be verified, installed and run by itself."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

import install
from hingecraft_sandbox.postgres import free_port
from release.artifacts import environment
from release.repository import tracked, version
from release.signing import CHECKSUMS, PURPOSE, SIGNATURE
from support.documented import blocks_of
from support.folders import open_folder
from support.limits import PROGRESS
from support.processes import SECRETS

ROOT = Path(__file__).parents[2]
WHO = "releases@example.com"
# What two builders may differ in.
BUILDERS = ({"TZ": "UTC", "LC_ALL": "C"}, {"TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "7"})
LOGGED_AS_TROUBLE = {"warning", "error", "critical"}
# Says only that the machine is slow.
UNDER_LOAD = "Postgres is unavailable: TimeoutError"


@pytest.fixture(scope="module")
def place():
    with open_folder() as made:
        yield made


@pytest.fixture(scope="module")
def key(place):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", place / "key"], check=True)
    return place / "key"


@pytest.fixture(scope="module")
def zips(place, key):
    """The same release by two builders at once, as a draft: nothing of this run is recorded yet."""
    runs = []
    for number, differs in enumerate(BUILDERS):
        where = ("--into", str(place / f"dist-{number}"), "--records", str(place / "no-records"))
        command = [sys.executable, "scripts/build_release.py", "--draft", "--key", str(key), *where]
        run = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **differs}, umask=(0o022, 0o077)[number],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        runs.append(run)
    said = [run.communicate()[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    assert all("a DRAFT, signed" in each for each in said)
    return [Path(each.splitlines()[0]) for each in said]


@pytest.fixture(scope="module")
def unpacked(zips, place):
    with zipfile.ZipFile(zips[0]) as archive:
        archive.extractall(place / "empty")
    (folder,) = (place / "empty").iterdir()
    return folder


def test_twice_the_same_bytes(zips):
    contents = []
    for made in zips:
        with zipfile.ZipFile(made) as archive:
            contents.append({each.filename: each.CRC for each in archive.infolist()})
    assert set(contents[0].items()) ^ set(contents[1].items()) == set()
    assert zips[0].read_bytes() == zips[1].read_bytes()


def test_everything_is_in_it(unpacked):
    number = version()
    assert unpacked.name == f"hingecraft_payment_release_v{number}-draft"
    built = {
        f"wheel/hingecraft-{number}-py3-none-any.whl", f"charts/hingecraft-{number}.tgz",
        f"charts/hingecraft-crds-{number}.tgz", "docs-site/index.html", "wix/dashboard/built/index.html",
        "crds/paymentroutes.yaml", "docs/handover.md", "NOTICE", "sbom.cdx.json", "provenance.json",
        "verification_signoff.md", CHECKSUMS, SIGNATURE,
    }  # fmt: skip
    files = {str(file.relative_to(unpacked)) for file in unpacked.rglob("*") if file.is_file()}
    sources = {name for name in tracked() if not (ROOT / name).is_symlink()} - {"wix/dashboard/built/.gitignore"}
    assert files >= built | sources
    rest = {name for name in files - built - sources if not name.startswith(("docs-site/", "wix/dashboard/built/"))}
    assert rest == set()


def test_it_says_what_it_is_made_of(unpacked):
    bill = json.loads((unpacked / "sbom.cdx.json").read_text())
    locked = {line.split("==")[0] for line in (unpacked / "requirements.lock").read_text().splitlines() if "==" in line}
    assert {each["name"] for each in bill["components"]} == {name.partition("[")[0] for name in locked}
    assert all(each["externalReferences"][0]["hashes"] for each in bill["components"])
    assert (bill["metadata"]["component"]["name"], bill["metadata"]["component"]["version"]) == (
        "hingecraft",
        version(),
    )
    statement = json.loads((unpacked / "provenance.json").read_text())
    summed = dict(reversed(line.split("  ")) for line in (unpacked / CHECKSUMS).read_text().splitlines())
    described = statement["subject"] + statement["predicate"]["buildDefinition"]["resolvedDependencies"][1:]
    assert {"requirements.lock", "wix/dashboard/package-lock.json"} < {each["name"] for each in described}
    assert [each["name"].partition("/")[0] for each in statement["subject"]] == [
        "wheel", "charts", "charts", "sbom.cdx.json",
    ]  # fmt: skip
    assert all(summed[each["name"]] == each["digest"]["sha256"] for each in described)


def signature_holds(folder, signers):
    command = ["ssh-keygen", "-Y", "verify", "-f", signers, "-I", WHO, "-n", PURPOSE, "-s", folder / SIGNATURE]
    with (folder / CHECKSUMS).open("rb") as sums:
        return subprocess.run(command, stdin=sums, capture_output=True, check=False).returncode == 0


def sums_hold(folder):
    check = ["sha256sum", "--check", "--strict", "--quiet", CHECKSUMS]
    return subprocess.run(check, cwd=folder, capture_output=True, check=False).returncode == 0


def test_it_is_verified_as_the_page_says(zips, key, tmp_path):
    """The first block of docs/release.md, in the folder of the zip."""
    block = blocks_of("release.md")[0].text
    public = key.with_suffix(".pub").read_text().strip()
    told = block.replace("<public key>", public).replace(f"_v{version()}", f"_v{version()}-draft")
    shutil.copy(zips[0], tmp_path)
    done = subprocess.run(["bash", "-ec", told], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f'Good "{PURPOSE}" signature for {WHO}')
    assert done.stdout.count("\n") == 1


def test_a_change_of_a_file_or_of_the_checksums_is_noticed(unpacked, key, tmp_path):
    signers = tmp_path / "signers"
    signers.write_text(f"{WHO} {key.with_suffix('.pub').read_text()}")
    file, sums = unpacked / "Dockerfile", unpacked / CHECKSUMS
    before, listed = file.read_bytes(), sums.read_bytes()
    try:
        file.write_bytes(before + b"\n")
        assert (signature_holds(unpacked, signers), sums_hold(unpacked)) == (True, False)
        sums.write_bytes(listed.replace(b"Dockerfile", b"Dockerfila"))
        assert not signature_holds(unpacked, signers)
    finally:
        file.write_bytes(before)
        sums.write_bytes(listed)


@pytest.fixture(scope="module")
def programs(unpacked, place):
    """An environment with the wheel and what its lock lists, each file by its hash."""
    home = place / "installed"
    environment(home, unpacked / "requirements.lock")
    (wheel,) = (unpacked / "wheel").iterdir()
    assert install.install(home, "--no-deps", "--no-index", str(wheel)) == 0
    return home / "bin"


class Installed:
    """Runs the programs of the installation, with no other settings and from another folder than the checkout."""

    def __init__(self, programs, folder, **settings):
        self._programs = programs
        self._folder = folder
        self._settings = {"PATH": "/usr/bin:/bin", **settings}

    async def ends(self, program, *arguments):
        async with self.runs("once", *arguments, program=program) as (process, log):
            assert await process.wait() == 0, log.read_text()
        return log.read_text()

    @asynccontextmanager
    async def runs(self, name, *arguments, program="hingecraft"):
        log = self._folder / f"{name}.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                self._programs / program, *arguments,
                cwd=self._folder, env=self._settings, stdout=output, stderr=output,
            )  # fmt: skip
        try:
            yield process, log
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0, log.read_text()


async def answered(client, url, wanted):
    """Wait until the answer is the wanted one."""
    found = None
    async with asyncio.timeout(PROGRESS):
        while not (found and wanted(*found)):
            try:
                async with client.get(url) as response:
                    found = response.status, await response.json()
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.05)
    return found[1]


async def give_a_dollar(client, site, sandbox):
    async with client.post(f"{site}/mission-support/micro-payment", json={"amount": 1}) as response:
        assert response.status == 200, await response.text()
        given = (await response.json())["data"]
    assert given["url"].startswith(sandbox)
    paying = f"{sandbox}/pay/stripe/c/{given['sessionId']}/pay"
    async with client.post(paying, allow_redirects=False) as response:
        assert response.status == 303
    return f"{site}/payments/{given['paymentId']}"


async def test_it_installs_and_takes_a_dollar_from_the_zip(programs, empty_dsn, tmp_path):
    """Nothing is logged as an error or a warning on the way."""
    port, bank = free_port(), free_port()
    site, sandbox = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{bank}"
    installed = Installed(
        programs, tmp_path, **SECRETS, DATABASE_URL=empty_dsn.newest, PUBLIC_URL=site, STRIPE_API_BASE=sandbox,
        STRIPE_SECRET="sk_test_" + "sandbox", STRIPE_WEBHOOK_SECRET="whsec_sandbox",
        HOST="127.0.0.1", PORT=str(port), INTERNAL_PORT=str(free_port()),
    )  # fmt: skip
    where = await installed.ends(
        "python", "-P", "-c", "import hingecraft; print(hingecraft.__version__, hingecraft.__file__)"
    )
    number, file = where.split()
    assert number == version()
    assert Path(file).is_relative_to(programs.parent)
    assert "published routes version 1" in await installed.ends("hingecraft", "migrate")
    async with (
        installed.runs("sandbox", "sandbox", "--port", str(bank)),
        installed.runs("api", "api") as (_, log),
        aiohttp.ClientSession() as client,
    ):
        await answered(client, f"{site}/ready", lambda status, _: status == 200)
        gift = await give_a_dollar(client, site, sandbox)
        done = await answered(client, gift, lambda _, answer: answer["data"]["status"] == "completed")
        assert (done["data"]["amount"], done["data"]["currency"]) == (1, "USD")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert lines
    troubles = [line for line in lines if line["level"] in LOGGED_AS_TROUBLE]
    assert [line for line in troubles if not line["message"].endswith(UNDER_LOAD)] == []
