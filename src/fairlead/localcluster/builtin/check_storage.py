"""Validation of volumes, claims and storage classes."""

from __future__ import annotations

from typing import Any, Final

from fairlead.localcluster.builtin.names import dns_subdomain, problems, qualified_name
from fairlead.localcluster.merge.values import equal
from fairlead.localcluster.schema.field_errors import FieldError, forbidden, invalid, not_supported, required
from fairlead.localcluster.schema.quantity import parse_quantity

__all__ = [
    "check_claim",
    "check_claim_change",
    "check_storage_class",
    "check_storage_class_change",
    "check_volume",
    "check_volume_change",
]

Struct = dict[str, Any]
_MODES: Final = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_CLAIM_TEXT: Final = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
)
_VOLUME_FIELDS: Final = frozenset(
    {
        "accessModes",
        "capacity",
        "claimRef",
        "mountOptions",
        "nodeAffinity",
        "persistentVolumeReclaimPolicy",
        "storageClassName",
        "volumeAttributesClassName",
        "volumeMode",
    }
)


def check_claim(new: Struct) -> list[FieldError]:
    spec = new.get("spec") or {}
    errors: list[FieldError] = []
    modes = spec.get("accessModes") or []
    if not modes:
        errors.append(required("spec.accessModes", "at least 1 access mode is required"))
    errors += [not_supported("spec.accessModes", mode, _MODES) for mode in modes if mode not in _MODES]
    size = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if size is None:
        errors.append(required("spec.resources[storage]"))
    elif parse_quantity(size) <= 0:
        errors.append(invalid("spec.resources[storage]", size, "must be greater than zero"))
    if name := spec.get("storageClassName"):
        errors += problems("spec.storageClassName", name, dns_subdomain)
    mode = spec.get("volumeMode")
    if mode not in (None, "Block", "Filesystem"):
        errors.append(not_supported("spec.volumeMode", mode, ("Block", "Filesystem")))
    return errors


def check_claim_change(new: Struct, old: Struct) -> list[FieldError]:
    """A claim is fixed; it may be bound once, and when bound may grow."""
    spec, before = dict(new.get("spec") or {}), dict(old.get("spec") or {})
    if not before.get("volumeName"):
        spec.pop("volumeName", None)
        before.pop("volumeName", None)
    bound = (old.get("status") or {}).get("phase") == "Bound"
    errors: list[FieldError] = []
    if bound:
        size, was = _size(spec), _size(before)
        if size is not None and was is not None and size < was:
            errors.append(forbidden("spec.resources.requests.storage", "field can not be less than status.capacity"))
        spec["resources"] = before.get("resources")
        spec["volumeAttributesClassName"] = before.get("volumeAttributesClassName")
        before.setdefault("volumeAttributesClassName", None)
    if not equal(spec, before):
        errors.append(forbidden("spec", _CLAIM_TEXT))
    return errors


def _size(spec: Struct) -> Any:
    text = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    return None if text is None else parse_quantity(text)


def _volume_source(spec: Struct) -> Struct:
    return {key: value for key, value in spec.items() if key not in _VOLUME_FIELDS and value is not None}


def check_volume(new: Struct) -> list[FieldError]:
    spec = new.get("spec") or {}
    errors: list[FieldError] = []
    if not spec.get("accessModes"):
        errors.append(required("spec.accessModes"))
    modes = spec.get("accessModes") or ()
    errors += [not_supported("spec.accessModes", mode, _MODES) for mode in modes if mode not in _MODES]
    capacity = spec.get("capacity")
    if not capacity:
        errors.append(required("spec.capacity"))
    if not capacity or list(capacity) != ["storage"]:
        errors.append(not_supported("spec.capacity", capacity, ("storage",)))
    if not _volume_source(spec):
        errors.append(required("spec", "must specify a volume type"))
    return errors


def check_volume_change(new: Struct, old: Struct) -> list[FieldError]:
    if equal(_volume_source(new.get("spec") or {}), _volume_source(old.get("spec") or {})):
        return []
    return [forbidden("spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation")]


def check_storage_class(new: Struct) -> list[FieldError]:
    provisioner = new.get("provisioner") or ""
    errors = problems("provisioner", provisioner.lower(), qualified_name) if provisioner else [required("provisioner")]
    if new.get("reclaimPolicy") not in ("Delete", "Retain"):
        errors.append(not_supported("reclaimPolicy", new.get("reclaimPolicy"), ("Delete", "Retain")))
    mode = new.get("volumeBindingMode")
    if mode not in ("Immediate", "WaitForFirstConsumer"):
        errors.append(not_supported("volumeBindingMode", mode, ("Immediate", "WaitForFirstConsumer")))
    return errors


def check_storage_class_change(new: Struct, old: Struct) -> list[FieldError]:
    errors = [
        forbidden(field, f"updates to {field} are forbidden.")
        for field in ("parameters", "provisioner", "reclaimPolicy")
        if not equal(new.get(field) or None, old.get(field) or None)
    ]
    mode = new.get("volumeBindingMode")
    if mode != old.get("volumeBindingMode"):
        errors.append(invalid("volumeBindingMode", mode, "field is immutable"))
    return errors
