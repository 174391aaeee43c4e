"""dependsOn as pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.controllers.dependencies import (
    DependencyNotReadyError,
    check_dependencies,
    dependencies_of,
    find_cycle,
    in_order,
)
from fairlead.kube.reflector import Key
from tests.unit.controllers.resources_for_tests import condition, kustomization

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.api.kustomization import Kustomization


def world(**depends: tuple[str, ...]) -> Callable[[Key], Kustomization | None]:
    known = {Key("ns", name): kustomization(name, depends=names) for name, names in depends.items()}
    return known.get


def ready(revision: str, **status: Any) -> dict[str, Any]:
    return {
        "observedGeneration": 1,
        "conditions": [condition("Ready", "True")],
        "lastAppliedRevision": revision,
        **status,
    }


def check(dependency: Kustomization | None, **spec: Any) -> None:
    lookup = {Key("ns", "infra"): dependency}.get
    check_dependencies(kustomization("apps", depends=("infra",), **spec), "main@sha1:1", lookup)


def test_a_ready_dependency_at_the_same_revision_is_enough() -> None:
    check(kustomization("infra", status=ready("main@sha1:1")))


@pytest.mark.parametrize(
    ("dependency", "message"),
    [
        (None, "dependency 'ns/infra' not found"),
        (kustomization("infra"), "dependency 'ns/infra' is not ready"),
        (
            kustomization("infra", status=ready("main@sha1:1", observedGeneration=0)),
            "dependency 'ns/infra' is not ready",
        ),
        (
            kustomization("infra", status=ready("main@sha1:1", conditions=[condition("Ready", "Unknown")])),
            "dependency 'ns/infra' is not ready",
        ),
        (kustomization("infra", status=ready("main@sha1:0")), "dependency 'ns/infra' revision is not up to date"),
    ],
)
def test_says_what_is_wrong(dependency: Kustomization | None, message: str) -> None:
    with pytest.raises(DependencyNotReadyError) as caught:
        check(dependency)
    assert str(caught.value) == message


def test_the_revision_of_another_source_does_not_matter() -> None:
    other = {"kind": "GitRepository", "name": "other"}
    check(kustomization("infra", sourceRef=other, status=ready("main@sha1:0")))


def test_names_the_cycle() -> None:
    lookup = world(a=("c",), b=("a",), c=("b",), d=("a",))
    assert [key.name for key in find_cycle(Key("ns", "a"), lookup)] == ["a", "c", "b", "a"]
    assert find_cycle(Key("ns", "d"), lookup) == []
    assert [key.name for key in find_cycle(Key("ns", "x"), world(x=("x",)))] == ["x", "x"]


@given(st.dictionaries(st.sampled_from("abcdef"), st.sets(st.sampled_from("abcdef")), min_size=1))
def test_order_keeps_all_and_puts_dependencies_first(graph: dict[str, set[str]]) -> None:
    lookup = world(**{name: tuple(sorted(names)) for name, names in graph.items()})
    keys = [Key("ns", name) for name in graph]
    ordered = in_order(keys, lookup)
    assert sorted(ordered) == sorted(keys)
    if any(find_cycle(key, lookup) for key in keys):
        return
    place = {key: index for index, key in enumerate(ordered)}
    for key in keys:
        found = lookup(key)
        assert found is not None
        assert all(place[dependency] < place[key] for dependency in dependencies_of(found) if dependency in place)


def test_the_beginnings_of_the_longest_chains_come_first() -> None:
    """Who waits for nobody and keeps nobody waiting can be last."""
    lookup = world(a=(), b=(), c=("b",), d=("c",), e=("a",), f=())
    ordered = in_order([Key("ns", name) for name in "fedcba"], lookup)
    assert [key.name for key in ordered] == ["b", "a", "c", "f", "e", "d"]


def test_those_between_count_though_they_do_not_run() -> None:
    lookup = world(a=(), b=("a",), c=("b",), d=())
    ordered = in_order([Key("ns", name) for name in "dca"], lookup)
    assert [key.name for key in ordered] == ["a", "d", "c"]
