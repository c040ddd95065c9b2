"""`make check` rejects phrases that are hard to read."""

from __future__ import annotations

import pytest

import check_words

OLD = "# Who" + "ever calls.\n"


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (f"x = 1\n{OLD}", 2),
        ('"""Read by\n\nwho' + 'ever asks."""\n', 3),
        ("raise ValueError('made a" + "new here')\n", 1),
        ("async def test_a_repeat_is_" + "no_error(pod): ...\n", 1),
    ],
    ids=["comment", "docstring", "message", "name of a test"],
)
def test_a_phrase_is_found_in(code, line, tmp_path, monkeypatch):
    monkeypatch.setattr(check_words, "ROOT", tmp_path)
    (tmp_path / "some.py").write_text(code)
    (problem,) = check_words.problems("some.py")
    assert problem.startswith(f"some.py:{line}: ")


@pytest.mark.parametrize("code", ["alone=1\n", "# There is no payment with this id, and it is no longer in use.\n"])
def test_names_and_plain_sentences_pass(code, tmp_path, monkeypatch):
    monkeypatch.setattr(check_words, "ROOT", tmp_path)
    (tmp_path / "some.py").write_text(code)
    assert list(check_words.problems("some.py")) == []


def test_only_migrations_that_can_still_be_changed_are_checked():
    newest = check_words.NEWEST_APPLIED_MIGRATION
    assert list((check_words.ROOT / "migrations").glob(f"{newest:03}_*.sql")), "it is applied, so it is there"
    assert not check_words.is_checked(f"migrations/{newest:03}_figures_stamp.sql")
    assert check_words.is_checked(f"migrations/{newest + 1:03}_new.sql")
