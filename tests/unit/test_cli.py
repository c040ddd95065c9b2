"""The list of commands is read, not imported; what is read must be what each command says."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from hingecraft import cli


@pytest.mark.parametrize("entry", entry_points(group="hingecraft.commands"), ids=lambda entry: entry.name)
def test_the_listed_summary_is_the_commands_own(entry):
    assert cli.summary_of(entry) == entry.load().summary


def test_the_list_of_commands_imports_none_of_them():
    asked = (
        "import sys; from hingecraft.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('asyncpg', 'aiohttp', 'pydantic', 'stripe', 'kopf') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "reconcile" in done.stdout
