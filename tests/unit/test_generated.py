from __future__ import annotations

from pathlib import Path

import pytest

from generators.files import GENERATED

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_what_is_written_from_the_code_is_checked_in(name):
    assert (ROOT / name).read_text(encoding="utf-8") == GENERATED[name](), f"{name} has drifted: run `make generate`"
