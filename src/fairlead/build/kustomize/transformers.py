"""The small transformers: names, namespace, labels, annotations, replicas.

Each one is a function of its settings, its field specs and the resources; where fields are is said by the specs alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .errors import KustomizeError, prefixed
from .fieldpaths import Create, FieldSpec, apply_spec
from .golang import node_text
from .identity import Gvk
from .values import Quoted, Value, is_null, is_scalar, resolve, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .collection import Collection
    from .resource import Resource

__all__ = ["add_affix", "set_annotations", "set_labels", "set_namespace", "set_replicas"]

_UNPREFIXED: Final = (
    Gvk(kind="CustomResourceDefinition"),
    Gvk(group="apiregistration.k8s.io", kind="APIService"),
    Gvk(kind="Namespace"),
)
_NAME_PATH: Final = "metadata/name"
_NAMESPACE: Final = FieldSpec(Gvk(), "metadata/namespace", create=True)


def add_affix(resources: Collection, specs: Sequence[FieldSpec], *, prefix: str = "", suffix: str = "") -> None:
    """Puts text in front of names or behind them, and remembers it for finding references."""

    def extend(value: Value) -> Value:
        text = f"{prefix}{text_of(value)}{suffix}"
        return text if type(value) is str else resolve(text)

    for resource in resources:
        original = resource.original
        kind = (original.group, original.version, original.kind)
        if any(pattern.fits(*kind) for pattern in _UNPREFIXED):
            continue
        for spec in specs:
            if not spec.gvk.fits(*kind):
                continue
            if spec.path == _NAME_PATH:
                if prefix:
                    resource.prefixes = (*resource.prefixes, prefix)
                if suffix:
                    resource.suffixes = (*resource.suffixes, suffix)
                if prefix or suffix:
                    resource.remember_identity()
            apply_spec(resource, spec, _on_scalar(extend), Create.SCALAR)
    resources.identities_changed()


def _on_scalar(setter: Callable[[Value], Value]) -> Callable[[Value], Value]:
    def check(value: Value) -> Value:
        require_scalar(value)
        return setter(value)

    return check


def require_scalar(value: Value) -> None:
    """Raises, in kustomize's words, for a map or a list."""
    if is_scalar(value):
        return
    found = "MappingNode" if isinstance(value, dict) else "SequenceNode"
    contents = node_text(value)
    raise WrongKindError(f"wrong node kind: expected ScalarNode but got {found}: node contents:\n{contents}")


class WrongKindError(KustomizeError):
    """A field that should be a scalar is a map or a list."""


def set_namespace(
    resources: Collection,
    namespace: str,
    specs: Sequence[FieldSpec],
    *,
    unset_only: bool = False,
    subjects: str = "defaultOnly",
) -> None:
    """Moves all resources into a namespace; ``subjects`` says which subjects of role bindings follow."""
    if not namespace:
        return
    if subjects not in ("defaultOnly", "none", "allServiceAccounts"):
        raise KustomizeError(
            f'invalid value "{subjects}" for setRoleBindingSubjects: '
            'must be one of "defaultOnly", "none" or "allServiceAccounts"'
        )

    def set_text(value: Value) -> Value:
        require_scalar(value)
        if unset_only and not is_null(value) and text_of(value) != "":
            return value
        return Quoted(namespace) if value == "" else namespace

    places: dict[tuple[str, ...], int] = {}
    for resource in resources:
        key = resource.current.key
        places[key] = places.get(key, 0) + 1
    for resource in resources:
        if not resource.value or resource.from_helm:
            continue
        before = resource.current.key
        resource.remember_identity()
        move_into_namespace(resource, set_text, specs, subjects)
        after = resource.current.key
        places[before] -= 1
        places[after] = places.get(after, 0) + 1
        if places[after] > 1:
            raise KustomizeError(f"namespace transformation produces ID conflict: {resource.current}")
    resources.identities_changed()


def move_into_namespace(
    resource: Resource, set_text: Callable[[Value], Value], specs: Sequence[FieldSpec], subjects: str
) -> None:
    """The namespace fields of one resource: its own, those of role binding subjects, those that the specs name."""
    if not resource.current.cluster_scoped:
        apply_spec(resource, _NAMESPACE, set_text, Create.SCALAR)
    if resource.kind in ("RoleBinding", "ClusterRoleBinding"):
        _move_subjects(resource, set_text, subjects)
        specs = [spec for spec in specs if not (spec.path == "subjects/namespace" and "RoleBinding" in spec.gvk.kind)]
    is_core = resource.api_version == "v1"
    for spec in specs:
        if spec.path == "metadata/namespace" or (spec.path == _NAME_PATH and not is_core):
            continue
        try:
            apply_spec(resource, spec, set_text, Create.SCALAR)
        except KustomizeError as error:
            wrong_kind = isinstance(error.__cause__, WrongKindError)
            with prefixed(
                "namespace field specs must target scalar nodes" if wrong_kind else "namespace transformation failed"
            ):
                raise


def _move_subjects(resource: Resource, set_text: Callable[[Value], Value], subjects: str) -> None:
    if subjects == "none":
        return
    key, wanted = ("kind", "ServiceAccount") if subjects == "allServiceAccounts" else ("name", "default")

    def move(subject: Value) -> Value:
        if not isinstance(subject, dict) or text_of(subject.get(key)) != wanted:
            return subject
        return {**subject, "namespace": set_text(subject.get("namespace"))}

    entries = resource.value.get("subjects")
    if isinstance(entries, list):
        resource.value = {**resource.value, "subjects": [move(subject) for subject in entries]}


def set_labels(resources: Collection, labels: Mapping[str, str], specs: Sequence[FieldSpec]) -> None:
    """Writes labels into the maps that the specs name."""
    _set_entries(resources, labels, specs)


def set_annotations(resources: Collection, annotations: Mapping[str, str], specs: Sequence[FieldSpec]) -> None:
    """Writes annotations into the maps that the specs name."""
    _set_entries(resources, annotations, specs)


def _set_entries(resources: Collection, entries: Mapping[str, str], specs: Sequence[FieldSpec]) -> None:
    if not entries:
        return

    def add(value: Value) -> Value:
        if is_null(value):
            return value
        if not isinstance(value, dict):
            found = "SequenceNode" if isinstance(value, list) else "ScalarNode"
            problem = f"wrong node kind: expected MappingNode but got {found}"
            raise KustomizeError(f"{problem}: node contents:\n{node_text(value)}")
        return {**value, **entries}

    for resource in resources:
        for spec in specs:
            apply_spec(resource, spec, add, Create.MAP)


def set_replicas(resources: Collection, name: str, count: int, specs: Sequence[FieldSpec]) -> None:
    """Sets the number of replicas of what has or had the name; raises when there is none of a fitting kind."""
    found = False
    for spec in specs:
        fitting = resources.where_any_identity(
            lambda identity, gvk=spec.gvk: (  # type: ignore[misc]
                identity.name == name and gvk.fits(identity.group, identity.version, identity.kind)
            )
        )
        for resource in fitting:
            found = True
            apply_spec(resource, spec, _on_scalar(lambda _: count), Create.SCALAR)
    if not found:
        kinds = " ".join(str(spec.gvk) for spec in specs)
        raise KustomizeError(f"resource with name {name} does not match a config with the following GVK [{kinds}]")
