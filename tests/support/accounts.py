"""Service accounts for tests: how to reach a cluster as one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fairlead.api.names import DEFAULT_NAMESPACE
from fairlead.controllers.install import ACCOUNT

if TYPE_CHECKING:
    from fairlead.kube.config import ClusterConfig
    from tests.support.world import World

__all__ = ["service_account"]


async def service_account(world: World, namespace: str = DEFAULT_NAMESPACE, name: str = ACCOUNT) -> ClusterConfig:
    """The configuration with a fresh token of an account; by default of the one that an installation makes."""
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    answer = await world.client.request("POST", path, body=body)
    return replace(world.client.config, token=answer["status"]["token"], client_cert=None, client_key=None)
