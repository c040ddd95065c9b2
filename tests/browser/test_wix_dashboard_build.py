"""The dashboard's built files and types are those that its sources make, and name the licences of what is in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.folders import open_folder
from toolchain import dashboard, node_js

PACKAGE = re.compile(r".*/node_modules/((?:@[^/]+/)?[^/]+)/")


@pytest.fixture(scope="module")
def built() -> Iterator[Path]:
    """With a list of the sources of each script beside it."""
    with open_folder() as folder:
        dashboard.build(folder, "--sourcemap", "hidden")
        yield folder


def test_the_types_of_the_calls_are_those_of_the_reference():
    assert dashboard.CLIENT.read_text(encoding="utf-8") == dashboard.client(), "it has drifted: run `make generate`"


def test_the_built_files_are_made_of_the_sources(built: Path):
    made = {name: digest for name, digest in dashboard.digests(built).items() if not name.endswith(".map")}
    assert made == dashboard.digests(dashboard.BUILT), "they have drifted: run `make generate`"


def test_each_package_in_the_built_files_is_named_with_its_licence(built: Path):
    parts = (built / "licenses.txt").read_text(encoding="utf-8").split("\n" + "-" * 78 + "\n")[1:]
    licences = {part.split()[0]: part for part in parts}
    maps = [json.loads(file.read_text(encoding="utf-8")) for file in built.glob("assets/*.map")]
    sources = {found[1] for each in maps for source in each["sources"] if (found := PACKAGE.match(source))}
    assert {"react", "react-dom", "@wix/design-system", "@wix/dashboard"} < sources
    panel = {
        Path(folder).name for folder in json.loads(node_js.said_by("html/build.mjs", "wix-panel-editor", "packages"))
    }
    assert "editor" in panel
    fonts = {f"@fontsource-variable/wix-madefor-{kind}" for kind in ("display", "text")}
    assert sources | fonts | {"@wix/editor"} <= set(licences)
    assert all(re.search(r"^Licence: \S", part, re.MULTILINE) for part in parts)
    assert "Copyright (c) Facebook, Inc. and its affiliates." in licences["react"]
    assert "SIL OPEN FONT LICENSE" in licences["@fontsource-variable/wix-madefor-text"].upper()
    assert "Licence: UNLICENSED" in licences["@wix/dashboard"]
