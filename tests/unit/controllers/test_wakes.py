"""Reasons to run, and who uses what."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fairlead.controllers.wakes import UserIndex, Wake, Wakes
from fairlead.kube.reflector import Key
from fairlead.objects.ref import ObjectRef

KEY = Key("ns", "a")


def test_reasons_add_up_and_are_taken_once() -> None:
    wakes = Wakes()
    first, second = ObjectRef("", "ConfigMap", "ns", "x"), ObjectRef("", "ConfigMap", "ns", "y")
    wakes.of(KEY).drifted.add(first)
    wakes.of(KEY).drifted.add(second)
    wakes.of(KEY).health = True
    assert wakes.take(KEY) == Wake(health=True, drifted={first, second})
    assert wakes.take(KEY) == Wake()


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sets(st.sampled_from("xyz")))))
def test_the_index_agrees_with_the_last_word_of_each(words: list[tuple[str, set[str]]]) -> None:
    index: UserIndex[str] = UserIndex()
    for name, things in words:
        index.set(Key("ns", name), things)
    last = dict(words)
    for thing in "xyz":
        assert index.users(thing) == sorted(Key("ns", name) for name, things in last.items() if thing in things)
