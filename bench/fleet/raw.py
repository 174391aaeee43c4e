"""The raw limit: a bare client that sends the writes of an install or a base change, as fast as the server answers.

Per app its Kustomization and four objects, each a dry run and an apply, the Kustomization's finalizer and its status:
what nobody can do without who validates before writing and reports what was done. Of a base change it is the dry run
and the apply of Deployment and new ConfigMap, the deletion of the old one, and the status. The bodies are those that
the controllers send. There is no decision between them, nothing is watched, and no rollout is awaited. It
runs before the controllers do: once with the server to itself, and once while the benchmark's observers watch and its
helper rolls out each Deployment, as they do when the controllers are measured.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.fleet.bodies import NAMESPACE, Bodies, manifest_of
from fairlead.api.names import FINALIZER
from fairlead.kube.client import PatchType
from fairlead.objects.ref import ObjectRef

if TYPE_CHECKING:
    from bench.fleet.estate import Estate
    from fairlead.kube.client import KubeClient

MANAGER = "bench-raw"
AT_ONCE = 20
"""Apps in work at a time, as many as the controllers have workers."""
CLEAN_UP_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Writes:
    """All that is sent for one app; made before the clock runs, for a limit does not read YAML."""

    objects: list[dict[str, Any]]
    subject: ObjectRef
    """The Kustomization."""
    done: dict[str, Any]
    """Its status at the end."""
    finalizer: bool = False
    """Whether it still needs one."""
    deleted: ObjectRef | None = None


async def raw_install(client: KubeClient, estate: Estate, *, at_once: int = AT_ONCE) -> float:
    """Seconds for all apps; :func:`clean_up` deletes them."""
    await client.apply(
        manifest_of(f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {NAMESPACE}}}\n"), field_manager=MANAGER
    )
    return await _for_all(client, [_install(Bodies(estate, number, 0)) for number in _numbers(estate)], at_once)


async def raw_base_change(client: KubeClient, estate: Estate, *, at_once: int = AT_ONCE) -> float:
    """Seconds for all apps, which :func:`raw_install` has left."""
    return await _for_all(client, [_change(Bodies(estate, number, 1)) for number in _numbers(estate)], at_once)


def _numbers(estate: Estate) -> range:
    return range(len(estate.names))


async def _for_all(client: KubeClient, apps: list[Writes], at_once: int) -> float:
    gate = asyncio.Semaphore(at_once)

    async def one(writes: Writes) -> None:
        async with gate:
            await _send(client, writes)

    started = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for writes in apps:
            group.create_task(one(writes))
    return time.monotonic() - started


async def clean_up(client: KubeClient) -> None:
    """Until nothing is left of it."""
    namespace = ObjectRef("", "Namespace", "", NAMESPACE)
    version = (await client.list(namespace.group_kind)).resource_version
    await client.delete(namespace)
    selector = f"metadata.name={NAMESPACE}"
    async with asyncio.timeout(CLEAN_UP_SECONDS):
        while True:
            async for event in client.watch(namespace.group_kind, resource_version=version, field_selector=selector):
                version = event.object["metadata"]["resourceVersion"]
                if event.type == "DELETED":
                    return


async def raw_commit(client: KubeClient, estate: Estate) -> float:
    """Seconds for the writes of a commit that changes one app: one apply and one patch of a status."""
    bodies = Bodies(estate, 0, 1)
    manifest = bodies.deployment
    manifest["spec"]["template"]["spec"]["containers"][0]["image"] = f"example.com/web:{time.monotonic_ns()}"
    ref = ObjectRef.of(bodies.kustomization)
    started = time.monotonic()
    await client.apply(manifest, field_manager=MANAGER)
    await _patch_status(client, ref, {**bodies.done, "lastAttemptedRevision": f"main@{time.monotonic_ns()}"})
    return time.monotonic() - started


def _install(bodies: Bodies) -> Writes:
    objects = [bodies.kustomization, bodies.config_map, bodies.account, bodies.service, bodies.deployment]
    return Writes(objects, ObjectRef.of(bodies.kustomization), bodies.done, finalizer=True)


def _change(bodies: Bodies) -> Writes:
    old = ObjectRef.of(bodies.before.config_map)
    objects = [bodies.config_map, bodies.deployment]
    return Writes(objects, ObjectRef.of(bodies.kustomization), bodies.done, deleted=old)


async def _send(client: KubeClient, writes: Writes) -> None:
    for dry_run in (True, False):
        await asyncio.gather(*(client.apply(each, field_manager=MANAGER, dry_run=dry_run) for each in writes.objects))
    if writes.finalizer:
        # An annotation costs the server the same, and does not hold up the end of the namespace.
        body = {"metadata": {"annotations": {"example.com/in-place-of-finalizers": FINALIZER}}}
        await client.patch(writes.subject, body, PatchType.MERGE, field_manager=MANAGER)
    if writes.deleted is not None:
        await client.delete(writes.deleted)
    await _patch_status(client, writes.subject, writes.done)


async def _patch_status(client: KubeClient, ref: ObjectRef, status: dict[str, Any]) -> None:
    await client.patch(ref, {"status": status}, PatchType.MERGE, subresource="status", field_manager=MANAGER)
