"""Reconciles the CronJob of a resource, reports missing keys, and reads how its last Job ended."""

from __future__ import annotations

import time

from hingecraft_operator.cluster.client import FIELD_MANAGER, JOBS, ClusterRejectedError, Document
from hingecraft_operator.cluster.events import Event, Recorder
from hingecraft_operator.cluster.secret_reader import SecretMissingError, SecretReader
from hingecraft_operator.context import Context
from hingecraft_operator.cronjob.apply import Applied, apply_cronjob, delete_cronjob
from hingecraft_operator.cronjob.manifest import RESOURCE_LABEL, cronjob_manifest, label_value
from hingecraft_operator.custom_resource.spec import Spec
from hingecraft_operator.status.observed import LastJob, Observed, Verdict

_KEYS = ("STRIPE_SECRET", "NOWPAYMENTS_API_KEY")
_SITE = "SITE_URL"
_FIRST_REPAIR_PAUSE = 1.0
_LONGEST_REPAIR_PAUSE = 300.0
_CALM_AFTER = 600.0


class CronJobReconciler:
    """Reconciles one resource's CronJob, and remembers when it may undo an edit again."""

    def __init__(self, context: Context, observed: Observed, recorder: Recorder) -> None:
        self._context = context
        self._observed = observed
        self._recorder = recorder
        self._repairs_again_at = float("-inf")
        self._repair_pause = _FIRST_REPAIR_PAUSE
        self._applied: Applied | None = None

    async def reconcile(self, resource: Document, spec: Spec, secrets: SecretReader) -> bool:
        """Create or update the CronJob; returns False if something must be retried soon."""
        image = self._context.settings.reconcile_image
        namespace, name = resource["metadata"]["namespace"], resource["metadata"]["name"]
        if not image:
            await delete_cronjob(self._context.cluster, namespace, name)
            message = "there is no CronJob because the operator's RECONCILE_IMAGE is not set"
            self._observed.reconcile_problem = Verdict("False", "ImageMissing", message)
            return True
        wanted = cronjob_manifest(resource, spec, image)
        may_repair = time.monotonic() >= self._repairs_again_at
        try:
            editor, self._applied = await apply_cronjob(
                self._context.cluster, wanted, self._applied, may_repair=may_repair
            )
        except ClusterRejectedError as error:
            self._observed.reconcile_problem = Verdict("False", "CronJobRefused", str(error))
            return False
        if editor and not may_repair:
            return False
        if editor and editor != FIELD_MANAGER:
            await self._record_repair(resource, editor)
        self._observed.last_job = await self._last_job(namespace, name)
        self._observed.reconcile_problem = await self._missing(spec, secrets)
        return self._observed.reconcile_problem is None or self._observed.reconcile_problem.state != "False"

    async def _record_repair(self, resource: Document, editor: str) -> None:
        """Back off, so that two controllers do not undo each other's edits in a tight loop."""
        now = time.monotonic()
        calm = now - self._repairs_again_at > _CALM_AFTER
        self._repair_pause = _FIRST_REPAIR_PAUSE if calm else min(self._repair_pause * 2, _LONGEST_REPAIR_PAUSE)
        self._repairs_again_at = now + self._repair_pause
        note = f"undid an edit of the CronJob by {editor}: change spec.reconcile instead"
        await self._recorder.record(resource, Event("CronJobRepaired", note, warning=True))

    async def remove(self, resource: Document) -> None:
        """Delete the CronJob: the database is not this resource's."""
        await delete_cronjob(self._context.cluster, resource["metadata"]["namespace"], resource["metadata"]["name"])
        message = "there is no CronJob because the database is not this resource's"
        self._observed.reconcile_problem = Verdict("False", "DatabaseNotOurs", message)

    async def _missing(self, spec: Spec, secrets: SecretReader) -> Verdict | None:
        sources = spec.reconcile.env_from
        given = {each.name for each in spec.reconcile.env}
        names = [each.secret_ref.name for each in sources if each.secret_ref is not None]
        try:
            for name in names:
                given |= (await secrets.values(name)).keys()
            if spec.reconcile.wix_app is not None:
                await secrets.value(spec.reconcile.wix_app.secret_ref.name, spec.reconcile.wix_app.secret_ref.key)
        except SecretMissingError as error:
            return Verdict("False", "SecretMissing", str(error))
        named = ", ".join(names) or "(none)"
        where = f"in the Secrets of spec.reconcile.envFrom: {named}"
        if not given.intersection(_KEYS):
            return Verdict("False", "SecretMissing", f"neither {' nor '.join(_KEYS)} is {where}")
        # The operator cannot read ConfigMaps: if there is one, the Job itself reports what is missing.
        if _SITE not in given and len(names) == len(sources):
            return Verdict("False", "SecretMissing", f"{_SITE} is not {where}")
        if spec.reconcile.suspend:
            return Verdict("True", "Suspended", "spec.reconcile.suspend is true: no Jobs are started")
        return None

    async def _last_job(self, namespace: str, name: str) -> LastJob | None:
        label = f"{RESOURCE_LABEL}={label_value(name)}"
        jobs = await self._context.cluster.list(JOBS, namespace, labelSelector=label)
        ended = [(_ended(job), job) for job in jobs]
        newest = max(
            ((end, job) for end, job in ended if end is not None),
            key=lambda pair: pair[1]["metadata"]["creationTimestamp"],
            default=None,
        )
        if newest is None:
            return None
        end, job = newest
        failed = end["type"] == "Failed"
        return LastJob(name=job["metadata"]["name"], failed=failed, message=end.get("message") or end.get("reason", ""))


def _ended(job: Document) -> Document | None:
    """The Complete or Failed condition of a Job, if it has ended."""
    for condition in (job.get("status") or {}).get("conditions") or []:
        if condition["type"] in {"Complete", "Failed"} and condition["status"] == "True":
            found: Document = condition
            return found
    return None
