"""Keys of files, and the names under which they are saved."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from hingecraft.purchases.downloads.names import attachment
from hingecraft.purchases.file_keys import key_problem


@pytest.mark.parametrize(
    "key",
    ["a.pdf", "hinges/brass hinge.zip", "..data/a.pdf", "a..b", "...", '设计/“图”".pdf', "a%2e%2e/b", "x" * 1024],
)
def test_a_key_may_name_any_file_below_the_folder(key):
    assert key_problem(key) is None


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("/etc/passwd", "without a slash at its start"), ("", "must name a file"), ("a/", "must name a file"),
        ("a//b", "must name a file"), ("..", "must not have . or .."), ("a/../../b", "must not have . or .."),
        ("./a", "must not have . or .."), ("a\\..\\b", "backslashes"), ("a\0b", "control characters"),
        ("a\nb", "control characters"), ("a\x85b", "control characters"), ("exe.\u202efdp", "control characters"),
        ("\ud800", "control characters"), ("x" * 1025, "at most 1024 bytes"), ("设" * 342, "at most 1024 bytes"),
    ],
)  # fmt: skip
def test_a_key_that_could_leave_the_folder_or_deceive_is_rejected_with_a_reason(key, problem):
    assert problem in key_problem(key)


@pytest.mark.parametrize(
    ("key", "header"),
    [
        ("a/b/hinge.pdf", "attachment; filename=\"hinge.pdf\"; filename*=UTF-8''hinge.pdf"),
        ("Türangel (1).pdf", "attachment; filename=\"Turangel (1).pdf\"; filename*=UTF-8''T%C3%BCrangel%20%281%29.pdf"),
        ("设计图.pdf", "attachment; filename=\"download.pdf\"; filename*=UTF-8''%E8%AE%BE%E8%AE%A1%E5%9B%BE.pdf"),
        ('a"b;c.pdf', "attachment; filename=\"ab;c.pdf\"; filename*=UTF-8''ab%3Bc.pdf"),
        ("50%25.pdf", "attachment; filename=\"50_25.pdf\"; filename*=UTF-8''50%2525.pdf"),
        ("README", "attachment; filename=\"README\"; filename*=UTF-8''README"),
        ('"', "attachment; filename=\"download\"; filename*=UTF-8''download"),
    ],
)
def test_a_file_is_saved_under_its_own_name(key, header):
    assert attachment(key) == header


def test_a_name_of_three_hundred_characters_in_chinese_with_quotes_is_cut_to_what_file_systems_take():
    header = attachment("designs/" + "设" * 150 + '"' + "计" * 150 + ".tar")
    assert header.isascii()
    assert header.count('"') == 2
    name = unquote(header.rpartition("''")[2])
    assert len(name.encode()) <= 240
    assert name.startswith("设设设")
    assert name.endswith("设.tar")
    assert len(header) < 1000
