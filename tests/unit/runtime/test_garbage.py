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
    before = gc.get_freeze_count()
    gc.collect()
    assert gc.get_freeze_count() >= before + len(kept)


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
    before = gc.get_freeze_count()
    garbage.freeze()
    assert gc.get_freeze_count() == before
