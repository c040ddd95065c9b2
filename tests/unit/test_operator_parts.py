"""Parts of the operator that need no cluster: addresses, names, schedules, probes, the events' patience."""

from __future__ import annotations

import re
import time
from typing import Any, cast
from urllib.parse import unquote

import pytest
from pydantic import ValidationError

from hingecraft_operator.cluster.client import SECRETS
from hingecraft_operator.cluster.endpoint_slices import addresses, url_of
from hingecraft_operator.cluster.events import Event, Recorder
from hingecraft_operator.controller.reconciler import first_problem
from hingecraft_operator.cronjob.apply import foreign_editor
from hingecraft_operator.cronjob.manifest import cronjob_manifest, cronjob_name, label_value
from hingecraft_operator.custom_resource.cron import CRON_PATTERN
from hingecraft_operator.custom_resource.fields import seconds
from hingecraft_operator.custom_resource.spec import Spec
from hingecraft_operator.probes import STUCK_AFTER, Liveness
from hingecraft_operator.settings import OperatorSettings


def slice_of(*endpoints, port=8081, name="internal"):
    return {"ports": [{"name": name, "port": port}], "endpoints": list(endpoints)}


def test_every_address_counts_ready_or_not_but_none_that_goes_away():
    ready = {"addresses": ["10.0.0.1"], "conditions": {"ready": True}, "targetRef": {"name": "api-a"}}
    unready = {"addresses": ["10.0.0.2"], "conditions": {"ready": False}, "targetRef": {"name": "api-b"}}
    unknown = {"addresses": ["10.0.0.3"]}
    leaving = {"addresses": ["10.0.0.4"], "conditions": {"ready": False, "terminating": True}}
    found = addresses([slice_of(ready, unready, unknown, leaving), slice_of(ready)], "internal", url_of)
    assert [(pod.url, pod.name) for pod in found] == [
        ("http://10.0.0.1:8081", "api-a"), ("http://10.0.0.2:8081", "api-b"), ("http://10.0.0.3:8081", "10.0.0.3"),
    ]  # fmt: skip


def test_only_the_port_of_that_name_is_called():
    endpoint = {"addresses": ["10.0.0.1"]}
    assert addresses([slice_of(endpoint, name="public")], "internal", url_of) == []
    assert addresses([{"ports": None, "endpoints": None}], "internal", url_of) == []


def test_an_address_of_version_six_stands_in_brackets():
    assert url_of("fd00::1", 8081) == "http://[fd00::1]:8081"


def test_names_are_short_enough_for_a_job_and_differ():
    assert cronjob_name("main") == "main-reconcile"
    long = [f"{'x' * 240}-{number}" for number in range(3)]
    assert len({cronjob_name(name) for name in long}) == 3
    assert max(len(cronjob_name(name)) for name in long) <= 52
    assert max(len(label_value(name)) for name in long) <= 63
    assert label_value("main") == "main"


@pytest.mark.parametrize(("entry", "editor"), [
    ({"manager": "hingecraft-operator", "operation": "Apply", "fieldsV1": {"f:spec": {}}}, None),
    ({"manager": "hingecraft-operator", "operation": "Update", "fieldsV1": {"f:spec": {}}}, "hingecraft-operator"),
    ({"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:spec": {}}}, "kubectl-edit"),
    ({"manager": "kubectl-label", "operation": "Update", "fieldsV1": {"f:metadata": {}}}, None),
    ({"manager": "controller", "operation": "Update", "subresource": "status", "fieldsV1": {"f:spec": {}}}, None),
])  # fmt: skip
def test_an_edit_is_what_says_something_of_the_spec(entry, editor):
    assert foreign_editor({"metadata": {"managedFields": [entry]}}) == editor


@pytest.mark.parametrize(
    "wrong", ["60 * * * *", "* 24 * * *", "* * 32 * *", "* * 0 * *", "* * * 0 *", "* * * * 7x", "@never", "* * * * * *"]
)
def test_a_schedule_that_cron_does_not_know_matches_nothing(wrong):
    assert re.fullmatch(CRON_PATTERN, wrong) is None


@pytest.mark.parametrize(("text", "length"), [("100ms", 0.1), ("30s", 30), ("5m", 300), ("24h", 86_400)])
def test_durations(text, length):
    assert seconds(text) == length


@pytest.mark.parametrize("text", ["", "s", "1", "1.5s", "1d", "-1s", "1s "])
def test_an_invalid_duration_is_explained(text):
    with pytest.raises(ValueError, match="is not a duration such as"):
        seconds(text)


def test_a_process_is_stuck_when_a_part_of_it_has_done_nothing_for_two_minutes():
    liveness, did = Liveness(), [time.monotonic()]
    reconcilers: dict[str, float] = {}
    liveness.watch("the election", lambda: did[0])
    with liveness.watching(lambda: reconcilers):
        assert liveness.stuck() == []
        did[0] -= STUCK_AFTER + 1
        assert liveness.stuck() == ["the election"]
        reconcilers["the reconciler of pay/main"] = did[0]
        assert liveness.stuck() == ["the election", "the reconciler of pay/main"]
    assert liveness.stuck() == ["the election"]


class Kept:
    """Takes events."""

    def __init__(self):
        self.documents = []

    async def create(self, _kind, _namespace, document):
        self.documents.append(document)


async def test_good_news_never_uses_up_the_budget_of_warnings():
    now, kept = [0.0], Kept()
    recorder = Recorder(cast("Any", kept), "x", clock=lambda: now[0])
    resource = {"metadata": {"name": "main", "namespace": "pay", "uid": "1"}}
    for _ in range(30):
        await recorder.record(resource, Event("VersionServed", "a version is served"))
    assert len(kept.documents) == 25
    await recorder.record(resource, Event("PodsLagging", "a pod lags", warning=True))
    assert kept.documents[-1]["reason"] == "PodsLagging"
    now[0] += 31
    for _ in range(5):
        await recorder.record(resource, Event("VersionServed", "a version is served"))
    assert len(kept.documents) == 27


@pytest.mark.parametrize("name", ["x/../../../pay/secrets/db", "a?b=c", "a#b", "..%2f"])
def test_a_name_never_leads_to_another_object(name):
    path = SECRETS.path("wild", name)
    assert path.startswith("/api/v1/namespaces/wild/secrets/")
    assert unquote(path.removeprefix("/api/v1/namespaces/wild/secrets/")) == name
    assert "/" not in path.removeprefix("/api/v1/namespaces/wild/secrets/")


def test_a_stored_object_that_breaks_a_newer_rule_is_reported_by_its_field():
    secret = {"name": "database", "key": "DATABASE_URL"}
    api = {"service": {"name": "api"}, "pushSecretRef": {"name": "database", "key": "PUSH_SECRET"}}
    spec = {"database": {"secretRef": secret}, "api": api, "newer": True}
    assert Spec.model_validate(spec).sync.quiet == "100ms"
    with pytest.raises(ValidationError) as refused:
        Spec.model_validate({**spec, "sync": {"quiet": "soon"}})
    assert first_problem(refused.value) == "spec.sync.quiet: 'soon' is not a duration such as 100ms or 30s"


@pytest.mark.parametrize(("names", "scopes"), [("a, b", ("a", "b")), ("*", (None,))])
def test_what_is_watched(names, scopes):
    assert OperatorSettings(watch_namespaces=names).scopes == scopes


@pytest.mark.parametrize("names", ["", "*,a"])
def test_what_cannot_be_watched(names):
    with pytest.raises(ValidationError, match="must be names of namespaces, comma-separated"):
        OperatorSettings(watch_namespaces=names)


def test_the_bounds_of_the_api_hold_for_the_links_that_the_job_keeps():
    spec = Spec.model_validate(
        {
            "database": {"secretRef": {"name": "database", "key": "DATABASE_URL"}},
            "api": {"service": {"name": "api"}, "pushSecretRef": {"name": "api", "key": "PUSH_SECRET"}},
            "reconcile": {"amounts": {"max": "500"}},
        }
    )
    resource = {"metadata": {"name": "main", "namespace": "pay", "uid": "1"}}
    job = cronjob_manifest(resource, spec, "image")
    (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert {"name": "AMOUNT_MAX", "value": "500"} in container["env"]
    assert [each["name"] for each in container["env"]] == ["DATABASE_URL", "AMOUNT_MAX"]
