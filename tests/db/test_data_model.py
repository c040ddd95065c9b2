"""docs/data-model.md describes the database that the migrations make."""

from __future__ import annotations

from pathlib import Path

import pytest

from generators import data_model

PAGE = Path(__file__).parents[2] / "docs/data-model.md"


@pytest.mark.newest_postgres
async def test_the_data_model_is_that_of_the_migrations(dsn):
    assert PAGE.read_text(encoding="utf-8") == await data_model.described(dsn.newest), (
        "it has drifted: run `make generate`"
    )
