"""The codes of rejections: listed once, used, and explained."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import get_args

from generators.files import openapi
from hingecraft.errors import ErrorCode
from hingecraft_api.reference import codes as reference

ROOT = Path(__file__).parents[2]
CODES = set(get_args(ErrorCode))


def words_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_each_code_is_used_somewhere():
    """That no other is used is held by the type: mypy refuses a code that is not listed."""
    files = [*ROOT.glob("core/hingecraft/**/*.py"), *ROOT.glob("api/hingecraft_api/**/*.py")]
    used = set().union(*(words_in(path) for path in files if path.name not in {"errors.py", "codes.py"}))
    assert CODES - used == set()


def test_the_document_lists_them():
    code = json.loads(openapi())["components"]["schemas"]["Refusal"]["properties"]["code"]
    assert set(code["enum"]) == CODES


def test_the_reference_explains_each_and_no_other():
    """That docs/api.md has the same table is held by `make generate` and its test."""
    assert set(reference.CODES) == CODES
    assert sorted(reference.CODES) == list(reference.CODES), "people look codes up by the alphabet"
    assert all(code.advice.endswith(".") for code in reference.CODES.values())
