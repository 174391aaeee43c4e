from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fairlead.errors import UserError
from fairlead.localcluster.storage import Change, CompactedError, Store, decode_body
from fairlead.localcluster.storage_sqlite import SqliteJournal

if TYPE_CHECKING:
    from pathlib import Path


def thing(name: str, namespace: str = "a", **more: Any) -> dict[str, Any]:
    return {"kind": "Thing", "apiVersion": "v1", "metadata": {"name": name, "namespace": namespace}, **more}


def names(store: Store, version: int | None = None) -> list[str]:
    collection = store.collection("things")
    return [one.name for one in (collection.at(version) if version else collection).scan()]


def test_each_write_gets_the_next_version() -> None:
    store = Store()
    versions = [store.put("things", thing(name)).version for name in ("x", "y", "x")]
    assert versions == [1, 2, 3]
    stored = store.collection("things").objects["a/x"]
    assert decode_body(stored.body) == {"metadata": {"name": "x", "namespace": "a", "resourceVersion": "3"}}


def test_scan_is_in_key_order_and_by_namespace() -> None:
    store = Store()
    for namespace, name in (("b", "x"), ("a", "z"), ("a-b", "x"), ("a", "y")):
        store.put("things", thing(name, namespace))
    collection = store.collection("things")
    assert [one.key for one in collection.scan()] == ["a-b/x", "a/y", "a/z", "b/x"]
    assert [one.key for one in collection.scan("a")] == ["a/y", "a/z"]
    assert [one.key for one in collection.scan("a", after="a/y")] == ["a/z"]


def test_the_past_can_be_listed() -> None:
    store = Store()
    store.put("things", thing("x"))
    store.put("things", thing("y"))
    store.remove("things", "a/x", thing("x"))
    store.put("things", thing("z"))
    assert names(store, 1) == ["x"]
    assert names(store, 2) == ["x", "y"]
    assert names(store, 3) == ["y"]
    assert names(store) == ["y", "z"]


def test_forgotten_history_is_refused() -> None:
    store = Store(history=2)
    for name in ("p", "q", "r", "s"):
        store.put("things", thing(name))
    collection = store.collection("things")
    assert [change.version for change in collection.since(2)] == [3, 4]
    with pytest.raises(CompactedError):
        collection.since(1)
    with pytest.raises(CompactedError):
        collection.at(1)
    collection.forget_history()
    with pytest.raises(CompactedError):
        collection.since(3)
    assert collection.since(4) == []


def test_watchers_see_deletions_with_the_last_state() -> None:
    store = Store()
    seen: list[Change] = []
    store.collection("things").watchers.add(seen.append)
    store.put("things", thing("x", data=1))
    store.remove("things", "a/x", thing("x", data=1))
    assert [(change.current is None, change.version) for change in seen] == [(False, 1), (True, 2)]
    last = decode_body(seen[1].last)
    assert (last["data"], last["metadata"]["resourceVersion"]) == (1, "2")


def test_sqlite_keeps_objects_and_the_newest_version(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "c.sqlite")
    store = journal.load()
    store.put("things", thing("x"))
    store.put("things", thing("y"))
    store.remove("things", "a/y", thing("y"))
    journal.close()

    journal = SqliteJournal(tmp_path / "c.sqlite")
    again = journal.load()
    assert names(again) == ["x"]
    assert again.version == 3, "the version of a deletion is not given again"
    with pytest.raises(CompactedError):
        again.collection("things").since(1)
    journal.close()


def test_sqlite_belongs_to_one_process(tmp_path: Path) -> None:
    first = SqliteJournal(tmp_path / "c.sqlite")
    first.set_fact("a", b"b")
    with pytest.raises(UserError, match="is another cluster using this data dir"):
        SqliteJournal(tmp_path / "c.sqlite")
    first.close()


def test_sqlite_refuses_a_file_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "c.sqlite").write_text("no database" * 1000)
    with pytest.raises(UserError, match="no state of a local cluster"):
        SqliteJournal(tmp_path / "c.sqlite")
