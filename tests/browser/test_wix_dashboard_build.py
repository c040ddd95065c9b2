"""The dashboard's built files and types are those that its sources make."""

from __future__ import annotations

from support.folders import open_folder
from toolchain import dashboard


def test_the_types_of_the_calls_are_those_of_the_reference():
    assert dashboard.CLIENT.read_text(encoding="utf-8") == dashboard.client(), "it has drifted: run `make generate`"


def test_the_built_files_are_made_of_the_sources():
    with open_folder() as folder:
        dashboard.build(folder)
        assert dashboard.digests(folder) == dashboard.digests(dashboard.BUILT), "they have drifted: run `make generate`"
