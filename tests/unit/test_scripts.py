"""The scripts for developers, and how `make` calls them."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

import run_tiers
import slowest
from check_commit_message import problems
from install import pinned
from run_tiers import Run, Tier, missing
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


def test_a_run_says_where_its_time_went(tmp_path):
    (tmp_path / "money.xml").write_text(
        '<testsuites><testsuite><testcase classname="tests.money.test_a" name="test_x" time="1.2"/>'
        '<testcase classname="tests.money.test_b" name="test_y[z]" time="30.1"/>'
        '<testcase classname="tests.money.test_a" name="test_z" time="31.0"/></testsuite></testsuites>'
    )
    said = [line.split() for line in slowest.lines([tmp_path / "money.xml", tmp_path / "not_run.xml"])]
    assert said == [
        ["slowest", "files:"], ["32", "s", "money", "test_a"], ["30", "s", "money", "test_b"],
        ["slowest", "tests:"], ["31", "s", "money", "test_a::test_z"], ["30", "s", "money", "test_b::test_y[z]"],
        ["1", "s", "money", "test_a::test_x"],
    ]  # fmt: skip


BROWSER = Tier("browser", "", "", needs=("chromium", "/usr/lib/postgresql/15/bin/no-such-postgres"))


def test_without_root_one_line_says_what_a_tier_needs(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert missing(BROWSER) == "not run: as root, run: apt-get install chromium postgresql-15"


def test_as_root_a_tier_gets_its_programs_from_debian(tmp_path, monkeypatch):
    """`apt-get` is a script here: a machine cannot be without Chromium and have it."""
    asked = tmp_path / "asked"
    apt = tmp_path / "apt-get"
    installing = f"[[ $* != *chromium* ]] || ln -sf /bin/true {tmp_path}/chromium"
    apt.write_text(f'#!/bin/bash\necho "$*" >> {asked}\n{installing}\n')
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/nowhere")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    (tmp_path / "ln").symlink_to("/bin/ln")
    assert missing(Tier("browser", "", "", needs=("chromium",))) == ""
    update, install = asked.read_text().splitlines()
    assert update.endswith("update")
    assert install.endswith("install --no-install-recommends chromium")


def test_when_one_kind_of_tiers_is_done_both_lanes_share_the_others(tmp_path, monkeypatch):
    """The first of those that work ends only when the last of them has run, which the other lane has to take."""
    monkeypatch.setattr(run_tiers, "RESULTS", tmp_path)
    done = tmp_path / "done"
    first = """
import pathlib, time
def test_first():
    while not pathlib.Path({done!r}).exists():
        time.sleep(0.01)
"""
    tests = {
        "first": first.format(done=str(done)),
        "last": f"import pathlib\ndef test_last():\n    pathlib.Path({str(done)!r}).touch()\n",
        "waits": "def test_waits():\n    pass\n",
    }
    tiers = _written(tmp_path, tests)
    assert all(result.passed for result in Run(tiers).all().values())


def _written(folder, tests):
    """Tiers of one file each, with these texts."""
    for name, text in tests.items():
        (folder / name).mkdir()
        (folder / name / f"test_{name}.py").write_text(text)
    return [Tier(name, "", str(folder / name), workers=0, waits=name == "waits") for name in tests]


def test_a_tier_that_waits_runs_beside_the_others_and_every_result_is_told(tmp_path, monkeypatch, capfd):
    """Neither of the first two ends without the other."""
    monkeypatch.setattr(run_tiers, "RESULTS", tmp_path)
    meeting = """
import pathlib, time
def test_meets():
    pathlib.Path({mine!r}).touch()
    while not pathlib.Path({theirs!r}).exists():
        time.sleep(0.01)
"""
    mine, theirs = str(tmp_path / "mine"), str(tmp_path / "theirs")
    tests = {
        "works": meeting.format(mine=mine, theirs=theirs),
        "waits": meeting.format(mine=theirs, theirs=mine),
        "fails": "def test_fails():\n    assert False, 'as it should'\n",
    }
    results = Run(_written(tmp_path, tests)).all()
    assert {name: result.passed for name, result in results.items()} == {"works": True, "waits": True, "fails": False}
    assert "FAILED after" in results["fails"].note
    assert "as it should" in capfd.readouterr().out
