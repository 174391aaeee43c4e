"""Controllers in the process of the test, with a client of their own, whose requests can be counted."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from fairlead.controllers.manager import Manager
from fairlead.kube.client import KubeClient

if TYPE_CHECKING:
    from fairlead.api.gitrepository import GitRepository
    from fairlead.api.kustomization import Kustomization
    from fairlead.kube.config import ClusterConfig
    from fairlead.kube.reflector import Key
    from fairlead.settings import Settings

__all__ = ["InProcess"]

OURS = {"gitrepositories", "kustomizations", "events", "discovery"}
CHANGES = {"create", "update", "patch", "apply", "delete"}


class InProcess:
    """Can be started and stopped any number of times; counts begin anew at each start."""

    def __init__(self) -> None:
        self.manager: Manager | None = None
        self._client: KubeClient | None = None
        self._work: asyncio.Task[None] | None = None

    async def start(self, config: ClusterConfig, settings: Settings) -> None:
        """Returns when they have begun; raises when they cannot."""
        self._client = await KubeClient(config).__aenter__()
        self.manager = Manager(settings, self._client)
        self._work = asyncio.create_task(self.manager.run(), name="controllers")
        started = asyncio.create_task(self.manager.started.wait())
        await asyncio.wait({self._work, started}, return_when=asyncio.FIRST_COMPLETED)
        started.cancel()
        if self._work.done():
            self._work.result()

    async def stop(self) -> None:
        """Break everything off, as the end of the process would."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
        if self._client is not None:
            await self._client.__aexit__()
        self._work = self._client = None

    def acts_on(self, kind: str, key: Key) -> GitRepository | Kustomization | None:
        """What they know of one of our resources; the watch tells them of a change a little later than who made it."""
        if self._work is None or self.manager is None:
            return None
        return (self.manager.sources if kind == "GitRepository" else self.manager.kustomizations).typed(key)

    @property
    def sent(self) -> Counter[tuple[str, str]]:
        """Requests so far by verb and resource, without the journal's."""
        assert self._client is not None, "they do not run"
        assert self.manager is not None
        journal = self.manager.journal.writes if self.manager.journal is not None else Counter()
        return self._client.stats - Counter({(verb, "configmaps"): count for verb, count in journal.items()})

    def writes(self) -> dict[tuple[str, str], int]:
        """Those that change anything but our own resources and events; dry runs do not count."""
        return {key: count for key, count in self.sent.items() if key[0] in CHANGES and key[1] not in OURS}
