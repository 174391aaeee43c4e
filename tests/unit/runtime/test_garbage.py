"""What stays is looked at once; what passes is collected as ever."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING

import pytest

from fairlead.runtime import garbage

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Node:
    def __init__(self) -> None:
        self.other: _Node = self


def _watched(nodes: list[_Node]) -> int:
    """How many of them collections look at. The count of those set aside moves with others that come and go."""
    watched = {id(each) for each in gc.get_objects()}
    return sum(id(node) in watched for node in nodes)


@pytest.fixture
def _tuned() -> Iterator[None]:
    before, callbacks = gc.get_threshold(), list(gc.callbacks)
    garbage.tune()
    yield
    gc.set_threshold(*before)
    gc.callbacks[:] = callbacks
    gc.unfreeze()


@pytest.mark.usefixtures("_tuned")
def test_what_survives_a_whole_collection_is_set_aside() -> None:
    kept = [_Node() for _ in range(100)]
    assert _watched(kept) == len(kept)
    gc.collect()
    assert _watched(kept) == 0


@pytest.mark.usefixtures("_tuned")
def test_cycles_that_come_and_go_are_collected() -> None:
    passing = weakref.ref(_Node())
    gc.collect()
    assert passing() is None


@pytest.mark.usefixtures("_tuned")
def test_once_a_day_all_is_looked_at() -> None:
    node = _Node()
    lost = weakref.ref(node)
    gc.collect()
    del node
    gc.collect()
    assert lost() is not None
    garbage.everything()
    assert lost() is None


def test_a_program_that_did_not_ask_for_it_keeps_all_under_watch() -> None:
    kept = [_Node() for _ in range(100)]
    garbage.freeze()
    assert _watched(kept) == len(kept)
