"""Plays the controllers that charts install, for clusters on which nobody installs a chart.

What a health check names and nobody has made is made: a workload, a definition, a Secret. Objects of certain kinds
become ready at once, as their controllers would report: a HelmRelease, its source, a secret store, an ExternalSecret
with the Secret that it asks for. All that is made has the label :data:`PLAYED`, so that a test can tell what it was.
"""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from fairlead.errors import FairleadError
from fairlead.kube.client import PatchType
from fairlead.kube.errors import AlreadyExistsError, NotFoundError
from fairlead.kube.options import Backoff
from fairlead.kube.reflector import Reflector, manifest_decoder
from fairlead.objects.inventory import format_id
from fairlead.objects.ref import GroupKind, ObjectRef, split_api_version
from tests.support.corpus import crd

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.kube.client import KubeClient

__all__ = ["PLAYED", "Charts"]

PLAYED = {"fairlead.test/played": "chart"}
KUSTOMIZATION = GroupKind("kustomize.toolkit.fluxcd.io", "Kustomization")
EXTERNAL_SECRET = GroupKind("external-secrets.io", "ExternalSecret")
READY_AT_ONCE = (
    GroupKind("source.toolkit.fluxcd.io", "HelmRepository"),
    GroupKind("source.toolkit.fluxcd.io", "OCIRepository"),
    GroupKind("helm.toolkit.fluxcd.io", "HelmRelease"),
    GroupKind("external-secrets.io", "ClusterSecretStore"),
    GroupKind("cert-manager.io", "ClusterIssuer"),
    EXTERNAL_SECRET,
)
IMPATIENT = Backoff(base=0.2, maximum=1.0, jitter=0.0)
Manifest = dict[str, Any]


class Charts:
    """At work as long as the block."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client
        self._changed: asyncio.Queue[tuple[GroupKind, Manifest]] = asyncio.Queue()
        self._work: asyncio.Task[None] | None = None
        self.made: set[str] = set()
        """Inventory ids of what health checks named and nobody else had made."""

    async def __aenter__(self) -> Self:
        self._work = asyncio.create_task(self.run(), name="charts")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            for kind in (KUSTOMIZATION, *READY_AT_ONCE):
                reflector = Reflector(self._client, kind, decode=manifest_decoder, backoff=IMPATIENT)
                reflector.subscribe(partial(self._enqueue, kind))
                group.create_task(reflector.run(), name=f"play {kind}")
            while True:
                kind, manifest = await self._changed.get()
                try:
                    await self._act(kind, manifest)
                except FairleadError:
                    self._client.discovery.invalidate()
                    asyncio.get_running_loop().call_later(0.5, self._changed.put_nowait, (kind, manifest))

    def _enqueue(self, kind: GroupKind, _: object, __: object, new: Manifest | None) -> None:
        if new:
            self._changed.put_nowait((kind, new))

    async def _act(self, kind: GroupKind, manifest: Manifest) -> None:
        if kind == KUSTOMIZATION:
            await self._complete(manifest)
            return
        if kind == EXTERNAL_SECRET:
            await self._make(_secret_of(manifest))
        await self._report_ready(manifest)

    async def _complete(self, kustomization: Manifest) -> None:
        """Make what the health checks of a Kustomization wait for; with ``wait`` that is what it has applied."""
        if not _checks_health(kustomization) or kustomization["spec"].get("wait"):
            return
        for check in kustomization["spec"].get("healthChecks") or ():
            group, _ = split_api_version(check["apiVersion"])
            ref = ObjectRef(group, check["kind"], check.get("namespace", ""), check["name"])
            maker = MAKERS.get(ref.group_kind)
            if maker is not None and await self._make(maker(ref)):
                self.made.add(format_id(ref))

    async def _make(self, manifest: Manifest) -> bool:
        """Whether it had to be made."""
        ref = ObjectRef.of(manifest)
        try:
            await self._client.get(ref)
        except NotFoundError:
            manifest["metadata"]["labels"] = dict(PLAYED)
            with contextlib.suppress(AlreadyExistsError):
                await self._client.create(manifest, field_manager="chart")
                return True
        return False

    async def _report_ready(self, manifest: Manifest) -> None:
        generation = manifest["metadata"]["generation"]
        status = manifest.get("status") or {}
        ready = any(item["type"] == "Ready" and item["status"] == "True" for item in status.get("conditions") or ())
        if ready and status.get("observedGeneration") == generation:
            return
        ready_now = {
            "type": "Ready",
            "status": "True",
            "reason": "Played",
            "message": "as a chart's controller would",
            "observedGeneration": generation,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        body = {"status": {"observedGeneration": generation, "conditions": [ready_now]}}
        with contextlib.suppress(NotFoundError):
            await self._client.patch(ObjectRef.of(manifest), body, PatchType.MERGE, subresource="status")


def _checks_health(kustomization: Manifest) -> bool:
    conditions = (kustomization.get("status") or {}).get("conditions") or ()
    return any(
        item["type"] == "Ready" and item["status"] != "True" and item["message"].startswith("Running health checks")
        for item in conditions
    )


def _object(api_version: str, ref: ObjectRef, **rest: Any) -> Manifest:
    metadata = {"name": ref.name, **({"namespace": ref.namespace} if ref.namespace else {})}
    return {"apiVersion": api_version, "kind": ref.kind, "metadata": metadata, **rest}


def _workload(ref: ObjectRef) -> Manifest:
    labels = {"app": ref.name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "chart"}]}}
    spec: Manifest = {"selector": {"matchLabels": labels}, "template": template}
    if ref.kind == "StatefulSet":
        spec["serviceName"] = ref.name
    return _object("apps/v1", ref, spec=spec)


def _secret(ref: ObjectRef) -> Manifest:
    return _object("v1", ref, stringData={"value": "played"})


def _secret_of(external: Manifest) -> Manifest:
    """The Secret that an ExternalSecret asks for, with all its keys that are named."""
    meta, spec = external["metadata"], external["spec"]
    target = spec.get("target") or {}
    named = ((target.get("template") or {}).get("data") or {}).keys()
    keys = named or {item["secretKey"] for item in spec.get("data") or ()}
    ref = ObjectRef("", "Secret", meta["namespace"], target.get("name") or meta["name"])
    return _object("v1", ref, stringData=dict.fromkeys(sorted(keys), "played"))


def _definition(ref: ObjectRef) -> Manifest:
    plural, _, group = ref.name.partition(".")
    kind = plural.removesuffix("s").capitalize()
    return crd(group, kind, ["v1"], plural=plural)


MAKERS: dict[GroupKind, Callable[[ObjectRef], Manifest]] = {
    GroupKind("apps", "DaemonSet"): _workload,
    GroupKind("apps", "Deployment"): _workload,
    GroupKind("apps", "StatefulSet"): _workload,
    GroupKind("", "Secret"): _secret,
    GroupKind("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
}
