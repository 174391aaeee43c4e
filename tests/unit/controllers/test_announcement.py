"""To which Services the leader adds its address, and in which form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from fairlead.controllers.announcement import announce

if TYPE_CHECKING:
    from fairlead.objects.manifest import Manifest


class Client:
    """Keeps what is applied."""

    def __init__(self) -> None:
        self.applied: list[Manifest] = []

    async def apply(self, manifest: Manifest, *, field_manager: str) -> Manifest:
        assert field_manager == "fairlead"
        self.applied.append(manifest)
        return manifest


@pytest.mark.parametrize(
    ("advertised", "service", "namespace"),
    [
        ("fairlead.flux-system.svc.cluster.local.", "fairlead", "flux-system"),
        ("fairlead.ops.svc.cluster.local:8080", "fairlead", "ops"),
        ("fairlead-shard1.flux-system.svc", "fairlead-shard1", "flux-system"),
    ],
)
@pytest.mark.parametrize(("address", "family"), [("10.1.2.3", "IPv4"), ("fd00::1", "IPv6")])
async def test_a_service_of_ours(advertised: str, service: str, namespace: str, address: str, family: str) -> None:
    client = Client()
    await announce(cast("Any", client), advertised, address, 9090)
    (written,) = client.applied
    metadata = written["metadata"]
    assert (metadata["namespace"], metadata["labels"]["kubernetes.io/service-name"]) == (namespace, service)
    assert (written["addressType"], written["endpoints"][0]["addresses"]) == (family, [address])
    assert written["ports"] == [{"name": "http", "port": 9090, "protocol": "TCP"}]


@pytest.mark.parametrize(
    "advertised",
    [
        "source-controller.flux-system.svc.cluster.local.",
        "archives.example.com",
        "localhost:9090",
        "fairlead.example.com",
    ],
)
async def test_any_other_address_is_left_alone(advertised: str) -> None:
    """An endpoint of ours would stay in Flux's Service when Flux is back."""
    client = Client()
    await announce(cast("Any", client), advertised, "10.1.2.3", 9090)
    assert not client.applied


async def test_without_a_pod_there_is_nothing_to_say() -> None:
    client = Client()
    await announce(cast("Any", client), "fairlead.flux-system.svc.cluster.local.", "", 9090)
    assert not client.applied
