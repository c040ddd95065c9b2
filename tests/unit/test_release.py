"""The sign-off of a release, the records that it is filled from, and its archives."""

from __future__ import annotations

import os
import tarfile
import zipfile

import pytest

from build_release import Options, build, changelog_problems
from hingecraft.errors import UsageError
from release import archives, artifacts, records, signoff
from release.records import Record
from release.repository import ROOT, State, tracked

NAMES = {
    "Routes mapping", "Micro payments", "Prefill flow", "Currency routing", "Wallet fallback", "Sync under 2 s",
    "Reconciliation", "Webhooks and forgeries", "Credits", "Purchases", "Wix app", "1000 users", "No errors in logs",
    "No secrets",
}  # fmt: skip
BOX = signoff.Box(name="Gifts", says="they arrive", tests=("tests/money/test_a.py::test_x", "tests/crash/"))
FAILED = "tests/crash/test_b.py::test_z"
BOTH = {"tests/money/test_a.py::test_x[1]": "passed", "tests/crash/test_b.py::test_y": "passed"}


def record(tests, *, commit="abc", clean=True):
    return Record("money", commit, clean, tests)


@pytest.mark.parametrize("box", signoff.boxes(), ids=lambda box: box.name)
def test_every_test_behind_a_box_exists(box):
    assert box.tests
    assert signoff.unknown(box) == []


def test_the_page_makes_programs_of_those_that_unpacking_has_made_plain_files():
    files = [name for name in tracked() if (ROOT / name).is_file()]
    programs = [name for name in files if archives.mode(ROOT / name) == 0o755]
    assert f"\nchmod +x {' '.join(programs)}\n" in (ROOT / "docs/release.md").read_text(encoding="utf-8")


def test_a_key_that_cannot_be_used_is_reported_before_anything_is_built(tmp_path, monkeypatch):
    monkeypatch.setattr(artifacts.Builder, "build", lambda _builder: pytest.fail("it was built"))
    with pytest.raises(UsageError, match="ssh-keygen could not use the key"):
        build(Options(into=tmp_path, records=tmp_path, key=tmp_path / "missing", builder="https://x", draft=True))


def test_no_box_is_forgotten():
    assert {box.name for box in signoff.boxes()} >= NAMES


def test_a_test_that_does_not_exist_is_named():
    nodes = ("tests/nowhere.py", "tests/unit/test_release.py::test_gone", "tests/none/", "tests/none.py::test_x")
    assert signoff.unknown(signoff.Box(name="", says="", tests=nodes)) == list(nodes)


def test_a_box_is_ticked_when_all_its_tests_passed():
    judged = signoff.judge(BOX, [record(BOTH)], "abc")
    assert (judged.ticked, judged.passed) == (True, 2)
    assert "- [x] **Gifts**: they arrive (2 tests passed)" in written([judged])


@pytest.mark.parametrize(
    ("runs", "missing"),
    [
        ([], ["`tests/money/test_a.py::test_x`: not run at this commit", "`tests/crash/`: not run at this commit"]),
        ([record(BOTH, commit="other")], 2),
        ([record(BOTH, clean=False)], 2),
        ([record({"tests/money/test_a.py::test_xy": "passed", "tests/crash/test_b.py::test_y": "passed"})], 1),
        ([record({**BOTH, FAILED: "failure"})], [f"`{FAILED}`: failure in money"]),
        ([record({**BOTH, "tests/money/test_a.py::test_x[2]": "skipped"})], 1),
        ([record(BOTH), record({"tests/money/test_a.py::test_x[1]": "error"})], 1),
    ],
    ids=["nothing", "another commit", "a changed checkout", "another test", "a failure", "a skip", "a second tier"],
)  # fmt: skip
def test_a_box_stays_empty_and_says_what_is_missing(runs, missing):
    judged = signoff.judge(BOX, runs, "abc")
    assert not judged.ticked
    assert list(judged.missing) == missing if isinstance(missing, list) else len(judged.missing) == missing
    text = written([judged])
    assert "- [ ] **Gifts**" in text
    assert f"missing: {judged.missing[0]}" in text


def written(judged, draft=()):
    return signoff.document(judged, version="1.2.3", commit="abc", draft=draft, signed="")


def test_a_draft_and_a_release_that_is_not_signed_say_so():
    text = written([], draft=["The tests were not run."])
    assert text.index("DRAFT") < text.index("The tests were not run.") < text.index("Commit `abc`")
    assert "DRAFT" not in written([])
    assert "not signed" in written([])


def test_a_record_is_about_one_commit_from_its_begin_to_its_end(tmp_path, monkeypatch):
    states = iter(
        [State("abc", clean=True), State("abc", clean=True), State("abc", clean=True), State("other", clean=True)]
    )
    monkeypatch.setattr(records, "state", lambda: next(states))
    for clean in (True, False):
        records.Recording("money", tmp_path).end(BOTH)
        (found,) = records.read(tmp_path)
        assert found.is_about("abc") is clean
    assert found.tests == BOTH


def test_a_run_that_does_not_end_leaves_no_record(tmp_path):
    records.Recording("money", tmp_path).end(BOTH)
    records.Recording("money", tmp_path)
    assert records.read(tmp_path) == []


def test_a_junit_file_says_how_each_test_ended(tmp_path):
    junit = tmp_path / "money.xml"
    junit.write_text(
        '<testsuites><testsuite><testcase classname="tests.money.test_a" name="test_x[1.5]"/>'
        '<testcase classname="tests.money.test_a" name="test_y"><failure/></testcase>'
        '<testcase classname="tests.money.test_a" name="test_z"/>'
        '<testcase classname="tests.money.test_a" name="test_z"><error/></testcase>'
        '<testcase classname="tests.money.test_a" name="test_s"><skipped/></testcase></testsuite></testsuites>'
    )
    assert records.of_junit(junit) == {
        "tests/money/test_a.py::test_x[1.5]": "passed", "tests/money/test_a.py::test_y": "failure",
        "tests/money/test_a.py::test_z": "error", "tests/money/test_a.py::test_s": "skipped",
    }  # fmt: skip
    assert records.of_junit(tmp_path / "none.xml") == {}


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("## [Unreleased]\n\n## [1.0.0] - 2026-01-31\n- A.\n", 0),
        ("## [Unreleased]\n- B.\n\n## [1.0.0] - 2026-01-31\n- A.\n", 1),
        ("## [Unreleased]\n\n## [1.0.0]\n- A.\n", 1),
        ("## [Unreleased]\n- A.\n", 2),
    ],
)
def test_the_changes_of_a_release_stand_under_its_version(text, count):
    assert len(changelog_problems(text, "1.0.0")) == count


def test_archives_hold_nothing_of_the_machine(tmp_path):
    """Neither times, nor a umask, nor the order in which files were written."""
    for number, name in enumerate(("first", "second")):
        folder = tmp_path / name / "release"
        folder.mkdir(parents=True)
        for file in ("b", "a")[:: 1 - 2 * number]:
            (folder / file).write_text(file)
        (folder / "a").chmod((0o755, 0o700)[number])
        (folder / "b").chmod((0o644, 0o600)[number])
        os.utime(folder / "a", (number, number))
        archives.write_zip(folder, tmp_path / f"{name}.zip", 1_700_000_000)
        archives.write_tgz([(file.name, file) for file in folder.iterdir()], tmp_path / f"{name}.tgz", 1_700_000_000)
    for kind in ("zip", "tgz"):
        assert (tmp_path / f"first.{kind}").read_bytes() == (tmp_path / f"second.{kind}").read_bytes()
    with zipfile.ZipFile(tmp_path / "first.zip") as made:
        modes = {each.filename: oct(each.external_attr >> 16 & 0o777) for each in made.infolist()}
    assert modes == {"release/a": "0o755", "release/b": "0o644"}
    with tarfile.open(tmp_path / "first.tgz") as tar:
        assert [(each.name, each.mode, each.uid, each.mtime) for each in tar] == [
            ("a", 0o755, 0, 1_700_000_000), ("b", 0o644, 0, 1_700_000_000),
        ]  # fmt: skip
