"""Namespaces, owners and definitions, without HTTP and without waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pytest

from fairlead.localcluster.server.deleting import DeleteOptions
from fairlead.localcluster.server.requests import WriteOptions
from fairlead.localcluster.status import StatusError
from tests.unit.localcluster.server.conftest import ADMIN

if TYPE_CHECKING:
    from tests.unit.localcluster.server.conftest import Cluster

Policy = Literal["Background", "Foreground", "Orphan"]


def config_map(name: str, **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}}


def delete(cluster: Cluster, kind: str, name: str, namespace: str = "default", policy: Policy | None = None) -> None:
    resource = cluster.core.registry.by_kind("", kind) or cluster.core.registry.by_kind("apiextensions.k8s.io", kind)
    assert resource is not None
    stored = cluster.core.pipeline.live(resource, namespace if resource.namespaced else "", name)
    cluster.core.deleter.delete(resource, stored, DeleteOptions(policy=policy), WriteOptions(ADMIN, ""))
    cluster.housekeeping.drain()


def owned_by(owner: dict[str, Any], *, block: bool = False) -> list[dict[str, Any]]:
    metadata = owner["metadata"]
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": metadata["name"],
            "uid": metadata["uid"],
            "blockOwnerDeletion": block,
        }
    ]


def test_new_namespaces_are_furnished(cluster: Cluster) -> None:
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}})
    cluster.housekeeping.drain()
    assert cluster.get("ServiceAccount", "default", "n")
    authority = cluster.get("ConfigMap", "kube-root-ca.crt", "n")
    assert authority is not None
    assert authority["data"] == {"ca.crt": "the authority"}


def test_a_namespace_goes_with_its_content(cluster: Cluster) -> None:
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}})
    cluster.create(config_map("a"), "n")
    cluster.create(config_map("held", finalizers=["example.com/x"]), "n")
    delete(cluster, "Namespace", "n")
    assert cluster.get("ConfigMap", "a", "n") is None
    namespace = cluster.get("Namespace", "n")
    assert namespace is not None
    conditions = {one["type"]: one["message"] for one in namespace["status"]["conditions"]}
    assert conditions["NamespaceFinalizersRemaining"].endswith("example.com/x in 1 resource instances")
    with pytest.raises(StatusError, match="because it is being terminated"):
        cluster.create(config_map("b"), "n")
    resource = cluster.core.registry.by_kind("", "ConfigMap")
    assert resource is not None
    stored = cluster.core.pipeline.live(resource, "n", "held")
    released = config_map("held")
    cluster.core.pipeline.update(resource, "n", "held", released, WriteOptions(ADMIN, "test"))
    assert stored.version < cluster.store.version
    cluster.housekeeping.drain()
    assert cluster.get("Namespace", "n") is None


@pytest.mark.parametrize("policy", [None, "Background", "Foreground"])
def test_dependents_go_with_their_owner(cluster: Cluster, policy: Policy | None) -> None:
    owner = cluster.create(config_map("owner"))
    child = cluster.create(config_map("child", ownerReferences=owned_by(owner, block=True)))
    cluster.create(config_map("grandchild", ownerReferences=owned_by(child, block=True)))
    delete(cluster, "ConfigMap", "owner", policy=policy)
    assert [cluster.get("ConfigMap", name) for name in ("owner", "child", "grandchild")] == [None] * 3


def test_orphans_stay(cluster: Cluster) -> None:
    owner = cluster.create(config_map("owner"))
    cluster.create(config_map("child", ownerReferences=owned_by(owner)))
    delete(cluster, "ConfigMap", "owner", policy="Orphan")
    assert cluster.get("ConfigMap", "owner") is None
    child = cluster.get("ConfigMap", "child")
    assert child is not None
    assert "ownerReferences" not in child["metadata"]


def test_one_of_two_owners_is_enough(cluster: Cluster) -> None:
    first, second = cluster.create(config_map("first")), cluster.create(config_map("second"))
    cluster.create(config_map("child", ownerReferences=[*owned_by(first), *owned_by(second)]))
    delete(cluster, "ConfigMap", "first")
    child = cluster.get("ConfigMap", "child")
    assert child is not None
    assert [one["name"] for one in child["metadata"]["ownerReferences"]] == ["second"]
    delete(cluster, "ConfigMap", "second")
    assert cluster.get("ConfigMap", "child") is None


def test_an_owner_in_another_namespace_does_not_count(cluster: Cluster) -> None:
    owner = cluster.create(config_map("owner"), "kube-system")
    cluster.create(config_map("child", ownerReferences=owned_by(owner)))
    cluster.housekeeping.drain()
    assert cluster.get("ConfigMap", "child") is None


def definition(group: str = "example.com", scope: str = "Namespaced") -> dict[str, Any]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}"},
        "spec": {
            "group": group,
            "scope": scope,
            "names": {"plural": "things", "kind": "Thing"},
            "versions": [version],
        },
    }


def test_definitions_serve_and_take_their_objects_with_them(cluster: Cluster) -> None:
    cluster.create(definition())
    assert cluster.core.registry.by_kind("example.com", "Thing") is None
    cluster.housekeeping.drain()
    thing = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t"}, "size": 3}
    assert cluster.create(thing)["size"] == 3
    delete(cluster, "CustomResourceDefinition", "things.example.com")
    assert cluster.core.registry.by_kind("example.com", "Thing") is None
    assert not cluster.store.collection("things.example.com").objects


def test_a_definition_waits_for_the_finalizers_of_its_objects(cluster: Cluster) -> None:
    cluster.create(definition())
    cluster.housekeeping.drain()
    metadata = {"name": "t", "finalizers": ["example.com/x"]}
    cluster.create({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": metadata})
    delete(cluster, "CustomResourceDefinition", "things.example.com")
    assert cluster.get("Thing", "t", group="example.com")
    resource = cluster.core.registry.by_kind("example.com", "Thing")
    assert resource is not None
    body = b'{"metadata":{"finalizers":null}}'
    merge = "application/merge-patch+json"
    cluster.core.patcher.patch(resource, "default", "t", merge, body, WriteOptions(ADMIN, "test"))
    cluster.housekeeping.drain()
    assert cluster.core.registry.by_kind("example.com", "Thing") is None


def test_a_new_object_has_the_default_of_its_status(cluster: Cluster) -> None:
    """Without ``observedGeneration: -1`` a Kustomization that nobody has looked at yet would count as healthy."""
    made = definition()
    version = made["spec"]["versions"][0]
    observed = {"type": "integer", "format": "int64"}
    status = {"type": "object", "default": {"observedGeneration": -1}, "properties": {"observedGeneration": observed}}
    version["schema"] = {"openAPIV3Schema": {"type": "object", "properties": {"status": status}}}
    version["subresources"] = {"status": {}}
    cluster.create(made)
    cluster.housekeeping.drain()
    thing = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t"}}
    assert cluster.create(thing | {"status": {"observedGeneration": 7}})["status"] == {"observedGeneration": -1}
    read = cluster.get("Thing", "t", group="example.com")
    assert read is not None
    assert read["status"] == {"observedGeneration": -1}
