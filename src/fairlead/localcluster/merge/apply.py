"""Server-side apply, and the bookkeeping of field owners for every other write.

The rules are those of kube-apiserver 1.35 (``apimachinery/pkg/util/managedfields`` over structured-merge-diff v6). Both
entry points are pure: they return a new object that shares unchanged parts with their arguments.

Versions: all entries are compared under the schema of the request. The versions of a custom resource differ in nothing
but their schema here (conversion is ``None``), so the paths mean the same fields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fairlead.errors import ConflictError
from fairlead.localcluster.merge import fieldset, last_applied, managers, typed
from fairlead.localcluster.merge.managers import Managed, ManagerId, Owned
from fairlead.localcluster.merge.validate import check_typed
from fairlead.localcluster.merge.values import equal

if TYPE_CHECKING:
    from fairlead.localcluster.merge.fieldset import FieldSet
    from fairlead.localcluster.merge.typed import Comparison
    from fairlead.localcluster.schema.types import Schema

__all__ = ["ApplyConflictError", "apply_patch", "keep_timestamps", "record_update"]

_BEFORE_FIRST_APPLY: Final = "before-first-apply"
_MANAGER_OF_KUBECTL: Final = "kubectl"

_NEVER_OWNED: Final[FieldSet] = {
    "f:apiVersion": {},
    "f:kind": {},
    "f:metadata": {
        ".": {},
        "f:name": {},
        "f:namespace": {},
        "f:creationTimestamp": {},
        "f:selfLink": {},
        "f:uid": {},
        "f:clusterName": {},
        "f:generation": {},
        "f:managedFields": {},
        "f:resourceVersion": {},
    },
}


class ApplyConflictError(ConflictError):
    """An apply without force would change fields of others; ``conflicts`` are (manager as printed, path as printed)."""

    def __init__(self, conflicts: list[tuple[str, str]]) -> None:
        self.conflicts = conflicts
        super().__init__(_conflict_message(conflicts))

    def causes(self) -> list[dict[str, str]]:
        """``status.details.causes`` of the API server's answer."""
        return [
            {"reason": "FieldManagerConflict", "message": f"conflict with {manager}", "field": path}
            for manager, path in self.conflicts
        ]


def _conflict_message(conflicts: list[tuple[str, str]]) -> str:
    if len(conflicts) == 1:
        manager, path = conflicts[0]
        return f"Apply failed with 1 conflict: conflict with {manager}: {path}"
    lines: list[str] = []
    last = ""
    for manager, path in conflicts:
        if manager != last:
            lines.append(f"conflicts with {manager}:")
            last = manager
        lines.append(f"- {path}")
    return f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines)


# ---- apply


def apply_patch(
    live: dict[str, Any] | None,
    applied: dict[str, Any],
    *,
    manager: str,
    force: bool,
    schema: Schema,
    now: str,
    subresource: str = "",
    reset_paths: FieldSet | None = None,
) -> dict[str, Any]:
    """The object after ``manager`` applied ``applied``, with its ``metadata.managedFields``.

    ``live`` is None when the object is created. ``reset_paths`` are the fields that this endpoint does not write (such
    as ``status``): they are merged like others, the caller resets them, but nobody comes to own them. When nothing
    changes, neither a value nor an owner, ``live`` itself comes back. Call it before defaults are set, as the server
    does.

    Raises :class:`ApplyConflictError`, and :class:`~fairlead.localcluster.merge.values.MergeError` when ``applied``
    does not fit its schema.
    """
    check_typed(applied, schema)
    managed = managers.decode((live or {}).get("metadata", {}).get("managedFields"), trusted=True)
    request = _Request(applied, manager or "unknown", schema, now, subresource, reset_paths)
    if live is not None and not managed.owners:
        managed = _adopt(live, request)
    try:
        merged, after = request.apply(live or {}, managed, force=force)
    except _Conflicts as conflicts:
        if live is not None and manager == _MANAGER_OF_KUBECTL:
            conflicts.without(last_applied.fields_to_take_over(live, schema))
        if conflicts.found:
            raise ApplyConflictError(conflicts.texts()) from None
        merged, after = request.apply(live or {}, managed, force=True)
    result = _with_owners(merged, after, managed, live)
    return last_applied.refresh(result, applied) if manager == _MANAGER_OF_KUBECTL else result


class _Conflicts(Exception):
    """Who else owns what would change; it never leaves this module."""

    def __init__(self, found: dict[ManagerId, FieldSet]) -> None:
        super().__init__()
        self.found = found

    def without(self, allowed: FieldSet) -> None:
        """Drops the conflicts about these fields."""
        for manager, fields in list(self.found.items()):
            rest = fieldset.difference(fields, allowed)
            if rest:
                self.found[manager] = rest
            else:
                del self.found[manager]

    def texts(self) -> list[tuple[str, str]]:
        return [
            (str(manager), fieldset.path_text(path))
            for manager in sorted(self.found, key=ManagerId.sort_text)
            for path in fieldset.iterate(self.found[manager])
        ]


class _Request:
    """What stays the same during one apply, also when it is tried twice."""

    def __init__(
        self,
        applied: dict[str, Any],
        manager: str,
        schema: Schema,
        now: str,
        subresource: str,
        reset_paths: FieldSet | None,
    ) -> None:
        self.applied = applied
        self.api_version = applied.get("apiVersion", "")
        self.id = ManagerId(manager, "Apply", "", subresource)
        self.schema = schema
        self.now = now
        self.reset_paths = reset_paths

    def apply(self, live: dict[str, Any], managed: Managed, *, force: bool) -> tuple[dict[str, Any], Managed]:
        """Merges, removes what is applied no more, and moves ownership; raises :class:`_Conflicts`."""
        managed = managed.copy()
        merged = typed.merge(live, self.applied, self.schema)
        fields = typed.field_set(self.applied, self.schema) or {}
        if self.reset_paths:
            fields = fieldset.recursive_difference(fields, self.reset_paths)
        last = managed.owners.get(self.id)
        managed.owners[self.id] = Owned(fields, self.api_version)
        merged = _prune(merged, managed, last, self.schema)
        change = typed.compare(live, merged, self.schema)
        _take_from_others(managed, _without(change, self.reset_paths), self.id, force=force)
        owned = fieldset.difference(fields, _NEVER_OWNED)
        if last is not None and last.api_version == self.api_version and last.fields == owned:
            managed.owners[self.id] = last
        else:
            managed.put(self.id, owned, self.api_version)
        if merged is not live:
            managed.times[self.id] = self.now
        return merged, managed


def _without(change: Comparison, reset_paths: FieldSet | None) -> Comparison:
    if not reset_paths:
        return change
    return typed.Comparison(
        *(None if fields is None else fieldset.recursive_difference(fields, reset_paths) or None for fields in change)
    )


def _take_from_others(managed: Managed, change: Comparison, actor: ManagerId, *, force: bool) -> None:
    """Changed and removed fields leave their other owners; without force a changed one is a conflict."""
    touched = fieldset.union(change.modified or {}, change.added or {})
    conflicts: dict[ManagerId, FieldSet] = {}
    for manager, owned in managed.owners.items():
        if manager != actor and touched and (common := fieldset.intersection(owned.fields, touched)):
            conflicts[manager] = common
    if conflicts and not force:
        raise _Conflicts(conflicts)
    removed = change.removed or {}
    for manager, owned in list(managed.owners.items()):
        if manager == actor:
            continue
        fields = fieldset.difference(owned.fields, conflicts[manager]) if manager in conflicts else owned.fields
        fields = fieldset.difference(fields, removed)
        if fields is not owned.fields and fields != owned.fields:
            managed.put(manager, fields, owned.api_version)


def _prune(merged: dict[str, Any], managed: Managed, last: Owned | None, schema: Schema) -> dict[str, Any]:
    """Removes what the applier owned, applies no more, and nobody else owns.

    The server removes all that the applier owned before, adds back what anybody owns now, and then keeps everything
    that the applier did not own itself; the three steps matter for items and maps that hold the fields of others.
    """
    if last is None or not last.fields:
        return merged
    everybody: FieldSet = {}
    for owned in managed.owners.values():
        everybody = fieldset.union(everybody, owned.fields)
    if not fieldset.difference(last.fields, everybody):
        return merged
    before = typed.ensure_named_fields(last.fields, schema)
    all_fields = typed.ensure_named_fields(typed.field_set(merged, schema) or {}, schema)
    kept = _named_fields_of(typed.remove_items(merged, before, schema), schema)
    owned_now = typed.ensure_named_fields(everybody, schema)
    gone = fieldset.difference(all_fields, fieldset.union(kept, owned_now))
    kept = _named_fields_of(typed.remove_items(merged, gone, schema), schema)
    dropped = fieldset.intersection(fieldset.difference(all_fields, kept), before)
    return typed.remove_items(merged, dropped, schema) or {} if dropped else merged


def _named_fields_of(value: Any, schema: Schema) -> FieldSet:
    fields = None if value is None else typed.field_set(value, schema)
    return typed.ensure_named_fields(fields, schema) if fields else {}


def _adopt(live: dict[str, Any], request: _Request) -> Managed:
    """Owners of an object that has none yet: all its fields belong to ``before-first-apply``."""
    managed = Managed()
    change = typed.compare(_blank(request.schema), _bare(live), request.schema)
    owner = ManagerId(_BEFORE_FIRST_APPLY, "Update", request.api_version, request.id.subresource)
    _own_changes(managed, owner, change, request.api_version, request.now, request.reset_paths)
    return managed


# ---- every other write


def record_update(
    live: dict[str, Any] | None,
    new: dict[str, Any],
    *,
    manager: str,
    schema: Schema,
    now: str,
    subresource: str = "",
    reset_paths: FieldSet | None = None,
) -> dict[str, Any]:
    """``new`` with the ``metadata.managedFields`` that belong to it after a create, update or patch by ``manager``.

    ``new`` is the whole object as it will be stored, defaults included; ``live`` is None for a create. A client may
    change the owners by sending other entries (not through a subresource), and an empty list forgets them all.
    """
    before = _owners_to_start_from(live, new, subresource)
    if live is not None and not before.owners:
        return _with_entries(new, [])
    managed = before.copy()
    old = _bare(live) if live is not None else _blank(schema)
    change = _without(typed.compare(old, _bare(new), schema), reset_paths)
    _take_from_others(managed, change, ManagerId("", ""), force=True)
    api_version = new.get("apiVersion", "")
    actor = ManagerId(manager or "unknown", "Update", api_version, subresource)
    _own_changes(managed, actor, change, api_version, now, reset_paths)
    managers.cap_update_managers(managed)
    return _with_entries(new, managers.encode(managed, before))


def _owners_to_start_from(live: dict[str, Any] | None, new: dict[str, Any], subresource: str) -> Managed:
    mine = ((live or {}).get("metadata") or {}).get("managedFields")
    theirs = (new.get("metadata") or {}).get("managedFields")
    if not subresource and theirs != mine:
        if managers.is_reset(theirs):
            return Managed()
        try:
            managed = managers.decode(theirs, trusted=False)
        except fieldset.FieldsV1Error:
            managed = Managed()
        if managed.owners:
            return managed
    return managers.decode(mine, trusted=True)


def _own_changes(
    managed: Managed,
    actor: ManagerId,
    change: Comparison,
    api_version: str,
    now: str,
    reset_paths: FieldSet | None,
) -> None:
    """The actor owns what it added or changed, beside what it owned before."""
    fields = fieldset.union(change.modified or {}, change.added or {})
    fields = fieldset.difference(fields, _NEVER_OWNED)
    if not fields:
        return
    previous = managed.owners.get(actor)
    managed.put(actor, fieldset.union(fields, previous.fields) if previous else fields, api_version)
    managed.times[actor] = now


# ---- objects with and without their owners


def _bare(obj: dict[str, Any]) -> dict[str, Any]:
    """The object without ``managedFields``, which never own themselves."""
    metadata = obj.get("metadata")
    if not metadata or "managedFields" not in metadata:
        return obj
    return {**obj, "metadata": {key: value for key, value in metadata.items() if key != "managedFields"}}


def _blank(schema: Schema) -> dict[str, Any]:
    """What an object is compared with when it is created: the empty Go struct as printed, for built-in kinds."""
    return {"apiVersion": "", "kind": "", **dict(schema.go_always)}


def _with_entries(obj: dict[str, Any], entries: list[dict[str, Any]]) -> dict[str, Any]:
    metadata = {key: value for key, value in (obj.get("metadata") or {}).items() if key != "managedFields"}
    if entries:
        metadata["managedFields"] = entries
    return {**obj, "metadata": metadata}


def _with_owners(
    merged: dict[str, Any], after: Managed, before: Managed, live: dict[str, Any] | None
) -> dict[str, Any]:
    if live is not None and merged is live and _same_owners(after, before):
        return live
    return _with_entries(merged, managers.encode(after, before))


def _same_owners(left: Managed, right: Managed) -> bool:
    return left.owners.keys() == right.owners.keys() and all(
        owned is right.owners[manager] for manager, owned in left.owners.items()
    )


def keep_timestamps(live: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """``live`` itself when ``new`` differs from it in nothing but the times of its owners; else ``new``."""
    old_entries = (live.get("metadata") or {}).get("managedFields") or []
    new_entries = (new.get("metadata") or {}).get("managedFields") or []
    if len(old_entries) != len(new_entries) or not equal(_bare(live), _bare(new)):
        return new
    same = all(_timeless(old) == _timeless(entry) for old, entry in zip(old_entries, new_entries, strict=True))
    return live if same else new


def _timeless(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "time"}
