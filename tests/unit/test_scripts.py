"""The scripts for developers, and how `make` calls them."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from check_commit_message import problems
from install import pinned
from terminal_svg import svg

ROOT = Path(__file__).parents[2]


def test_a_commit_message_is_held_to_its_rules():
    assert problems("Retry refused connections\n\nA busy machine refuses some.\n# comment") == []
    assert problems("x" * 73)
    assert problems("Retry.")
    assert problems("Retry\nat once")
    assert problems("Retry\n\n" + "x" * 73)
    assert problems("Retry\n\nhttps://example.com/" + "x" * 73) == []
    assert problems("# only a comment") == ["the subject is missing"]


def test_uv_is_installed_as_the_lock_says():
    lines = pinned("uv", ROOT / "requirements-dev.lock").splitlines()
    assert re.fullmatch(r"uv==[0-9.]+ \\", lines[0])
    assert len(lines) > 1
    assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in lines[1:])


@pytest.mark.parametrize(
    ("arguments", "environment", "called"),
    [
        ([], {}, "hingecraft dev"),
        ([], {"PORT": "1", "POSTGRES_PORT": "2"}, "hingecraft dev"),
        (["PORT=9080", "POSTGRES_PORT=55432"], {}, "hingecraft dev --port 9080 --postgres-port 55432"),
        (["PORT=9080", "RESET=1"], {"PORT": "1"}, "hingecraft dev --reset --port 9080"),
    ],
)
def test_make_dev_takes_ports_from_its_own_command_line_only(arguments, environment, called):
    kept = {name: value for name, value in os.environ.items() if name not in {"PORT", "POSTGRES_PORT", "MAKEFLAGS"}}
    said = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", "dev", *arguments],
        cwd=ROOT, env={**kept, **environment}, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert " ".join(said.splitlines()[-1].split()) == f".venv/bin/{called}"


def test_make_help_writes_no_escapes_into_a_pipe():
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "\033" not in said
    assert re.search(r"^  dev +run the product", said, re.MULTILINE)


def test_a_picture_of_a_terminal_keeps_colours_and_columns():
    drawn = svg(["\033[32m●\033[0m api-1 <x>", ""])
    assert '<tspan x="16.0" textLength="8.4" fill="#3fb950">●</tspan>' in drawn
    assert "api-1 &lt;x&gt;" in drawn
