"""`docs/operator.md` says what is true: its example is accepted, and it lists all reasons."""

from __future__ import annotations

import re

import yaml

from support.kube import ROOT

DOC = (ROOT / "docs" / "operator.md").read_text()
SOURCES = ROOT / "operator" / "hingecraft_operator"
VERDICT = re.compile(r'Verdict\(\s*"(?:True|False|Unknown)",\s*"(\w+)"')


async def test_the_example_is_accepted(namespace):
    """And what it shows of a company's proxy and of the Wix app, added to it."""
    document, *added = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL))
    document["metadata"]["namespace"] = namespace.name
    for each in added:
        document["spec"]["reconcile"] |= each["spec"]["reconcile"]
    made = await namespace.make(document)
    assert len(added) == 2
    for each in added:
        assert made["spec"]["reconcile"].items() >= each["spec"]["reconcile"].items()


async def test_a_database_is_freed_by_hand(conn):
    await conn.execute("UPDATE route_policy SET managed = '{paused}'; UPDATE installation SET claimed_by = 'gone'")
    (statements,) = re.findall(r"```sql\n(.*?)```", DOC, re.DOTALL)
    await conn.execute(statements)
    assert await conn.fetchval("SELECT managed = '{}' AND claimed_by IS NULL FROM route_policy, installation")


def test_every_reason_is_documented():
    reasons = {reason for file in SOURCES.rglob("*.py") for reason in VERDICT.findall(file.read_text())}
    assert len(reasons) > 20
    assert {reason for reason in reasons if f"`{reason}`" not in DOC} == set()
