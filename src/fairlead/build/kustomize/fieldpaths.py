"""Paths of field specs (``spec/template/spec/containers[]/image``) and what is done at their end.

Lists on the way are walked item by item, written or not; ``x[]`` says that x is a list, which is then never created.
With ``create`` missing maps are made. A null on the way ends the walk in silence.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from .errors import KustomizeError, prefixed
from .values import MISSING, Value, is_null

if TYPE_CHECKING:
    from collections.abc import Callable

    from .identity import Gvk
    from .resource import Resource

__all__ = ["Create", "FieldSpec", "apply_spec", "split_path", "update_at"]


class Create(Enum):
    """What stands at the end of a path that is made."""

    NOTHING = 0
    MAP = 1
    SCALAR = 2


class FieldSpec(NamedTuple):
    """Which field of which kinds; an empty part of the kind fits all."""

    gvk: Gvk
    path: str
    create: bool = False

    @property
    def parts(self) -> tuple[tuple[str, bool], ...]:
        return _parts(self.path)

    def fits(self, resource: Resource) -> bool:
        if not any(self.gvk):
            return True
        current = resource.current
        return self.gvk.fits(current.group, current.version, current.kind)


_known_parts: dict[str, tuple[tuple[str, bool], ...]] = {}


def _parts(path: str) -> tuple[tuple[str, bool], ...]:
    parts = _known_parts.get(path)
    if parts is None:
        if len(_known_parts) > 10_000:
            _known_parts.clear()
        parts = tuple((part.removesuffix("[]"), part.endswith("[]")) for part in split_path(path, "/"))
        _known_parts[path] = parts
    return parts


def split_path(path: str, delimiter: str) -> list[str]:
    """Splits at the delimiter unless a backslash stands in front of it; one leading delimiter is ignored."""
    pieces = path.split(delimiter)
    if len(pieces) > 1 and pieces[0] == "":
        pieces = pieces[1:]
    result = [pieces[0]]
    for piece in pieces[1:]:
        if result[-1].endswith("\\"):
            result[-1] = result[-1][:-1] + delimiter + piece
        else:
            result.append(piece)
    return result


def apply_spec(
    resource: Resource, spec: FieldSpec, setter: Callable[[Value], Value], create: Create = Create.NOTHING
) -> None:
    """Carries out ``setter`` at the end of the path, for a resource that the spec fits."""
    if not spec.fits(resource):
        return
    wanted = create if spec.create else Create.NOTHING
    try:
        resource.value = update_at(resource.value, spec.parts, 0, setter, wanted)
    except KustomizeError:
        with prefixed(f"considering field '{spec.path}' of object {resource.current}"):
            raise


def update_at(
    value: Value,
    parts: tuple[tuple[str, bool], ...],
    at: int,
    setter: Callable[[Value], Value],
    create: Create,
) -> Value:
    """The value with the setter's result at the end of the path; the same object when nothing changed."""
    if at == len(parts):
        return setter(value)
    kind = type(value)
    if kind is dict:
        name, is_list = parts[at]
        if not name:
            raise KustomizeError("cannot set or create an empty field name")
        old = value.get(name, MISSING)
        child = old
        if old is MISSING:
            if is_list or create is Create.NOTHING:
                return value
            child = _made(at == len(parts) - 1, create)
        elif is_null(old):
            if is_list:
                child = []
            elif create is not Create.NOTHING:
                child = _made(at == len(parts) - 1, create)
        new = update_at(child, parts, at + 1, setter, create)
        if new is old:
            return value
        return {**value, name: new}
    if kind is list:
        items = [update_at(item, parts, at, setter, create) for item in value]
        return value if all(a is b for a, b in zip(items, value, strict=True)) else items
    if is_null(value):
        return value
    raise KustomizeError("expected sequence or mapping node")


def _made(last: bool, create: Create) -> Value:
    return None if last and create is Create.SCALAR else {}
