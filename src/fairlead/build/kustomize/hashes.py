"""Content hashes behind the names of generated ConfigMaps and Secrets."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from .errors import KustomizeError
from .jsonpatch import as_json
from .values import MISSING, text_of

if TYPE_CHECKING:
    from .collection import Collection

__all__ = ["add_hashes", "content_hash"]

_LETTERS: Final = str.maketrans("013ae", "ghkmt")
_HTML: Final = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def add_hashes(resources: Collection) -> None:
    """Appends the hash to the name of every resource that asks for one."""
    for resource in resources:
        if resource.needs_hash:
            name = f"{resource.name}-{content_hash(resource.value)}"
            resource.remember_identity()
            resource.set_name(name)
    resources.identities_changed()


def content_hash(value: dict[str, Any]) -> str:
    """Ten characters that depend on the data alone: not on name, namespace, labels or annotations."""
    kind = value.get("kind")
    if kind == "ConfigMap":
        hashed = {"kind": kind, "name": "", "data": _hashed(value, "data")}
        optional = "binaryData"
    elif kind == "Secret":
        hashed = {"kind": kind, "type": _hashed(value, "type"), "name": "", "data": _hashed(value, "data")}
        optional = "stringData"
    else:
        hashed, optional = as_json(value), ""
    if isinstance(value.get(optional), dict):
        hashed[optional] = _hashed(value, optional)
    try:
        text = json.dumps(hashed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        digest = hashlib.sha256(text.translate(_HTML).encode()).hexdigest()
    except (UnicodeEncodeError, ValueError) as error:
        raise KustomizeError(f"cannot hash {kind}: {error}") from error
    return digest[:10].translate(_LETTERS)


def _hashed(value: dict[str, Any], key: str) -> Any:
    """What is hashed for a field: maps as JSON, scalars by their text, the empty text for a field that is not there."""
    found = value.get(key, MISSING)
    if found is MISSING:
        return ""
    if isinstance(found, dict):
        return as_json(found)
    return None if isinstance(found, list) else text_of(found)
