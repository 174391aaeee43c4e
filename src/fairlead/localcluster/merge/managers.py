"""``metadata.managedFields``: who owns which fields, between the wire form and what merging works with."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from fairlead.localcluster.merge.fieldset import FieldsV1Error, ordered, parse, union

if TYPE_CHECKING:
    from fairlead.localcluster.merge.fieldset import FieldSet

__all__ = ["MAX_UPDATE_MANAGERS", "Managed", "ManagerId", "Owned", "decode", "encode", "is_reset"]

MAX_UPDATE_MANAGERS = 10
"""More entries of operation ``Update`` than this are merged, oldest first, into ``ancient-changes``."""
_ANCIENT = "ancient-changes"


class ManagerId(NamedTuple):
    """Whose entry it is. Appliers have one entry whatever the version they apply in: their ``api_version`` is empty."""

    manager: str
    operation: str
    api_version: str = ""
    subresource: str = ""

    def sort_text(self) -> str:
        """The server orders managers by this text in its messages."""
        parts = {"manager": self.manager, "operation": self.operation, "apiVersion": self.api_version}
        parts["subresource"] = self.subresource
        return json.dumps({key: value for key, value in parts.items() if value}, separators=(",", ":"))

    def __str__(self) -> str:
        text = json.dumps(self.manager, ensure_ascii=False)
        if self.subresource:
            text += f" with subresource {json.dumps(self.subresource)}"
        return f"{text} using {self.api_version}" if self.operation == "Update" else text


@dataclass(slots=True)
class Owned:
    """The fields of one manager; replaced, never changed in place."""

    fields: FieldSet
    api_version: str


@dataclass(slots=True)
class Managed:
    """All managers of an object, and when each last changed its entry."""

    owners: dict[ManagerId, Owned] = field(default_factory=dict)
    times: dict[ManagerId, str] = field(default_factory=dict)

    def copy(self) -> Managed:
        return Managed(dict(self.owners), dict(self.times))

    def put(self, manager: ManagerId, fields: FieldSet | None, api_version: str) -> None:
        """Gives the manager these fields; with none its entry goes."""
        if fields:
            self.owners[manager] = Owned(fields, api_version)
        else:
            self.owners.pop(manager, None)


def is_reset(entries: Any) -> bool:
    """Whether a client asks to forget all owners: an empty list, or a list of one empty entry."""
    return isinstance(entries, list) and entries in ([], [{}])


def decode(entries: Any, *, trusted: bool) -> Managed:
    """Reads entries; ``trusted`` ones were written by :func:`encode` and are taken as they are.

    Raises :class:`~fairlead.localcluster.merge.fieldset.FieldsV1Error` where the API server cannot read them.
    """
    managed = Managed()
    for index, entry in enumerate(entries or ()):
        operation, api_version = entry.get("operation", ""), entry.get("apiVersion", "")
        if not trusted:
            _check(entry, index)
        applied = operation == "Apply"
        manager = ManagerId(
            entry.get("manager", ""), operation, "" if applied else api_version, entry.get("subresource", "")
        )
        fields = entry.get("fieldsV1") or {}
        managed.owners[manager] = Owned(fields if trusted else parse(fields), api_version)
        if time := entry.get("time"):
            managed.times[manager] = time
    return managed


def _check(entry: dict[str, Any], index: int) -> None:
    if entry.get("operation") not in ("Apply", "Update"):
        raise FieldsV1Error("operation must be `Apply` or `Update`")
    if not entry.get("apiVersion"):
        raise FieldsV1Error("apiVersion must not be empty")
    fields_type = entry.get("fieldsType", "")
    if not fields_type:
        raise FieldsV1Error(f"missing fieldsType in managed fields entry {index}")
    if fields_type != "FieldsV1":
        raise FieldsV1Error(f'invalid fieldsType "{fields_type}" in managed fields entry {index}')


def encode(managed: Managed, before: Managed | None = None) -> list[dict[str, Any]]:
    """The entries as stored: sorted as the server sorts them. Owners that are those of ``before`` are in order
    already.
    """
    entries: list[dict[str, Any]] = []
    for manager, owned in managed.owners.items():
        entry: dict[str, Any] = {
            "manager": manager.manager,
            "operation": manager.operation,
            "apiVersion": owned.api_version,
        }
        if time := managed.times.get(manager):
            entry["time"] = time
        known = before is not None and before.owners.get(manager) is owned
        entry["fieldsType"] = "FieldsV1"
        entry["fieldsV1"] = owned.fields if known else ordered(owned.fields)
        if manager.subresource:
            entry["subresource"] = manager.subresource
        entries.append(entry)
    entries.sort(key=_entry_order)
    return entries


def _entry_order(entry: dict[str, Any]) -> tuple[str, str, str, str, str]:
    return (
        entry["operation"],
        entry.get("time", ""),
        entry["manager"],
        entry["apiVersion"],
        entry.get("subresource", ""),
    )


def cap_update_managers(managed: Managed) -> None:
    """Merges the oldest updaters per version until no more than :data:`MAX_UPDATE_MANAGERS` are left."""
    updaters = [manager for manager in managed.owners if manager.operation == "Update"]
    count = len(updaters)
    if count <= MAX_UPDATE_MANAGERS:
        return
    updaters.sort(key=lambda manager: (managed.times.get(manager, ""), manager.sort_text()))
    first_of_version: dict[str, ManagerId] = {}
    for manager in updaters:
        if count <= MAX_UPDATE_MANAGERS:
            return
        owned = managed.owners[manager]
        bucket = ManagerId(_ANCIENT, "Update", owned.api_version)
        first = first_of_version.setdefault(owned.api_version, manager)
        if first is manager:
            continue
        if bucket not in managed.owners:
            managed.owners[bucket] = managed.owners.pop(first)
        managed.put(bucket, union(owned.fields, managed.owners[bucket].fields), owned.api_version)
        if manager != bucket:
            managed.owners.pop(manager, None)
        count -= 1
        if time := managed.times.get(manager):
            managed.times[bucket] = time
