"""Watching over HTTPS: events in order, 410 when the past is forgotten, many watchers, metadata, ends in order."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from fairlead.localcluster import LocalCluster
from tests.localcluster.conformance.record import connect
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from tests.localcluster.conformance.replay import Send

MAPS = "/api/v1/namespaces/default/configmaps"
JSON = {"Content-Type": "application/json"}


async def create(send: Send, name: str, **labels: str) -> dict[str, Any]:
    body = json.dumps({"metadata": {"name": name, "labels": labels}}).encode()
    status, _, answer = await send("POST", MAPS, body, JSON)
    assert status == 201, answer
    created: dict[str, Any] = json.loads(answer)
    return created


async def watch(send: Send, query: str) -> list[tuple[str, str]]:
    """(type, name) of each event of a watch of one second."""
    _, _, body = await send("GET", f"{MAPS}?watch=1&timeoutSeconds=1&{query}", None, {})
    events = [json.loads(line) for line in body.splitlines()]
    return [
        (one["type"], one["object"].get("metadata", {}).get("name") or one["object"].get("reason")) for one in events
    ]


async def test_forgotten_history_is_410_and_a_new_list_goes_on() -> None:
    async with LocalCluster(simulate=False) as cluster, connect(cluster.kubeconfig()) as send:
        first = await create(send, "a")
        await create(send, "b")
        version = first["metadata"]["resourceVersion"]
        assert await watch(send, f"resourceVersion={version}") == [("ADDED", "b")]
        cluster.compact()
        assert await watch(send, f"resourceVersion={version}") == [("ERROR", "Expired")]
        listed = json.loads((await send("GET", MAPS, None, {}))[2])
        assert await watch(send, f"resourceVersion={listed['metadata']['resourceVersion']}") == []


async def test_a_short_history_forgets_by_itself() -> None:
    async with LocalCluster(simulate=False, history=3) as cluster, connect(cluster.kubeconfig()) as send:
        first = await create(send, "a")
        for name in "bcdefg":
            await create(send, name)
        assert await watch(send, f"resourceVersion={first['metadata']['resourceVersion']}") == [("ERROR", "Expired")]
        status, _, body = await send("GET", f"{MAPS}?limit=1", None, {})
        token = json.loads(body)["metadata"]["continue"]
        for name in "hijk":
            await create(send, name)
        status, _, body = await send("GET", f"{MAPS}?limit=1&continue={token}", None, {})
        assert (status, json.loads(body)["reason"]) == (410, "Expired")
        again = json.loads(body)["metadata"]["continue"]
        status, _, body = await send("GET", f"{MAPS}?limit=100&continue={again}", None, {})
        assert (status, json.loads(body)["items"][0]["metadata"]["name"]) == (200, "b")


async def test_fifty_watches_see_everything_once() -> None:
    async with LocalCluster(simulate=False) as cluster, connect(cluster.kubeconfig()) as send:
        version = (await create(send, "start"))["metadata"]["resourceVersion"]
        _, _, body = await send("GET", MAPS, None, {})
        version = json.loads(body)["metadata"]["resourceVersion"]

        async def one() -> list[tuple[str, str]]:
            async with connect(cluster.kubeconfig()) as own:
                return await watch(own, f"resourceVersion={version}")

        watchers = [asyncio.create_task(one()) for _ in range(50)]
        await asyncio.sleep(0)
        for index in range(20):
            await create(send, f"n{index}")
        expected = [("ADDED", f"n{index}") for index in range(20)]
        assert all([await watcher == expected for watcher in watchers])


async def test_a_watcher_that_goes_away_is_forgotten() -> None:
    async with LocalCluster(simulate=False) as cluster:
        collection = cluster._running().store.collection("configmaps")
        async with connect(cluster.kubeconfig()) as send:
            watching = asyncio.ensure_future(send("GET", f"{MAPS}?watch=1", None, {}))
            async with asyncio.timeout(PATIENCE):
                while not collection.watchers:  # noqa: ASYNC110 (looks from outside)
                    await asyncio.sleep(0.01)
            watching.cancel()
            async with asyncio.timeout(PATIENCE):
                while collection.watchers:  # noqa: ASYNC110 (looks from outside)
                    await asyncio.sleep(0.01)


async def test_in_process_access_sees_what_requests_do() -> None:
    async with LocalCluster(simulate=False) as cluster, connect(cluster.kubeconfig()) as send:
        seen: list[tuple[str, str]] = []
        started = asyncio.Event()

        async def follow() -> None:
            async for kind, obj in cluster.access.subscribe(("", "ConfigMap")):
                if obj["metadata"]["namespace"] == "default":
                    seen.append((kind, obj["metadata"]["name"]))
                    started.set()
                if kind == "DELETED":
                    return

        task = asyncio.create_task(follow())
        await started.wait()
        await create(send, "a")
        await cluster.access.delete("", "ConfigMap", "default", "a")
        async with asyncio.timeout(PATIENCE):
            await task
        assert seen == [("ADDED", "kube-root-ca.crt"), ("ADDED", "a"), ("DELETED", "a")]


async def test_stopping_ends_open_watches_at_once() -> None:
    async with LocalCluster(simulate=False) as cluster, connect(cluster.kubeconfig()) as send:
        open_watch = asyncio.ensure_future(send("GET", f"{MAPS}?watch=1", None, {}))
        await create(send, "a")
        loop = asyncio.get_running_loop()
        began = loop.time()
        await cluster.__aexit__(None, None, None)
        assert loop.time() - began < 3
        _, _, body = await open_watch
        assert b'"name":"a"' in body
