"""The parts of the server joined together, without HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.localcluster.server.authz import Authorizer
from fairlead.localcluster.server.crds import CRDS, Definitions
from fairlead.localcluster.server.deleting import Deleter
from fairlead.localcluster.server.garbage import Garbage
from fairlead.localcluster.server.namespaces import SYSTEM, Namespaces
from fairlead.localcluster.server.patching import Patcher
from fairlead.localcluster.server.pipeline import Pipeline
from fairlead.localcluster.server.reading import Reader
from fairlead.localcluster.server.registry import Registry
from fairlead.localcluster.server.requests import WriteOptions
from fairlead.localcluster.server.reviews import reviews
from fairlead.localcluster.server.roles import AggregatedRoles
from fairlead.localcluster.server.rules import Rules
from fairlead.localcluster.server.subresources import Subresources
from fairlead.localcluster.storage import decode_body

if TYPE_CHECKING:
    from fairlead.localcluster.server.tokens import TokenAuthority
    from fairlead.localcluster.storage import Store

__all__ = ["Core"]


class Core:
    """Everything that requests, housekeeping and in-process controllers share."""

    def __init__(self, store: Store, tokens: TokenAuthority, ca: str) -> None:
        self.store = store
        self.registry = Registry()
        self.rules = Rules()
        self.authorizer = Authorizer(store)
        self.pipeline = Pipeline(store, self.registry, self.rules, self.authorizer)
        self.deleter = Deleter(self.pipeline)
        self.patcher = Patcher(self.pipeline)
        self.reader = Reader(store)
        self.reviews = reviews(self.authorizer, tokens)
        self.subresources = Subresources(self, tokens)
        system = WriteOptions(SYSTEM, "kube-controller-manager", field_validation="Ignore")
        server = WriteOptions(SYSTEM, "kube-apiserver", field_validation="Ignore")
        self.definitions = Definitions(self.pipeline, self.deleter, self.registry, server)
        self.namespaces = Namespaces(self.pipeline, self.deleter, self.registry, system, ca)
        self.garbage = Garbage(self.pipeline, self.deleter, self.registry, system)
        self.roles = AggregatedRoles(self.pipeline, self.registry, system)

    def load(self) -> None:
        """Take up what the store holds from an earlier run."""
        for stored in self.store.collection(CRDS).scan():
            definition = decode_body(stored.body)
            conditions = (definition.get("status") or {}).get("conditions") or []
            if any(one["type"] == "Established" and one["status"] == "True" for one in conditions):
                self.definitions.serve(definition)
        self.garbage.load()
