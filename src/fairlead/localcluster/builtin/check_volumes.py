"""Validation of the volumes of a pod."""

from __future__ import annotations

from typing import Any, Final

from fairlead.localcluster.builtin.names import dns_label, problems
from fairlead.localcluster.schema.field_errors import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
)

__all__ = ["check_volumes"]

Struct = dict[str, Any]
_ORDER: Final = (
    # The server looks at the sources in this order and calls every one after the first too many.
    "emptyDir",
    "hostPath",
    "gitRepo",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "secret",
    "nfs",
    "iscsi",
    "glusterfs",
    "flexVolume",
    "configMap",
    "persistentVolumeClaim",
    "rbd",
    "cinder",
    "cephfs",
    "flocker",
    "fc",
    "downwardAPI",
    "projected",
    "csi",
    "ephemeral",
    "image",
)
_HOST_PATH_TYPES: Final = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)
_NAMES: Final = {"secret": "secretName", "configMap": "name", "persistentVolumeClaim": "claimName", "csi": "driver"}
_MODE_TEXT: Final = "must be a number between 0 and 0777 (octal), both inclusive"


def check_volumes(path: str, spec: Struct) -> list[FieldError]:
    errors: list[FieldError] = []
    names: set[str] = set()
    for index, volume in enumerate(spec.get("volumes") or ()):
        where, name = f"{path}.volumes[{index}]", volume.get("name") or ""
        if not name:
            errors.append(required(f"{where}.name"))
        else:
            errors += problems(f"{where}.name", name, dns_label)
            if name in names:
                errors.append(duplicate(f"{where}.name", name))
        names.add(name)
        errors += _sources(where, volume, spec)
    return errors


def _sources(path: str, volume: Struct, spec: Struct) -> list[FieldError]:
    errors: list[FieldError] = []
    given = [kind for kind in _ORDER if volume.get(kind) is not None]
    for position, kind in enumerate(given):
        if position:
            errors.append(forbidden(f"{path}.{kind}", "may not specify more than 1 volume type"))
        else:
            errors += _source(f"{path}.{kind}", kind, volume[kind], spec)
    return errors


def _source(path: str, kind: str, source: Struct, spec: Struct) -> list[FieldError]:
    errors: list[FieldError] = []
    if kind in _NAMES and not source.get(_NAMES[kind]):
        errors.append(required(f"{path}.{_NAMES[kind]}"))
    mode = source.get("defaultMode")
    if mode is not None and not 0 <= mode <= 0o777:
        errors.append(invalid(f"{path}.defaultMode", mode, _MODE_TEXT))
    if kind in ("secret", "configMap"):
        errors += _items(f"{path}.items", source.get("items") or [])
    elif kind == "hostPath":
        errors += _host_path(path, source)
    elif kind == "projected":
        errors += _projected(path, source, spec)
    return errors


def _items(path: str, items: list[Struct]) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, item in enumerate(items):
        where, target = f"{path}[{index}]", item.get("path") or ""
        if not item.get("key"):
            errors.append(required(f"{where}.key"))
        if not target:
            errors.append(required(f"{where}.path"))
        elif target.startswith("/"):
            errors.append(invalid(f"{where}.path", target, "must be a relative path"))
        if ".." in target.split("/"):
            errors.append(invalid(f"{where}.path", target, "must not contain '..'"))
        mode = item.get("mode")
        if mode is not None and not 0 <= mode <= 0o777:
            errors.append(invalid(f"{where}.mode", mode, _MODE_TEXT))
    return errors


def _host_path(path: str, source: Struct) -> list[FieldError]:
    place = source.get("path") or ""
    if not place:
        return [required(f"{path}.path")]
    errors: list[FieldError] = []
    if ".." in place.split("/"):
        errors.append(invalid(f"{path}.path", place, "must not contain '..'"))
    if source.get("type", "") not in _HOST_PATH_TYPES:
        errors.append(not_supported(f"{path}.type", source["type"], _HOST_PATH_TYPES))
    return errors


def _projected(path: str, source: Struct, spec: Struct) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, item in enumerate(source.get("sources") or ()):
        where = f"{path}.sources[{index}]"
        if item.get("serviceAccountToken") is not None and not spec.get("serviceAccountName"):
            text = "must not be specified when serviceAccountName is not set"
            errors.append(forbidden(f"{where}.serviceAccountToken", text))
        errors += [
            required(f"{where}.{kind}.name")
            for kind in ("secret", "configMap")
            if item.get(kind) is not None and not item[kind].get("name")
        ]
    return errors
