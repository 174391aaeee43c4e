"""Probes over HTTP."""

from __future__ import annotations

import aiohttp
import pytest

from fairlead.runtime.health import ProbeServer
from fairlead.runtime.metrics import Metrics


async def fetch(server: ProbeServer, path: str) -> tuple[int, str, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{server.port}{path}") as response,
    ):
        return response.status, await response.text(), response.headers["Content-Type"]


async def test_readiness_says_what_is_missing() -> None:
    missing: dict[str, str | None] = {"kustomizations": "not listed yet", "api": None}
    checks = {name: (lambda name=name: missing[name]) for name in missing}
    async with ProbeServer(checks=checks) as server:
        assert (await fetch(server, "/healthz"))[:2] == (200, "ok\n")
        assert (await fetch(server, "/readyz"))[:2] == (503, "[-] kustomizations: not listed yet\n[+] api ok\n")
        missing["kustomizations"] = None
        assert (await fetch(server, "/readyz"))[0] == 200
        assert (await fetch(server, "/metrics"))[0] == 404


async def test_metrics_are_served_in_the_text_format() -> None:
    async with ProbeServer(metrics=Metrics()) as server:
        status, text, content_type = await fetch(server, "/metrics")
        assert status == 200
        assert content_type == "text/plain; version=0.0.4; charset=utf-8"
        assert "process_cpu_seconds_total" in text


async def test_a_port_that_is_taken_is_an_error_and_leaves_nothing_open() -> None:
    async with ProbeServer() as server:
        with pytest.raises(OSError, match="address already in use"):
            await ProbeServer(port=server.port).__aenter__()


async def test_without_a_host_it_listens_on_all_interfaces() -> None:
    """What ``--metrics-addr :8080`` means to Flux's users."""
    async with ProbeServer() as free:
        port = free.port  # 0 would be another port for each family of addresses
    async with (
        ProbeServer(host=None, port=port) as server,
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.2:{server.port}/healthz") as response,
    ):
        assert response.status == 200
