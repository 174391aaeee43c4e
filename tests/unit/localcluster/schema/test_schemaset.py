"""Where schemas come from and what they say about merging."""

from __future__ import annotations

import pytest

from fairlead.localcluster.schema import data
from fairlead.localcluster.schema.schemaset import SchemaSet, builtin_schema
from fairlead.localcluster.schema.types import ANYTHING, Schema
from fairlead.objects.ref import GroupVersionKind


def node(kind: Schema | None, path: str) -> Schema:
    assert kind is not None
    for key in path.split("."):
        child = kind.items if key == "[]" else kind.child(key)
        assert child is not None, key
        kind = child
    return kind


def test_every_kind_can_be_read() -> None:
    for group, version, kind in data.kinds():
        assert builtin_schema(group, version, kind) is not None


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("spec.template.spec.containers", ("name",)),
        ("spec.template.spec.containers.[].ports", ("containerPort", "protocol")),
        ("spec.template.spec.containers.[].env", ("name",)),
        ("metadata.ownerReferences", ("uid",)),
        ("metadata.finalizers", ()),
    ],
)
def test_lists_that_merge_know_their_keys(path: str, keys: tuple[str, ...]) -> None:
    found = node(builtin_schema("apps", "v1", "Deployment"), path)
    assert not found.list_atomic
    assert found.keys == keys


@pytest.mark.parametrize("path", ["spec.selector", "spec.template.spec.nodeSelector"])
def test_atomic_maps(path: str) -> None:
    assert node(builtin_schema("apps", "v1", "Deployment"), path).map_atomic


def test_a_kind_shares_its_parts_with_others() -> None:
    deployment = node(builtin_schema("apps", "v1", "Deployment"), "spec.template.spec.containers.[]")
    pod = node(builtin_schema("", "v1", "Pod"), "spec.containers.[]")
    assert deployment.properties is pod.properties


def test_unknown_kinds_take_anything() -> None:
    assert SchemaSet().get(GroupVersionKind("x.example", "v1", "X")) is ANYTHING


def test_a_definition_replaces_what_it_said_before() -> None:
    def definition(*versions: str) -> dict[str, object]:
        schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object"}}}}
        return {
            "spec": {
                "group": "x.example",
                "names": {"kind": "X"},
                "versions": [{"name": version, "schema": schema} for version in versions],
            }
        }

    schemas = SchemaSet()
    schemas.add_definition(definition("v1", "v2"))
    assert schemas.get(GroupVersionKind("x.example", "v2", "X")) is not ANYTHING
    schemas.add_definition(definition("v1"))
    assert schemas.get(GroupVersionKind("x.example", "v2", "X")) is ANYTHING
    schemas.remove_definition(definition("v1"))
    assert schemas.get(GroupVersionKind("x.example", "v1", "X")) is ANYTHING
