"""A core without HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead.localcluster.server.bootstrap import bootstrap
from fairlead.localcluster.server.core import Core
from fairlead.localcluster.server.housekeeping import Housekeeping
from fairlead.localcluster.server.requests import UserInfo, WriteOptions
from fairlead.localcluster.server.serving import to_manifest
from fairlead.localcluster.server.tokens import TokenAuthority
from fairlead.localcluster.storage import Store

__all__: list[str] = []

Manifest = dict[str, Any]
ADMIN = UserInfo("admin", ("system:masters",))


class Cluster:
    """Writes and reads by kind, and housekeeping on request."""

    def __init__(self) -> None:
        self.store = Store()
        self.tokens = TokenAuthority(TokenAuthority.new_key(), self.store)
        self.core = Core(self.store, self.tokens, "the authority")
        self.housekeeping = Housekeeping(self.core)
        bootstrap(self.core, 6443)
        self.housekeeping.start()
        self.housekeeping.drain()

    def create(self, obj: Manifest, namespace: str = "default") -> Manifest:
        resource = self._resource(obj)
        written = self.core.pipeline.create(
            resource, namespace if resource.namespaced else "", obj, WriteOptions(ADMIN, "test")
        )
        return to_manifest(resource, written.stored.body)

    def _resource(self, obj: Manifest) -> Any:
        group, _, version = obj["apiVersion"].rpartition("/")
        resource = self.core.registry.by_kind(group, obj["kind"], version)
        assert resource is not None, obj["kind"]
        return resource

    def get(self, kind: str, name: str, namespace: str = "default", group: str = "") -> Manifest | None:
        resource = self.core.registry.by_kind(group, kind)
        assert resource is not None, kind
        stored = self.store.collection(resource.collection).get(namespace if resource.namespaced else "", name)
        return to_manifest(resource, stored.body) if stored else None


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()
