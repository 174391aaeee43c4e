"""A resource under construction: its value, and what the build remembers about it.

kustomize keeps its memory in annotations of the object itself; here it is beside the value. Names that a resource had
earlier matter: patches, references, replicas and merges find it by any of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .identity import CLUSTER_SCOPED, Identity, split_group_version
from .values import Value, is_null, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .comments import Comments

__all__ = ["Resource"]

_EMPTY: dict[str, Any] = {}


class Resource:
    """One object of the build. ``value`` is replaced, never changed; copying a resource is therefore cheap."""

    __slots__ = (
        "_current",
        "_current_of",
        "allow_kind_change",
        "allow_name_change",
        "behavior",
        "comments",
        "from_helm",
        "needs_hash",
        "origin",
        "prefixes",
        "previous",
        "quoted",
        "scopes",
        "suffixes",
        "traces",
        "transformations",
        "value",
        "variables",
    )

    def __init__(
        self,
        value: dict[str, Value],
        *,
        scopes: frozenset[tuple[str, str]] = CLUSTER_SCOPED,
        quoted: tuple[list[str], ...] = (),
    ) -> None:
        self.value = value
        self.scopes = scopes
        self.previous: tuple[Identity, ...] = ()
        """Earlier identities, the oldest first."""
        self.prefixes: tuple[str, ...] = ()
        self.suffixes: tuple[str, ...] = ()
        self.behavior = ""
        self.needs_hash = False
        self.allow_name_change = False
        self.allow_kind_change = False
        self.from_helm = False
        self.variables: tuple[str, ...] = ()
        self.quoted = quoted
        """The texts of the files behind it that stand in quotes; a patch keeps the quotes around what it replaces."""
        self.comments: Comments | None = None
        """Schemas in the comments of the file."""
        self.origin: dict[str, Any] | None = None
        self.transformations: tuple[dict[str, Any], ...] = ()
        self.traces: Any = None
        """Where each leaf came from; kept only when a build is asked for it."""
        self._current: Identity | None = None
        self._current_of: Any = None

    def copy(self) -> Resource:
        other = object.__new__(Resource)
        for slot in Resource.__slots__:
            setattr(other, slot, getattr(self, slot))
        return other

    @property
    def metadata(self) -> Mapping[str, Value]:
        metadata = self.value.get("metadata")
        return metadata if type(metadata) is dict else _EMPTY

    @property
    def api_version(self) -> str:
        return _field_text(self.value, "apiVersion")

    @property
    def kind(self) -> str:
        return _field_text(self.value, "kind")

    @property
    def name(self) -> str:
        return _field_text(self.metadata, "name")

    @property
    def namespace(self) -> str:
        return _field_text(self.metadata, "namespace")

    @property
    def is_empty(self) -> bool:
        return not self.value

    @property
    def current(self) -> Identity:
        """The identity that the value has now."""
        if self._current is None or self._current_of is not self.value:
            api_version, kind = self.api_version, self.kind
            group, version = split_group_version(api_version)
            scoped = (api_version, kind) in self.scopes
            self._current = Identity(group, version, kind, self.name, self.namespace, scoped)
            self._current_of = self.value
        return self._current

    @property
    def original(self) -> Identity:
        return self.previous[0] if self.previous else self.current

    def identities(self) -> tuple[Identity, ...]:
        """All identities, the present one last. Earlier ones take group and version from the present value."""
        return (*self.earlier(), self.current)

    def earlier(self) -> tuple[Identity, ...]:
        current = self.current
        if not self.previous or (self.previous[0].group, self.previous[0].version) == (current.group, current.version):
            return self.previous
        return tuple(old._replace(group=current.group, version=current.version) for old in self.previous)

    def remember_identity(self) -> None:
        """Keeps the present identity among the earlier ones, before a change of name, namespace or kind."""
        current = self.current
        self.previous = (
            *self.previous,
            Identity(current.group, current.version, current.kind, current.name, current.effective_namespace),
        )

    def labels(self) -> dict[str, str]:
        return _texts(self.metadata.get("labels"))

    def annotations(self) -> dict[str, str]:
        return _texts(self.metadata.get("annotations"))

    @property
    def has_notes(self) -> bool:
        """Whether kustomize would have notes of its own among the annotations by now."""
        return bool(self.previous or self.prefixes or self.suffixes or self.behavior or self.origin is not None)

    def set_metadata(self, key: str, value: Value) -> None:
        """Sets a field of the metadata; ``None`` removes it."""
        metadata = dict(self.metadata)
        if value is None:
            if key not in metadata:
                return
            del metadata[key]
        else:
            metadata[key] = value
        self.value = {**self.value, "metadata": metadata}

    def set_name(self, name: str) -> None:
        if self.name != name or "name" not in self.metadata:
            self.set_metadata("name", name)

    def set_namespace(self, namespace: str) -> None:
        """An empty namespace removes the field."""
        if not namespace:
            self.set_metadata("namespace", None)
        elif self.namespace != namespace:
            self.set_metadata("namespace", namespace)

    def set_kind(self, kind: str) -> None:
        if self.kind != kind:
            self.value = {**self.value, "kind": kind}


def _field_text(of: Mapping[str, Value], key: str) -> str:
    value = of.get(key)
    if type(value) is str:
        return value
    return "" if value is None or is_null(value) else text_of(value)


def _texts(value: Value) -> dict[str, str]:
    if type(value) is not dict:
        return {}
    return {key: item if type(item) is str else text_of(item) for key, item in value.items()}
