"""Whoever is not asked what a new tree means certainly holds for it; and of a fleet only few are asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.build.changes import TreeChanges
from fairlead.build.tree import ReadSet
from fairlead.controllers.builds import Build
from fairlead.controllers.standings import Standings
from fairlead.kube.reflector import Key
from fairlead.sources.errors import MissingObjectError

if TYPE_CHECKING:
    import pytest

PATHS = ("a", "b", "c")
TREES = {f"{a}{b}{c}": {"a": a, "b": b, "c": c} for a in "12" for b in "12" for c in "12"}
"""Trees are called by what their three files hold."""
KEYS = [Key("ns", f"k{number}") for number in range(6)]


def build_of(paths: frozenset[str]) -> Build:
    return Build(1, "", "", 1, b"", ReadSet(dict.fromkeys(paths, "")))


def changes(before: str, after: str) -> TreeChanges:
    if before not in TREES or after not in TREES:
        raise MissingObjectError("gone")
    one, other = TREES[before], TREES[after]
    return TreeChanges(frozenset(path for path in PATHS if one[path] != other[path]), frozenset())


@dataclass
class Model:
    """What every one of them says for itself."""

    builds: dict[Key, Build] = field(default_factory=dict)
    trees: dict[Key, str] = field(default_factory=dict)
    settled: set[Key] = field(default_factory=set)

    def must_be_asked(self, key: Key, tree_id: str) -> bool:
        if key not in self.settled:
            return True
        before = self.trees[key]
        return before != tree_id and changes(before, tree_id).may_touch(self.builds[key].read_set)


PLANS = st.lists(
    st.one_of(
        st.tuples(
            st.just("stand"), st.sampled_from(KEYS), st.frozensets(st.sampled_from(PATHS)), st.sampled_from([*TREES])
        ),
        st.tuples(st.just("stand again"), st.sampled_from(KEYS), st.just(frozenset()), st.sampled_from([*TREES])),
        st.tuples(
            st.sampled_from(["settle", "unsettle", "forget"]), st.sampled_from(KEYS), st.just(frozenset()), st.just("")
        ),
        st.tuples(
            st.just("follow"), st.sampled_from(KEYS), st.frozensets(st.sampled_from(KEYS)), st.sampled_from([*TREES])
        ),
    ),
    max_size=40,
)


@settings(max_examples=500, deadline=None)
@given(plan=PLANS, everybody=st.booleans())
def test_the_answer_is_that_of_asking_everybody(
    plan: list[tuple[str, Key, frozenset[str | Key], str]], everybody: bool
) -> None:
    standings, model = Standings(), Model()
    for what, key, some, tree_id in plan:
        match what:
            case "stand":
                build = build_of(frozenset(map(str, some)))
                standings.stand(key, build, tree_id)
                model.builds[key], model.trees[key] = build, tree_id
                model.settled.discard(key)
            case "stand again" if key in model.builds:
                standings.stand(key, model.builds[key], tree_id)
                model.trees[key] = tree_id
            case "settle" if key in model.builds:
                standings.settle(key, model.builds[key])
                model.settled.add(key)
            case "settle":
                standings.settle(key, build_of(frozenset()))
            case "unsettle":
                standings.unsettle(key)
                model.settled.discard(key)
            case "forget":
                standings.forget(key)
                model.builds.pop(key, None)
                model.settled.discard(key)
            case "follow":
                users = frozenset(KEYS) if everybody else frozenset(each for each in some if isinstance(each, Key))
                asked = standings.follow(users, tree_id, changes)
                assert asked == {each for each in users if model.must_be_asked(each, tree_id)}
                model.trees |= dict.fromkeys(users - asked, tree_id)
        assert {each: standings.tree_of(each, build) for each, build in model.builds.items()} == {
            each: model.trees[each] for each in model.builds
        }
        assert sorted(each for standing in standings._at.values() for each in standing.keys) == sorted(model.builds)


def fleet(count: int) -> tuple[Standings, frozenset[Key]]:
    """Each reads a file of its own, and one that all read."""
    standings, keys = Standings(), [Key("ns", f"app-{number}") for number in range(count)]
    for number, key in enumerate(keys):
        build = build_of(frozenset({"base", f"app-{number}"}))
        standings.stand(key, build, "1")
        standings.settle(key, build)
    return standings, frozenset(keys)


def test_of_a_fleet_only_whom_the_commit_touches_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    standings, users = fleet(100)
    compared: list[object] = []
    monkeypatch.setattr(TreeChanges, "may_touch", lambda *_: compared.append(_))
    found = standings.follow(users, "2", lambda *_: TreeChanges(frozenset({"app-7"}), frozenset()))
    assert found == {Key("ns", "app-7")}
    assert compared == []
    assert standings.follow(users, "3", lambda *_: TreeChanges(frozenset({"base"}), frozenset())) == users


def test_another_build_is_not_the_one_that_was_settled() -> None:
    standings, users = fleet(2)
    key = min(users)
    standings.stand(key, build_of(frozenset()), "1")
    assert standings.follow(users, "1", changes) == {key}


def test_without_their_tree_all_are_asked() -> None:
    standings, users = fleet(3)
    assert standings.follow(users, "2", changes) == users
