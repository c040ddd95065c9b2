"""Applies the CronJob of a resource, undoes edits of it by others, and deletes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hingecraft_operator.cluster.client import CRON_JOBS, FIELD_MANAGER, Cluster, Document
from hingecraft_operator.cronjob.manifest import cronjob_name

_COMPARED = ("uid", "generation", "labels", "annotations", "ownerReferences")


def foreign_editor(found: Document) -> str | None:
    """Another field manager of the CronJob's spec, if any: our apply would keep the fields that it added."""
    return next((str(entry.get("manager")) for entry in _managers(found) if _is_foreign(entry)), None)


def _managers(found: Document) -> list[Document]:
    entries: list[Document] = found["metadata"].get("managedFields") or []
    return entries


def _is_foreign(entry: Mapping[str, Any]) -> bool:
    ours = (entry.get("manager"), entry.get("operation")) == (FIELD_MANAGER, "Apply")
    return not ours and not entry.get("subresource") and "f:spec" in (entry.get("fieldsV1") or {})


def repaired(found: Document, document: Document) -> Document:
    """The CronJob with the right spec and without foreign managers of it. Its running Jobs are not affected."""
    kept = [entry for entry in _managers(found) if not _is_foreign(entry)]
    return {**found, "spec": document["spec"], "metadata": {**found["metadata"], "managedFields": kept}}


@dataclass(frozen=True, slots=True)
class Applied:
    """A manifest that was applied, and the metadata of the CronJob that came of it."""

    manifest: Document
    metadata: Document

    def still_holds(self, manifest: Document, found: Document) -> bool:
        """Whether the CronJob that was found is what the manifest asks for; an edited spec has a new generation."""
        metadata = found["metadata"]
        return manifest == self.manifest and all(metadata.get(key) == self.metadata.get(key) for key in _COMPARED)


async def apply_cronjob(
    cluster: Cluster, document: Document, before: Applied | None, *, may_repair: bool = True
) -> tuple[str | None, Applied | None]:
    """Create or update the CronJob; returns who edited its spec, and what is applied now.

    The edit is undone if `may_repair`. A conflict means another edit in between: the next reconciliation repairs
    that one as well. `before` is what was applied last: nothing is sent while it still holds.
    """
    metadata = document["metadata"]
    found = await cluster.get(CRON_JOBS, metadata["namespace"], metadata["name"])
    editor = foreign_editor(found) if found else None
    if found and editor and not may_repair:
        return editor, before
    if found and before and not editor and before.still_holds(document, found):
        return None, before
    if found and editor:
        await _replace(cluster, repaired(found, document))
    applied = await cluster.apply(CRON_JOBS, document)
    if editor:
        # The replacement itself counts as an edit: hand its fields back to the apply.
        await _replace(cluster, repaired(applied, applied))
    return editor, Applied(document, applied["metadata"])


async def _replace(cluster: Cluster, document: Document) -> None:
    metadata = document["metadata"]
    await cluster.replace(CRON_JOBS, metadata["namespace"], metadata["name"], document)


async def delete_cronjob(cluster: Cluster, namespace: str, resource: str) -> None:
    """Delete the CronJob and its Jobs."""
    await cluster.delete(CRON_JOBS, namespace, cronjob_name(resource))
