"""A keepsake is believed only where everything is as it was; a damaged file costs work, never a fault."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from fairlead.build.tree import ReadSet
from fairlead.controllers.builds import Build
from fairlead.controllers.keepsakes import Keepsake, Keepsakes
from fairlead.engine.plan import Owner
from fairlead.engine.state import ClusterState
from fairlead.kube.reflector import Key
from fairlead.objects.ref import ObjectRef

if TYPE_CHECKING:
    from pathlib import Path

KEY = Key("flux-system", "apps")
OWNER = Owner(*KEY)
BUILD = Build(
    3, "variables", "sha256:1", 1, b"packed", ReadSet({"a.yaml": "1"}, {"": "2"}, frozenset({"x"}), frozenset({"y"}))
)
LIVE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {
        "name": "web",
        "namespace": "apps",
        "uid": "u1",
        "resourceVersion": "5",
        "labels": OWNER.labels,
        "managedFields": [
            {"manager": "kustomize-controller", "operation": "Apply", "fieldsV1": {"f:data": {"f:greeting": {}}}}
        ],
    },
    "data": {"greeting": "ahoy"},
}
REF = ObjectRef.of(LIVE)


def keepsake() -> Keepsake:
    state = ClusterState()
    state.accept(LIVE, OWNER, "digest")
    kept = Keepsake.of("uid", BUILD, [REF], state)
    assert kept is not None
    return kept


def later(**changes: Any) -> ClusterState:
    """The state after a restart, when the object is as it was but for some changes."""
    live = deepcopy(LIVE)
    live["metadata"] |= {"resourceVersion": "9"} | changes.pop("metadata", {})
    state = ClusterState()
    state.observe(live | changes)
    return state


def test_it_survives_a_restart_without_manifests(tmp_path: Path) -> None:
    with Keepsakes(tmp_path / "kept") as kept:
        kept.save(KEY, keepsake())
    assert b"ahoy" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    with Keepsakes(tmp_path / "kept") as kept:
        found = kept.find(KEY)
        assert found == keepsake()
        assert found.build().read_set == BUILD.read_set
        assert not found.build().is_whole
        kept.forget(KEY)
        assert kept.find(KEY) is None


def test_what_is_as_it_was_counts_as_applied() -> None:
    state = later(status={"anything": 1})
    assert keepsake().holds(state, OWNER)
    assert state.unchanged(REF, OWNER, "digest")


@pytest.mark.parametrize(
    "changes",
    [
        {"data": {"greeting": "hello"}},  # the same fields, other values: the fingerprint is the same
        {"metadata": {"managedFields": []}},
        {"metadata": {"uid": "u2"}},
        {"metadata": {"labels": Owner("flux-system", "other").labels}},
    ],
)
def test_what_is_not_as_it_was_is_looked_at(changes: dict[str, Any]) -> None:
    state = later(**changes)
    assert not keepsake().holds(state, OWNER)
    assert not state.unchanged(REF, OWNER, "digest")


def test_what_others_added_on_the_way_to_health_is_part_of_it() -> None:
    state = ClusterState()
    state.accept(LIVE, OWNER, "digest")
    kept = Keepsake.of("uid", BUILD, [REF], state)
    numbered = deepcopy(LIVE)
    numbered["metadata"] |= {"resourceVersion": "6", "annotations": {"deployment.kubernetes.io/revision": "1"}}
    state.observe(numbered)
    assert kept is not None
    restarted = later(metadata={"annotations": {"deployment.kubernetes.io/revision": "1"}})
    assert not kept.holds(restarted, OWNER)
    assert kept.renewed(state).holds(restarted, OWNER)


def test_what_is_gone_is_looked_at() -> None:
    assert not keepsake().holds(ClusterState(), OWNER)


def test_nothing_is_kept_of_what_is_not_as_applied() -> None:
    assert Keepsake.of("uid", BUILD, [REF], later()) is None


def test_a_damaged_file_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    path.write_bytes(b"no database at all" * 100)
    with Keepsakes(path) as kept:
        assert kept.find(KEY) is None
        kept.save(KEY, keepsake())
        assert kept.find(KEY) == keepsake()


def test_without_a_folder_it_lives_in_memory(tmp_path: Path) -> None:
    with Keepsakes(tmp_path / "missing" / "kept") as kept:
        kept.save(KEY, keepsake())
        assert kept.find(KEY) == keepsake()
