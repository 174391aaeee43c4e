"""Objects as they may be shown to somebody who has no key, or who shall not see what the key opens."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from fairlead.build.sops.files import detect
from fairlead.build.sops.values import from_base64, is_encrypted
from fairlead.objects.manifest import is_secret

if TYPE_CHECKING:
    from fairlead.objects.manifest import Manifest

__all__ = ["SOPS_MASK", "masked"]

SOPS_MASK = "**SOPS**"
_IN_DATA = base64.b64encode(SOPS_MASK.encode()).decode()


def masked(manifest: Manifest) -> Manifest:
    """Every encrypted value replaced, the metadata of SOPS removed; the very same when nothing is encrypted."""
    if isinstance(manifest.get("sops"), dict):
        plain = {key: _masked(value) for key, value in manifest.items() if key != "sops"}
        if is_secret(plain) and isinstance(plain.get("data"), dict):
            plain["data"] = {key: _IN_DATA if value == SOPS_MASK else value for key, value in plain["data"].items()}
        return plain
    data = manifest.get("data")
    if is_secret(manifest) and isinstance(data, dict) and any(map(_is_file, data.values())):
        return {**manifest, "data": {key: _IN_DATA if _is_file(value) else value for key, value in data.items()}}
    return manifest


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _masked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item) for item in value]
    return SOPS_MASK if is_encrypted(value) else value


def _is_file(value: Any) -> bool:
    content = from_base64(value)
    return content is not None and detect(content) is not None
