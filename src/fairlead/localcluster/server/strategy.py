"""Identity: the metadata that only the server writes, and what an update may not take away.

What else the server does to an object of a kind around a write is in :mod:`fairlead.localcluster.builtin.strategy`.
"""

from __future__ import annotations

import uuid
from secrets import choice
from typing import Any

from fairlead.localcluster.status import bad_request

__all__ = ["check_name_in_url", "identify", "keep_identity", "ordered_metadata"]

Manifest = dict[str, Any]

_METADATA_ORDER = (
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
)
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_ALWAYS = ("resourceVersion", "deletionGracePeriodSeconds")
_IF_ABSENT = ("uid", "creationTimestamp", "namespace")
_ONLY_THE_SERVER = ("deletionTimestamp", "deletionGracePeriodSeconds")


def ordered_metadata(metadata: Manifest) -> Manifest:
    """Known fields in the real server's order, without empty ones; unknown fields are dropped."""
    return {
        key: metadata[key]
        for key in _METADATA_ORDER
        if key in metadata and (metadata[key] not in (None, "", {}, []) or key in _ALWAYS)
    }


def _generated_name(prefix: str) -> str:
    return prefix[:58] + "".join(choice(_ALPHABET) for _ in range(5))


def identify(obj: Manifest, namespace: str, now: str) -> None:
    """Give a new object its name, namespace, uid and birthday, in place."""
    metadata = obj["metadata"] = dict(obj.get("metadata") or {})
    if metadata.get("generateName") and not metadata.get("name"):
        metadata["name"] = _generated_name(metadata["generateName"])
    for key in ("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"):
        metadata.pop(key, None)
    if namespace:
        metadata["namespace"] = namespace
    metadata["uid"] = str(uuid.uuid4())
    metadata["resourceVersion"] = ""
    metadata["creationTimestamp"] = now


def keep_identity(live: Manifest, new: Manifest) -> None:
    """Give the new state what only the server may say, from the live one, in place.

    Another uid or birthday than the live one stays, for validation to refuse.
    """
    metadata = new["metadata"] = dict(new.get("metadata") or {})
    for key in _IF_ABSENT:
        if not metadata.get(key) and key in live["metadata"]:
            metadata[key] = live["metadata"][key]
    for key in _ONLY_THE_SERVER:
        metadata.pop(key, None)
        if key in live["metadata"]:
            metadata[key] = live["metadata"][key]


def check_name_in_url(obj: Manifest, name: str) -> None:
    """The name of an update must be that of its path."""
    given = (obj.get("metadata") or {}).get("name") or ""
    if not given:
        raise bad_request(f"the name of the object ({name} based on URL) was undeterminable: name must be provided")
    if given != name:
        raise bad_request(f"the name of the object ({given}) does not match the name on the URL ({name})")
