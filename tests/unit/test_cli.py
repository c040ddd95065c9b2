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


@pytest.mark.parametrize("written", [1, 200_000])
def test_a_reader_that_has_ended_causes_no_complaint(written):
    """As in `hingecraft routes history | head`; long output fails when it is written, short output at the end."""
    asked = (
        "import sys; from hingecraft import cli\n"
        f"cli._loaded = lambda _: cli.Command(summary='', run=lambda _: print('x' * {written}) or 0)\n"
        "sys.stdin.read(); sys.exit(cli.main(['token']))"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", asked], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert run.stdout
    run.stdout.close()
    run.stdout = None
    assert run.communicate() == (None, b"")
    assert run.returncode == cli.EXIT_FAILED


def test_a_connection_that_breaks_is_still_an_error(monkeypatch):
    def run(_arguments):
        raise BrokenPipeError

    monkeypatch.setattr(cli, "_loaded", lambda _entry: cli.Command(summary="", run=run))
    with pytest.raises(BrokenPipeError):
        cli.main(["token"])
