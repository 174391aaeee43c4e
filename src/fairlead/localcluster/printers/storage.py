"""The cells of volumes and what provides them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairlead.localcluster.printers.age import since
from fairlead.localcluster.printers.text import NONE, UNSET, Manifest, spec_of, status_of

if TYPE_CHECKING:
    from datetime import datetime

_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
_DEFAULT_ANNOTATIONS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)


def _modes(modes: list[str] | None) -> str:
    present = set(modes or ())
    return ",".join(short for mode, short in _MODES.items() if mode in present)


def _class(obj: Manifest) -> str:
    annotations = obj["metadata"].get("annotations") or {}
    return annotations.get(_CLASS_ANNOTATION) or spec_of(obj).get("storageClassName") or ""


def _phase(obj: Manifest) -> str:
    return "Terminating" if obj["metadata"].get("deletionTimestamp") else status_of(obj).get("phase") or ""


def volume_cells(obj: Manifest, now: datetime) -> list[Any]:
    spec = spec_of(obj)
    claim = spec.get("claimRef")
    return [
        obj["metadata"]["name"],
        str((spec.get("capacity") or {}).get("storage", "0")),
        _modes(spec.get("accessModes")),
        spec.get("persistentVolumeReclaimPolicy") or "",
        _phase(obj),
        f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else "",
        _class(obj),
        spec.get("volumeAttributesClassName") or UNSET,
        status_of(obj).get("reason") or "",
        since(obj["metadata"].get("creationTimestamp"), now),
        spec.get("volumeMode") or UNSET,
    ]


def claim_cells(obj: Manifest, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    volume = spec.get("volumeName") or ""
    return [
        obj["metadata"]["name"],
        _phase(obj),
        volume,
        str((status.get("capacity") or {}).get("storage", "0")) if volume else "",
        _modes(status.get("accessModes")) if volume else "",
        _class(obj),
        spec.get("volumeAttributesClassName") or UNSET,
        since(obj["metadata"].get("creationTimestamp"), now),
        spec.get("volumeMode") or UNSET,
    ]


def storage_class_cells(obj: Manifest, now: datetime) -> list[Any]:
    annotations = obj["metadata"].get("annotations") or {}
    default = any(annotations.get(name) == "true" for name in _DEFAULT_ANNOTATIONS)
    return [
        obj["metadata"]["name"] + (" (default)" if default else ""),
        obj.get("provisioner") or "",
        obj.get("reclaimPolicy") or "Delete",
        obj.get("volumeBindingMode") or "Immediate",
        bool(obj.get("allowVolumeExpansion")),
        since(obj["metadata"].get("creationTimestamp"), now),
    ]


def attributes_class_cells(obj: Manifest, now: datetime) -> list[Any]:
    age = since(obj["metadata"].get("creationTimestamp"), now)
    return [obj["metadata"]["name"], obj.get("driverName") or "", age]


def attachment_cells(obj: Manifest, now: datetime) -> list[Any]:
    spec = spec_of(obj)
    return [
        obj["metadata"]["name"],
        spec.get("attacher") or "",
        (spec.get("source") or {}).get("persistentVolumeName") or "",
        spec.get("nodeName") or "",
        bool(status_of(obj).get("attached")),
        since(obj["metadata"].get("creationTimestamp"), now),
    ]


def csi_driver_cells(obj: Manifest, now: datetime) -> list[Any]:
    spec = spec_of(obj)
    tokens = spec.get("tokenRequests")
    return [
        obj["metadata"]["name"],
        bool(spec.get("attachRequired", True)),
        bool(spec.get("podInfoOnMount")),
        bool(spec.get("storageCapacity")),
        UNSET if tokens is None else ",".join(each["audience"] for each in tokens),
        bool(spec.get("requiresRepublish")),
        ",".join(spec.get("volumeLifecycleModes") or ()) or NONE,
        since(obj["metadata"].get("creationTimestamp"), now),
    ]


def csi_node_cells(obj: Manifest, now: datetime) -> list[Any]:
    age = since(obj["metadata"].get("creationTimestamp"), now)
    return [obj["metadata"]["name"], len(spec_of(obj).get("drivers") or ()), age]
