"""Field sets obey the laws of sets, and print in the server's order."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.localcluster.merge.fieldset import (
    FieldsV1Error,
    canonical_json,
    difference,
    intersection,
    iterate,
    ordered,
    parse,
    path_text,
    recursive_difference,
    union,
)

ELEMENTS = ["f:a", "f:b", 'k:{"name":"x"}', 'v:"s"']
PATHS = st.lists(st.lists(st.sampled_from(ELEMENTS), min_size=1, max_size=4).map(tuple), max_size=8)


def made(paths: list[tuple[str, ...]]) -> dict[str, Any]:
    """A set of exactly these paths."""
    result: dict[str, Any] = {}
    for path in paths:
        one: dict[str, Any] = {}
        for element in reversed(path):
            one = {element: one}
        result = union(result, one)
    return result


def members(fields: dict[str, Any]) -> set[tuple[str, ...]]:
    return set(iterate(fields))


@given(PATHS, PATHS)
def test_operations_are_those_of_sets(left: list[tuple[str, ...]], right: list[tuple[str, ...]]) -> None:
    a, b = made(left), made(right)
    assert members(a) == set(left)
    assert members(union(a, b)) == set(left) | set(right)
    assert members(intersection(a, b)) == set(left) & set(right)
    assert members(difference(a, b)) == set(left) - set(right)


@given(PATHS, PATHS)
def test_recursive_difference_takes_what_is_below(left: list[tuple[str, ...]], right: list[tuple[str, ...]]) -> None:
    kept = {path for path in left if not any(path[: len(other)] == other for other in right)}
    assert members(recursive_difference(made(left), made(right))) == kept


@given(PATHS, PATHS)
def test_operations_leave_their_arguments_alone(left: list[tuple[str, ...]], right: list[tuple[str, ...]]) -> None:
    a, b = made(left), made(right)
    before = json.dumps([a, b])
    for operation in (union, intersection, difference, recursive_difference):
        operation(a, b)
    assert json.dumps([a, b]) == before


@given(PATHS)
def test_reading_what_was_written_changes_nothing(paths: list[tuple[str, ...]]) -> None:
    fields = ordered(made(paths))
    assert json.dumps(parse(json.loads(json.dumps(fields)))) == json.dumps(fields)


def test_elements_come_in_the_server_s_order() -> None:
    fields: dict[str, Any] = {
        "v:10": {},
        "v:9": {},
        'v:"a"': {},
        'k:{"b":2}': {},
        'k:{"a":"z"}': {},
        "f:b": {},
        ".": {},
        "f:a": {},
    }
    wanted = [".", "f:a", "f:b", 'k:{"a":"z"}', 'k:{"b":2}', "v:9", "v:10", 'v:"a"']
    assert list(ordered(fields)) == wanted


def test_paths_print_as_in_conflicts() -> None:
    path = ("f:spec", "f:containers", 'k:{"protocol":"TCP","containerPort":80}', 'v:"x"', "i:3")
    assert path_text(path) == '.spec.containers[containerPort=80,protocol="TCP"][="x"][3]'


def test_html_is_escaped_as_in_go() -> None:
    assert canonical_json({"b": "<&>", "a": "ü"}) == '{"a":"ü","b":"\\u003c\\u0026\\u003e"}'


@pytest.mark.parametrize("fields", [[], {"f:a": 1}, {"x:a": {}}, {"a": {}}, {"k:[1]": {}}, {"v:{": {}}, {'i:"x"': {}}])
def test_what_is_no_field_set_is_refused(fields: Any) -> None:
    with pytest.raises(FieldsV1Error):
        parse(fields)
