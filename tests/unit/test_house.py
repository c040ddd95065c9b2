"""The traps of this house's layout."""

from __future__ import annotations

import json
import operator
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_operator_is_the_standard_librarys():
    assert Path(operator.__file__).is_relative_to(sysconfig.get_path("stdlib"))


def test_it_still_is_when_python_starts_in_the_checkout():
    asked = subprocess.run(
        [sys.executable, "-c", "import operator, collections; print(operator.__file__)"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert not Path(asked.stdout.strip()).is_relative_to(ROOT)


def test_source_roots_are_not_packages():
    for root in ("core", "api", "operator", "sandbox", "tests"):
        assert not (ROOT / root / "__init__.py").exists()


@pytest.mark.parametrize(
    ("folder", "following"),
    [
        ("core/hingecraft", "api/hingecraft_api"),
        ("api/hingecraft_api", "operator/hingecraft_operator"),
        ("operator/hingecraft_operator", "operator/rbac"),
        ("sandbox/hingecraft_sandbox", "wix/site/src"),
    ],
)
def test_every_package_and_module_at_the_top_is_in_the_architecture_page(folder, following):
    page = (ROOT / "docs" / "architecture.md").read_text()
    tree = page[page.index(f"{folder}/\n") : page.index(f"{following}/")]
    there = [each for each in (ROOT / folder).iterdir() if not each.name.startswith(("_", "."))]
    names = {f"{each.name}/" if each.is_dir() else each.name for each in there} - {"py.typed"}
    listed = {line.split()[0] for line in tree.splitlines() if line.startswith("  ") and line[2] != " "}
    assert names == listed


# A host of Stripe's.
_NOT_OURS = "donate.stripe.com"


@pytest.mark.parametrize("system", ["donat", "credits", "purchases"])
def test_what_the_systems_share_mentions_none_of_them(system):
    for package in ("payments", "inbox", "providers", "reconcile", "leases", "idempotency", "outbox"):
        for file in (ROOT / "core" / "hingecraft" / package).rglob("*.py"):
            assert system not in file.read_text().replace(_NOT_OURS, "").lower(), file


def test_every_statement_that_writes_a_payment_or_settlement_names_its_purpose():
    """The database fills it in for software of before only; a purpose that we forget would become a donation."""
    columns = re.compile(r"INSERT INTO (?:payments|settlements) \(([^)]*)\)")
    found = [names for file in (ROOT / "core").rglob("*.py") for names in columns.findall(file.read_text())]
    assert len(found) >= 5
    assert all("purpose" in names for names in found)


def test_lock_files_name_no_registry_and_hash_everything():
    for name in ("", "-run", "-dev", "-image", "-go"):
        text = (ROOT / f"requirements{name}.lock").read_text()
        assert "://" not in text
        requirements = re.split(r"\n(?=\S)", text.strip())
        assert [each.splitlines()[0] for each in requirements if "==" not in each or "--hash=sha256:" not in each] == []
    for file in subprocess.check_output(["git", "ls-files", "*package-lock.json"], cwd=ROOT, text=True).split():
        packages = json.loads((ROOT / file).read_text())["packages"]
        assert [name for name, package in packages.items() if "resolved" in package] == [], file
        assert [name for name, package in packages.items() if name and "integrity" not in package] == [], file


def test_what_make_dev_installs_is_part_of_what_make_setup_installs():
    run, development = (
        {line.split(" ")[0] for line in (ROOT / name).read_text().splitlines() if "==" in line}
        for name in ("requirements-run.lock", "requirements-dev.lock")
    )
    assert run < development


def test_core_sets_nothing_for_a_whole_session():
    """A connection goes back to the pool without a reset, and perhaps through a pooler to another client."""
    sets = re.compile(r"\"\n?(?:SET (?!LOCAL)|RESET |LISTEN |PREPARE )|set_config\([^)]*false")
    # These keep a connection of their own.
    own = {"migrations", "sync"}
    for file in (ROOT / "core" / "hingecraft").rglob("*.py"):
        if file.relative_to(ROOT / "core" / "hingecraft").parts[0] not in own:
            assert not sets.search(file.read_text()), file
