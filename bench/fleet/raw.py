"""The raw limit: a bare client that sends the writes of an install or a base change, as fast as the server answers.

Per app its Kustomization and four objects, each a dry run and an apply, and two patches of the Kustomization's status:
what nobody can do without who validates before writing and reports what was done. Of a base change it is the dry run
and the apply of Deployment and new ConfigMap, the deletion of the old one, and the same two patches. There is no
decision between them and no waiting for a rollout. It runs before the controllers do.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import yaml

from bench.fleet.estate import ACCOUNT, DEPLOYMENT, SERVICE
from fairlead.kube.client import PatchType
from fairlead.objects.ref import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fairlead.kube.client import KubeClient

KUSTOMIZATION = """apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
spec: {interval: 60m, path: ./apps/raw, prune: true, suspend: true, sourceRef: {kind: GitRepository, name: raw}}
"""
NAMESPACE = "fleet-raw"
MANAGER = "bench-raw"


async def raw_install(client: KubeClient, apps: int, *, at_once: int = 20) -> float:
    """Seconds for so many apps, with so many in work at a time; everything is deleted afterwards, beside the clock."""
    await client.apply(
        _manifest(f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {NAMESPACE}}}\n"), field_manager=MANAGER
    )
    return await _for_all(apps, at_once, lambda number: _app(client, number))


async def raw_base_change(client: KubeClient, apps: int, *, at_once: int = 20) -> float:
    """Seconds for so many apps, which :func:`raw_install` has left."""
    return await _for_all(apps, at_once, lambda number: _change(client, number))


async def _for_all(apps: int, at_once: int, work: Callable[[int], Awaitable[None]]) -> float:
    gate = asyncio.Semaphore(at_once)

    async def one(number: int) -> None:
        async with gate:
            await work(number)

    started = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number in range(apps):
            group.create_task(one(number))
    return time.monotonic() - started


async def clean_up(client: KubeClient) -> None:
    """Until nothing is left of it."""
    namespace = ObjectRef("", "Namespace", "", NAMESPACE)
    version = (await client.list(namespace.group_kind)).resource_version
    await client.delete(namespace)
    selector = f"metadata.name={NAMESPACE}"
    async with asyncio.timeout(300):
        async for event in client.watch(namespace.group_kind, resource_version=version, field_selector=selector):
            if event.type == "DELETED":
                return


async def raw_commit(client: KubeClient) -> float:
    """Seconds for the writes of a commit that changes one app: one apply and one patch of a status."""
    kustomization, manifest, *_ = _objects(0)
    manifest["spec"]["template"]["spec"]["containers"][0]["image"] = f"example.com/web:{time.monotonic_ns()}"
    started = time.monotonic()
    await client.apply(manifest, field_manager=MANAGER)
    await _patch_status(client, ObjectRef.of(kustomization), 1)
    return time.monotonic() - started


async def _app(client: KubeClient, number: int) -> None:
    objects = _objects(number)
    await _write(client, objects)
    for generation in (0, 1):
        await _patch_status(client, ObjectRef.of(objects[0]), generation)


async def _change(client: KubeClient, number: int) -> None:
    kustomization, deployment, *_, config_map = _objects(number)
    ref = ObjectRef.of(config_map)
    config_map["metadata"]["name"] += "-new"
    deployment["spec"]["template"]["spec"]["containers"][0]["envFrom"][0]["configMapRef"]["name"] = "web-new"
    await _write(client, [config_map, deployment])
    await client.delete(ref)
    for generation in (2, 3):
        await _patch_status(client, ObjectRef.of(kustomization), generation)


async def _write(client: KubeClient, objects: list[dict[str, Any]]) -> None:
    for dry_run in (True, False):
        await asyncio.gather(*(client.apply(each, field_manager=MANAGER, dry_run=dry_run) for each in objects))


async def _patch_status(client: KubeClient, ref: ObjectRef, generation: int) -> None:
    body = {"status": {"observedGeneration": generation}}
    await client.patch(ref, body, PatchType.MERGE, subresource="status", field_manager=MANAGER)


def _objects(number: int) -> list[dict[str, Any]]:
    found = [_manifest(text) for text in (DEPLOYMENT, SERVICE, ACCOUNT)]
    found.insert(0, _manifest(KUSTOMIZATION))
    found.append(_manifest("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {greeting: ahoy}\n"))
    for manifest in found:
        manifest["metadata"] = {
            "name": f"web-{number:04}",
            "namespace": NAMESPACE,
            "labels": {"raw": f"app-{number:04}"},
        }
    return found


def _manifest(text: str) -> dict[str, Any]:
    manifest: dict[str, Any] = yaml.safe_load(text)
    return manifest
