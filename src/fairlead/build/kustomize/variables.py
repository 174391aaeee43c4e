"""``vars``: values of fields, put where ``$(NAME)`` stands. Old, but large repositories live on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fairlead.objects.yaml_scalars import format_float

from .errors import KustomizeError
from .fieldpaths import Create, update_at
from .identity import CLUSTER_SCOPED, Identity
from .paths import look_up, smart_split, with_indices
from .values import MISSING, Value, Written, is_null

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .collection import Collection
    from .fieldpaths import FieldSpec

__all__ = ["Variable", "add_variables", "parse_variable", "resolve_variables"]


_LONGEST_TEXT: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Variable:
    """A name, the object that it looks at, and the field there."""

    name: str
    target: Identity
    path: str

    def __str__(self) -> str:
        return f"{{{self.name} {self.target.gvk} {{{self.path}}}}}"


def parse_variable(entry: Mapping[str, Any]) -> Variable:
    reference = entry.get("objref") or {}
    group, version = reference.get("group") or "", reference.get("version") or ""
    match (reference.get("apiVersion") or "").split("/"):
        case [""]:
            pass
        case [api_version]:
            version = api_version
        case [api_group, api_version]:
            group, version = api_group, api_version
    kind = reference.get("kind") or ""
    scoped = ((f"{group}/{version}" if group else version), kind) in CLUSTER_SCOPED
    name, namespace = reference.get("name") or "", reference.get("namespace") or ""
    path = (entry.get("fieldref") or {}).get("fieldPath") or "metadata.name"
    return Variable(entry.get("name") or "", Identity(group, version, kind, name, namespace, scoped), path)


def add_variables(
    known: dict[str, Variable], entries: Iterable[Mapping[str, Any]], resources: Collection
) -> dict[str, Variable]:
    """The variables with those of one layer; each is tied to its object now, under the names that it has here."""
    result = dict(known)
    for variable in map(parse_variable, entries):
        target = variable.target
        if target.namespace or target.cluster_scoped:
            matches = resources.by_any_identity(target)
        else:
            wanted = target[:4]
            matches = resources.where_any_identity(lambda identity, wanted=wanted: identity[:4] == wanted)  # type: ignore[misc]
        if len(matches) > 1:
            raise KustomizeError(f"found {len(matches)} resId matches for var {variable} (unable to disambiguate)")
        for match in matches:
            match.variables = (*match.variables, variable.name)
        merge_variables(result, [variable])
    return result


def merge_variables(into: dict[str, Variable], variables: Iterable[Variable]) -> None:
    for variable in variables:
        if variable.name in into:
            raise KustomizeError(f"var '{variable.name}' already encountered")
        into[variable.name] = variable


def resolve_variables(
    resources: Collection, variables: Mapping[str, Variable], specs: Sequence[FieldSpec]
) -> tuple[str, ...]:
    """Puts all values in place and returns the names that stood nowhere; raises when a variable has no value."""
    if not variables:
        return ()
    values = {name: _value_of(variables[name], resources) for name in sorted(variables)}
    expansion = _Expansion(values)
    for resource in resources:
        for spec in specs:
            if spec.fits(resource) and spec.parts[0][0] in resource.value:
                resource.value = update_at(resource.value, spec.parts, 0, expansion.apply, Create.NOTHING)
    return tuple(name for name in values if name not in expansion.used)


def _value_of(variable: Variable, resources: Collection) -> Value:
    for resource in resources:
        if variable.name in resource.variables:
            try:
                found = look_up(resource.value, with_indices(smart_split(variable.path)))
            except KustomizeError:
                found = MISSING
            if found is MISSING:
                raise KustomizeError(f"field specified in var '{variable}' not found in corresponding resource")
            return found
    raise KustomizeError(f"var '{variable}' cannot be mapped to a field in the set of known resources")


class _Expansion:
    """Replaces ``$(NAME)`` in texts; ``$$`` stands for one dollar, unknown names stay."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._values = values
        self.used: set[str] = set()

    def apply(self, value: Value) -> Value:
        """The value at the end of a path: a text, a list of texts, or a map whose texts are expanded."""
        if is_null(value):
            return value
        if isinstance(value, str):
            return self._expand(value)
        if isinstance(value, dict):
            return {key: self._expand(item) if isinstance(item, str) else item for key, item in value.items()}
        if isinstance(value, list):
            if not all(isinstance(item, str) for item in value):
                raise KustomizeError("invalid value type expect a string")
            return [self._expand(item) for item in value]
        return value

    def _expand(self, text: str) -> Value:
        if "$" not in text:
            return text
        pieces: list[str] = []
        checkpoint = cursor = grown = 0
        while cursor < len(text):
            if text[cursor] == "$" and cursor + 1 < len(text):
                pieces.append(text[checkpoint:cursor])
                piece, is_name, length = _read_name(text, cursor + 1)
                if is_name:
                    value = self._lookup(piece)
                    if text == f"$({piece})":
                        return value
                    pieces.append(_shown(value))
                    grown += len(pieces[-1])
                    if grown > _LONGEST_TEXT:
                        raise KustomizeError(f"the text around $({piece}) grows beyond {_LONGEST_TEXT} characters")
                else:
                    pieces.append(piece)
                cursor += length
                checkpoint = cursor + 1
            cursor += 1
        return "".join(pieces) + text[checkpoint:]

    def _lookup(self, name: str) -> Value:
        value = self._values.get(name, MISSING)
        if isinstance(value, Written):
            value = value.text if value.value is None or isinstance(value.value, str) else value.value
        if value is MISSING or value is None or isinstance(value, dict | list):
            return f"$({name})"
        self.used.add(name)
        return value


def _read_name(text: str, at: int) -> tuple[str, bool, int]:
    """What follows a dollar: the name or the text it stands for, whether it is a name, and how long it is."""
    if text[at] == "$":
        return "$", False, 1
    if text[at] != "(":
        return "$" + text[at], False, 1
    end = text.find(")", at + 1)
    return ("$(", False, 1) if end < 0 else (text[at + 1 : end], True, end - at + 1)


def _shown(value: Value) -> str:
    """``%v`` of a value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return format_float(value, exponent_from=21) if isinstance(value, float) else str(value)
