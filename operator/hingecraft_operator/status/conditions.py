"""Derives the conditions from what was observed. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from hingecraft.outbox.model import EndpointState
from hingecraft_operator.custom_resource.status import CONDITIONS, MAX_LAGGING
from hingecraft_operator.status.observed import Observed, Verdict

# In seconds. Each new version takes a moment to reach the pods; only a longer delay makes the resource unready.
GRACE_PERIOD = 2.0
_NEEDED = ("DatabaseConnected", "RoutesBuilt", "FanoutComplete")


def verdicts(observed: Observed, before: Mapping[str, Verdict], now: float) -> dict[str, Verdict]:
    """The verdict for each condition, in the order of the status. `before` holds the last ones."""
    found = {
        "DatabaseConnected": _database(observed, before.get("DatabaseConnected"), now),
        "RoutesBuilt": _routes(observed),
        "FanoutComplete": _fanout(observed, before.get("FanoutComplete"), now),
        "WebhooksDelivered": _webhooks(observed),
        "ReconcileHealthy": _reconcile(observed),
    }
    found["Ready"] = _ready(found)
    return {name: found[name] for name in CONDITIONS}


def _ready(found: Mapping[str, Verdict]) -> Verdict:
    """True if every pod serves the newest version. Other problems only change the reason: donors can still pay."""
    for name in _NEEDED:
        if found[name].state != "True":
            return found[name]
    for name, reason in (("WebhooksDelivered", "WebhooksDegraded"), ("ReconcileHealthy", "ReconcileDegraded")):
        if found[name].state == "False":
            return Verdict("True", reason, found[name].message)
    if found["RoutesBuilt"].reason == "Paused":
        return found["RoutesBuilt"]
    return Verdict("True", "Serving", found["FanoutComplete"].message)


def _database(observed: Observed, before: Verdict | None, now: float) -> Verdict:
    if observed.database_problem is not None:
        return observed.database_problem
    if observed.at_a_standby is not None:
        return Verdict("False", "InRecovery", observed.at_a_standby)
    if observed.running and observed.listening is None and before and now - observed.started_at < GRACE_PERIOD:
        return before
    if not observed.running or observed.listening is None:
        return Verdict("Unknown", "Connecting", "the database has not been reached yet")
    if not observed.listening:
        return Verdict("False", "Unreachable", "LISTEN connection lost, reconnecting")
    return Verdict("True", "Listening", "listening for changes")


def _routes(observed: Observed) -> Verdict:
    publication = observed.publication
    if observed.rebuild_error is not None:
        return Verdict("False", "RebuildFailed", observed.rebuild_error)
    if publication is None:
        return Verdict("Unknown", "Waiting", "the routes have not been built yet")
    if publication.pin_missing:
        return Verdict("False", "PinMissing", "the pinned version no longer exists: pin another, or remove pinVersion")
    if publication.version is None:
        return Verdict("False", "NothingPublished", "no version has been published yet: run hingecraft migrate")
    if publication.paused:
        return Verdict("True", "Paused", f"publishing is paused; pods keep serving version {publication.version}")
    routes = f", {observed.route_count} routes" if observed.route_count is not None else ""
    return Verdict("True", "Published", f"version {publication.version} is published{routes}")


def _fanout(observed: Observed, before: Verdict | None, now: float) -> Verdict:
    if observed.version is None:
        return Verdict("Unknown", "NothingPublished", "there is no version to push yet")
    if observed.publication is not None and observed.publication.paused:
        return Verdict("True", "Paused", "nothing is pushed while publishing is paused")
    if not observed.pod_names:
        return Verdict("False", "NoPods", "the API's Service has no addresses with the port in spec.api.service.port")
    lagging = observed.lagging
    if not lagging:
        return Verdict("True", "Complete", f"every pod serves version {observed.version}")
    if now - observed.fanout_began_at < GRACE_PERIOD:
        return before or Verdict("Unknown", "OnItsWay", f"version {observed.version} is being pushed to the pods")
    named = ", ".join(f"{name} ({why})" if why else name for name, why in list(lagging.items())[:MAX_LAGGING])
    return Verdict("False", "PodsLagging", f"version {observed.version} has not reached {named}")


def _webhooks(observed: Observed) -> Verdict:
    if observed.webhook_problems:
        named = "; ".join(f"{name}: {problem.message}" for name, problem in sorted(observed.webhook_problems.items()))
        reasons = {problem.reason for problem in observed.webhook_problems.values()}
        reason = "SecretMissing" if "SecretMissing" in reasons else "SecretWrong"
        return Verdict("False", reason, f"{named}; its messages are kept until then")
    if not observed.webhooks:
        return Verdict("True", "NoneDeclared", "spec.webhooks is empty")
    disabled = [each for each in observed.webhooks if each.disabled_because]
    if disabled:
        named = "; ".join(f"{each.name}: {each.disabled_because}" for each in disabled)
        return Verdict("False", "Disabled", f"{named}; change its url to enable it again")
    failing = [each for each in observed.webhooks if each.failures]
    if failing:
        return Verdict("False", "Failing", "; ".join(_failing(each) for each in failing))
    return Verdict("True", "Delivered", "every endpoint has received all its messages")


def _failing(endpoint: EndpointState) -> str:
    """The answer is left out if the next message has not been tried yet."""
    answered = f": {endpoint.answer}" if endpoint.answer else ""
    return f"{endpoint.name} failed {endpoint.failures} times{answered}"


def _reconcile(observed: Observed) -> Verdict:
    if observed.reconcile_problem is not None:
        return observed.reconcile_problem
    job, run = observed.last_job, observed.last_run
    if job is not None and job.failed:
        return Verdict("False", "JobFailed", f"the Job {job.name} failed: {job.message}")
    if run is None:
        return Verdict("Unknown", "NoRunYet", "no reconciliation has finished yet")
    if not run.succeeded:
        return Verdict("False", "RunHadErrors", "; ".join(run.reasons) or "some checkouts could not be checked")
    return Verdict(
        "True", "Succeeded", f"{run.numbers['checked']} checkouts were checked, {run.numbers['changed']} had changed"
    )
