"""`make check` rejects what breaks in Wix's frame: heights of the window, files of other servers, weight."""

from __future__ import annotations

import pytest

import check_dashboard
from toolchain.page_sizes import Size


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("a.css", "main { min-height: 100vh; }"),
        ("a.css", "main { block-size: 50dvh; }"),
        ("a.css", "html, body { height: 100%; }"),
        ("a.tsx", "<Page height='100vh'>"),
        ("a.tsx", "<div style={{ height: '100%' }}>"),
        ("a.tsx", "<div style={{ minHeight: '100%' }}>"),
        ("a.tsx", "<div style={{ minBlockSize: '100%' }}>"),
    ],
)
def test_a_height_of_the_window_is_found(name, line, tmp_path):
    (tmp_path / name).write_text(f"\n{line}\n")
    (problem,) = check_dashboard.heights(tmp_path)
    assert problem.startswith(f"{name}:2: ")


def test_heights_of_their_own_pass(tmp_path):
    (tmp_path / "a.css").write_text("main { min-block-size: 240px; width: 100%; line-height: 100%; }\n")
    assert list(check_dashboard.heights(tmp_path)) == []


def test_a_file_of_another_server_is_found(tmp_path):
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets/a.css").write_text(
        "@font-face { src: url('//static.example.com/a.woff2') } p { background: url(/wix-dashboard/assets/a.svg) }"
    )
    (problem,) = check_dashboard.addresses(tmp_path)
    assert "static.example.com" in problem


def test_a_page_is_too_large_above_its_limit_and_where_nothing_was_measured():
    assert [Size("a page", kilobytes, 300).is_over for kilobytes in (0, 299.9, 300, 300.1)] == [
        True,
        False,
        False,
        True,
    ]
