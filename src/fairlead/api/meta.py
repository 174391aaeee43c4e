"""What the kinds share: metadata, conditions, artifacts, references.

Types here describe the wire: fields are camelCase there, an absent field is its default here, and defaults are not
written back. The text below a field becomes its description in the CRD; patterns and limits become its schema.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

__all__ = [
    "ArtifactStatus",
    "Condition",
    "Duration",
    "LocalObjectReference",
    "ObjectMeta",
    "SecretKeyReference",
    "Selector",
    "Timeout",
]

Duration = Annotated[str, Meta(pattern=r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$")]
"""A Go duration, ``1h30m``."""

Timeout = Annotated[str, Meta(pattern=r"^([0-9]+(\.[0-9]+)?(ms|s|m))+$")]
"""A Go duration without hours: Flux allows ``90m`` and not ``1h`` for the time-outs of sources."""

Timestamp = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
"""RFC 3339 in UTC, to the second."""


class Wire(Struct, rename="camel", omit_defaults=True, frozen=True):
    """Base of everything on the wire."""


class ObjectMeta(Wire, frozen=True, kw_only=True):
    """The part of an object's metadata that controllers look at."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    finalizers: list[str] = field(default_factory=list)


class Condition(Wire, frozen=True, kw_only=True):
    """One aspect of an object's state."""

    type: Annotated[
        str,
        Meta(
            max_length=316,
            pattern=r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
            r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
        ),
    ]
    """Type of the condition in CamelCase."""
    status: Literal["True", "False", "Unknown"]
    """Status of the condition, one of True, False, Unknown."""
    observed_generation: Annotated[int, Meta(ge=0, extra_json_schema={"format": "int64"})] | None = None
    """The generation of the spec that the condition was set upon."""
    last_transition_time: Timestamp
    """The last time that status, reason or message changed."""
    reason: Annotated[str, Meta(min_length=1, max_length=1024, pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")]
    """A programmatic identifier of the reason for the last transition."""
    message: Annotated[str, Meta(max_length=32768)]
    """Details for a person; may be empty."""


class ArtifactStatus(Wire, frozen=True, kw_only=True):
    """One revision of a source, as its consumers see it."""

    digest: Annotated[str, Meta(pattern=r"^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$")] | None = None
    """Digest of the content in the form '<algorithm>:<checksum>'."""
    last_update_time: Timestamp
    """When the artifact was last changed."""
    metadata: dict[str, str] | None = None
    """Annotations of the upstream artifact."""
    path: str
    """Where the artifact is kept, relative to the root of the storage."""
    revision: str
    """The revision in the form of the source, such as 'main@sha1:<commit>'."""
    size: Annotated[int, Meta(extra_json_schema={"format": "int64"})] | None = None
    """Number of bytes in the files of the artifact."""
    url: str
    """The address under which the artifact is known to its consumers."""


class LocalObjectReference(Wire, frozen=True, kw_only=True):
    """An object in the same namespace."""

    name: str
    """Name of the referent."""


class SecretKeyReference(Wire, frozen=True, kw_only=True):
    """A Secret in the same namespace and the key in it that counts."""

    name: str
    """Name of the Secret."""
    key: str | None = None
    """Key in the Secret; when not set, the key that is usual for the purpose."""


class Selector(Wire, frozen=True, kw_only=True):
    """Which objects a patch or a rule is about; names are anchored regular expressions, an absent field fits all."""

    group: str | None = None
    """API group of the objects."""
    version: str | None = None
    """API version of the objects."""
    kind: str | None = None
    """Kind of the objects."""
    name: str | None = None
    """Name of the objects."""
    namespace: str | None = None
    """Namespace of the objects."""
    label_selector: str | None = None
    """Label selection expression that the objects' labels must match."""
    annotation_selector: str | None = None
    """Label selection expression that the objects' annotations must match."""
