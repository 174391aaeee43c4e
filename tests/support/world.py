"""What a cluster test talks to: resources in a namespace of its own, and controllers that can be stopped and started::

await world.git_repository()
await world.kustomization("apps", path="apps")
await world.ready("apps")
assert (await world.get("ConfigMap", "settings"))["data"] == {"zone": "a"}
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from fairlead.kube.client import PatchType
from fairlead.kube.errors import NotFoundError
from fairlead.kube.reflector import Key
from fairlead.objects.ref import GroupKind, ObjectRef
from fairlead.settings import ApplySettings, ReconcileSettings, ScopeSettings, Settings, StorageSettings
from tests.support.in_process import InProcess
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from fairlead.kube.client import KubeClient
    from tests.support.repo import RepoBuilder

__all__ = ["World"]

GROUPS = {
    "ConfigMap": "",
    "Deployment": "apps",
    "Event": "",
    "GitRepository": "source.toolkit.fluxcd.io",
    "Kustomization": "kustomize.toolkit.fluxcd.io",
    "Namespace": "",
    "Role": "rbac.authorization.k8s.io",
    "RoleBinding": "rbac.authorization.k8s.io",
    "Secret": "",
    "Service": "",
    "ServiceAccount": "",
}


class World:
    """One test's part of the cluster."""

    def __init__(self, client: KubeClient, repo: RepoBuilder, state: Path, *, namespace: str) -> None:
        self.client = client
        self.repo = repo
        self.namespace = namespace
        self.settings = Settings(
            storage=StorageSettings(folder=state),
            scope=ScopeSettings(namespace=namespace, local_repositories=True),
            reconcile=ReconcileSettings(build_workers=0),
            apply=ApplySettings(),
            stand_back=False,  # tests run beside each other, and some play Flux
        )
        self.controllers_config = client.config
        """Who the controllers are; an administrator unless a test says otherwise."""
        self.controllers = InProcess()

    async def __aenter__(self) -> Self:
        await self.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        for kind in ("Kustomization", "GitRepository"):
            listed = await self.client.list(GroupKind(GROUPS[kind], kind), namespace=self.namespace)
            for item in listed.items:
                await self._release(ObjectRef.of(item))
        await self.client.delete(ObjectRef("", "Namespace", "", self.namespace))

    async def _release(self, ref: ObjectRef) -> None:
        with contextlib.suppress(NotFoundError):
            await self.client.patch(ref, {"metadata": {"finalizers": None}}, PatchType.MERGE)
            await self.client.delete(ref)

    # -- controllers -----------------------------------------------------------------------------------------------

    async def start(self) -> None:
        await self.controllers.start(self.controllers_config, self.settings)

    async def stop(self) -> None:
        await self.controllers.stop()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def restart_with(self, **reconcile: Any) -> None:
        """With other :class:`ReconcileSettings`."""
        self.settings = replace(self.settings, reconcile=replace(self.settings.reconcile, **reconcile))
        await self.restart()

    def object_writes(self) -> int:
        """Requests so far that change anything but our own resources and events; dry runs do not count."""
        return sum(self.controllers.writes().values())

    def requests(self) -> int:
        """All requests so far but watches."""
        return sum(count for (verb, _), count in self.controllers.sent.items() if verb != "watch")

    async def quiet(self, seconds: float = 0.5) -> int:
        """Until nothing was asked for so long, as after a delivery and its events; all requests up to then."""
        loop = asyncio.get_running_loop()
        seen, since = self.requests(), loop.time()

        async def still() -> bool:
            nonlocal seen, since
            if seen != self.requests():
                seen, since = self.requests(), loop.time()
            return loop.time() - since >= seconds

        await self.eventually("nothing is asked any more", still)
        return seen

    # -- resources -------------------------------------------------------------------------------------------------

    async def git_repository(self, name: str = "fleet", **spec: Any) -> None:
        wanted = {"interval": "10m", "url": self.repo.url, "ref": {"branch": "main"}} | spec
        await self.apply("source.toolkit.fluxcd.io/v1", "GitRepository", name, spec=wanted)
        await self.known("GitRepository", name)

    async def kustomization(self, name: str, *, annotations: dict[str, str] | None = None, **spec: Any) -> None:
        wanted = {
            "interval": "10m",
            "retryInterval": "10m",
            "prune": True,
            "sourceRef": {"kind": "GitRepository", "name": "fleet"},
        } | spec
        await self.apply("kustomize.toolkit.fluxcd.io/v1", "Kustomization", name, spec=wanted, annotations=annotations)
        await self.known("Kustomization", name)

    async def known(self, kind: str, name: str) -> None:
        """Until the controllers know the present spec of one that is not new to them.

        A commit that comes now may be quicker than the watch that tells them.
        """
        generation = ((await self.get(kind, name)) or {"metadata": {"generation": 0}})["metadata"]["generation"]

        async def seen() -> bool:
            found = self.controllers.acts_on(kind, Key(self.namespace, name))
            return found is None or found.metadata.generation >= generation

        await self.eventually(f"the controllers know generation {generation} of {kind} {name}", seen)

    async def apply(
        self, api_version: str, kind: str, name: str, *, annotations: dict[str, str] | None = None, **rest: Any
    ) -> dict[str, Any]:
        metadata: dict[str, Any] = {"name": name, "namespace": self.namespace}
        if annotations:
            metadata["annotations"] = annotations
        labels = rest.pop("labels", None)
        if labels:
            metadata["labels"] = labels
        manifest = {"apiVersion": api_version, "kind": kind, "metadata": metadata, **rest}
        return await self.client.apply(manifest, field_manager="test")

    def ref(self, kind: str, name: str, namespace: str | None = None) -> ObjectRef:
        return ObjectRef(GROUPS[kind], kind, self.namespace if namespace is None else namespace, name)

    async def get(self, kind: str, name: str, namespace: str | None = None) -> dict[str, Any] | None:
        try:
            return await self.client.get(self.ref(kind, name, namespace))
        except NotFoundError:
            return None

    async def patch(self, kind: str, name: str, body: dict[str, Any], *, manager: str = "kubectl-edit") -> None:
        await self.client.patch(self.ref(kind, name), body, PatchType.MERGE, field_manager=manager)
        if kind in ("GitRepository", "Kustomization") and "spec" in body:
            await self.known(kind, name)

    async def delete(self, kind: str, name: str) -> None:
        await self.client.delete(self.ref(kind, name))

    async def request_reconcile(self, kind: str, name: str, token: str) -> None:
        await self.patch(kind, name, {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": token}}})

    # -- what is seen ----------------------------------------------------------------------------------------------

    async def status(self, name: str, kind: str = "Kustomization") -> dict[str, Any]:
        found = await self.get(kind, name)
        return (found or {}).get("status") or {}

    async def condition(self, name: str, type: str = "Ready", kind: str = "Kustomization") -> dict[str, Any]:
        conditions = (await self.status(name, kind)).get("conditions") or []
        found: dict[str, Any] = next(
            (item for item in conditions if item["type"] == type), {"status": "", "reason": ""}
        )
        return found

    async def events(self, name: str, kind: str = "Kustomization") -> list[dict[str, Any]]:
        selector = f"involvedObject.kind={kind},involvedObject.name={name}"
        listed = await self.client.list(GroupKind("", "Event"), namespace=self.namespace, field_selector=selector)
        return listed.items

    async def inventory(self, name: str) -> list[str]:
        entries = ((await self.status(name)).get("inventory") or {}).get("entries") or []
        return [entry["id"] for entry in entries]

    async def eventually(self, what: str, seen: Callable[[], Awaitable[Any]], *, seconds: float = PATIENCE) -> Any:
        """The first true answer of ``seen``."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            answer = await seen()
            if answer:
                return answer
            assert loop.time() < deadline, f"not seen within {seconds:g} s: {what}"
            await asyncio.sleep(0.02)

    async def ready(self, *names: str, commit: str = "", seconds: float = PATIENCE) -> None:
        """Until the Kustomizations are ready at a commit, the head of the repository by default."""
        revision = f"main@sha1:{commit or self.repo.head}"

        for name in names:

            async def at_revision(name: str = name) -> bool:
                found = await self.get("Kustomization", name)
                status = (found or {}).get("status") or {}
                ready = any(
                    item["type"] == "Ready" and item["status"] == "True" for item in status.get("conditions") or []
                )
                current = found is not None and status.get("observedGeneration") == found["metadata"]["generation"]
                return ready and current and status.get("lastAppliedRevision") == revision

            try:
                await self.eventually(f"{name} is ready at {revision}", at_revision, seconds=seconds)
            except AssertionError as error:
                raise AssertionError(f"{error}; it says {await self.condition(name)}") from None

    async def failed(
        self, name: str, *, kind: str = "Kustomization", reason: str = "", text: str = ""
    ) -> dict[str, Any]:
        """The Ready condition as soon as it is False (with this reason, and this text in its message)."""

        async def seen() -> dict[str, Any] | None:
            found = await self.condition(name, kind=kind)
            fits = found["status"] == "False" and reason in ("", found["reason"]) and text in found["message"]
            return found if fits else None

        failure: dict[str, Any] = await self.eventually(f"{kind} {name} fails {reason}", seen)
        return failure

    async def event(self, name: str, *texts: str, kind: str = "Kustomization") -> dict[str, Any]:
        """The first event about an object that contains all texts."""

        async def seen() -> dict[str, Any] | None:
            for event in await self.events(name, kind):
                if all(text in event["message"] for text in texts):
                    return event
            return None

        found: dict[str, Any] = await self.eventually(f"an event of {name} with {texts}", seen)
        return found
