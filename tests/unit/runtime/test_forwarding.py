"""Events for Flux's notification-controller: their form, what is tried again, and that nobody waits."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from fairlead.runtime import forwarding
from fairlead.runtime.forwarding import EventForwarder
from tests.support.event_receiver import EventReceiver
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

WEB = {"kind": "Kustomization", "namespace": "apps", "name": "web", "uid": "u1"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "FIRST_PAUSE_SECONDS", 0.001)


@contextlib.asynccontextmanager
async def forwarding_to(url: str) -> AsyncIterator[EventForwarder]:
    forwarder = EventForwarder(url, instance="pod-1")
    work = asyncio.create_task(forwarder.run())
    try:
        yield forwarder
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


def send(forwarder: EventForwarder, message: str, *, error: bool = False) -> None:
    forwarder.send(
        WEB,
        error=error,
        reason="Progressing",
        message=message,
        metadata={"kustomize.toolkit.fluxcd.io/revision": "main@sha1:1"},
        component="kustomize-controller",
        moment=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )


async def until(seen: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not seen():  # noqa: ASYNC110 - looks from outside
            await asyncio.sleep(0.005)


async def settled(receiver: EventReceiver, asked: int) -> None:
    await until(lambda: receiver.asked >= asked)
    await asyncio.sleep(0.02)  # time for one request too many


async def test_the_form_is_the_one_of_flux() -> None:
    async with EventReceiver() as receiver, forwarding_to(receiver.url) as forwarder:
        send(forwarder, "x" * 40_000, error=True)
        await settled(receiver, 1)
    assert receiver.taken == [
        {
            "involvedObject": WEB,
            "severity": "error",
            "timestamp": "2026-01-02T03:04:05Z",
            "message": "x" * 39_000,
            "reason": "Progressing",
            "metadata": {"kustomize.toolkit.fluxcd.io/revision": "main@sha1:1"},
            "reportingController": "kustomize-controller",
            "reportingInstance": "pod-1",
        }
    ]


@pytest.mark.parametrize(
    ("answers", "asked", "taken", "dropped"),
    [
        pytest.param([500, 503], 3, 1, 0, id="a fault is tried again"),
        pytest.param([500] * 5, 5, 0, 1, id="but not for ever"),
        pytest.param([429], 1, 0, 0, id="a duplicate is no fault"),
        pytest.param([400], 1, 0, 1, id="a refusal stands"),
    ],
)
async def test_what_is_tried_again(answers: list[int], asked: int, taken: int, dropped: int) -> None:
    async with EventReceiver(answers) as receiver, forwarding_to(receiver.url) as forwarder:
        send(forwarder, "one")
        await settled(receiver, asked)
        assert (receiver.asked, len(receiver.taken), forwarder.dropped) == (asked, taken, dropped)


async def test_the_queue_is_bounded_and_drops_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "QUEUE_LIMIT", 2)
    async with EventReceiver() as receiver, forwarding_to(receiver.url) as forwarder:
        for message in ("one", "two", "three"):
            send(forwarder, message)
        await settled(receiver, 2)
    assert ([event["message"] for event in receiver.taken], forwarder.dropped) == (["two", "three"], 1)


async def test_nobody_there_harms_nobody() -> None:
    async with forwarding_to("127.0.0.1:1") as forwarder:
        send(forwarder, "one")
        await until(lambda: forwarder.dropped == 1)
