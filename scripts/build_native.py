"""`make wix-native`: build the example of a native app with Wix's CLI, without asking Wix, and check its manifest."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hingecraft.errors import UsageError
from toolchain import node_js
from toolchain.go_tools import cache

FOLDER = node_js.WIX / "native"
_GIVEN = ("package.json", "package-lock.json", ".npmrc")
_SOURCES = ("astro.config.mjs", "tsconfig.json", "wix.config.json", "src", "public")
# Where the CLI puts the address of the files, which Wix has when the app is released.
_STATICS = "http://_wix_statics_url_placeholder_/"
_COMPONENTS = {
    "3f0c6a52-8d1b-4e7a-9b64-0d2c5e8f1a11": "BACK_OFFICE_PAGE",
    "a4b7d2c9-5e36-4f08-8c71-6b9e0d3f2a22": "CUSTOM_ELEMENT_WIDGET",
}
# Wix's review: longer names are cut off.
_LONGEST_NAME = 30


def main() -> int:
    home = _home()
    _put_sources(home)
    print("building wix/native with Wix's CLI, without network", flush=True)
    _npm(home, "run", "types")
    _npm(home, "run", "build", offline=True)
    problems = list(problems_of(home))
    for problem in problems:
        print(f"  {problem}")
    if problems:
        return 1
    shutil.rmtree(FOLDER / "dist", ignore_errors=True)
    shutil.copytree(home / "dist", FOLDER / "dist")
    print("wix/native/dist has the app; its manifest has a dashboard page, and a custom element with its panel")
    return 0


def _home() -> Path:
    """The folder that it is built in, with its packages: kept in HC_CACHE, since they take 600 MB."""
    wanted = hashlib.sha256(b"".join((FOLDER / name).read_bytes() for name in _GIVEN)).hexdigest()[:16]
    home = cache() / f"native-{wanted}"
    if not (home / ".installed").exists():
        print("installing the packages of wix/native (once; 600 MB in HC_CACHE)", flush=True)
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        for name in _GIVEN:
            shutil.copy(FOLDER / name, home / name)
        _npm(home, "ci")
        (home / ".installed").touch()
    return home


def _put_sources(home: Path) -> None:
    for name in (*_SOURCES, "dist"):
        shutil.rmtree(home / name, ignore_errors=True)
    for name in _SOURCES:
        source = FOLDER / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, home / name)
    # The CLI wants it, and uses it only in calls to Wix.
    (home / ".env.local").write_text(f"WIX_CLIENT_ID={_app_id()}\n", encoding="utf-8")


def _app_id() -> str:
    found: str = json.loads((FOLDER / "wix.config.json").read_text(encoding="utf-8"))["appId"]
    return found


def _npm(home: Path, *arguments: str, offline: bool = False) -> None:
    """Run npm; with `offline` and where the system allows it, without network, which proves that Wix is not asked."""
    tools = home / "tools"
    tools.mkdir(exist_ok=True)
    for name in ("npm", "npx"):
        script = node_js.NPM.with_name(f"{name}-cli.js")
        (tools / name).write_text(f'#!/bin/sh\nexec "{node_js.NODE}" "{script}" "$@"\n', encoding="utf-8")
        (tools / name).chmod(0o755)
    environment = node_js.environment(CI="1")
    environment["PATH"] = f"{tools}{os.pathsep}{environment['PATH']}"
    command = [*(_without_network() if offline else []), str(tools / "npm"), *arguments]
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UsageError(f"npm {' '.join(arguments)} failed:\n{(done.stdout + done.stderr).strip()[-3000:]}")


def _without_network() -> list[str]:
    command = ["unshare", "--map-root-user", "--net"]
    try:
        works = subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        works = False
    if not works:
        print("  this system cannot run it without network", flush=True)
    return command if works else []


def problems_of(home: Path) -> Iterator[str]:
    """Each thing that is wrong with the app that was built."""
    dist = home / "dist"
    manifest = json.loads((dist / "_wix/app-manifest.json").read_text(encoding="utf-8"))
    if manifest["appId"] != _app_id():
        yield f"the manifest is of the app {manifest['appId']}"
    kinds = {component.get("compId", _id_of(component)): component["compType"] for component in manifest["components"]}
    if kinds != _COMPONENTS:
        yield f"the manifest has other components: {kinds}"
    for component in manifest["components"]:
        if len(component["compName"]) > _LONGEST_NAME:
            yield f"the name {component['compName']!r} is too long"
    for address in re.findall(rf'"{re.escape(_STATICS)}([^"]+)"', json.dumps(manifest)):
        is_page = address.startswith("_wix/extensions/backoffice/")
        if not is_page and not (dist / address).is_file():
            yield f"the manifest names {address}, which is not there"
    backend = re.search(r"BACKEND = '(\S+)'", (home / "src/backend.ts").read_text(encoding="utf-8"))
    scripts = [file for file in dist.rglob("*.js") if file.is_file()]
    built = "".join(file.read_text(encoding="utf-8") for file in scripts)
    for path in ("/wix-dashboard?", "/widget/hingecraft-donate.js"):
        if backend is None or backend[1] not in built or path not in built:
            yield f"nothing in the app leads to {path} of the backend"


def _id_of(component: dict[str, Any]) -> str:
    """A custom element's id is only in the names of its files."""
    found = re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(?=\.html|-)", json.dumps(component["compData"]))
    return found[0] if found else "unknown"


if __name__ == "__main__":
    sys.exit(main())
