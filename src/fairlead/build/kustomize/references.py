"""Name references: fields that hold the name of another resource follow its renaming.

Runs once, when all names are final. A field is looked up among the resources that its owner may refer to; those that
never were renamed are out of the question, which makes the usual build cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import KustomizeError, prefixed
from .fieldpaths import Create, update_at
from .identity import Gvk
from .values import MISSING, Value, Written, is_null, is_scalar, resolve, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .collection import Collection
    from .config import Config
    from .fieldpaths import FieldSpec
    from .resource import Resource

__all__ = ["update_references"]


def update_references(resources: Collection, config: Config) -> None:
    """Rewrites all references; raises when one could mean several resources."""
    if not config.references:
        return
    renamed = _Renamed(resources)
    for resource in resources:
        specs = config.references_of(resource.original.kind)
        if not specs:
            continue
        namespaces = _subject_namespaces(resource)
        if renamed.by_name:
            _Referrer(resource, renamed, namespaces).update(specs)


class _Renamed:
    """Resources that have had another identity, by every name that they had."""

    def __init__(self, resources: Collection) -> None:
        self.by_name: dict[str, list[Resource]] = {}
        for resource in resources:
            for name in {identity.name: None for identity in resource.previous}:
                self.by_name.setdefault(name, []).append(resource)


def _subject_namespaces(resource: Resource) -> frozenset[str]:
    """Where the service accounts of a role binding live; it may refer to them there."""
    subjects = resource.value.get("subjects")
    if resource.kind != "RoleBinding" or not isinstance(subjects, list) or resource.current.cluster_scoped:
        return frozenset()
    result = set()
    for subject in subjects:
        if not isinstance(subject, dict) or "namespace" not in subject:
            continue
        if text_of(subject.get("kind")) == "ServiceAccount":
            namespace = subject["namespace"]
            if isinstance(namespace, Written):
                namespace = namespace.value
            if not isinstance(namespace, str):
                raise KustomizeError(f'Invalid Input: namespace is blank for resource "{resource.current}"\n')
            result.add(namespace)
    return frozenset(result)


class _Referrer:
    """One resource that refers to others."""

    __slots__ = ("_namespaces", "_renamed", "_resource")

    def __init__(self, resource: Resource, renamed: _Renamed, namespaces: frozenset[str]) -> None:
        self._resource = resource
        self._renamed = renamed
        self._namespaces = namespaces

    def update(self, specs: Iterable[tuple[Gvk, FieldSpec]]) -> None:
        resource = self._resource
        original = resource.original
        for target, spec in specs:
            if not spec.gvk.fits(original.group, original.version, original.kind):
                continue
            first = spec.parts[0][0]
            if first not in resource.value:
                continue
            try:
                resource.value = update_at(
                    resource.value, spec.parts, 0, self._setter(target, spec.path), Create.NOTHING
                )
            except KustomizeError:
                words = f"updating name reference in '{spec.path}' field of '{resource.current}'"
                with prefixed(words), prefixed(f"considering field '{spec.path}' of object {resource.current}"):
                    raise

    def _setter(self, target: Gvk, path: str) -> Callable[[Value], Value]:
        def set_name(value: Value) -> Value:
            if is_null(value):
                return value
            if isinstance(value, dict):
                return self._set_in_map(value, target, path)
            if isinstance(value, list):
                items = [set_name(item) for item in value]
                return value if all(a is b for a, b in zip(items, value, strict=True)) else items
            return self._set_scalar(value, target, path)

        return set_name

    def _set_scalar(self, value: Value, target: Gvk, path: str) -> Value:
        name = text_of(value)
        found = self._select(name, target, path, None, by_namespace=False)
        if found is None or found.name == name:
            return value
        return found.name if type(value) is str else resolve(found.name)

    def _set_in_map(self, value: dict[str, Value], target: Gvk, path: str) -> Value:
        name_value = value.get("name", MISSING)
        if name_value is MISSING or not is_scalar(name_value):
            raise KustomizeError("path config error; no 'name' field in node")
        name = text_of(name_value)
        namespace = value.get("namespace", MISSING)
        only = None if namespace is MISSING else text_of(namespace)
        found = self._select(name, target, path, only, by_namespace=True)
        if found is None or (found.name == name and not found.namespace):
            return value
        result = {**value, "name": found.name}
        if found.namespace:
            result["namespace"] = found.namespace
        return value if result == value else result

    def _select(
        self, name: str, target: Gvk, path: str, namespace: str | None, *, by_namespace: bool
    ) -> Resource | None:
        """The resource that the name means, or ``None``."""
        candidates = [item for item in self._renamed.by_name.get(name, ()) if self._is_visible(item)]
        if not candidates:
            return None
        if namespace is not None:
            candidates = self._in_namespace(candidates, namespace)
        candidates = [
            item
            for item in candidates
            if any(target.fits(old.group, old.version, old.kind) for old in item.earlier()) and self._is_near(item)
        ]
        if path.endswith("roleRef/name"):
            candidates = self._fitting_role_ref(candidates)
        if len(candidates) == 1:
            return candidates[0]
        candidates = [item for item in candidates if _same_affixes(item, self._resource, allow_empty=True)]
        if len(candidates) > 1:
            candidates = [item for item in candidates if _same_affixes(item, self._resource, allow_empty=False)]
        if not candidates:
            return None
        first = candidates[0]
        if any(item.name != first.name or (by_namespace and item.namespace != first.namespace) for item in candidates):
            raise KustomizeError(_ambiguous(candidates, self._resource))
        return first

    def _is_visible(self, candidate: Resource) -> bool:
        """Whether the referrer may refer to it at all."""
        current, other = self._resource.current, candidate.current
        return (
            current.cluster_scoped
            or other.cluster_scoped
            or current.effective_namespace == other.effective_namespace
            or candidate.namespace in self._namespaces
        )

    def _in_namespace(self, candidates: Sequence[Resource], namespace: str) -> list[Resource]:
        """Those whose original namespace is the one that the reference names; failing any at all, the present one."""
        everything = [item for items in self._renamed.by_name.values() for item in items if self._is_visible(item)]
        if any(_original_namespace(item) == namespace for item in everything):
            return [item for item in candidates if _original_namespace(item) == namespace]
        return [item for item in candidates if item.current.effective_namespace == namespace]

    def _is_near(self, candidate: Resource) -> bool:
        current, other = self._resource.current, candidate.current
        return (
            current.cluster_scoped
            or other.cluster_scoped
            or candidate.kind == "ServiceAccount"
            or current.effective_namespace == other.effective_namespace
        )

    def _fitting_role_ref(self, candidates: list[Resource]) -> list[Resource]:
        role_ref: Any = self._resource.value.get("roleRef")
        if not isinstance(role_ref, dict) or "apiGroup" not in role_ref or "kind" not in role_ref:
            return candidates
        wanted = Gvk(text_of(role_ref["apiGroup"]), "", text_of(role_ref["kind"]))
        return [
            item for item in candidates if any(wanted.fits(old.group, old.version, old.kind) for old in item.earlier())
        ]


def _original_namespace(resource: Resource) -> str:
    return resource.original.effective_namespace


def _same_affixes(one: Resource, other: Resource, *, allow_empty: bool) -> bool:
    pairs = ((one.prefixes, other.prefixes), (one.suffixes, other.suffixes))
    return all((allow_empty and (not a or not b)) or _ends_alike(a, b) for a, b in pairs)


def _ends_alike(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    shorter, longer = sorted((one, other), key=len)
    if not shorter:
        return not longer
    return longer[-len(shorter) :] == shorter


def _ambiguous(candidates: Sequence[Resource], referrer: Resource) -> str:
    names = ", ".join(str(item.current) for item in candidates)
    return (
        f"found multiple possible referrals: {names}\nToo many possible referral targets to referrer {referrer.current}"
    )
