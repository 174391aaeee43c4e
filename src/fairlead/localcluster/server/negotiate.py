"""Which form a client wants: the object, a table for people, or metadata only; JSON or YAML.

Forms are the ``as``, ``g`` and ``v`` parameters of an ``Accept`` entry. Answers are never protobuf: as the real server
does for custom resources, the next acceptable entry is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from fairlead.localcluster.status import StatusError

__all__ = ["Form", "negotiate", "wants_discovery"]

_FORMS = {
    ("Table", "meta.k8s.io"),
    ("PartialObjectMetadata", "meta.k8s.io"),
    ("PartialObjectMetadataList", "meta.k8s.io"),
}


@dataclass(frozen=True, slots=True)
class Form:
    """``kind`` is empty for the plain object; ``version`` is that of the form's group (``v1``, ``v1beta1``)."""

    kind: str = ""
    version: str = "v1"
    yaml: bool = False

    @property
    def is_table(self) -> bool:
        return self.kind == "Table"

    @property
    def is_metadata(self) -> bool:
        return self.kind.startswith("PartialObjectMetadata")


@lru_cache(maxsize=256)
def negotiate(accept: str) -> Form:
    """The first entry of an ``Accept`` header that can be served; 406 when there is none."""
    for entry in (accept or "*/*").split(","):
        media, *rest = [part.strip() for part in entry.split(";")]
        params = dict(part.split("=", 1) for part in rest if "=" in part)
        if media not in ("application/json", "application/yaml", "*/*", "application/*", "text/*"):
            continue
        kind = params.get("as", "")
        if kind and ((kind, params.get("g")) not in _FORMS or params.get("v") not in ("v1", "v1beta1")):
            continue
        return Form(kind, params.get("v", "v1"), media == "application/yaml")
    raise StatusError(406, "NotAcceptable", _NOT_ACCEPTABLE, {})


_NOT_ACCEPTABLE = (
    "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, "
    "application/vnd.kubernetes.protobuf"
)


def wants_discovery(accept: str) -> str:
    """The version of aggregated discovery that is asked for first (``v2``, ``v2beta1``); empty for the classic form."""
    for entry in accept.split(","):
        media, *rest = [part.strip() for part in entry.split(";")]
        params = dict(part.split("=", 1) for part in rest if "=" in part)
        if media not in ("application/json", "*/*", "application/*"):
            continue
        if params.get("g") == "apidiscovery.k8s.io" and params.get("as") == "APIGroupDiscoveryList":
            if params.get("v") in ("v2", "v2beta1"):
                return params["v"]
            continue
        return ""
    return ""
