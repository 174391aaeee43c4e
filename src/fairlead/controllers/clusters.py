"""Where and as whom objects are applied: the own cluster or another one, the own account or a tenant's.

One set of connections, discovery and watches per cluster, whoever acts there. A remote cluster is opened when the first
Kustomization needs it and its kubeconfig's content is its identity.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from fairlead.controllers.references import ReferenceNotFoundError
from fairlead.engine.watcher import ManagedWatcher
from fairlead.errors import InvalidSpecError
from fairlead.kube.client import KubeClient
from fairlead.kube.config import config_from_kubeconfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.api.kustomization import Kustomization
    from fairlead.controllers.references import References
    from fairlead.engine.state import ClusterState
    from fairlead.settings import Settings

__all__ = ["Clusters", "Target"]

_KEYS = ("value", "value.yaml")


@dataclass(frozen=True, slots=True)
class Target:
    """A cluster to apply to."""

    watcher: ManagedWatcher
    client: KubeClient
    """Acts with the rights of the Kustomization's account."""


class Clusters:
    """All clusters that are applied to; an async context manager that owns the remote ones."""

    def __init__(
        self,
        local: ManagedWatcher,
        references: References,
        settings: Settings,
        subscribe: Callable[[ClusterState], object],
    ) -> None:
        """``subscribe`` is called with the state of each cluster that is opened."""
        self.local = local
        self._references = references
        self._settings = settings
        self._subscribe = subscribe
        self._remote: dict[str, asyncio.Future[ManagedWatcher]] = {}
        self._running: list[asyncio.Task[None]] = []
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._subscribe(self.local.state)
        return self

    async def __aexit__(self, *details: Any) -> None:
        for task in self._running:
            task.cancel()
        await self._tasks.__aexit__(*details)

    async def target(self, kustomization: Kustomization) -> Target:
        """Raises :class:`ReferenceNotFoundError` and ``InvalidSpecError`` for a kubeconfig that cannot be used."""
        watcher = await self._watcher(kustomization)
        account = kustomization.spec.service_account_name or self._settings.scope.default_service_account
        if not account:
            return Target(watcher, watcher.client)
        user = f"system:serviceaccount:{kustomization.metadata.namespace}:{account}"
        return Target(watcher, watcher.client.impersonate(user))

    async def _watcher(self, kustomization: Kustomization) -> ManagedWatcher:
        reference = kustomization.spec.kube_config
        if reference is None:
            return self.local
        if reference.secret_ref is None:
            raise InvalidSpecError("spec.kubeConfig.configMapRef is not supported yet; use spec.kubeConfig.secretRef")
        namespace, name = kustomization.metadata.namespace, reference.secret_ref.name
        secret = await self._references.secret(namespace, name)
        keys = (reference.secret_ref.key,) if reference.secret_ref.key else _KEYS
        content = next((secret[key] for key in keys if key in secret), None)
        if content is None:
            wanted = "' or '".join(keys)
            raise ReferenceNotFoundError(f"Secret '{namespace}/{name}' has no key '{wanted}' with a kubeconfig")
        return await self._open(content.decode("utf-8", "replace"))

    async def _open(self, kubeconfig: str) -> ManagedWatcher:
        identity = hashlib.sha256(kubeconfig.encode()).hexdigest()
        opened = self._remote.get(identity)
        if opened is None:
            opened = self._remote[identity] = asyncio.get_running_loop().create_future()
            task = self._tasks.create_task(self._serve(kubeconfig, opened), name=f"cluster {identity[:8]}")
            self._running.append(task)
        try:
            return await asyncio.shield(opened)
        except InvalidSpecError:
            self._remote.pop(identity, None)
            raise

    async def _serve(self, kubeconfig: str, opened: asyncio.Future[ManagedWatcher]) -> None:
        """Keep a remote cluster open until cancelled."""
        try:
            config = config_from_kubeconfig(kubeconfig, untrusted=True)
        except Exception as error:
            opened.set_exception(InvalidSpecError(f"the kubeconfig cannot be used: {error}"))
            return
        async with KubeClient(config) as client, ManagedWatcher(client) as watcher:
            self._subscribe(watcher.state)
            opened.set_result(watcher)
            await asyncio.Event().wait()
