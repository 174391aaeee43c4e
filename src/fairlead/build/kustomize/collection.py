"""The resources of a build in their order, found by identity or selector."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import KustomizeError
from .golang import quoted
from .values import text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .identity import Identity
    from .resource import Resource
    from .selectors import Selector

__all__ = ["Collection"]

Key = tuple[str, str, str, str, str]


class Collection:
    """An ordered list of resources with unique present identities.

    Lookups are indexed; whoever changes identities calls :meth:`identities_changed` afterwards.
    """

    __slots__ = ("_by_any", "_keys", "items")

    def __init__(self, items: Iterable[Resource] = ()) -> None:
        self.items: list[Resource] = list(items)
        self._keys: set[Key] | None = None
        self._by_any: dict[Key, list[Resource]] | None = None

    def __iter__(self) -> Iterator[Resource]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def identities_changed(self) -> None:
        self._keys = None
        self._by_any = None

    def append(self, resource: Resource) -> None:
        """Adds a resource; raises when its present identity is taken."""
        if self._keys is None:
            self._keys = {item.current.key for item in self.items}
        key = resource.current.key
        if key in self._keys:
            raise KustomizeError(f"may not add resource with an already registered id: {resource.current}")
        self._keys.add(key)
        self.items.append(resource)
        if self._by_any is not None:
            _index(self._by_any, resource)

    def extend(self, resources: Iterable[Resource]) -> None:
        for resource in resources:
            self.append(resource)

    def replace(self, old: Resource, new: Resource) -> None:
        self.items[next(index for index, item in enumerate(self.items) if item is old)] = new
        self.identities_changed()

    def drop_empty(self) -> None:
        if not all(item.value for item in self.items):
            self.items = [item for item in self.items if item.value]
            self.identities_changed()

    def by_any_identity(self, identity: Identity) -> list[Resource]:
        """All resources that have or had this identity, in their order."""
        if self._by_any is None:
            self._by_any = {}
            for resource in self.items:
                _index(self._by_any, resource)
        return [resource for resource in self._by_any.get(identity.key, ()) if resource.value]

    def where_any_identity(self, fits: Callable[[Identity], bool]) -> list[Resource]:
        return [item for item in self.items if item.value and any(map(fits, item.identities()))]

    def the_one(self, identity: Identity) -> Resource:
        """The resource that a patch without a target is for."""
        found = self.by_any_identity(identity)
        if len(found) == 1:
            return found[0]
        problem = "multiple matches" if found else "no matches"
        raise KustomizeError(f"{problem} for Id {identity}; failed to find unique target for patch {identity}")

    def select(self, selector: Selector) -> list[Resource]:
        """The resources that a patch's target describes: by original or present name and namespace."""
        return [item for item in self.items if _selected(item, selector)]

    def merge_generated(self, resource: Resource) -> None:
        """Takes in a generated resource by its behavior: a new one, or one that merges into or replaces an old one."""
        matches = self.by_any_identity(resource.current)
        behavior = resource.behavior
        if not matches:
            if behavior in ("merge", "replace"):
                raise KustomizeError(f"id {_go_id(resource)} does not exist; cannot merge or replace")
            self.append(resource)
            return
        if len(matches) > 1:
            raise KustomizeError(
                f"found multiple objects {[str(match.current) for match in matches]} that could accept merge of "
                f"{resource.current}"
            )
        if behavior not in ("merge", "replace"):
            raise KustomizeError(
                f"id {_go_id(resource)} exists; can not use behavior: '{behavior or 'unspecified'}', "
                "behavior must be merge or replace"
            )
        self.replace(matches[0], combined(matches[0], resource, merge_data=behavior == "merge"))


def _index(index: dict[Key, list[Resource]], resource: Resource) -> None:
    seen = set()
    for identity in resource.identities():
        key = identity.key
        if key not in seen:
            seen.add(key)
            index.setdefault(key, []).append(resource)


def _selected(resource: Resource, selector: Selector) -> bool:
    current, original = resource.current, resource.original
    return (
        selector.fits_kind(current)
        and (selector.fits_name(original.name) or selector.fits_name(current.name))
        and (
            selector.fits_namespace(original.effective_namespace)
            or selector.fits_namespace(current.effective_namespace)
        )
        and selector.fits_labels(resource.labels)
        and selector.fits_annotations(resource.annotations)
    )


def _go_id(resource: Resource) -> str:
    current = resource.current
    gvk = (
        f"resid.Gvk{{Group:{quoted(current.group)}, Version:{quoted(current.version)}, "
        f"Kind:{quoted(current.kind)}, isClusterScoped:{'true' if current.cluster_scoped else 'false'}}}"
    )
    return f"resid.ResId{{Gvk:{gvk}, Name:{quoted(current.name)}, Namespace:{quoted(current.namespace)}}}"


def combined(old: Resource, new: Resource, *, merge_data: bool) -> Resource:
    """``new`` in the place of ``old``: labels, annotations and, when asked for, data of both; names of the old one."""
    result = new.copy()
    for key in ("labels", "annotations"):
        texts = {**_map_of(old, key), **_map_of(new, key)}
        result.set_metadata(key, texts or None)
    result.set_name(old.name)
    result.set_namespace(old.namespace)
    result.previous = old.previous
    result.prefixes, result.suffixes = old.prefixes, old.suffixes
    result.variables = old.variables
    result.needs_hash = old.needs_hash and new.needs_hash
    result.behavior = old.behavior
    result.transformations = new.transformations or old.transformations
    result.origin = (old.origin or new.origin) if merge_data else (new.origin or old.origin)
    if merge_data:
        value = {key: item for key, item in result.value.items() if key not in ("data", "binaryData")}
        for key in ("data", "binaryData"):
            data = {**_data(old, key), **_data(new, key)}
            if data:
                value[key] = data
        result.value = value
    return result


def _map_of(resource: Resource, key: str) -> dict[str, str]:
    return resource.labels() if key == "labels" else resource.annotations()


def _data(resource: Resource, key: str) -> dict[str, str]:
    data = resource.value.get(key)
    return {name: text_of(value) for name, value in data.items()} if isinstance(data, dict) else {}
