"""Stories of several writers on one object: who owns what afterwards, and who is refused.

A story is a list of steps (verb, body, options). Verbs: ``apply``, ``create``, ``update`` (PUT of the live object with
a merge patch laid over it), ``merge``, ``strategic``, ``json``; an option ``sub`` names a subresource.
"""

from __future__ import annotations

from typing import Any

from tests.referees.apiserver.cases_create import container, core, deployment, service
from tests.referees.apiserver.cases_custom import sample

Obj = dict[str, Any]
Step = tuple[str, Any, Obj]


def apply(body: Obj, manager: str = "one", **options: Any) -> Step:
    return "apply", body, {"fieldManager": manager, **options}


def force(body: Obj, manager: str = "one", **options: Any) -> Step:
    return apply(body, manager, force=True, **options)


def merge(patch: Obj, manager: str = "editor", **options: Any) -> Step:
    return "merge", patch, {"fieldManager": manager, **options}


def strategic(patch: Any, manager: str = "editor", **options: Any) -> Step:
    return "strategic", patch, {"fieldManager": manager, **options}


def json_patch(*operations: Obj) -> Step:
    return "json", list(operations), {"fieldManager": "editor"}


def create(body: Obj, manager: str = "maker") -> Step:
    return "create", body, {"fieldManager": manager}


def update(changes: Obj, manager: str = "editor", **options: Any) -> Step:
    return "update", changes, {"fieldManager": manager, **options}


def conf(**data: Any) -> Obj:
    return core("ConfigMap", data=data)


def bare(**metadata: Any) -> Obj:
    return core("ConfigMap", meta=metadata)


def dep(*containers: Obj, **spec: Any) -> Obj:
    pod = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": list(containers) or [container()]}}
    return deployment(selector={"matchLabels": {"app": "a"}}, template=pod, **spec)


def ports(*items: Obj) -> Obj:
    return dep(container(ports=list(items)))


def env(*items: Obj) -> Obj:
    return dep(container(env=list(items)))


def svc(*items: Obj) -> Obj:
    return service(ports=list(items))


def status(**fields: Any) -> Obj:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "status": fields}


LAST = "kubectl.kubernetes.io/last-applied-configuration"
SPEC = {"selector": {"matchLabels": {"app": "a"}}}
STORIES: dict[str, list[Step]] = {
    "apply once": [apply(conf(a="1"))],
    "apply twice": [apply(conf(a="1")), apply(conf(a="1"))],
    "apply another value": [apply(conf(a="1")), apply(conf(a="2"))],
    "apply fewer fields": [apply(conf(a="1", b="2")), apply(conf(a="1"))],
    "apply no fields": [apply(conf(a="1")), apply(bare())],
    "apply nothing at all": [apply(bare())],
    "apply empty map": [apply({**bare(), "data": {}})],
    "apply null map": [apply({**bare(), "data": None})],
    "apply null value": [apply(conf(a=None, b="1"))],
    "apply labels and annotations": [
        apply(bare(labels={"a": "b"}, annotations={"c": "d"})),
        apply(bare(labels={"a": "b"})),
    ],
    "apply finalizers": [
        apply(bare(finalizers=["example.com/a", "example.com/b"])),
        apply(bare(finalizers=["example.com/b"])),
        merge({"metadata": {"finalizers": None}}),
    ],
    "two share a field": [apply(conf(a="1")), apply(conf(a="1"), "two"), apply(bare()), apply(bare(), "two")],
    "two share and one changes": [
        apply(conf(a="1")),
        apply(conf(a="1"), "two"),
        apply(conf(a="2")),
        force(conf(a="2")),
    ],
    "two own different fields": [apply(conf(a="1")), apply(conf(b="2"), "two"), apply(bare())],
    "conflict with applier": [apply(conf(a="1")), apply(conf(a="2"), "two"), force(conf(a="2"), "two")],
    "conflicts with applier": [apply(conf(a="1", b="1")), apply(conf(a="2", b="2"), "two")],
    "conflict with updater": [apply(conf(a="1")), merge({"data": {"a": "2"}}), apply(conf(a="1")), force(conf(a="1"))],
    "conflicts with two": [apply(conf(a="1", b="1")), merge({"data": {"b": "2"}}), apply(conf(a="9", b="9"), "two")],
    "forced back": [apply(conf(a="1")), merge({"data": {"a": "2"}}), force(conf(a="1")), apply(conf(a="1"))],
    "change and back": [
        apply(conf(a="1")),
        merge({"data": {"a": "2"}}),
        merge({"data": {"a": "1"}}),
        apply(conf(a="1")),
    ],
    "updater adds, applier drops": [apply(conf(a="1")), merge({"data": {"b": "2"}}), apply(bare())],
    "updater removes": [apply(conf(a="1", b="2")), merge({"data": {"a": None}}), apply(conf(a="1", b="2"))],
    "updater removes the map": [apply(conf(a="1")), merge({"data": None}), apply(conf(a="1"))],
    "create then apply": [create(conf(a="1")), apply(conf(a="1")), apply(conf(a="2")), force(conf(a="2"))],
    "create by the same manager": [create(conf(a="1"), "one"), apply(conf(a="2")), force(conf(a="2"))],
    "update by hand": [create(conf(a="1")), update({"data": {"a": "2"}}), update({"data": {"b": "3"}}, "second")],
    "update drops managed fields": [apply(conf(a="1")), update({"metadata": {"managedFields": None}})],
    "update resets managed fields": [
        apply(conf(a="1")),
        update({"metadata": {"managedFields": []}}),
        apply(conf(a="1")),
    ],
    "reset by one empty entry": [apply(conf(a="1")), update({"metadata": {"managedFields": [{}]}}), apply(conf(b="1"))],
    "reset then conflict": [apply(conf(a="1")), update({"metadata": {"managedFields": [{}]}}), apply(conf(a="2"))],
    "reset then update": [
        apply(conf(a="1")),
        update({"metadata": {"managedFields": [{}]}}),
        update({"data": {"a": "3"}}),
    ],
    "entries by hand": [
        apply(conf(a="1")),
        merge(
            {
                "metadata": {
                    "managedFields": [
                        {
                            "manager": "x",
                            "operation": "Apply",
                            "apiVersion": "v1",
                            "fieldsType": "FieldsV1",
                            "fieldsV1": {"f:data": {"f:a": {}}},
                        }
                    ]
                }
            }
        ),
    ],
    "entries spelled oddly": [
        apply(ports({"containerPort": 80})),
        merge(
            {
                "metadata": {
                    "managedFields": [
                        {
                            "manager": "x",
                            "operation": "Apply",
                            "apiVersion": "apps/v1",
                            "fieldsType": "FieldsV1",
                            "fieldsV1": {
                                "f:spec": {
                                    "f:template": {
                                        "f:spec": {"f:containers": {'k:{ "name" : "app" }': {".": {}, "f:image": {}}}}
                                    }
                                }
                            },
                        }
                    ]
                }
            }
        ),
    ],
    "bad entries by hand": [
        apply(conf(a="1")),
        merge({"metadata": {"managedFields": [{"manager": "x", "operation": "Foo"}]}}),
    ],
    "managed fields in an apply": [apply(bare(managedFields=[{"manager": "x"}]))],
    "server fields in an apply": [
        apply(bare(uid="", creationTimestamp=None, resourceVersion="", generation=3, selfLink="x"))
    ],
    "unknown field": [apply({**conf(a="1"), "foo": 1})],
    "unknown nested field": [apply(dep(container(foo=1)))],
    "wrong type": [apply(conf(a=1))],
    "wrong type number": [apply(dep(replicas="x"))],
    "wrong type list": [apply(dep(container(args="x")))],
    "wrong type map": [apply({**bare(), "data": "x"})],
    "wrong type boolean": [apply(dep(container(stdin="x")))],
    "two wrong types": [apply(dep(container(stdin="x", image=5)))],
    "duplicate container": [apply(dep(container(), container()))],
    "duplicate port": [apply(ports({"containerPort": 80}, {"containerPort": 80}))],
    "same port two protocols": [
        apply(ports({"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"})),
        apply(ports({"containerPort": 80, "protocol": "UDP"})),
    ],
    "container without name": [apply(dep({"image": "x"}))],
    "null container": [
        apply(deployment(template={"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [None]}}))
    ],
    "deployment": [apply(dep(replicas=1)), apply(dep(replicas=2)), apply(dep())],
    "deployment twice": [apply(dep(replicas=1)), apply(dep(replicas=1))],
    "deployment scaled": [
        apply(dep(replicas=1)),
        merge({"spec": {"replicas": 5}}),
        apply(dep(replicas=1)),
        force(dep(replicas=1)),
    ],
    "scaled without owning": [apply(dep()), merge({"spec": {"replicas": 5}}), apply(dep())],
    "scale subresource": [
        apply(dep(replicas=1)),
        merge({"spec": {"replicas": 5}}, sub="scale"),
        apply(dep(replicas=1)),
        apply(dep()),
    ],
    "image set": [
        apply(dep()),
        strategic({"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "other"}]}}}}),
        apply(dep()),
    ],
    "sidecar added": [
        apply(dep()),
        strategic({"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "x"}]}}}}),
        apply(dep()),
    ],
    "container applied by two": [apply(dep()), apply(dep(container(name="side")), "two"), apply(dep(), "two")],
    "container renamed": [
        apply(dep(container(env=[{"name": "A", "value": "1"}]))),
        apply(dep(container(name="other"))),
    ],
    "containers reordered": [
        apply(dep(container(), container(name="b"), container(name="c"))),
        apply(dep(container(name="c"), container(), container(name="b"))),
    ],
    "container put between": [
        apply(dep(container(), container(name="c"))),
        apply(dep(container(), container(name="b"), container(name="c"))),
    ],
    "container between theirs": [
        apply(dep(container(), container(name="c"))),
        apply(dep(container(name="x"), container(name="c")), "two"),
    ],
    "env added and removed": [
        apply(env({"name": "A", "value": "1"}, {"name": "B", "value": "2"})),
        apply(env({"name": "B", "value": "2"})),
        apply(env()),
    ],
    "env of another": [
        apply(env({"name": "A", "value": "1"})),
        strategic(
            {"spec": {"template": {"spec": {"containers": [{"name": "app", "env": [{"name": "B", "value": "2"}]}]}}}}
        ),
        apply(dep()),
    ],
    "env value to reference": [
        apply(env({"name": "A", "value": "1"})),
        apply(env({"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}})),
    ],
    "args are atomic": [
        apply(dep(container(args=["a", "b"]))),
        strategic({"spec": {"template": {"spec": {"containers": [{"name": "app", "args": ["a", "c"]}]}}}}),
        apply(dep(container(args=["a", "b"]))),
    ],
    "selector is atomic": [
        apply(dep()),
        apply(
            deployment(pod={"labels": {"app": "a", "b": "c"}}, selector={"matchLabels": {"app": "a", "b": "c"}}), "two"
        ),
    ],
    "resources": [
        apply(dep(container(resources={"limits": {"cpu": "1000m"}}))),
        apply(dep(container(resources={"limits": {"cpu": "1"}}))),
        apply(dep(container(resources={"limits": {"cpu": "1000m"}}))),
    ],
    "resources removed": [
        apply(dep(container(resources={"limits": {"cpu": "1", "memory": "1Gi"}}))),
        apply(dep(container(resources={"limits": {"memory": "1Gi"}}))),
        apply(dep()),
    ],
    "strategy": [
        apply(dep(strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}})),
        apply(dep(strategy={"type": "Recreate"})),
    ],
    "status in an apply": [apply({**dep(), "status": {"replicas": 5}}), apply({**dep(), "status": {"replicas": 5}})],
    "status applied": [
        apply(dep()),
        apply(status(replicas=3, conditions=[{"type": "A", "status": "True"}]), "boss", sub="status"),
        apply(status(replicas=4), "boss", sub="status"),
        apply(dep()),
    ],
    "status updated": [
        apply(dep()),
        merge(
            {
                "status": {"replicas": 3},
                "spec": {"replicas": 9},
                "metadata": {"labels": {"x": "y"}, "annotations": {"p": "q"}},
            },
            sub="status",
        ),
        apply(status(replicas=3), "two", sub="status"),
        apply(status(replicas=5), "two", sub="status"),
    ],
    "service": [apply(svc({"port": 80})), apply(svc({"name": "a", "port": 80}, {"name": "b", "port": 81}))],
    "service port twice": [apply(svc({"name": "a", "port": 53}, {"name": "b", "port": 53, "protocol": "UDP"}))],
    "service patched": [
        apply(svc({"port": 80})),
        strategic({"spec": {"ports": [{"port": 81, "name": "b"}, {"port": 80, "name": "a"}]}}),
        apply(svc({"port": 80})),
    ],
    "secret string data": [
        apply(core("Secret", stringData={"a": "b"})),
        merge({"data": {"a": "Yw=="}}),
        apply(core("Secret", stringData={"a": "b"})),
    ],
    "owner references": [
        apply(bare(ownerReferences=[{"apiVersion": "v1", "kind": "Namespace", "name": "applies", "uid": "1"}])),
        apply(bare(ownerReferences=[{"apiVersion": "v1", "kind": "Namespace", "name": "applies", "uid": "2"}]), "two"),
        apply(bare()),
    ],
    "kubectl takes over": [
        create(
            {
                **conf(a="1"),
                "metadata": {
                    "name": "a",
                    "annotations": {
                        LAST: '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"a":"1"}}\n'
                    },
                },
            },
            "kubectl-client-side-apply",
        ),
        apply(conf(a="2"), "kubectl"),
        apply(conf(a="3"), "kubectl"),
    ],
    "kubectl does not take over": [
        create(
            {
                **conf(a="1"),
                "metadata": {
                    "name": "a",
                    "annotations": {
                        LAST: '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"a":"1"}}\n'
                    },
                },
            },
            "kubectl-client-side-apply",
        ),
        merge({"data": {"a": "5"}}),
        apply(conf(a="2"), "kubectl"),
    ],
    "another does not take over": [
        create(
            {
                **conf(a="1"),
                "metadata": {
                    "name": "a",
                    "annotations": {
                        LAST: '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"a":"1"}}\n'
                    },
                },
            },
            "kubectl-client-side-apply",
        ),
        apply(conf(a="2"), "one"),
    ],
    "many updaters": [create(conf(a="0")), *(merge({"data": {f"k{i}": "1"}}, f"m{i:02}") for i in range(12))],
    "strategic delete": [
        create(dep(container(), container(name="b"))),
        strategic({"spec": {"template": {"spec": {"containers": [{"name": "b", "$patch": "delete"}]}}}}),
    ],
    "strategic replace": [
        create(dep(container(), container(name="b"))),
        strategic(
            {"spec": {"template": {"spec": {"containers": [{"$patch": "replace"}, {"name": "z", "image": "y"}]}}}}
        ),
    ],
    "strategic order": [
        create(dep(container(), container(name="b"))),
        strategic(
            {
                "spec": {
                    "template": {
                        "spec": {
                            "$setElementOrder/containers": [{"name": "b"}, {"name": "app"}],
                            "containers": [{"name": "b", "image": "q"}],
                        }
                    }
                }
            }
        ),
    ],
    "strategic order with addition": [
        create(dep(container(), container(name="b"))),
        strategic(
            {
                "spec": {
                    "template": {
                        "spec": {
                            "$setElementOrder/containers": [{"name": "n"}, {"name": "b"}],
                            "containers": [{"name": "n", "image": "q"}],
                        }
                    }
                }
            }
        ),
    ],
    "strategic order wrong": [
        create(dep()),
        strategic(
            {
                "spec": {
                    "template": {
                        "spec": {
                            "$setElementOrder/containers": [{"name": "b"}, {"name": "c"}],
                            "containers": [{"name": "c", "image": "q"}, {"name": "b", "image": "q"}],
                        }
                    }
                }
            }
        ),
    ],
    "strategic retain keys": [
        create(dep()),
        strategic({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}),
    ],
    "strategic retain keys bad": [
        create(dep()),
        strategic({"spec": {"strategy": {"$retainKeys": ["x"], "type": "Recreate"}}}),
    ],
    "strategic finalizers": [
        create(bare(finalizers=["example.com/a"])),
        strategic({"metadata": {"finalizers": ["example.com/b"]}}),
        strategic({"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.com/a"]}}),
        strategic({"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.com/b"]}}),
    ],
    "strategic without key": [
        create(dep()),
        strategic({"spec": {"template": {"spec": {"containers": [{"image": "q"}]}}}}),
    ],
    "strategic bad directive": [create(dep()), strategic({"spec": {"$patch": "foo"}})],
    "strategic map replace": [
        create(bare(labels={"a": "1", "b": "2"})),
        strategic({"metadata": {"labels": {"$patch": "replace", "c": "3"}}}),
    ],
    "strategic map delete": [
        create(bare(labels={"a": "1", "b": "2"})),
        strategic({"metadata": {"labels": {"$patch": "delete"}}}),
    ],
    "strategic null": [create(conf(a="1", b="2")), strategic({"data": {"a": None}})],
    "strategic env": [
        create(env({"name": "A", "value": "1"})),
        strategic(
            {
                "spec": {
                    "template": {
                        "spec": {
                            "containers": [
                                {"name": "app", "env": [{"name": "B", "value": "2"}, {"name": "A", "$patch": "delete"}]}
                            ]
                        }
                    }
                }
            }
        ),
    ],
    "strategic unknown field": [create(conf(a="1")), strategic({"foo": {"a": 1}})],
    "strategic not an object": [create(conf(a="1")), strategic([1])],
    "strategic wrong type": [create(dep()), strategic({"spec": {"replicas": "x"}})],
    "strategic volumes": [
        create(deployment(pod={"volumes": [{"name": "v", "emptyDir": {}}]})),
        strategic(
            {
                "spec": {
                    "template": {
                        "spec": {
                            "volumes": [{"$retainKeys": ["name", "configMap"], "name": "v", "configMap": {"name": "c"}}]
                        }
                    }
                }
            }
        ),
    ],
    "json add": [
        create(conf(a="1")),
        json_patch(
            {"op": "add", "path": "/data/b", "value": "2"},
            {"op": "test", "path": "/data/a", "value": "1"},
            {"op": "remove", "path": "/data/a"},
        ),
    ],
    "json list": [
        create(dep(container(args=["a", "b"]))),
        json_patch(
            {"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": "c"},
            {"op": "add", "path": "/spec/template/spec/containers/0/args/0", "value": "z"},
            {"op": "remove", "path": "/spec/template/spec/containers/0/args/1"},
        ),
    ],
    "json replace missing": [create(conf(a="1")), json_patch({"op": "replace", "path": "/data/x", "value": "2"})],
    "json remove missing": [create(conf(a="1")), json_patch({"op": "remove", "path": "/data/x"})],
    "json add without parent": [
        create(conf(a="1")),
        json_patch({"op": "add", "path": "/metadata/labels/x", "value": "2"}),
    ],
    "json test fails": [create(conf(a="1")), json_patch({"op": "test", "path": "/data/a", "value": "2"})],
    "json bad operation": [create(conf(a="1")), json_patch({"op": "foo", "path": "/data/a"})],
    "json bad index": [
        create(dep(container(args=["a"]))),
        json_patch({"op": "remove", "path": "/spec/template/spec/containers/0/args/5"}),
    ],
    "json move and copy": [
        create(conf(a="1")),
        json_patch(
            {"op": "copy", "from": "/data/a", "path": "/data/b"}, {"op": "move", "from": "/data/a", "path": "/data/c"}
        ),
    ],
    "json escaped": [
        create(bare(annotations={"a/b": "1"})),
        json_patch({"op": "replace", "path": "/metadata/annotations/a~1b", "value": "2"}),
    ],
    "json not a list": [create(conf(a="1")), ("json", {"a": 1}, {"fieldManager": "editor"})],
    "json wrong type": [create(dep()), json_patch({"op": "replace", "path": "/spec/replicas", "value": "x"})],
    "merge null": [create(conf(a="1", b="2")), merge({"data": {"a": None}})],
    "merge not an object": [create(conf(a="1")), merge([1])],  # type: ignore[arg-type]
    "merge list": [
        create(dep(container(), container(name="b"))),
        merge({"spec": {"template": {"spec": {"containers": [container(name="c")]}}}}),
    ],
    "custom": [apply(sample(str="a", list=["x"], struct={"a": "1"}, free={"x": {"y": 1}})), apply(sample(str="a"))],
    "custom conflict": [
        apply(sample(str="a")),
        merge({"spec": {"str": "b"}}),
        apply(sample(str="a")),
        force(sample(str="a")),
    ],
    "custom map list": [
        apply(sample(keyed=[{"k": "a", "v": 1}, {"k": "b"}])),
        apply(sample(keyed=[{"k": "c"}]), "two"),
        apply(sample(keyed=[{"k": "b"}])),
        apply(sample(), "two"),
    ],
    "custom map list default key": [
        apply(sample(keyed=[{"k": "a"}])),
        apply(sample(keyed=[{"k": "a", "p": "TCP"}, {"k": "a", "p": "UDP"}])),
    ],
    "custom map list duplicate": [apply(sample(keyed=[{"k": "a"}, {"k": "a"}]))],
    "custom set": [
        apply(sample(set=["a", "b"])),
        apply(sample(set=["c", "b"]), "two"),
        apply(sample(set=["a"])),
        apply(sample(), "two"),
    ],
    "custom set order": [apply(sample(set=["b", "a"])), apply(sample(set=["a", "b"]))],
    "custom set duplicate": [apply(sample(set=["a", "a"]))],
    "custom atomic": [
        apply(sample(atomic={"a": "1", "b": "2"})),
        apply(sample(atomic={"a": "1"}), "two"),
        apply(sample(atomic={"a": "1"})),
    ],
    "custom atomic list": [
        apply(sample(list=["a"])),
        apply(sample(list=["a", "b"]), "two"),
        force(sample(list=["a", "b"]), "two"),
    ],
    "custom free": [
        apply(sample(free={"a": {"b": 1, "c": [1, 2]}})),
        merge({"spec": {"free": {"a": {"b": 2}}}}),
        apply(sample(free={"a": {"b": 1, "c": [1, 2]}})),
        apply(sample()),
    ],
    "custom unknown field": [apply(sample(unknown=1))],
    "custom wrong type": [apply(sample(int="x"))],
    "custom wrong list": [apply(sample(list="x"))],
    "custom invalid": [apply(sample(enum="z"))],
    "custom status": [
        apply({**sample(str="a"), "status": {"phase": "X"}}),
        apply({**sample(), "status": {"phase": "Y"}}, "two", sub="status"),
        apply(sample(str="b")),
    ],
    "custom defaulted": [apply(sample(defaults={})), apply(sample(defaults={"a": "y"})), apply(sample())],
    "custom null": [apply(sample(str=None, nullable=None))],
    "custom created": [create(sample(str="a", keyed=[{"k": "a"}], set=["x"], free={"a": 1})), apply(sample(str="a"))],
    "custom int or string": [
        apply(sample(port=80)),
        apply(sample(port="http"), "two"),
        force(sample(port="http"), "two"),
    ],
    "custom maps": [apply(sample(maps={"x": {"a": 1}, "y": {"a": 2}})), apply(sample(maps={"x": {"a": 1}}))],
    "custom strategic": [create(sample(str="a")), strategic({"spec": {"str": "b"}})],
    "custom embedded": [
        apply(
            sample(
                embedded={
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "metadata": {"name": "x", "labels": {"a": "b"}},
                    "spec": {"x": [1]},
                }
            )
        ),
        apply(sample(embedded={"apiVersion": "v1", "kind": "Pod"})),
    ],
}
