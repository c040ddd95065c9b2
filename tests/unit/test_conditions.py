"""The conditions and the status that follow from what was observed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hingecraft.outbox.model import ROUTES_UPDATED, EndpointState
from hingecraft.reconcile.model import LastRun
from hingecraft.routes.model import Publication
from hingecraft_operator.custom_resource.status import CONDITIONS, MAX_LAGGING
from hingecraft_operator.status.builder import build_status
from hingecraft_operator.status.conditions import GRACE_PERIOD, verdicts
from hingecraft_operator.status.observed import LastJob, Observed, Verdict

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def published(version=5, **more):
    return Publication(**{
        "version": version, "checksum": "c" * 64, "generated_at": NOW, "next_expiry": None, "changed": True,
        "paused": False, "pin_missing": False, "committed_at": None, **more,
    })  # fmt: skip


def endpoint(**more):
    return EndpointState(**{
        "name": "site", "events": (ROUTES_UPDATED,), "delivered_version": 5, "failures": 0, "disabled_because": None,
        "next_attempt_at": None, "answer": None, **more,
    })  # fmt: skip


def last_run(**more):
    numbers = {"checked": 9, "changed": 1, "errors": 0}
    return LastRun(**{"finished_at": NOW.timestamp(), "succeeded": True, "numbers": numbers, "reasons": [], **more})


def well(**more):
    """An observation in which all is well, except for what is given."""
    return Observed(**{
        "generation": 3, "running": True, "listening": True, "publication": published(), "route_count": 24,
        "pod_names": {"http://a": "api-a", "http://b": "api-b"}, "served": {"http://a": 5, "http://b": 5},
        "last_run": last_run(), **more,
    })  # fmt: skip


def of(observed, before=None, now=1000.0):
    return {name: verdict[:2] for name, verdict in verdicts(observed, before or {}, now).items()}


def test_when_all_is_well_everything_is_true():
    found = of(well())
    assert list(found) == list(CONDITIONS)
    assert {state for state, _ in found.values()} == {"True"}
    assert found["Ready"] == ("True", "Serving")


@pytest.mark.parametrize(("more", "condition", "verdict"), [
    ({"database_problem": Verdict("False", "SecretMissing", "x")}, "DatabaseConnected", ("False", "SecretMissing")),
    ({"at_a_standby": "x", "listening": None}, "DatabaseConnected", ("False", "InRecovery")),
    ({"running": False, "listening": None}, "DatabaseConnected", ("Unknown", "Connecting")),
    ({"listening": None}, "DatabaseConnected", ("Unknown", "Connecting")),
    ({"listening": False}, "DatabaseConnected", ("False", "Unreachable")),
    ({"rebuild_error": "Postgres is unavailable"}, "RoutesBuilt", ("False", "RebuildFailed")),
    ({"publication": None}, "RoutesBuilt", ("Unknown", "Waiting")),
    ({"publication": published(pin_missing=True)}, "RoutesBuilt", ("False", "PinMissing")),
    ({"publication": published(version=None)}, "RoutesBuilt", ("False", "NothingPublished")),
    ({"publication": None}, "FanoutComplete", ("Unknown", "NothingPublished")),
    ({"pod_names": {}}, "FanoutComplete", ("False", "NoPods")),
    ({"served": {"http://a": 5, "http://b": 4}}, "FanoutComplete", ("False", "PodsLagging")),
    ({"served": {"http://a": 5}}, "FanoutComplete", ("False", "PodsLagging")),
])  # fmt: skip
def test_what_serving_needs_makes_it_unready(more, condition, verdict):
    found = of(well(**more))
    assert found[condition] == verdict
    first = next(name for name in CONDITIONS[1:4] if found[name][0] != "True")
    assert found["Ready"] == found[first]


@pytest.mark.parametrize(("more", "condition", "verdict", "ready"), [
    ({"webhooks": [endpoint(failures=2, answer="HTTP 500")]}, "WebhooksDelivered", ("False", "Failing"), "Webhooks"),
    ({"webhooks": [endpoint(disabled_because="410")]}, "WebhooksDelivered", ("False", "Disabled"), "Webhooks"),
    ({"last_run": last_run(succeeded=False)}, "ReconcileHealthy", ("False", "RunHadErrors"), "Reconcile"),
    ({"last_job": LastJob(name="j", failed=True, message="x")}, "ReconcileHealthy", ("False", "JobFailed"),
     "Reconcile"),
    ({"reconcile_problem": Verdict("False", "ImageMissing", "x")}, "ReconcileHealthy", ("False", "ImageMissing"),
     "Reconcile"),
])  # fmt: skip
def test_what_stops_nobody_from_paying_is_named_and_leaves_it_ready(more, condition, verdict, ready):
    found = of(well(**more))
    assert found[condition] == verdict
    assert found["Ready"] == ("True", f"{ready}Degraded")


def test_paused_is_ready_and_says_so():
    found = of(well(publication=published(paused=True), served={}))
    assert found["Ready"] == ("True", "Paused")
    assert found["FanoutComplete"] == ("True", "Paused")


def test_a_version_on_its_way_changes_nothing_for_a_moment():
    before = {"FanoutComplete": Verdict("True", "Complete", "every pod serves version 4")}
    observed = well(served={"http://a": 4, "http://b": 5}, fanout_began_at=1000.0)
    assert of(observed, before, now=1000.0 + GRACE_PERIOD - 0.1)["FanoutComplete"] == ("True", "Complete")
    assert of(observed, {}, now=1000.0)["FanoutComplete"] == ("Unknown", "OnItsWay")
    assert of(observed, before, now=1000.0 + GRACE_PERIOD)["FanoutComplete"] == ("False", "PodsLagging")


def test_an_engine_that_is_started_again_changes_nothing_for_a_moment():
    before = {"DatabaseConnected": Verdict("True", "Listening", "listening for changes")}
    observed = well(listening=None, started_at=1000.0)
    assert of(observed, before, now=1000.0 + GRACE_PERIOD - 0.1)["DatabaseConnected"] == ("True", "Listening")
    assert of(observed, before, now=1000.0 + GRACE_PERIOD)["DatabaseConnected"] == ("Unknown", "Connecting")
    assert of(observed, {}, now=1000.0)["DatabaseConnected"] == ("Unknown", "Connecting")


def test_a_pod_that_refuses_is_named_with_what_it_says():
    observed = well(served={"http://a": 5}, failures={"http://b": "HTTP 401"})
    message = verdicts(observed, {}, 1000.0)["FanoutComplete"].message
    assert message == "version 5 has not reached api-b (HTTP 401)"


def status(observed):
    found = verdicts(observed, {}, 1000.0)
    return build_status(observed, found, dict.fromkeys(found, NOW))


def test_the_status_names_the_pods_that_lag_and_not_more_than_twenty():
    names = {f"http://{number}": f"api-{number:03}" for number in range(50)}
    found = status(well(pod_names=names, served={"http://7": 5, "http://8": 6}))
    assert (found["pods"]["total"], found["pods"]["synced"], found["podsSummary"]) == (50, 2, "2/50")
    assert len(found["pods"]["lagging"]) == MAX_LAGGING
    assert "api-007" not in found["pods"]["lagging"]


def test_the_latencies_are_whole_milliseconds():
    observed = well()
    assert "latency" not in status(observed)
    observed.latencies.append(0.1204)
    assert status(observed)["latency"] == {"last": 120, "p50": 120, "p99": 120}
    observed.latencies.extend([0.1] * 98 + [0.9])
    assert status(observed)["latency"] == {"last": 900, "p50": 100, "p99": pytest.approx(128, abs=1)}


def test_an_endpoint_that_wants_no_routes_is_not_asked_for_their_version():
    payments = endpoint(name="payments", events=("payment.completed",), delivered_version=None)
    found = status(well(webhooks=[endpoint(), payments, endpoint(name="late", delivered_version=4)]))
    assert found["webhooksSummary"] == "1/2"


@pytest.mark.parametrize(("more", "state"), [
    ({}, "Delivered"),
    ({"next_attempt_at": NOW}, "Pending"),
    ({"failures": 1, "next_attempt_at": NOW}, "Failing"),
    ({"failures": 1, "disabled_because": "410", "next_attempt_at": NOW}, "Disabled"),
])  # fmt: skip
def test_an_endpoint_is_in_one_state(more, state):
    (found,) = status(well(webhooks=[endpoint(**more)]))["webhooks"]
    assert found["state"] == state
    assert ("nextAttempt" in found) == (state in {"Pending", "Failing"})


def test_times_are_written_as_kubernetes_reads_them():
    found = status(well())
    assert found["generatedAt"] == "2026-01-02T03:04:05Z"
    assert found["reconcile"] == {"lastRun": "2026-01-02T03:04:05Z", "checked": 9, "changed": 1, "errors": 0}
    assert {each["observedGeneration"] for each in found["conditions"]} == {3}
