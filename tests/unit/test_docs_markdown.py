"""Pages as forges read them become pages as Python-Markdown reads them."""

from __future__ import annotations

import re
import textwrap

import markdown
import pytest

from docs_markdown import for_site


@pytest.mark.parametrize(
    ("page", "html"),
    [
        (
            """
            1. First:

               <!-- run: whole -->
               ```sh
               true
               ```
            2. Second.

               More of it.
            3. Third:
               - a
               - b
            """,
            (
                "<ol><li><p>First:</p><pre><code>true</code></pre></li><li><p>Second.</p><p>More of it.</p></li>"
                "<li><p>Third:</p><ul><li>a</li><li>b</li></ul></li></ol>"
            ),
        ),
        (
            """
            - one
              goes on
            - two

            ```text
            1. <!-- not run: shown -->
            ```
            """,
            "<ul><li>one goes on</li><li>two</li></ul><pre><code>1. &lt;!-- not run: shown --&gt;</code></pre>",
        ),
    ],
)
def test_items_keep_what_belongs_to_them(page, html):
    made = markdown.markdown(for_site(textwrap.dedent(page)), extensions=["pymdownx.superfences"])
    assert structure(made) == html


def structure(made: str) -> str:
    """The HTML without colours, and without spaces at tags."""
    plain = re.sub(r"</?(?:span|div)[^>]*>", "", made)
    return re.sub(r"\s+", " ", re.sub(r"\s*(<[^>]+>)\s*", r"\1", plain)).strip()
