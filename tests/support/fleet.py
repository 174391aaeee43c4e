"""Whole controllers on a cluster of their own, for the repositories that users bring."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

from fairlead.kube.client import KubeClient, PatchType
from fairlead.objects.inventory import format_id, parse_id
from fairlead.objects.ref import GroupKind, ObjectRef
from fairlead.settings import ReconcileSettings, ScopeSettings, Settings, StorageSettings
from tests.support.in_process import InProcess

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from fairlead.kube.config import ClusterConfig

__all__ = ["KUSTOMIZATION", "REPOSITORY", "Fleet"]

KUSTOMIZATION = GroupKind("kustomize.toolkit.fluxcd.io", "Kustomization")
REPOSITORY = GroupKind("source.toolkit.fluxcd.io", "GitRepository")


class Fleet:
    """Cares for all namespaces, as ``fairlead run`` does."""

    def __init__(self, config: ClusterConfig, state: Path) -> None:
        self.config = config
        self.settings = Settings(
            storage=StorageSettings(folder=state),
            scope=ScopeSettings(local_repositories=True),
            reconcile=ReconcileSettings(build_workers=0),
            stand_back=False,  # Flux's own installation is in the repositories, and nothing of it runs
        )
        self.client = KubeClient(config)
        self.controllers = InProcess()

    async def __aenter__(self) -> Self:
        await self.client.__aenter__()
        self.client.discovery.invalidate()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        await self.client.__aexit__()

    async def apply(self, manifests: Iterable[dict[str, Any]]) -> None:
        for manifest in manifests:
            await self.client.apply(manifest, field_manager="bootstrap")

    async def start(self) -> None:
        await self.controllers.start(self.config, self.settings)

    async def stop(self) -> None:
        await self.controllers.stop()

    def writes(self) -> dict[tuple[str, str], int]:
        """Requests of these controllers that change objects; dry runs, our own resources and events do not count."""
        return self.controllers.writes()

    async def resources(self, ids: Iterable[str]) -> set[str]:
        """What objects with these inventory ids are called in :meth:`writes`."""
        kinds = {parse_id(identity).group_kind for identity in ids}
        return {(await self.client.discovery.resource(kind)).plural for kind in kinds}

    async def states(self) -> dict[str, tuple[str, str]]:
        """``namespace/name`` to reason and message of Ready; reason ``Ready`` for the ready ones."""
        found = {}
        for item in (await self.client.list(KUSTOMIZATION)).items:
            name = f"{item['metadata']['namespace']}/{item['metadata']['name']}"
            found[name] = state_of(item)
        return found

    async def all_seen_again(self, *, seconds: float) -> None:
        """Asks every Kustomization for a reconcile, and waits until each has had its turn.

        A run tells at its end that it was asked for, with us as with Flux. So one that awaits the health of what
        will not become healthy here answers when its timeout has passed, and is not waited for.
        """
        owed = {who for who, (reason, _) in (await self.states()).items() if reason != "Progressing"}
        token = str(asyncio.get_running_loop().time())
        body = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": token}}}
        for item in (await self.client.list(KUSTOMIZATION)).items:
            await self.client.patch(ObjectRef.of(item), body, PatchType.MERGE)
        deadline = asyncio.get_running_loop().time() + seconds
        while owed:
            for item in (await self.client.list(KUSTOMIZATION)).items:
                if (item.get("status") or {}).get("lastHandledReconcileAt") == token:
                    owed.discard(f"{item['metadata']['namespace']}/{item['metadata']['name']}")
            assert asyncio.get_running_loop().time() < deadline, f"not reconciled again: {owed}"
            await asyncio.sleep(0.1)

    async def owners(self) -> dict[str, set[str]]:
        """Inventory id to the names of the Kustomizations that deliver the object."""
        found: dict[str, set[str]] = {}
        for item in (await self.client.list(KUSTOMIZATION)).items:
            name = f"{item['metadata']['namespace']}/{item['metadata']['name']}"
            for entry in ((item.get("status") or {}).get("inventory") or {}).get("entries") or []:
                found.setdefault(entry["id"], set()).add(name)
        return found

    async def versions(self) -> dict[str, str]:
        """Inventory id to generation and owner's last write, of every object that a Kustomization delivered."""
        ids = {
            entry["id"]: entry["v"]
            for item in (await self.client.list(KUSTOMIZATION)).items
            for entry in ((item.get("status") or {}).get("inventory") or {}).get("entries") or []
        }
        kinds = {(parse_id(identity).group_kind, version) for identity, version in ids.items()}
        found = {}
        for kind, version in kinds:
            for item in (await self.client.list(kind, version=version)).items:
                identity = format_id(ObjectRef.of(item))
                if identity in ids:
                    found[identity] = _last_write(item)
        return found


def _last_write(item: dict[str, Any]) -> str:
    """When our manager wrote last, and the generation; status is written by others."""
    fields = item["metadata"].get("managedFields") or []
    times = [entry.get("time", "") for entry in fields if entry["manager"] == "kustomize-controller"]
    return f"{item['metadata'].get('generation')} {sorted(times)}"


def state_of(item: dict[str, Any]) -> tuple[str, str]:
    status = item.get("status") or {}
    for condition in status.get("conditions") or []:
        if condition["type"] == "Ready":
            is_ready = condition["status"] == "True"
            is_current = status.get("observedGeneration") == item["metadata"]["generation"]
            reason = ("Ready" if is_current else "Outdated") if is_ready else condition["reason"]
            return reason, condition["message"]
    return "", ""
