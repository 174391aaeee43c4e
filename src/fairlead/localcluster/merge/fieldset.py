"""Sets of field paths in the wire form of ``managedFields`` (``FieldsV1``).

A set is the decoded JSON itself: a nested dictionary whose keys are path elements (``f:name`` a field, ``k:{…}`` a list
item by its keys, ``v:…`` a set item by its value, ``i:…`` an index). An element is a *member* when its value is empty
or holds ``"."``; everything else in the value are paths below it. So nothing is converted when an object is read or
written, and the operations below work on plain dictionaries. They never change their arguments and may share parts
with them.

The API server sorts elements by kind and value (structured-merge-diff v6, ``fieldpath``); :func:`ordered` does the same
once, when a set is stored.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, Final

__all__ = [
    "FieldSet",
    "FieldsV1Error",
    "canonical_json",
    "difference",
    "intersection",
    "is_member",
    "iterate",
    "ordered",
    "parse",
    "path_text",
    "recursive_difference",
    "union",
]

FieldSet = dict[str, Any]

_DOT: Final = "."
_KINDS: Final = {"f": 0, "k": 1, "v": 2, "i": 3}


class FieldsV1Error(ValueError):
    """A field set that a client sent cannot be read."""


def is_member(below: FieldSet) -> bool:
    """Whether the element with this value is itself in the set."""
    return not below or _DOT in below


def union(left: FieldSet, right: FieldSet) -> FieldSet:
    """Members of either."""
    if not left or left is right:
        return right
    if not right:
        return left
    result = dict(left)
    for element, below in right.items():
        mine = left.get(element)
        result[element] = below if mine is None or mine is below else _union_below(mine, below)
    return result


def _union_below(left: FieldSet, right: FieldSet) -> FieldSet:
    if not left:
        return right if not right or _DOT in right else {_DOT: {}, **right}
    if not right:
        return left if _DOT in left else {_DOT: {}, **left}
    return union(left, right)


def intersection(left: FieldSet, right: FieldSet) -> FieldSet:
    """Members of both."""
    result: FieldSet = {}
    for element, below in left.items():
        other = right.get(element)
        if other is None or element == _DOT:
            continue
        common = below if below is other else intersection(below, other)
        if below is not other and is_member(below) and is_member(other):
            result[element] = {_DOT: {}, **common} if common else {}
        elif common or below is other:
            result[element] = common
    return result


def difference(left: FieldSet, right: FieldSet) -> FieldSet:
    """Members of ``left`` that are not members of ``right``; a member above or below in ``right`` does not matter."""
    if not right or not left:
        return left
    if left is right:
        return {}
    result: FieldSet = {}
    for element, below in left.items():
        if element == _DOT:
            continue
        other = right.get(element)
        if other is None:
            result[element] = below
            continue
        rest = difference_below(below, other)
        if rest is not None:
            result[element] = rest
    return result


def difference_below(left: FieldSet, right: FieldSet) -> FieldSet | None:
    """The same for what stands under one element; None when nothing is left."""
    stays = is_member(left) and not is_member(right)
    rest = difference(left, right) if right else {key: value for key, value in left.items() if key != _DOT}
    if rest:
        rest.pop(_DOT, None)
    if not rest:
        return {} if stays else None
    return {_DOT: {}, **rest} if stays else rest


def recursive_difference(left: FieldSet, right: FieldSet) -> FieldSet:
    """Members of ``left`` that are neither members of ``right`` nor below one."""
    if not right:
        return left
    result: FieldSet = {}
    for element, below in left.items():
        other = right.get(element)
        if other is None:
            result[element] = below
        elif not is_member(other):
            rest = recursive_difference(below, other)
            if rest or not below:
                result[element] = rest
    return result


def iterate(fields: FieldSet, prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every member as a path, in the server's order: at each level the members first, then what is below."""
    elements = sorted((element for element in fields if element != _DOT), key=_sort_key)
    found = [(*prefix, element) for element in elements if is_member(fields[element])]
    for element in elements:
        if fields[element]:
            found.extend(iterate(fields[element], (*prefix, element)))
    return found


def ordered(fields: FieldSet) -> FieldSet:
    """The same set with its elements in the order in which the API server prints them, ``"."`` first."""
    if len(fields) < 2:
        return {element: ordered(below) if below else {} for element, below in fields.items()}
    elements = sorted(fields, key=_sort_key)
    return {element: ordered(below) if (below := fields[element]) else {} for element in elements}


@lru_cache(maxsize=16384)
def _sort_key(element: str) -> tuple[Any, ...]:
    if element == _DOT:
        return (-1,)
    kind = element[0]
    if kind == "f":
        return (0, element)
    text = element[2:]
    if kind == "k":
        keys = json.loads(text)
        return (1, *((name, *_value_key(keys[name])) for name in sorted(keys)))
    if kind == "v":
        return (2, *_value_key(json.loads(text)))
    return (3, int(text))


def _value_key(value: Any) -> tuple[int, Any]:
    """Orders JSON values as structured-merge-diff does: numbers, strings, booleans, lists, maps, null."""
    if isinstance(value, bool):
        return (2, value)
    if isinstance(value, (int, float)):
        return (0, value)
    if isinstance(value, str):
        return (1, value)
    if isinstance(value, list):
        return (3, [_value_key(item) for item in value])
    if isinstance(value, dict):
        return (4, sorted((key, _value_key(item)) for key, item in value.items()))
    return (5, 0)


def path_text(path: tuple[str, ...]) -> str:
    """A path as conflict messages print it: ``.spec.template.spec.containers[name="app"].image``."""
    return "".join(map(_element_text, path))


def _element_text(element: str) -> str:
    kind, text = element[0], element[2:]
    if kind == "f":
        return f".{text}"
    if kind == "k":
        keys = json.loads(text)
        return "[" + ",".join(f"{name}={_value_text(keys[name])}" for name in sorted(keys)) + "]"
    if kind == "v":
        return f"[={_value_text(json.loads(text))}]"
    return f"[{text}]"


def _value_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def parse(fields: Any) -> FieldSet:
    """A set that a client sent, checked and with its elements spelled in the canonical way.

    Raises :class:`FieldsV1Error` where the API server would refuse it.
    """
    if not isinstance(fields, dict):
        raise FieldsV1Error("fieldsV1 must be an object")
    result: FieldSet = {}
    for element, below in fields.items():
        if not isinstance(below, dict):
            raise FieldsV1Error(f"the value of {element!r} must be an object")
        result[element if element == _DOT else _canonical(element)] = parse(below)
    return result


@lru_cache(maxsize=16384)
def _canonical(element: str) -> str:
    if len(element) < 2 or element[1] != ":" or element[0] not in _KINDS:
        raise FieldsV1Error(f"unknown path element {element!r}")
    kind, text = element[0], element[2:]
    if kind == "f":
        return element
    try:
        value = json.loads(text)
    except ValueError as error:
        raise FieldsV1Error(f"cannot read path element {element!r}") from error
    if (kind == "k" and not isinstance(value, dict)) or (kind == "i" and not isinstance(value, int)):
        raise FieldsV1Error(f"cannot read path element {element!r}")
    return f"{kind}:{canonical_json(value)}"


_ESCAPES: Final = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)


def canonical_json(value: Any) -> str:
    """JSON as Go prints it inside a path element: sorted keys, no spaces, HTML characters escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text.translate(_ESCAPES)
