"""The scripts for developers."""

from __future__ import annotations

from check_commit_message import problems


def test_a_commit_message_is_held_to_its_rules():
    assert problems("Retry refused connections\n\nA busy machine refuses some.\n# comment") == []
    assert problems("x" * 73)
    assert problems("Retry.")
    assert problems("Retry\nat once")
    assert problems("Retry\n\n" + "x" * 73)
    assert problems("Retry\n\nhttps://example.com/" + "x" * 73) == []
    assert problems("# only a comment") == ["the subject is missing"]
