"""Custom resources to create: what validation, pruning and defaulting by schema answer."""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]
STRING: Obj = {"type": "string"}
INTEGER: Obj = {"type": "integer"}


def items(item: Obj, **fields: Any) -> Obj:
    return {"type": "array", "items": item, **fields}


def struct(properties: Obj, **fields: Any) -> Obj:
    return {"type": "object", "properties": properties, **fields}


SPEC: Obj = {
    "str": STRING,
    "int": INTEGER,
    "int32": {"type": "integer", "format": "int32"},
    "int64": {"type": "integer", "format": "int64"},
    "num": {"type": "number"},
    "bool": {"type": "boolean"},
    "list": items(STRING),
    "map": {"type": "object", "additionalProperties": STRING},
    "maps": {"type": "object", "additionalProperties": struct({"a": INTEGER}, required=["a"])},
    "struct": struct({"a": STRING, "b": INTEGER}, required=["a"]),
    "structs": items(struct({"a": STRING, "b": {"type": "integer", "default": 5}}, required=["a"])),
    "nullable": {"type": "string", "nullable": True},
    "nullDefault": {"type": "string", "nullable": True, "default": "x"},
    "enum": {"type": "string", "enum": ["a", "b"]},
    "enumInt": {"type": "integer", "enum": [1, 2]},
    "pattern": {"type": "string", "pattern": "^[a-z]+$"},
    "min": {"type": "integer", "minimum": 2, "maximum": 5},
    "exclusive": {"type": "integer", "minimum": 2, "exclusiveMinimum": True, "maximum": 5, "exclusiveMaximum": True},
    "float": {"type": "number", "minimum": 0.5, "maximum": 1.5},
    "multiple": {"type": "integer", "multipleOf": 3},
    "len": {"type": "string", "minLength": 2, "maxLength": 4},
    "count": items(STRING, minItems=1, maxItems=2),
    "props": {"type": "object", "additionalProperties": STRING, "minProperties": 1, "maxProperties": 2},
    "set": items(STRING, **{"x-kubernetes-list-type": "set"}),
    "keyed": items(
        struct({"k": STRING, "p": {"type": "string", "default": "TCP"}, "v": INTEGER}, required=["k"]),
        **{"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k", "p"]},
    ),
    "atomic": struct({"a": STRING, "b": STRING}, **{"x-kubernetes-map-type": "atomic"}),
    "port": {"x-kubernetes-int-or-string": True},
    "portRange": {"x-kubernetes-int-or-string": True, "anyOf": [{"maximum": 10}, {"pattern": "^x"}]},
    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    "freeKnown": struct({"a": INTEGER}, **{"x-kubernetes-preserve-unknown-fields": True}),
    "embedded": {
        "type": "object",
        "x-kubernetes-embedded-resource": True,
        "x-kubernetes-preserve-unknown-fields": True,
    },
    "anything": {"x-kubernetes-preserve-unknown-fields": True},
    "time": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
    "email": {"type": "string", "format": "email"},
    "ipv4": {"type": "string", "format": "ipv4"},
    "ipv6": {"type": "string", "format": "ipv6"},
    "cidr": {"type": "string", "format": "cidr"},
    "uri": {"type": "string", "format": "uri"},
    "uuid": {"type": "string", "format": "uuid"},
    "hostname": {"type": "string", "format": "hostname"},
    "byte": {"type": "string", "format": "byte"},
    "duration": {"type": "string", "format": "duration"},
    "oneOf": struct({"a": STRING, "b": STRING}, oneOf=[{"required": ["a"]}, {"required": ["b"]}]),
    "anyOf": struct({"a": STRING, "b": STRING}, anyOf=[{"required": ["a"]}, {"required": ["b"]}]),
    "allOf": struct({"a": STRING, "b": STRING}, allOf=[{"required": ["a"]}, {"required": ["b"]}]),
    "not": struct({"a": STRING, "b": STRING}, **{"not": {"required": ["a", "b"]}}),
    "junctorValue": {"type": "string", "anyOf": [{"pattern": "^a"}, {"maxLength": 2}]},
    "defaults": struct(
        {
            "a": {"type": "string", "default": "x"},
            "b": {
                "type": "object",
                "default": {"c": 1},
                "properties": {"c": INTEGER, "d": {"type": "boolean", "default": True}},
            },
        }
    ),
    "defaulted": {"type": "object", "default": {}, "properties": {"a": {"type": "string", "default": "x"}}},
}

ROOT: Obj = struct({"spec": struct(SPEC), "status": struct({"phase": {"type": "string", "default": "New"}})})

DEFINITION: Obj = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "samples.conformance.example.com"},
    "spec": {
        "group": "conformance.example.com",
        "scope": "Namespaced",
        "names": {"plural": "samples", "kind": "Sample"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": ROOT},
                "subresources": {"status": {}},
            },
            {
                "name": "v2",
                "served": True,
                "storage": False,
                "schema": {
                    "openAPIV3Schema": struct({"spec": struct({"must": STRING}, required=["must"])}, required=["spec"])
                },
            },
            {
                "name": "v3",
                "served": True,
                "storage": False,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            },
            {
                "name": "v4",
                "served": True,
                "storage": False,
                "schema": {
                    "openAPIV3Schema": struct(
                        {
                            "spec": {"type": "object", "properties": {"x": INTEGER}},
                            "metadata": struct({"name": {"type": "string", "maxLength": 5, "pattern": "^a"}}),
                        }
                    )
                },
            },
        ],
    },
}


def sample(version: str = "v1", **spec: Any) -> Obj:
    return {
        "apiVersion": f"conformance.example.com/{version}",
        "kind": "Sample",
        "metadata": {"name": "a"},
        "spec": spec,
    }


_VALUES: dict[str, list[Any]] = {
    "str": [1, True, None, [], {}, ""],
    "int": ["1", 1.5, 1.0, True, None, 10**20],
    "int32": [2**31],
    "int64": [2**63],
    "num": ["x", 1, 1.5],
    "bool": ["true", 1, None],
    "list": ["x", [1], [None], {}, [], None, ["a", "a"]],
    "map": [{"a": 1}, {"a": None}, [], {}, {"a": "b"}],
    "maps": [{"x": {}}, {"x": {"a": "s"}}, {"x": {"a": 1, "z": 2}}, {"x": None}],
    "struct": [{}, {"a": 1}, {"a": None}, {"a": "x", "c": "y"}, {"b": "x"}, []],
    "structs": [[{}], [{"a": "x"}], [{"a": "x", "z": 1}, {"a": 2}], [None], ["x"]],
    "nullable": [None, "x"],
    "nullDefault": [None],
    "enum": ["c", "a", 1, ""],
    "enumInt": [3, "1"],
    "pattern": ["A1", "abc"],
    "min": [1, 6, 2],
    "exclusive": [2, 5, 3],
    "float": [0.1, 2, 1, 0.5],
    "multiple": [4, 6],
    "len": ["a", "abcde", "äöüß"],
    "count": [[], ["a", "b", "c"]],
    "props": [{}, {"a": "1", "b": "2", "c": "3"}],
    "set": [["a", "b", "a"], ["a"]],
    "keyed": [[{"k": "a"}, {"k": "a"}], [{"k": "a"}, {"k": "a", "p": "UDP"}], [{"v": 1}], [{"k": "a", "z": 1}]],
    "port": [1, "x", 1.5, True, None],
    "portRange": [11, 5, "x", True],
    "free": [{"a": {"b": [1, None]}}, [], {"a": None}],
    "freeKnown": [{"a": "x", "z": 1}, {"a": 1, "z": 1}],
    "embedded": [
        {},
        {"apiVersion": "v1", "kind": "Pod"},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "A_", "foo": 1}, "spec": {"x": 1}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "labels": {"a": 1}}},
        {"apiVersion": "a/b/c", "kind": "p"},
    ],
    "anything": [1, "x", [1], {"a": 1}, None],
    "time": ["x", "2020-01-01T00:00:00Z"],
    "date": ["x", "2020-01-01"],
    "email": ["x", "a@b.c"],
    "ipv4": ["x", "1.2.3.4", "::1"],
    "ipv6": ["x", "::1"],
    "cidr": ["x", "10.0.0.0/8"],
    "uri": ["x y", "http://a"],
    "uuid": ["x"],
    "hostname": ["a b", "a.b"],
    "byte": ["!!", "YQ=="],
    "duration": ["x", "1h"],
    "oneOf": [{}, {"a": "1", "b": "2"}, {"a": "1"}],
    "anyOf": [{}, {"a": "1", "b": "2"}],
    "allOf": [{}, {"a": "1"}, {"a": "1", "b": "2"}],
    "not": [{"a": "1", "b": "2"}, {"a": "1"}],
    "junctorValue": ["bcd", "abc", "b"],
    "defaults": [{}, {"a": None}, {"b": {}}, {"b": {"d": False}}, None],
    "unknown": [1, {"a": 1}],
}

CASES: dict[str, Obj] = {
    f"{field} {index}": sample(**{field: value})
    for field, values in _VALUES.items()
    for index, value in enumerate(values)
} | {
    "nothing": sample(),
    "no spec": {**sample(), "spec": None},
    "spec of wrong type": {**sample(), "spec": "x"},
    "two errors": sample(int="x", enum="z", struct={}),
    "unknown at the root": {**sample(), "foo": 1},
    "unknown twice": {**sample(foo=1, struct={"a": "x", "bar": 2}), "baz": 1},
    "status on create": {**sample(), "status": {"phase": "X"}},
    "required v2": sample("v2"),
    "required spec v2": {k: v for k, v in sample("v2").items() if k != "spec"},
    "free v3": {**sample("v3", a={"b": [1, {"c": None}]}), "x": {"y": 1}, "n": None},
    "name v4": {**sample("v4"), "metadata": {"name": "bcdefgh"}},
    "unknown metadata": {**sample(), "metadata": {"name": "a", "foo": "bar", "labels": {"a": "b"}}},
    "bad labels": {**sample(), "metadata": {"name": "a", "labels": {"a": 1}}},
    "bad name": {**sample(), "metadata": {"name": "A_"}},
    "bad label value": {**sample(), "metadata": {"name": "a", "labels": {"a": "-"}}},
    "metadata of wrong type": {**sample(), "metadata": "x"},
}
