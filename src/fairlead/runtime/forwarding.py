"""Sends events to Flux's notification-controller as well, in the form that it takes, and never in the way of the work.

``send`` puts an event in a bounded queue and returns. :meth:`EventForwarder.run` posts one after the other; what cannot
be delivered is tried again a few times, then dropped and counted. An answer of 429 means that the receiver has had the
same event already.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Any

import aiohttp

from fairlead.connections import Connector
from fairlead.runtime.clock import SystemClock, timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from fairlead.runtime.clock import Clock

__all__ = ["EventForwarder"]

log = logging.getLogger(__name__)

QUEUE_LIMIT = 5000
"""As many as may come at once: one for each Kustomization that notes a new revision."""
ATTEMPTS = 5
"""The first and four more, as Flux."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 30.0
TIMEOUT_SECONDS = 5.0
MAX_MESSAGE = 39000
DUPLICATE = 429


class EventForwarder:
    """Posts the events of all controllers of this process to one address."""

    def __init__(self, url: str, *, instance: str = "", clock: Clock | None = None) -> None:
        self.dropped = 0
        """Events that were lost because the queue was full or nobody took them."""
        self._url = url if "://" in url else f"http://{url}"
        self._instance = instance
        self._clock = clock or SystemClock()
        self._queue: deque[dict[str, Any]] = deque()
        self._arrived = asyncio.Event()

    @property
    def depth(self) -> int:
        """Events that wait to be sent."""
        return len(self._queue)

    def send(
        self,
        involved: Mapping[str, Any],
        *,
        error: bool,
        reason: str,
        message: str,
        metadata: Mapping[str, str],
        component: str,
        moment: datetime,
    ) -> None:
        """Let an event go out soon. Never blocks and never fails; when there are too many the oldest is dropped."""
        if len(self._queue) >= QUEUE_LIMIT:
            self._queue.popleft()
            self.dropped += 1
        self._queue.append(
            {
                "involvedObject": dict(involved),
                "severity": "error" if error else "info",
                "timestamp": timestamp(moment),
                "message": message[:MAX_MESSAGE],
                "reason": reason,
                "metadata": dict(metadata),
                "reportingController": component,
                "reportingInstance": self._instance,
            }
        )
        self._arrived.set()

    async def run(self) -> None:
        """Until cancelled; what is left then is lost."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        async with aiohttp.ClientSession(connector=Connector(), timeout=timeout) as session:
            while True:
                await self._arrived.wait()
                while self._queue:
                    await self._deliver(session, self._queue.popleft())
                self._arrived.clear()

    async def _deliver(self, session: aiohttp.ClientSession, event: dict[str, Any]) -> None:
        pause = FIRST_PAUSE_SECONDS
        for attempt in range(1, ATTEMPTS + 1):
            problem, again = await self._post(session, event)
            if not problem:
                return
            if not again or attempt == ATTEMPTS:
                break
            await self._clock.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        self.dropped += 1
        about = event["involvedObject"]
        log.warning("an event of %s/%s was not taken by --events-addr: %s", about["kind"], about["name"], problem)

    async def _post(self, session: aiohttp.ClientSession, event: dict[str, Any]) -> tuple[str, bool]:
        """What went wrong (nothing: empty), and whether another attempt may help."""
        try:
            async with session.post(self._url, json=event, allow_redirects=False) as answer:
                if answer.status < 300 or answer.status == DUPLICATE:
                    return "", False
                return f"it answers {answer.status}", answer.status >= 500
        except aiohttp.InvalidURL:
            return "the address is no URL", False
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return f"no answer ({type(error).__name__})", True
