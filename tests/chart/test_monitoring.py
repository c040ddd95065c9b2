"""Alerts fire when they should, link to a runbook, and use metrics that exist; so does the dashboard."""

from __future__ import annotations

import ast
import re
import subprocess

import pytest
import yaml
from prometheus_client import CollectorRegistry

from chart.test_refusals import changed
from hingecraft.observability.metrics import ApiMetrics
from hingecraft_operator.metrics import OperatorMetrics
from on_cluster.test_monitoring import ALERTS as ON_CLUSTER
from support import cluster_tools, runbooks
from support.helm_chart import REQUIRED, rendered
from support.helm_release import CHART
from support.kubernetes_node.places import ROOT
from support.prometheus import panels, recorded

# Of the release that alerts_test.yaml is about.
PLACES = {"RUNBOOKS": "https://docs.example", "NAMESPACE": "pay", "FULLNAME": "hingecraft"}
ALERTS = (CHART / "alerts.yaml").read_text()
RULES = [rule for group in yaml.safe_load(ALERTS)["groups"] for rule in group["rules"]]
CASES = yaml.safe_load((ROOT / "tests" / "chart" / "alerts_test.yaml").read_text())
SUFFIXES = ("_total", "_bucket", "_count", "_sum")
MONITORS = {"ServiceMonitor": "endpoints", "PodMonitor": "podMetricsEndpoints"}


def promtool(*arguments, folder):
    done = subprocess.run(
        [cluster_tools.promtool(), *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def folder(tmp_path):
    """With the alerts in one file, and each in a file of its own."""
    text = ALERTS
    for place, value in PLACES.items():
        text = text.replace(place, value)
    (tmp_path / "alerts.yaml").write_text(text)
    for group in yaml.safe_load(text)["groups"]:
        for rule in group["rules"]:
            alone = {"groups": [{"name": group["name"], "rules": [rule]}]}
            (tmp_path / f"{rule['alert']}.yaml").write_text(yaml.safe_dump(alone))
    return tmp_path


def test_each_alert_fires_when_it_should(folder):
    """Each case by itself: promtool evaluates every rule that a file names in each minute of it, which may be a day."""
    assert promtool("check", "rules", "--lint=all", "alerts.yaml", folder=folder)[0] == 0
    files = [f"case-{number}.yaml" for number in range(len(CASES["tests"]))]
    for name, case in zip(files, CASES["tests"], strict=True):
        rules = sorted({f"{each['alertname']}.yaml" for each in case["alert_rule_test"]})
        (folder / name).write_text(yaml.safe_dump({**CASES, "rule_files": rules, "tests": [case]}))
    code, said = promtool("test", "rules", *files, folder=folder)
    assert code == 0, said


def test_each_alert_is_tested():
    tested = {case["alertname"] for test in CASES["tests"] for case in test["alert_rule_test"] if case["exp_alerts"]}
    assert tested == {rule["alert"] for rule in RULES}


def test_each_alert_leads_to_a_place_of_its_own_in_the_runbooks():
    """With what it means, a command or a link to the section that has it, its end, and when to call somebody else."""
    places = {rule["alert"]: rule["annotations"]["runbook_url"].removeprefix("RUNBOOKS/") for rule in RULES}
    assert runbooks.problems(places) == []
    named = [alert for page in runbooks.RUNBOOKS.glob("*.md") for alert in runbooks.NAMED.findall(page.read_text())]
    assert sorted(named) == sorted(places)


PAGE = """# Jobs

## A job has failed

Alert: `JobsFail`. A job has failed.

```sh
# Look
true
```

ENDS

### What the pods say

## Jobs stand still

Alert: `JobsStalled`. Nobody works. See [above](#a-job-has-failed). ENDS

## Jobs are slow

Alert: `JobsSlow`. They take long. See [below](#twice). ENDS

## Jobs repeat

Alert: `JobsRepeat`.

See [above](#a-job-has-failed). ENDS

## Jobs never end

Alert: `JobsNeverEnd`. They run. See [above](#a-job-has-failed).

## Twice

## Twice
""".replace("ENDS", "It is over when none runs. [Escalate](../operations.md#when-to-escalate) at once.")


@pytest.mark.parametrize(
    ("places", "problem"),
    [
        ({"JobsFail": "jobs.md#a-job-has-failed", "JobsStalled": "jobs.md#jobs-stand-still"}, ""),
        ({"JobsFail": "jobs.md#a-job-fails"}, "0 sections"),
        ({"JobsFail": "job.md"}, "0 sections"),
        ({"JobsFail": "jobs.md#look"}, "0 sections"),
        ({"JobsFail": "jobs.md#twice"}, "2 sections"),
        ({"JobsFail": "jobs.md"}, "is about ['JobsFail', 'JobsStalled', 'JobsSlow', 'JobsRepeat', 'JobsNeverEnd']"),
        ({"JobsFail": "jobs.md#what-the-pods-say"}, "is about no alert"),
        ({"JobsFail": "jobs.md#jobs-stand-still"}, "is about ['JobsStalled']"),
        ({"JobsSlow": "jobs.md#jobs-are-slow"}, "no command"),
        ({"JobsRepeat": "jobs.md#jobs-repeat"}, "does not say what the alert means"),
        ({"JobsNeverEnd": "jobs.md#jobs-never-end"}, "does not say: It is over when"),
        ({"JobsNeverEnd": "jobs.md#jobs-never-end"}, "does not say: [Escalate]"),
        ({"JobsFail": "jobs.md#a-job-has-failed", "Other": "jobs.md#a-job-has-failed"}, "also the place of Other"),
    ],
)
def test_a_place_that_is_wrong_is_found(tmp_path, places, problem):
    (tmp_path / "jobs.md").write_text(PAGE)
    found = runbooks.problems(places, tmp_path)
    assert problem in str(found)
    assert bool(found) is bool(problem)


def proven_alerts():
    """The names that tests give `proven` of tests/support/alerts.py."""
    for file in (ROOT / "tests").rglob("test_*.py"):
        text = file.read_text()
        if "from support.alerts import" in text:
            for call in ast.walk(ast.parse(text)):
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "proven":
                    yield ast.literal_eval(call.args[0])


def test_each_alert_has_fired_on_a_cluster_or_for_what_processes_expose():
    assert {*proven_alerts(), *ON_CLUSTER} == {rule["alert"] for rule in RULES}


def known_metrics():
    found = set()
    for metrics in (ApiMetrics, OperatorMetrics):
        registry = CollectorRegistry()
        metrics(registry)
        found |= {family.name for family in registry.collect()}
    return found


def used_in(expression):
    for name in re.findall(r"hingecraft_[a-z_]+", expression):
        yield next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), name)


def test_the_metrics_that_they_use_exist():
    known = known_metrics()
    expressions = [(rule["alert"], rule["expr"]) for rule in RULES] + list(panels("pay"))
    for name, expression in expressions:
        assert list(used_in(expression)), name
        assert set(used_in(expression)) <= known, name


def test_prometheus_understands_the_dashboard(tmp_path):
    queries = [query for _, query in panels("pay")]
    (tmp_path / "panels.yaml").write_text(yaml.safe_dump(recorded(queries)))
    code, said = promtool("check", "rules", "panels.yaml", folder=tmp_path)
    assert code == 0, said


@pytest.mark.parametrize(("given", "kept"), [({}, True), ({"honorLabels": False}, False)])
def test_the_label_namespace_is_the_resources_unless_it_is_set_otherwise(given, kept):
    """Without honorLabels, Prometheus writes the operator's own namespace there, and alerts lose the resource's."""
    monitoring = {"podMonitors": {"enabled": True, **given}}
    opened = changed(REQUIRED, "networkPolicies.metricsFrom", [{"namespaceSelector": {}}])
    documents = rendered(changed(opened, "monitoring", monitoring))
    found = {each["kind"]: each["spec"] for each in documents if each["kind"] in MONITORS}
    honoured = {kind: [endpoint["honorLabels"] for endpoint in spec[MONITORS[kind]]] for kind, spec in found.items()}
    assert honoured == {kind: [kept] for kind in MONITORS}
