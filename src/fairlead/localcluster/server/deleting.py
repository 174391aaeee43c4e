"""Delete: preconditions, grace, finalizers and what shall happen to the dependents."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.localcluster.server.pipeline import Pipeline, Written, timestamp
from fairlead.localcluster.server.requests import WriteOptions, flag, options_invalid
from fairlead.localcluster.server.serving import to_manifest
from fairlead.localcluster.status import bad_request, conflict, forbidden

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.localcluster.server.registry import Resource
    from fairlead.localcluster.storage import Stored

__all__ = ["DeleteOptions", "Deleter"]

Manifest = dict[str, Any]

FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"
CRDS = "customresourcedefinitions.apiextensions.k8s.io"
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
_POLICY_FINALIZERS = {"Foreground": [FOREGROUND], "Orphan": [ORPHAN], "Background": []}
_ORPHAN_BY_DEFAULT = ("jobs.batch", "replicationcontrollers")
_PROTECTED_NAMESPACES = ("default", "kube-public", "kube-system")


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """Body and query of a delete request. ``None`` means that the request does not say."""

    policy: str | None = None
    grace_seconds: int | None = None
    uid: str = ""
    version: str = ""
    dry_run: bool = False

    @classmethod
    def parse(cls, query: Mapping[str, str], body: bytes) -> DeleteOptions:
        try:
            given: Manifest = msgspec.json.decode(body) if body.strip() else {}
        except msgspec.DecodeError as error:
            raise bad_request(f"couldn't get version/kind; json parse error: {error}") from error
        policy = given.get("propagationPolicy") or query.get("propagationPolicy") or None
        orphan = given.get("orphanDependents", query.get("orphanDependents"))
        if policy is None and orphan is not None:
            policy = "Orphan" if orphan is True or flag(str(orphan)) else "Background"
        if given.get("propagationPolicy") and given.get("orphanDependents") is not None:
            text = f'Invalid value: "{policy}": orphanDependents and deletionPropagation cannot be both set'
            raise options_invalid("DeleteOptions", "Invalid", text, "propagationPolicy")
        if policy not in (None, "Foreground", "Background", "Orphan"):
            text = f'Unsupported value: "{policy}": supported values: "Foreground", "Background", "Orphan", "nil"'
            raise options_invalid("DeleteOptions", "NotSupported", text, "propagationPolicy")
        grace = given.get("gracePeriodSeconds", query.get("gracePeriodSeconds"))
        preconditions = given.get("preconditions") or {}
        dry_run = given.get("dryRun") or ([query["dryRun"]] if query.get("dryRun") else [])
        return cls(
            policy=policy,
            grace_seconds=int(grace) if grace is not None else None,
            uid=preconditions.get("uid") or "",
            version=preconditions.get("resourceVersion") or "",
            dry_run="All" in dry_run,
        )


class Deleter:
    """Deletes objects, or marks them when finalizers or grace hold them back."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def delete(self, resource: Resource, stored: Stored, wanted: DeleteOptions, options: WriteOptions) -> Written:
        live = to_manifest(resource, stored.body)
        self._check_preconditions(resource, stored, live, wanted)
        if resource.collection == "namespaces":
            return self._delete_namespace(resource, stored, live, options)
        metadata = live["metadata"]
        finalizers = _finalizers(metadata.get("finalizers") or [], _policy(resource, metadata, wanted))
        if resource.collection == CRDS and CLEANUP not in finalizers:
            finalizers = [*finalizers, CLEANUP]
            _mark_terminating(live)
        grace = _grace(resource, live, wanted)
        if not finalizers and not grace:
            return Written(self._pipeline.remove(resource, stored, options), deleted=True)
        before = dict(metadata)
        metadata["finalizers"] = finalizers
        if not metadata.get("deletionTimestamp"):
            _mark(metadata, grace, definition=resource.collection == CRDS)
        elif grace < int(metadata.get("deletionGracePeriodSeconds") or 0):
            metadata["deletionGracePeriodSeconds"] = grace
        if metadata == before or (
            not finalizers and before == {k: v for k, v in metadata.items() if k != "finalizers"}
        ):
            return Written(stored)
        return Written(self._pipeline.write_system(resource, live, stored, options))

    def _delete_namespace(self, resource: Resource, stored: Stored, live: Manifest, options: WriteOptions) -> Written:
        if stored.name in _PROTECTED_NAMESPACES:
            raise forbidden("", "namespaces", stored.name, "this namespace may not be deleted")
        if live["metadata"].get("deletionTimestamp"):
            if not (live.get("spec") or {}).get("finalizers") and not live["metadata"].get("finalizers"):
                return Written(self._pipeline.remove(resource, stored, options), deleted=True)
            return Written(stored)
        live["metadata"]["deletionTimestamp"] = timestamp()
        live["status"] = {**(live.get("status") or {}), "phase": "Terminating"}
        return Written(self._pipeline.write_system(resource, live, stored, options))

    @staticmethod
    def _check_preconditions(resource: Resource, stored: Stored, live: Manifest, wanted: DeleteOptions) -> None:
        uid = live["metadata"]["uid"]
        if wanted.uid and wanted.uid != uid:
            text = (
                f"the UID in the precondition ({wanted.uid}) does not match the UID in record ({uid}). "
                "The object might have been deleted and then recreated"
            )
            raise conflict(resource.group, resource.kind, stored.name, text)
        if wanted.version and wanted.version != str(stored.version):
            text = (
                f"the ResourceVersion in the precondition ({wanted.version}) does not match the ResourceVersion in "
                f"record ({stored.version}). The object might have been modified"
            )
            raise conflict(resource.group, resource.kind, stored.name, text)


def _policy(resource: Resource, metadata: Manifest, wanted: DeleteOptions) -> str | None:
    """The oldest kinds orphan their dependents when nobody says anything."""
    said = {FOREGROUND, ORPHAN} & set(metadata.get("finalizers") or ())
    if wanted.policy is None and resource.collection in _ORPHAN_BY_DEFAULT and not said:
        return "Orphan"
    return wanted.policy


def _finalizers(present: list[str], policy: str | None) -> list[str]:
    if policy is None:
        return present
    return [one for one in present if one not in (FOREGROUND, ORPHAN)] + _POLICY_FINALIZERS[policy]


def _grace(resource: Resource, live: Manifest, wanted: DeleteOptions) -> int:
    """Only pods that run somewhere are given time."""
    if resource.collection != "pods":
        return 0
    spec, phase = live.get("spec") or {}, (live.get("status") or {}).get("phase")
    if not spec.get("nodeName") or phase in ("Succeeded", "Failed"):
        return 0
    if wanted.grace_seconds is not None:
        return max(0, wanted.grace_seconds)
    known = live["metadata"].get("deletionGracePeriodSeconds")
    return int(known if known is not None else spec.get("terminationGracePeriodSeconds", 30))


def _mark(metadata: Manifest, grace: int, *, definition: bool) -> None:
    when = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=grace)
    metadata["deletionTimestamp"] = when.strftime("%Y-%m-%dT%H:%M:%SZ")
    if definition:  # marked by code of its own in the real server, too
        return
    metadata["deletionGracePeriodSeconds"] = grace
    if metadata.get("generation"):
        metadata["generation"] += 1


def _mark_terminating(definition: Manifest) -> None:
    conditions = [one for one in definition["status"].get("conditions") or [] if one["type"] != "Terminating"]
    conditions.append(
        {
            "type": "Terminating",
            "status": "True",
            "lastTransitionTime": timestamp(),
            "reason": "InstanceDeletionPending",
            "message": "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
        }
    )
    definition["status"]["conditions"] = conditions
