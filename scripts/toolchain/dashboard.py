"""The owner's dashboard of the Wix app: its packages, and what is made of its sources."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from hingecraft.errors import UsageError
from toolchain import node_js
from toolchain.go_tools import MissingToolError, cache

FOLDER = node_js.WIX / "dashboard"
BUILT = FOLDER / "built"
CLIENT = FOLDER / "src/api/schema.ts"
# What `npm ci` reads.
_GIVEN = ("package.json", "package-lock.json", ".npmrc")


def modules() -> Path:
    """The dashboard's packages, half a gigabyte: kept in HC_CACHE, so that checkouts share them."""
    wanted = hashlib.sha256(b"".join((FOLDER / name).read_bytes() for name in _GIVEN)).hexdigest()[:16]
    home = cache() / f"dashboard-{wanted}"
    home.mkdir(parents=True, exist_ok=True)
    with (home / ".installing").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / ".installed").exists():
            _install(home)
        _link(home / "node_modules")
    return home / "node_modules"


def put_in_place() -> None:
    """Build what is not built yet. What the same sources have made before is kept in HC_CACHE."""
    kept = cache() / f"dashboard-built-{_sources()}"
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "dashboard-built.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            unfinished = kept.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            build(unfinished)
            unfinished.rename(kept)
        if digests(BUILT) != digests(kept):
            shutil.rmtree(BUILT / "assets", ignore_errors=True)
            shutil.copytree(kept, BUILT, dirs_exist_ok=True)


def _sources() -> str:
    """A digest of all that the build reads."""
    files = [FOLDER / name for name in (*_GIVEN, "index.html", "tsconfig.json", "vite.config.ts")]
    files += [
        file for part in ("src", "build", "public") for file in sorted((FOLDER / part).rglob("*")) if file.is_file()
    ]
    files += [node_js.LOCK, node_js.WIX / "html/build.mjs", node_js.WIX / "html/source/wix-panel-editor.js"]
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:16]


def ready() -> None:
    """All that its tests in a browser take from npm."""
    node_js.modules()
    modules()
    put_in_place()


def _install(home: Path) -> None:
    for name in _GIVEN:
        shutil.copy(FOLDER / name, home / name)
    done = subprocess.run(
        [str(node_js.NODE), str(node_js.NPM), "ci"],
        cwd=home, env=node_js.environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise MissingToolError(f"not run: npm ci of wix/dashboard failed: {done.stderr.strip()[-500:]}")
    (home / ".installed").touch()


def _link(installed: Path) -> None:
    link = FOLDER / "node_modules"
    if link.is_symlink() and link.readlink() == installed:
        return
    if link.is_symlink():
        link.unlink()
    elif link.exists():
        raise UsageError(f"{link} was not made by make: delete it")
    link.symlink_to(installed)


def _run(*command: str, **more: str) -> str:
    modules()
    done = subprocess.run(
        [str(node_js.NODE), *command],
        cwd=FOLDER, env=node_js.environment(**more), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise UsageError(done.stdout + done.stderr)
    return done.stdout


def client() -> str:
    """The types of the calls, made of docs/openapi.json."""
    return _run("build/client.mjs")


def build(folder: Path, *options: str) -> None:
    """Build the files that the backend serves, and the file with the licences of what is in them."""
    _run("node_modules/vite/bin/vite.js", "build", "--logLevel", "warn", *options, DASHBOARD_BUILT=str(folder))
    (folder / "panel-editor.js").write_text(node_js.component("wix-panel-editor"), encoding="utf-8")
    _run("build/licenses.mjs", str(folder), node_js.said_by("html/build.mjs", "wix-panel-editor", "packages"))


def check_types() -> list[str]:
    """The command that checks the types, in the dashboard's folder."""
    modules()
    return [str(node_js.NODE), "node_modules/typescript/bin/tsc"]


def digests(folder: Path) -> dict[str, str]:
    """The files below a folder, by their name, each with its digest."""
    files = sorted(file for file in folder.rglob("*") if file.is_file() and not file.name.startswith("."))
    return {os.fspath(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
