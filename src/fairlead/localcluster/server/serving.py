"""Objects as response bytes: plain, as metadata, as table rows; one list or one watch event at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.localcluster.server.convert import from_storage, needs_conversion
from fairlead.localcluster.server.tables import table_columns, table_row
from fairlead.localcluster.storage import decode_body

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fairlead.localcluster.server.negotiate import Form
    from fairlead.localcluster.server.registry import Resource
    from fairlead.localcluster.storage import Change, Stored

__all__ = ["event_line", "list_bytes", "object_bytes", "to_manifest"]

encode = msgspec.json.Encoder().encode


def to_manifest(resource: Resource, body: bytes) -> dict[str, Any]:
    """A stored object, decoded, in the version of ``resource``."""
    obj = {"kind": resource.kind, "apiVersion": resource.api_version, **decode_body(body)}
    return from_storage(resource, obj) if needs_conversion(resource) else obj


def _plain(resource: Resource, body: bytes) -> bytes:
    if needs_conversion(resource):
        return encode(to_manifest(resource, body))
    return resource.prefix + body


def _metadata_only(resource: Resource, body: bytes, version: str) -> dict[str, Any]:
    metadata = decode_body(body)["metadata"]
    return {"kind": "PartialObjectMetadata", "apiVersion": f"meta.k8s.io/{version}", "metadata": metadata}


def _table(resource: Resource, rows: Iterable[dict[str, Any]], metadata: dict[str, Any], version: str) -> bytes:
    return encode(
        {
            "kind": "Table",
            "apiVersion": f"meta.k8s.io/{version}",
            "metadata": metadata,
            "columnDefinitions": table_columns(resource),
            "rows": list(rows),
        }
    )


def _row(resource: Resource, body: bytes, include: str, version: str) -> dict[str, Any]:
    obj = to_manifest(resource, body)
    row = table_row(resource, obj)
    if include == "Object":
        row["object"] = obj
    elif include == "None":
        row["object"] = None
    else:
        row["object"] = {
            "kind": "PartialObjectMetadata",
            "apiVersion": f"meta.k8s.io/{version}",
            "metadata": obj["metadata"],
        }
    return row


def object_bytes(resource: Resource, stored: Stored, form: Form, include: str = "Metadata") -> bytes:
    """One object. ``include`` is the ``includeObject`` parameter of tables."""
    if form.is_table:
        row = _row(resource, stored.body, include, form.version)
        return _table(resource, [row], {"resourceVersion": str(stored.version)}, form.version)
    if form.is_metadata:
        return encode(_metadata_only(resource, stored.body, form.version))
    return _plain(resource, stored.body)


def list_bytes(
    resource: Resource, items: list[Stored], metadata: dict[str, Any], form: Form, include: str = "Metadata"
) -> bytes:
    """A list. Built-in items do not repeat their kind, as the real server prints them."""
    if form.is_table:
        rows = (_row(resource, item.body, include, form.version) for item in items)
        return _table(resource, rows, metadata, form.version)
    if form.is_metadata:
        head = f'{{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/{form.version}","metadata":'
        bodies = [encode(_metadata_only(resource, item.body, form.version)) for item in items]
    else:
        head = f'{{"kind":"{resource.list_kind_name}","apiVersion":"{resource.api_version}","metadata":'
        bodies = [_item(resource, item.body) for item in items]
        if resource.custom is not None:
            metadata = {"continue": "", **metadata}  # the real server prints it for custom resources, also when empty
    return head.encode() + encode(metadata) + b',"items":[' + b",".join(bodies) + b"]}"


def _item(resource: Resource, body: bytes) -> bytes:
    if resource.custom is not None:
        return resource.prefix + body
    if needs_conversion(resource):
        obj = to_manifest(resource, body)
        del obj["kind"], obj["apiVersion"]
        return encode(obj)
    return b"{" + body


def event_line(
    resource: Resource, change: Change, kind: str, form: Form, include: str = "Metadata", *, columns: bool = False
) -> bytes:
    """A watch event of a change; ``kind`` is ADDED, MODIFIED or DELETED. Equal lines are encoded once.

    ``columns`` adds the column definitions, which only the first table of a watch carries.
    """
    key = (f"{resource.version}/{form.kind}/{form.version}/{include}/{columns}", kind)
    line = change.lines.get(key)
    if line is None:
        body = change.last
        if form.is_table:
            table = _watch_table(resource, body, include, form.version, columns=columns)
            line = _line(kind, table)
        elif form.is_metadata:
            line = _line(kind, encode(_metadata_only(resource, body, form.version)))
        else:
            line = _line(kind, _plain(resource, body))
        change.lines[key] = line
    return line


def _watch_table(resource: Resource, body: bytes, include: str, version: str, *, columns: bool) -> bytes:
    row = _row(resource, body, include, version)
    obj = decode_body(body)
    table = {
        "kind": "Table",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": {"resourceVersion": obj["metadata"]["resourceVersion"]},
        "columnDefinitions": table_columns(resource) if columns else None,
        "rows": [row],
    }
    return encode(table)


def _line(kind: str, body: bytes) -> bytes:
    return b'{"type":"' + kind.encode() + b'","object":' + body + b"}\n"
