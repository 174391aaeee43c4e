"""The three kinds of patches, in one place: RFC 6902, RFC 7386 and Kubernetes' strategic merge patch.

All are pure: they return a new document that shares unchanged parts with the old one. Their errors carry the API
server's status code and text.
"""

from __future__ import annotations

from fairlead.localcluster.merge.json_patch import json_patch
from fairlead.localcluster.merge.merge_patch import merge_patch
from fairlead.localcluster.merge.patch_error import PatchError
from fairlead.localcluster.merge.strategic import strategic_merge_patch

__all__ = ["PatchError", "json_patch", "merge_patch", "strategic_merge_patch"]
