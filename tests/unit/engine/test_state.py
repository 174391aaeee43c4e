"""What is known of a cluster's managed objects: no write of ours is drift, no drift of others is missed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from fairlead.engine.health import Status
from fairlead.engine.state import ClusterState, Deleted, Drifted, HealthChanged, ManagedEvent, Taken
from fairlead.objects.ref import ObjectRef
from tests.unit.engine.builders import OTHER, OURS, OWNER, US, config_map, entry

if TYPE_CHECKING:
    import pytest

REF = ObjectRef("", "ConfigMap", "shop", "a")
STOLEN = (entry(US, {"f:data": {}}), entry("operator", OURS, "Update"))


class Told:
    """A state, and the events that it told, without those of health."""

    def __init__(self) -> None:
        self.state = ClusterState()
        self.all: list[ManagedEvent] = []
        self.state.subscribe(self.all.append)

    @property
    def news(self) -> list[ManagedEvent]:
        return [event for event in self.all if not isinstance(event, HealthChanged)]

    def write(self, answer: dict[str, Any], *, before: tuple[dict[str, Any], ...] = ()) -> None:
        """Apply; `before` are the watch events that arrive while the answer is under way."""
        with self.state.writing(REF) as writing:
            for manifest in before:
                self.state.observe(manifest)
            writing.applied(answer, OWNER, "digest")


def test_an_applied_object_is_known_to_be_unchanged() -> None:
    told = Told()
    told.write(config_map(version=5))
    assert told.state.unchanged(REF, OWNER, "digest")
    assert not told.state.unchanged(REF, OWNER, "other digest")
    assert not told.state.unchanged(REF, OTHER, "digest")


def test_our_own_write_is_no_drift_in_whichever_order_event_and_answer_come() -> None:
    changed = config_map(entry(US, {"f:data": {"f:b": {}}}), version=6)
    for early in (True, False):
        told = Told()
        told.write(config_map(version=5))
        told.write(changed, before=(changed,) if early else ())
        told.state.observe(config_map(version=5))
        told.state.observe(changed)
        assert told.news == []
        assert told.state.unchanged(REF, OWNER, "digest")


def test_a_change_by_others_during_our_write_is_noticed_after_it() -> None:
    told = Told()
    told.write(config_map(version=5), before=(config_map(*STOLEN, version=6),))
    assert told.news == [Drifted(REF, OWNER)]
    assert told.state.drifted(REF)
    assert not told.state.unchanged(REF, OWNER, "digest")


def test_drift_is_told_once() -> None:
    told = Told()
    told.write(config_map(version=5))
    told.state.observe(config_map(*STOLEN, version=6))
    told.state.observe(config_map(*STOLEN, version=7))
    assert told.news == [Drifted(REF, OWNER)]


def test_fields_of_kubectl_are_drift_although_ours_are_untouched() -> None:
    told = Told()
    told.write(config_map(version=5))
    told.state.observe(config_map(entry(US, OURS), entry("kubectl-annotate", {}, "Update"), version=6))
    assert told.news == [Drifted(REF, OWNER)]


def test_fields_of_an_operator_are_none() -> None:
    told = Told()
    told.write(config_map(version=5))
    told.state.observe(
        config_map(entry(US, OURS), entry("operator", {}, "Update"), version=6, data={"a": "1", "b": "2"})
    )
    assert told.news == []


def test_an_object_that_is_held_does_not_drift() -> None:
    held = {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}
    told = Told()
    told.write(config_map(version=5))
    told.state.observe(config_map(*STOLEN, version=6, annotations=held))
    assert told.news == []
    told.state.observe(config_map(*STOLEN, version=7))
    assert told.news == [Drifted(REF, OWNER)]


def test_a_deletion_is_told_and_ours_is_not() -> None:
    told = Told()
    told.write(config_map(version=5))
    told.state.vanish(REF, "u1")
    assert told.news == [Deleted(REF, OWNER)]
    told = Told()
    told.write(config_map(version=5))
    with told.state.writing(REF) as writing:
        writing.deleted()
    told.state.vanish(REF, "u1")
    assert told.news == []


def test_the_echo_of_a_recreation_is_no_deletion() -> None:
    told = Told()
    told.write(config_map(version=5))
    told.write(config_map(version=9, uid="u2"))
    told.state.vanish(REF, "u1")
    told.state.observe(config_map(version=9, uid="u2"))
    assert told.news == []
    assert told.state.record(REF) is not None


def test_recreation_by_hand_is_drift() -> None:
    told = Told()
    told.write(config_map(version=5))
    told.state.vanish(REF, "u1")
    told.state.observe(config_map(entry("kubectl-create", OURS, "Update"), version=9, uid="u2"))
    assert told.news == [Deleted(REF, OWNER), Drifted(REF, OWNER)]


def test_another_owner_is_told_but_is_no_drift() -> None:
    told = Told()
    told.write(config_map(version=5))
    told.state.observe(config_map(version=6, owner=OTHER))
    assert told.news == [Taken(REF, OWNER, OTHER)]
    assert not told.state.unchanged(REF, OWNER, "digest")


def test_a_failed_repair_does_not_tell_again() -> None:
    told = Told()
    told.write(config_map(version=5))
    told.state.observe(config_map(*STOLEN, version=6))
    with told.state.writing(REF):
        pass
    assert told.news == [Drifted(REF, OWNER)]
    told.state.vanish(REF, "u1")
    with told.state.writing(REF):
        pass
    assert told.news == [Drifted(REF, OWNER), Deleted(REF, OWNER)]


def test_a_deletion_during_our_write_is_noticed_after_it() -> None:
    told = Told()
    told.write(config_map(version=5))
    with told.state.writing(REF):
        told.state.vanish(REF, "u1")
        assert told.news == []
    assert told.news == [Deleted(REF, OWNER)]


def test_objects_that_we_never_applied_are_no_news() -> None:
    told = Told()
    told.state.observe(config_map(version=1))
    told.state.observe(config_map(*STOLEN, version=2))
    told.state.vanish(REF, "u1")
    assert told.news == []


def test_health_is_told_when_it_changes() -> None:
    told = Told()
    pending = {**config_map(version=1), "status": {"conditions": [{"type": "Ready", "status": "False"}]}}
    pending |= {"kind": "Thing", "apiVersion": "example.com/v1"}
    ready = {**pending, "status": {}, "metadata": {**pending["metadata"], "resourceVersion": "2"}}
    told.state.observe(pending)
    told.state.observe(pending)
    told.state.observe(ready)
    told.state.vanish(ObjectRef.of(ready), "u1")
    statuses = [event.status.status for event in told.all if isinstance(event, HealthChanged)]
    assert statuses == [Status.IN_PROGRESS, Status.CURRENT, Status.NOT_FOUND]


def test_whoever_leaves_is_told_no_more() -> None:
    told = Told()
    events: list[ManagedEvent] = []
    leave = told.state.subscribe(events.append)
    leave()
    leave()
    told.state.observe(config_map())
    assert events == []


def test_a_finished_owner_is_forgotten() -> None:
    told = Told()
    told.write(config_map(version=5))
    told.state.release_owner(OWNER)
    told.state.vanish(REF, "u1")
    assert told.news == []


# One object, several writers: whatever is interleaved, in the end the state knows whether the object is ours.
steps = st.lists(st.sampled_from(["we", "they", "kubectl", "operator", "deliver", "delete"]), max_size=12)


@given(steps)
def test_in_the_end_the_verdict_is_right(actions: list[str]) -> None:
    told = Told()
    version, uid = 1, 0
    server: dict[str, Any] | None = None
    queue: list[dict[str, Any] | str] = []
    for action in actions:
        version += 1
        if action == "we":
            uid = uid if server else uid + 1
            server = config_map(version=version, uid=f"u{uid}")
            queue.append(server)
            told.write(server)
        elif action == "deliver" and queue:
            _deliver(told, queue.pop(0))
        elif action == "delete" and server is not None:
            queue.append(f"u{uid}")
            server = None
        elif server is not None and action in ("they", "kubectl", "operator"):
            entries = {
                "they": STOLEN,
                "kubectl": (*server["metadata"]["managedFields"], entry("kubectl-edit", {}, "Update")),
                "operator": (*server["metadata"]["managedFields"], entry("operator", {}, "Update")),
            }[action]
            server = config_map(*entries, version=version, uid=f"u{uid}")
            queue.append(server)
    for item in queue:
        _deliver(told, item)
    if "we" not in actions:
        assert told.news == []
        return
    managed = server["metadata"]["managedFields"] if server is not None else []
    own = [each for each in managed if each["manager"] == US]
    untouched = bool(own) and own[0]["fieldsV1"] == OURS and "kubectl-edit" not in str(server)
    assert told.state.unchanged(REF, OWNER, "digest") is untouched
    if not untouched:
        assert told.news, "somebody has to be told"


def _deliver(told: Told, item: dict[str, Any] | str) -> None:
    if isinstance(item, str):
        told.state.vanish(REF, item)
    else:
        told.state.observe(item)


def test_a_write_that_was_given_up_may_come_late_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("fairlead.engine.state.time.monotonic", lambda: now)
    found, ref = ClusterState(), ObjectRef("", "ConfigMap", "shop", "late")
    assert not found.may_come_late(ref)
    found.leave_unanswered(ref)
    now += 74
    assert found.may_come_late(ref)
    assert not found.may_come_late(ref._replace(name="other"))
    now += 1
    assert not found.may_come_late(ref)


def test_an_echo_is_known_by_uid_and_version_alone() -> None:
    told = Told()
    told.write(config_map(version=5))
    record = told.state.record(REF)
    assert record is not None
    assert told.state.seen(REF, "u1", "5") is record
    assert told.state.seen(REF, "u1", "6") is None
    assert told.state.seen(REF, "u2", "5") is None
    assert told.state.seen(REF._replace(name="b"), "u1", "5") is None


def test_an_answer_that_the_watch_has_shown_already_is_expected_all_the_same() -> None:
    told = Told()
    told.state.observe(config_map(version=5))
    record = told.state.record(REF)
    told.write(config_map(version=5))
    assert told.state.record(REF) is record
    assert told.state.unchanged(REF, OWNER, "digest")
    told.state.observe(config_map(*STOLEN, version=6))
    assert told.news == [Drifted(REF, OWNER)]
