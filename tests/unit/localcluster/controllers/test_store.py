from __future__ import annotations

from typing import Any

from fairlead.localcluster.controllers.kinds import POD, SECRET
from fairlead.localcluster.controllers.store import Store

OWNER = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "web", "uid": "owner"}}


def pod(version: int, *, uid: str = "one", owner: str = "owner", **labels: str) -> dict[str, Any]:
    owners = [{"uid": owner, "controller": True}] if owner else []
    metadata = {"name": "web-1", "namespace": "default", "uid": uid, "labels": labels, "ownerReferences": owners}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata | {"resourceVersion": str(version)}}


def watched(store: Store) -> list[tuple[Any, Any]]:
    seen: list[tuple[Any, Any]] = []

    def observe(old: dict[str, Any] | None, new: dict[str, Any] | None) -> None:
        seen.append(tuple(obj and obj["metadata"]["resourceVersion"] for obj in (old, new)))  # type: ignore[arg-type]

    store.observer = observe
    return seen


def test_an_older_version_changes_nothing() -> None:
    store = Store()
    seen = watched(store)
    for version in (9, 10, 10, 9):
        store.put(pod(version))
    assert seen == [(None, "9"), ("9", "10")]


def test_an_answer_after_the_deletion_is_dropped() -> None:
    store = Store()
    store.put(pod(1))
    store.remove(pod(1))
    store.put(pod(2))
    assert store.get(POD, "default", "web-1") is None
    assert store.owned(OWNER, POD) == []


def test_a_late_deletion_does_not_touch_the_successor() -> None:
    store = Store()
    store.put(pod(1))
    store.put(pod(5, uid="two"))
    seen = watched(store)
    store.remove(pod(3))
    assert store.get(POD, "default", "web-1") is not None
    assert seen == []


def test_who_owns_what_follows_the_object() -> None:
    store = Store()
    store.put(pod(1, app="web"))
    assert len(store.owned(OWNER, POD)) == 1
    store.put(pod(2, owner="", app="debug"))
    assert store.owned(OWNER, POD) == []
    assert len(store.orphans(POD, "default")) == 1
    assert store.pods_with("default", {"app": "web"}) == []
    assert len(store.pods_with("default", {"app": "debug"})) == 1


def test_no_secret_is_kept() -> None:
    store = Store()
    metadata = {"name": "s", "namespace": "default", "uid": "s", "managedFields": [{}]}
    store.put({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"password": "c2VjcmV0"}})
    kept = store.get(SECRET, "default", "s")
    assert kept is not None
    assert kept["data"] == {"password": ""}
    assert "managedFields" not in kept["metadata"]
