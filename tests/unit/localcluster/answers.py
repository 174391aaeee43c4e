"""Recorded answers of a real kube-apiserver, and the way of an object through the pure packages to compare with them.

``tests/referees/apiserver/record.py`` writes the data. The functions below are what the local cluster's server does
around the pure packages, without storage: decode, default, record owners, prepare, validate.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairlead.localcluster.builtin.defaults import default
from fairlead.localcluster.builtin.strategy import prepare_for_create, prepare_for_update, reset_fields
from fairlead.localcluster.builtin.validation import validate_builtin
from fairlead.localcluster.merge.apply import ApplyConflictError, apply_patch, keep_timestamps, record_update
from fairlead.localcluster.merge.patches import PatchError, json_patch, merge_patch, strategic_merge_patch
from fairlead.localcluster.merge.values import MergeError
from fairlead.localcluster.schema.custom import apply_defaults, decode_custom
from fairlead.localcluster.schema.decode import DecodeError, decode
from fairlead.localcluster.schema.schemaset import SchemaSet
from fairlead.localcluster.schema.validate import validate
from fairlead.objects.ref import GroupVersionKind

if TYPE_CHECKING:
    from fairlead.localcluster.schema.field_errors import FieldError
    from fairlead.localcluster.schema.types import Schema

Obj = dict[str, Any]
NOW = "2020-01-01T00:00:00Z"
_IDENTITY = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


@cache
def rows(name: str) -> list[Obj]:
    """One file of recorded answers."""
    text = (Path(__file__).parent / "data" / f"{name}.json").read_text()
    recorded: list[Obj] = json.loads(text)
    return recorded


@cache
def schemas() -> SchemaSet:
    """Built-in kinds and the definition of the recorded custom resources."""
    known = SchemaSet()
    definition = json.loads((Path(__file__).parent / "data" / "definition.json").read_text())
    known.add_definition(definition)
    return known


class Refused(Exception):
    """The server would refuse: code, text and causes as (reason, message, field)."""

    def __init__(self, code: int, message: str, causes: list[tuple[str, str, str]] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.causes = causes


def schema_of(obj: Obj) -> Schema:
    return schemas().get(GroupVersionKind.of(obj))


def is_custom(obj: Obj) -> bool:
    return not schemas().is_builtin(GroupVersionKind.of(obj))


def _decode(obj: Obj) -> Obj:
    try:
        return (decode_custom if is_custom(obj) else decode)(obj, schema_of(obj))[0]
    except DecodeError as error:
        raise Refused(400, str(error)) from error


def _default(obj: Obj, *, drop_nulls: bool = True) -> Obj:
    return apply_defaults(obj, schema_of(obj), drop_nulls=drop_nulls) if is_custom(obj) else default(obj)


def _check(new: Obj, old: Obj | None) -> None:
    errors: list[FieldError] = validate_builtin(new, old)
    if is_custom(new):
        errors += validate(new, schema_of(new))
    if errors:
        raise Refused(422, "", [error.cause for error in errors])


def create(obj: Obj, manager: str = "unknown", namespace: str = "default", *, applied: bool = False) -> Obj:
    """What a create answers, or an apply to nothing."""
    if not applied:
        obj = _decode(obj)
    obj = _default(obj, drop_nulls=not applied)
    metadata = dict(obj.get("metadata") or {})
    obj = {**obj, "metadata": metadata}
    if obj["kind"] not in _CLUSTER_SCOPED:
        metadata.setdefault("namespace", namespace)
    if not applied:
        reset = reset_fields(obj, "")
        obj = record_update(None, obj, manager=manager, schema=schema_of(obj), now=NOW, reset_paths=reset)
    obj["metadata"].update({"uid": "UID", "creationTimestamp": NOW})
    if obj["metadata"].get("generateName") and "name" not in obj["metadata"]:
        obj["metadata"]["name"] = obj["metadata"]["generateName"] + "x"
    prepare_for_create(obj)
    _check(obj, None)
    obj["metadata"]["resourceVersion"] = "RV"
    return obj


_CLUSTER_SCOPED = frozenset(
    (
        "APIService",
        "CSIDriver",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "IngressClass",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "StorageClass",
        "ValidatingWebhookConfiguration",
    )
)


def change(live: Obj, new: Obj, manager: str = "editor", subresource: str = "", *, applied: bool = False) -> Obj:
    """What an update or patch answers; ``new`` is the whole new object."""
    if not applied or not is_custom(live):
        new = _decode(new)
    new = _default(new, drop_nulls=not applied)
    if not applied:
        new = record_update(
            live,
            new,
            manager=manager,
            schema=schema_of(live),
            now=NOW,
            subresource=subresource,
            reset_paths=reset_fields(new, subresource),
        )
    new = {**new, "metadata": dict(new["metadata"])}
    for key in ("creationTimestamp", "resourceVersion"):
        new["metadata"][key] = live["metadata"][key]
    prepare_for_update(new, live, subresource)
    _check(new, live)
    return keep_timestamps(live, new)


def patched(live: Obj, verb: str, body: Any) -> Obj:
    """The live object with a patch laid over it."""
    try:
        match verb:
            case "merge":
                return merge_patch(live, body)
            case "json":
                return json_patch(live, body)
            case "strategic":
                return strategic_merge_patch(live, body, schema_of(live))
    except PatchError as error:
        raise Refused(error.code, str(error)) from error
    edited: Obj = lay_over(live, body)
    return edited


def lay_over(live: Any, changes: Any) -> Any:
    """What a client puts back after editing: like a merge patch, but it can also write lists and nulls."""
    if not isinstance(live, dict) or not isinstance(changes, dict):
        return changes
    result = {key: value for key, value in live.items() if changes.get(key, 0) is not None}
    return result | {key: lay_over(live.get(key), value) for key, value in changes.items() if value is not None}


def apply(live: Obj | None, body: Obj, manager: str, *, force: bool, subresource: str = "") -> Obj:
    """What a server-side apply answers."""
    try:
        result = apply_patch(
            live,
            body,
            manager=manager,
            force=force,
            schema=schema_of(body),
            now=NOW,
            subresource=subresource,
            reset_paths=reset_fields(body, subresource),
        )
    except ApplyConflictError as error:
        causes = [(cause["reason"], cause["message"], cause["field"]) for cause in error.causes()]
        raise Refused(409, str(error), causes) from error
    except MergeError as error:
        raise Refused(error.code, str(error)) from error
    if live is None:
        return create(result if is_custom(body) else _decode(result), namespace="applies", applied=True)
    return change(live, result, subresource=subresource, applied=True)


def differences(got: Any, wanted: Any, path: str = "") -> list[str]:
    """Where two answers differ; owners are compared by name, since within one second their order is by time."""
    if isinstance(got, dict) and isinstance(wanted, dict):
        found = []
        for key in sorted(got.keys() | wanted.keys()):
            if key not in got or key not in wanted:
                side = "missing" if key not in got else "too much"
                found.append(f"{path}.{key}: {side} {(wanted.get(key), got.get(key))}")
            elif key == "managedFields":
                found += differences(_by_manager(got[key]), _by_manager(wanted[key]), f"{path}.{key}")
            else:
                found += differences(got[key], wanted[key], f"{path}.{key}")
        return found
    if isinstance(got, list) and isinstance(wanted, list) and len(got) == len(wanted):
        return [
            text for i, pair in enumerate(zip(got, wanted, strict=True)) for text in differences(*pair, f"{path}[{i}]")
        ]
    return [] if got == wanted else [f"{path}: got {got!r}, the real server says {wanted!r}"]


def _by_manager(entries: list[Obj]) -> Obj:
    return {f"{entry['manager']} {entry['operation']} {entry.get('subresource', '')}": entry for entry in entries}


def without_values(causes: list[tuple[str, str, str]]) -> set[tuple[str, str, str]]:
    """Causes without the dump of a Go struct or a diff of two, which are the server's inner forms."""
    return {
        (reason, re.sub(r"value: [\[{].*[\]}](: |$)", r"value: …\1", message.split("\n")[0]), field)
        for reason, message, field in causes
    }


def recorded_causes(row: Obj) -> set[tuple[str, str, str]]:
    return without_values([(cause["reason"], cause["message"], cause["field"]) for cause in row.get("causes", ())])
