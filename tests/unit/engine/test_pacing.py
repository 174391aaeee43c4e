"""Repairs that do not end become slower."""

from __future__ import annotations

from fairlead.engine.pacing import RepairPacer
from fairlead.objects.ref import ObjectRef

REF = ObjectRef("apps", "Deployment", "shop", "web")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_first_repairs_come_at_once_then_ever_later() -> None:
    clock = Clock()
    pacer = RepairPacer[ObjectRef](first=1.0, maximum=8.0, free=2, monotonic=clock)
    delays = []
    for _ in range(8):
        delays.append(pacer.delay(REF))
        clock.now += delays[-1]
    assert delays == [0, 0, 1, 2, 4, 8, 8, 8]
    assert pacer.delay(ObjectRef("apps", "Deployment", "shop", "other")) == 0


def test_calm_starts_afresh() -> None:
    clock = Clock()
    pacer = RepairPacer[ObjectRef](first=1.0, maximum=8.0, free=1, monotonic=clock)
    for _ in range(6):
        pacer.delay(REF)
    clock.now += 100
    assert pacer.delay(REF) == 0


def test_calm_objects_are_forgotten() -> None:
    clock = Clock()
    pacer = RepairPacer[ObjectRef](monotonic=clock)
    for number in range(1000):
        pacer.delay(REF._replace(name=str(number)))
    clock.now += 10_000
    pacer.delay(REF)
    assert len(pacer._seen) == 1


def test_a_mass_drift_is_no_search_for_each_object() -> None:
    clock = Clock()
    pacer = RepairPacer[ObjectRef](monotonic=clock)
    for number in range(5000):
        pacer.delay(REF._replace(name=str(number)))
    assert pacer._forget_above >= 4000  # doubled, rather than tried again for each
    clock.now += 10_000
    for number in range(5000):
        pacer.delay(REF._replace(name=f"later-{number}"))
    assert len(pacer._seen) <= 8000
