"""The reconciliation's CronJob: made, kept, repaired, collected; what is missing is said, how it ended is read."""

from __future__ import annotations

import asyncio
import json
import math
import time

import pytest

from hingecraft_operator.cluster.client import CRON_JOBS, JOBS
from hingecraft_operator.cronjob.apply import foreign_editor
from hingecraft_operator.cronjob.manifest import LABELS, RESOURCE_LABEL, cronjob_name
from kube.test_crd import PARTS, WIX_APP
from support.kube import IMAGE, PROVIDERS, operating, until

CONTAINERS = [*PARTS["extraContainers"], *PARTS["initContainers"]]
BY_HAND = {"content": "application/merge-patch+json", "query": {"fieldManager": "kubectl-edit"}}
RUN = """
INSERT INTO reconcile_runs (started_at, finished_at, succeeded, summary)
VALUES (now() - interval '1 minute', now(), $1, $2::text::jsonb)
"""


async def job_of(namespace, name="main-reconcile"):
    return await namespace.cluster.get(CRON_JOBS, namespace.name, name)


async def made(namespace, good=bool):
    return await until(lambda: job_of(namespace), lambda job: job is not None and good(job))


async def test_it_is_what_the_resource_says(namespace, served):
    reconcile = {
        "schedule": "5 * * * *", "lookback": "48h", "envFrom": [{"secretRef": {"name": "providers"}}],
        "serviceAccountName": "reconcile", "imagePullSecrets": [{"name": "registry"}],
        "resources": {"requests": {"cpu": "50m"}, "limits": {"memory": "256Mi"}}, "wixApp": WIX_APP,
    }  # fmt: skip
    await namespace.edit("main", reconcile=reconcile)
    job = await made(namespace, lambda job: job["spec"]["schedule"] == "5 * * * *")
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    owner = job["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("PaymentRoutes", "main", True)
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert (pod["serviceAccountName"], pod["imagePullSecrets"]) == ("reconcile", [{"name": "registry"}])
    assert pod["automountServiceAccountToken"] is False
    (container,) = pod["containers"]
    assert container["image"] == IMAGE
    assert container["args"] == ["reconcile", "--once", "--lookback", "48h"]
    assert container["envFrom"] == [{"secretRef": {"name": "providers"}}]
    assert container["env"] == [
        {"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "database", "key": "DATABASE_URL"}}},
        {"name": "WIX_APP_ID", "value": WIX_APP["id"]},
        {"name": "WIX_APP_SECRET", "valueFrom": {"secretKeyRef": WIX_APP["secretRef"]}},
        {"name": "WIX_API_BASE", "value": WIX_APP["apiBase"]},
    ]
    assert container["resources"] == {"requests": {"cpu": "50m"}, "limits": {"memory": "256Mi"}}
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


async def test_it_has_what_the_resource_adds(namespace, served):
    """As the API server's own defaults complete it, which nothing undoes again."""
    await namespace.edit("main", reconcile=PARTS)
    job = await made(namespace, lambda job: "volumes" in pod_of(job))
    template = job["spec"]["jobTemplate"]["spec"]["template"]
    labels = {**LABELS, RESOURCE_LABEL: "main"}
    assert template["metadata"]["labels"] == {"team": "payments", **labels}
    assert template["metadata"]["annotations"] == PARTS["podAnnotations"]
    pod = template["spec"]
    container, beside = pod["containers"]
    assert container["env"][1:] == PARTS["env"]
    assert container["volumeMounts"] == PARTS["volumeMounts"]
    names = {each["name"]: each for each in pod["volumes"]}
    assert names["ca"]["configMap"].items() >= PARTS["volumes"][0]["configMap"].items()
    assert names["scratch"]["emptyDir"] == PARTS["volumes"][2]["emptyDir"]
    assert names["both"]["projected"]["sources"] == PARTS["volumes"][3]["projected"]["sources"]
    assert names["vault"]["csi"] == PARTS["volumes"][4]["csi"]
    for made_of, wanted in zip([beside, *pod["initContainers"]], CONTAINERS, strict=True):
        restricted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        assert made_of["securityContext"] == {**wanted.get("securityContext", {}), **restricted}
        probe = wanted.get("startupProbe", {})
        assert {field: made_of["startupProbe"][field] for field in probe.keys() - {"httpGet"}} == {
            field: probe[field] for field in probe.keys() - {"httpGet"}
        }
        assert made_of.get("startupProbe", {}).get("httpGet", {}).items() >= probe.get("httpGet", {}).items()
        same = wanted.keys() - {"securityContext", "startupProbe"}
        assert {field: made_of[field] for field in same} == {field: wanted[field] for field in same}
    assert pod["securityContext"].items() >= PARTS["podSecurityContext"].items()
    assert pod["securityContext"]["runAsNonRoot"] is True
    for field in ("priorityClassName", "runtimeClassName"):
        assert pod.pop(field) == PARTS[field], "there are no such classes here to make a pod with"
    for field in ("nodeSelector", "tolerations", "affinity", "hostAliases", "dnsPolicy", "dnsConfig"):
        assert pod[field] == PARTS[field], field
    await passes_restricted_pod_security(namespace, pod)
    await namespace.edit("main", reconcile=dict.fromkeys(PARTS))
    await made(namespace, lambda job: "volumes" not in pod_of(job) and len(pod_of(job)["containers"][0]["env"]) == 1)


def pod_of(job):
    return job["spec"]["jobTemplate"]["spec"]["template"]["spec"]


async def test_settings_beside_the_secret_count_too(namespace, served):
    await namespace.secret("providers", STRIPE_SECRET="sk_test_abcdefgh")
    providers = {"envFrom": [{"secretRef": {"name": "providers"}}]}
    site = {"env": [{"name": "SITE_URL", "value": "https://www.example.com"}]}
    await namespace.edit("main", reconcile={**providers, **site})
    await namespace.becomes("ReconcileHealthy", "Unknown", "NoRunYet")


async def test_it_passes_the_restricted_pod_security(namespace, served):
    """The API server judges the template when a Job is made from it in a namespace that enforces it."""
    await passes_restricted_pod_security(namespace, pod_of(await made(namespace)))


async def passes_restricted_pod_security(namespace, spec):
    await namespace.label({"pod-security.kubernetes.io/enforce": "restricted"})
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "try-"}, "spec": spec}
    await namespace.cluster.request("POST", f"/api/v1/namespaces/{namespace.name}/pods", pod, query={"dryRun": "All"})


@pytest.mark.parametrize("change", [
    {"schedule": "0 0 1 1 *"},
    {"suspend": True},
    {"jobTemplate": {"spec": {"template": {"spec": {"nodeSelector": {"disk": "ssd"}}}}}},
], ids=["schedule", "suspend", "something-new"])  # fmt: skip
async def test_what_is_edited_by_hand_is_repaired_and_its_running_job_goes_on(namespace, served, change):
    wanted = await made(namespace)
    running = await run_now(namespace, wanted)
    path = CRON_JOBS.path(namespace.name, "main-reconcile")
    await namespace.cluster.request("PATCH", path, {"spec": change}, **BY_HAND)
    await until(lambda: job_of(namespace), lambda job: job is not None and job["spec"] == wanted["spec"])
    events = await until(namespace.events, lambda seen: "CronJobRepaired" in dict(seen))
    assert "undid an edit of the CronJob by kubectl-edit" in dict(events)["CronJobRepaired"]
    repaired = await until(lambda: job_of(namespace), lambda job: foreign_editor(job) is None)
    assert repaired["metadata"]["uid"] == wanted["metadata"]["uid"]
    found = await namespace.cluster.get(JOBS, namespace.name, running["metadata"]["name"])
    assert found is not None
    assert "deletionTimestamp" not in found["metadata"]
    assert [reason for reason, _ in await namespace.events()].count("CronJobRepaired") == 1


async def test_it_is_applied_again_only_when_it_or_the_resource_has_changed(namespace, served):
    async def asked(resource):
        verbs = [event["verb"] for event in namespace.audited() if event["objectRef"]["resource"] == resource]
        return {verb: verbs.count(verb) for verb in verbs}

    await made(namespace)
    before = (await until(lambda: asked("jobs"), bool))["list"]
    applied = (await asked("cronjobs"))["patch"]
    await namespace.annotate("main", {"looked": "again"})
    # The Jobs are listed after the CronJob was looked at.
    await until(lambda: asked("jobs"), lambda seen: seen["list"] > before)
    assert (await asked("cronjobs"))["patch"] == applied
    path = CRON_JOBS.path(namespace.name, "main-reconcile")
    await namespace.cluster.request("PATCH", path, {"metadata": {"labels": None}}, **BY_HAND)
    await namespace.annotate("main", {"looked": "once more"})
    await made(namespace, lambda job: job["metadata"].get("labels"))


async def run_now(namespace, scheduled):
    """As `kubectl create job --from` does; there is no node, so it runs for as long as it is let."""
    owner = {
        "apiVersion": "batch/v1", "kind": "CronJob", "name": scheduled["metadata"]["name"],
        "uid": scheduled["metadata"]["uid"], "controller": True, "blockOwnerDeletion": False,
    }  # fmt: skip
    template = scheduled["spec"]["jobTemplate"]
    metadata = {"name": "by-hand", "labels": template["metadata"]["labels"], "ownerReferences": [owner]}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]}
    return await namespace.cluster.create(JOBS, namespace.name, job)


async def test_a_controller_that_edits_again_and_again_is_answered_less_and_less_often(namespace, served):
    await made(namespace)
    path = CRON_JOBS.path(namespace.name, "main-reconcile")
    started = time.monotonic()
    for minute in range(30):
        await namespace.cluster.request("PATCH", path, {"spec": {"schedule": f"{minute} 1 1 1 *"}}, **BY_HAND)
        await asyncio.sleep(0.2)
    events = await until(namespace.events, lambda seen: "CronJobRepaired" in dict(seen))
    # The first pause is a second, and each is twice as long as the one before.
    repairs = [reason for reason, _ in events].count("CronJobRepaired")
    assert repairs <= 1 + math.log2(1 + time.monotonic() - started)
    await until(lambda: job_of(namespace), lambda job: job["spec"]["schedule"] == "*/15 * * * *")


async def test_what_is_deleted_by_hand_is_made_again(namespace, served):
    before = await made(namespace)
    await namespace.cluster.delete(CRON_JOBS, namespace.name, "main-reconcile")
    await made(namespace, lambda job: job["metadata"]["uid"] != before["metadata"]["uid"])


async def test_a_label_of_somebody_elses_is_let_be(namespace, served):
    before = await made(namespace)
    path = CRON_JOBS.path(namespace.name, "main-reconcile")
    change = {"metadata": {"labels": {"team": "payments"}}}
    await namespace.cluster.request("PATCH", path, change, **BY_HAND)
    await namespace.edit("main", reconcile={"schedule": "7 * * * *"})
    job = await made(namespace, lambda job: job["spec"]["schedule"] == "7 * * * *")
    assert job["metadata"]["labels"]["team"] == "payments"
    assert job["metadata"]["uid"] == before["metadata"]["uid"]


async def test_it_goes_with_its_resource(namespace, served):
    await made(namespace)
    await namespace.remove("main")
    await until(lambda: job_of(namespace), lambda job: job is None)


async def test_what_is_missing_is_said(namespace, served):
    message = await namespace.becomes("ReconcileHealthy", "False", "SecretMissing")
    assert message.startswith("neither STRIPE_SECRET nor NOWPAYMENTS_API_KEY")
    await namespace.edit("main", reconcile={"envFrom": [{"secretRef": {"name": "providers"}}]})
    await until(lambda: namespace.condition("ReconcileHealthy"), lambda seen: "does not exist" in seen[2])
    await namespace.secret("providers", STRIPE_SECRET="sk_test_abcdefgh")
    await until(lambda: namespace.condition("ReconcileHealthy"), lambda seen: "SITE_URL is not" in seen[2])
    await namespace.secret("providers", **PROVIDERS)
    await namespace.becomes("ReconcileHealthy", "Unknown", "NoRunYet")
    await namespace.edit("main", reconcile={"wixApp": WIX_APP})
    message = await namespace.becomes("ReconcileHealthy", "False", "SecretMissing")
    assert message.startswith("the Secret wix does not exist")
    await namespace.secret("wix", WIX_APP_SECRET="the-secret-of-the-app")
    await namespace.becomes("ReconcileHealthy", "Unknown", "NoRunYet")


async def test_suspended_is_healthy(namespace, healthy):
    await namespace.edit("main", reconcile={"suspend": True})
    await namespace.becomes("ReconcileHealthy", "True", "Suspended")
    assert (await made(namespace, lambda job: job["spec"]["suspend"]))["spec"]["suspend"] is True


async def test_how_a_run_ended_is_read(namespace, healthy, conn):
    summary = {"checked": 12, "changed": 2, "errors": 0, "reasons": []}
    await conn.execute(RUN, True, json.dumps(summary))
    await end_a_job(namespace, "Complete")
    await namespace.becomes("ReconcileHealthy", "True", "Succeeded")
    status = await until(namespace.status, lambda status: "reconcile" in status)
    report = status["reconcile"]
    assert (report["checked"], report["changed"], report["errors"]) == (12, 2, 0)
    await conn.execute(RUN, False, json.dumps({**summary, "errors": 1, "reasons": ["Stripe is away"]}))
    await end_a_job(namespace, "Complete", name="later")
    message = await namespace.becomes("ReconcileHealthy", "False", "RunHadErrors")
    assert message == "Stripe is away"


async def test_a_job_that_failed_is_named(namespace, healthy):
    await end_a_job(namespace, "Failed", message="the image was not found")
    message = await namespace.becomes("ReconcileHealthy", "False", "JobFailed")
    assert message == "the Job main-run failed: the image was not found"
    assert (await namespace.condition("Ready"))[:2] == ("True", "ReconcileDegraded")


async def end_a_job(namespace, how, message="", name="run"):
    """As the Job controller does, which here has no node to run anything on."""
    labels = (await made(namespace))["metadata"]["labels"]
    template = (await made(namespace))["spec"]["jobTemplate"]["spec"]
    metadata = {"name": f"main-{name}", "labels": labels, "namespace": namespace.name}
    document = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {**template, "suspend": True}}
    job = await namespace.cluster.create(JOBS, namespace.name, document)
    now = job["metadata"]["creationTimestamp"]
    reason = {"Failed": "BackoffLimitExceeded", "Complete": "CompletionsReached"}[how]
    ended = {"status": "True", "lastTransitionTime": now, "reason": reason, "message": message}
    status = {
        "startTime": now,
        "conditions": [{**ended, "type": {"Failed": "FailureTarget", "Complete": "SuccessCriteriaMet"}[how]},
                       {**ended, "type": how}],
        **({"completionTime": now} if how == "Complete" else {}),
    }  # fmt: skip
    path = JOBS.path(namespace.name, metadata["name"], "status")
    await namespace.cluster.request("PATCH", path, {"status": status}, content="application/merge-patch+json")


async def test_without_an_image_there_is_none(namespace, pod, dsn):
    async with operating(namespace, RECONCILE_IMAGE=""):
        await namespace.pods(pod.internal)
        await namespace.database_secret(dsn.newest)
        await namespace.make(namespace.routes())
        message = await namespace.becomes("ReconcileHealthy", "False", "ImageMissing")
        assert "RECONCILE_IMAGE" in message
        assert await job_of(namespace) is None


async def test_a_long_name_gives_a_name_that_a_job_can_have(namespace, pod, dsn):
    name = "payments-" + "x" * 200
    async with operating(namespace):
        await namespace.pods(pod.internal)
        await namespace.database_secret(dsn.newest)
        await namespace.make(namespace.routes(name))
        job = await until(lambda: job_of(namespace, cronjob_name(name)), bool)
        assert len(job["metadata"]["name"]) <= 52


async def test_a_range_that_runs_backwards_is_refused_by_the_cronjob_and_said(namespace, served):
    await namespace.edit("main", reconcile={"schedule": "30-10 * * * *"})
    message = await namespace.becomes("ReconcileHealthy", "False", "CronJobRefused")
    assert "30-10" in message
