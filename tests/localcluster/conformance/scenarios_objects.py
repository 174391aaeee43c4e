"""Create, read, update, patch and delete of single objects: codes, texts, metadata."""

from __future__ import annotations

from typing import Any

from tests.localcluster.conformance.replay import APPLY, JSON, MERGE, STRATEGIC, Scenario, Step

__all__ = ["SCENARIOS", "config_map", "deployment"]

CORE = "/api/v1/namespaces/{ns}"
MAPS = f"{CORE}/configmaps"
APPS = "/apis/apps/v1/namespaces/{ns}"
DEPLOYMENTS = f"{APPS}/deployments"

Manifest = dict[str, Any]


def config_map(name: str = "a", data: Manifest | None = None, **metadata: Any) -> Manifest:
    data = {"a": "b"} if data is None else data
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}, "data": data}


def deployment(name: str = "web", image: str = "nginx:1", replicas: int | None = 2, **spec: Any) -> Manifest:
    body: Manifest = {
        "selector": {"matchLabels": {"app": name}},
        "template": {
            "metadata": {"labels": {"app": name}},
            "spec": {"containers": [{"name": "main", "image": image}]},
        },
        **spec,
    }
    if replicas is not None:
        body["replicas"] = replicas
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": body}


def post(path: str, body: Any, query: str = "", **options: Any) -> Step:
    return Step("POST", path + query, body, **options)


def get(path: str, **options: Any) -> Step:
    return Step("GET", path, **options)


def put(path: str, body: Any, **options: Any) -> Step:
    return Step("PUT", path, body, **options)


def patch(path: str, body: Any, media: str = MERGE, **options: Any) -> Step:
    return Step("PATCH", path, body, media=media, **options)


def apply(path: str, body: Any, manager: str = "m", query: str = "", **options: Any) -> Step:
    return Step("PATCH", f"{path}?fieldManager={manager}{query}", body, media=APPLY, **options)


def delete(path: str, body: Any = None, **options: Any) -> Step:
    return Step("DELETE", path, body, **options)


LIVE = (post(MAPS, config_map()),)

_CREATE = {
    "create": [post(MAPS, config_map()), get(f"{MAPS}/a")],
    "create twice": [post(MAPS, config_map()), post(MAPS, config_map())],
    "create with a bad name": [post(MAPS, config_map("A_1"))],
    "create without a name": [post(MAPS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}})],
    "create with a generated name": [post(MAPS, config_map("", generateName="gen-"))],
    "create another kind": [post(MAPS, {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}})],
    "create in another version": [post(MAPS, {**config_map(), "apiVersion": "v2"})],
    "create without kind": [post(MAPS, {"metadata": {"name": "x"}})],
    "create from broken JSON": [post(MAPS, b"{")],
    "create from a list": [post(MAPS, b"[]")],
    "create in the wrong namespace": [post(MAPS, config_map(namespace="other"))],
    "create in a missing namespace": [post("/api/v1/namespaces/missing-one/configmaps", config_map())],
    "create with a resource version": [post(MAPS, config_map(resourceVersion="3"))],
    "create with system metadata": [
        post(
            MAPS,
            config_map(uid="x", creationTimestamp="2020-01-01T00:00:00Z", generation=7, selfLink="/x"),
        )
    ],
    "create with an unknown field, strict": [post(MAPS, {**config_map(), "bogus": 1}, "?fieldValidation=Strict")],
    "create with an unknown field, warn": [post(MAPS, {**config_map(), "bogus": 1, "foo": {"x": 1}})],
    "create with an unknown field, ignore": [post(MAPS, {**config_map(), "bogus": 1}, "?fieldValidation=Ignore")],
    "create with a bad validation mode": [post(MAPS, config_map(), "?fieldValidation=Bad")],
    "create with a bad dry run": [post(MAPS, config_map(), "?dryRun=Bad")],
    "create as a dry run": [post(MAPS, config_map(), "?dryRun=All"), get(f"{MAPS}/a")],
    "create with a wrong type": [post(MAPS, config_map(data={"a": 1}))],
    "create with null fields": [post(MAPS, config_map(data={"a": "b"}, labels=None, annotations={"x": "y"}))],
    "create with bad labels": [post(MAPS, config_map(labels={"a b": "c"}))],
    "create with a bad label value": [post(MAPS, config_map(labels={"a": "c d"}))],
    "create with a bad annotation": [post(MAPS, config_map(annotations={"a b": "c d"}))],
    "create with bad data keys": [post(MAPS, config_map(data={"a/b": "c"}))],
    "create with a bad finalizer": [post(MAPS, config_map(finalizers=["nope"]))],
    "create with a bad owner": [
        post(MAPS, config_map(ownerReferences=[{"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": ""}]))
    ],
    "create with two controllers": [
        post(
            MAPS,
            config_map(
                ownerReferences=[
                    {"apiVersion": "v1", "kind": "Pod", "name": name, "uid": name, "controller": True}
                    for name in ("x", "y")
                ]
            ),
        )
    ],
    "create without naming the namespace": [post("/api/v1/configmaps", config_map(namespace="{ns}"))],
    "create as text": [post(MAPS, b"x", media="text/plain")],
    "create from YAML": [
        post(MAPS, b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: y}\ndata: {a: b}\n", media="application/yaml")
    ],
    "create with a long field manager": [post(MAPS, config_map(), "?fieldManager=" + "x" * 129)],
    "create with a field manager": [post(MAPS, config_map(), "?fieldManager=somebody")],
}

_READ = {
    "get a missing object": [get(f"{MAPS}/nope")],
    "get with metadata only": [get(f"{MAPS}/a", accept="application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1")],
    "get as YAML is acceptable": [get(f"{MAPS}/a", accept="application/yaml,application/json")],
    "get as XML": [get(f"{MAPS}/a", accept="application/xml")],
    "get at a future version": [get(f"{MAPS}/a?resourceVersion=99999999")],
    "get an unknown resource": [get(f"{CORE}/nopes"), get(f"{CORE}/nopes/a")],
    "get an unknown group": [get("/apis/nope.example.com/v1/namespaces/{ns}/things")],
    "get an unknown path": [get("/nope")],
    "get an unknown subresource": [get(f"{MAPS}/a/nope"), get(f"{MAPS}/a/status")],
    "methods that collections do not have": [put(MAPS, config_map()), patch(MAPS, {}), delete("/api/v1/namespaces")],
    "methods that objects do not have": [post(f"{MAPS}/a", config_map())],
}

_UPDATE = {
    "update": [put(f"{MAPS}/a", config_map(data={"a": "c"})), get(f"{MAPS}/a")],
    "update without a change": [put(f"{MAPS}/a", config_map()), get(f"{MAPS}/a")],
    "update with another name": [put(f"{MAPS}/a", config_map("b"))],
    "update without a name": [put(f"{MAPS}/a", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}})],
    "update a missing object": [put(f"{MAPS}/nope", config_map("nope"))],
    "update at a stale version": [put(f"{MAPS}/a", config_map(resourceVersion="1"))],
    "update at the right version": [
        get(f"{MAPS}/a"),
        put(f"{MAPS}/a", config_map(data={"a": "z"}, resourceVersion="{rv}")),
    ],
    "update with another uid": [put(f"{MAPS}/a", config_map(uid="abc"))],
    "update in another namespace": [put(f"{MAPS}/a", config_map(namespace="zz"))],
    "update by another manager": [put(f"{MAPS}/a?fieldManager=other", config_map(data={"a": "c", "d": "e"}))],
    "update that forgets the owners": [put(f"{MAPS}/a", config_map(data={"a": "c"}, managedFields=[{}]))],
    "update as a dry run": [put(f"{MAPS}/a?dryRun=All", config_map(data={"a": "c"})), get(f"{MAPS}/a")],
    "update of an immutable map": [
        put(f"{MAPS}/a", {**config_map(), "immutable": True}),
        put(f"{MAPS}/a", {**config_map(data={"a": "c"}), "immutable": True}),
        put(f"{MAPS}/a", {**config_map(), "immutable": False}),
    ],
}

_PATCH = {
    "patch without a known type": [patch(f"{MAPS}/a", {"data": {"a": "c"}}, "application/json")],
    "merge patch": [patch(f"{MAPS}/a", {"data": {"a": "c", "x": "y"}}), patch(f"{MAPS}/a", {"data": {"x": None}})],
    "merge patch without a change": [patch(f"{MAPS}/a", {"data": {"a": "b"}})],
    "merge patch of a missing object": [patch(f"{MAPS}/nope", {"data": {}})],
    "merge patch at a stale version": [patch(f"{MAPS}/a", {"metadata": {"resourceVersion": "2"}})],
    "merge patch of the name": [patch(f"{MAPS}/a", {"metadata": {"name": "zz"}})],
    "merge patch of the uid": [patch(f"{MAPS}/a", {"metadata": {"uid": "zz"}})],
    "merge patch that is broken": [patch(f"{MAPS}/a", b"{")],
    "merge patch that is a list": [patch(f"{MAPS}/a", b"[]")],
    "merge patch with an unknown field, strict": [patch(f"{MAPS}/a?fieldValidation=Strict", {"bogus": 1})],
    "merge patch with an unknown field": [patch(f"{MAPS}/a", {"bogus": 1})],
    "merge patch with force": [patch(f"{MAPS}/a?force=true", {"data": {}})],
    "merge patch to a wrong type": [patch(f"{MAPS}/a", {"data": {"a": 1}})],
    "merge patch as a dry run": [patch(f"{MAPS}/a?dryRun=All", {"data": {"a": "c"}}), get(f"{MAPS}/a")],
    "JSON patch": [patch(f"{MAPS}/a", [{"op": "replace", "path": "/data/a", "value": "c"}], JSON)],
    "JSON patch with a failed test": [patch(f"{MAPS}/a", [{"op": "test", "path": "/data/a", "value": "q"}], JSON)],
    "JSON patch of a missing field": [patch(f"{MAPS}/a", [{"op": "remove", "path": "/data/zzz"}], JSON)],
    "JSON patch that is an object": [patch(f"{MAPS}/a", {"op": "remove"}, JSON)],
    "JSON patch with an unknown operation": [patch(f"{MAPS}/a", [{"op": "frob", "path": "/data"}], JSON)],
    "strategic patch": [patch(f"{MAPS}/a", {"data": {"a": "c"}, "metadata": {"labels": {"x": "y"}}}, STRATEGIC)],
    "strategic patch of finalizers": [
        patch(f"{MAPS}/a", {"metadata": {"finalizers": ["example.com/x"]}}, STRATEGIC),
        patch(f"{MAPS}/a", {"metadata": {"finalizers": ["example.com/y"]}}, STRATEGIC),
        patch(f"{MAPS}/a", {"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.com/x"]}}, STRATEGIC),
        patch(f"{MAPS}/a", {"metadata": {"finalizers": None}}),
    ],
}

_DELETE = {
    "delete": [delete(f"{MAPS}/a"), get(f"{MAPS}/a")],
    "delete a missing object": [delete(f"{MAPS}/nope")],
    "delete with another uid": [delete(f"{MAPS}/a", {"preconditions": {"uid": "abc"}})],
    "delete with another version": [delete(f"{MAPS}/a", {"preconditions": {"resourceVersion": "1"}})],
    "delete with the right version": [
        get(f"{MAPS}/a"),
        delete(f"{MAPS}/a", {"preconditions": {"resourceVersion": "{rv}", "uid": "{uid}"}}),
    ],
    "delete as a dry run": [delete(f"{MAPS}/a?dryRun=All"), get(f"{MAPS}/a")],
    "delete with a bad policy": [delete(f"{MAPS}/a?propagationPolicy=Bad")],
    "delete with two policies": [delete(f"{MAPS}/a", {"propagationPolicy": "Orphan", "orphanDependents": True})],
    "delete with a finalizer": [
        patch(f"{MAPS}/a", {"metadata": {"finalizers": ["example.com/x"]}}),
        delete(f"{MAPS}/a"),
        delete(f"{MAPS}/a"),
        get(f"{MAPS}/a"),
        patch(f"{MAPS}/a", {"data": {"a": "changed"}}),
        patch(f"{MAPS}/a", {"metadata": {"finalizers": ["example.com/x", "example.com/y"]}}),
        patch(f"{MAPS}/a", {"metadata": {"finalizers": None}}),
        get(f"{MAPS}/a"),
    ],
    "delete in the background": [delete(f"{MAPS}/a", {"propagationPolicy": "Background"}), get(f"{MAPS}/a")],
    "delete a collection": [
        post(MAPS, config_map("b", labels={"x": "y"})),
        delete(f"{MAPS}?labelSelector=x%3Dy"),
        get(f"{MAPS}/b"),
        get(f"{MAPS}/a"),
    ],
    "delete kinds that answer with the object": [
        post(f"{CORE}/serviceaccounts", {"metadata": {"name": "sa"}}),
        delete(f"{CORE}/serviceaccounts/sa"),
        post(f"{CORE}/secrets", {"metadata": {"name": "s"}}),
        delete(f"{CORE}/secrets/s"),
        post(DEPLOYMENTS, deployment()),
        delete(f"{DEPLOYMENTS}/web"),
        post(f"{CORE}/resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "5"}}}),
        delete(f"{CORE}/resourcequotas/q"),
        post(
            f"{CORE}/limitranges",
            {"metadata": {"name": "q"}, "spec": {"limits": [{"type": "Pod", "max": {"cpu": "2"}}]}},
        ),
        delete(f"{CORE}/limitranges/q"),
        post(f"{CORE}/services", {"metadata": {"name": "q"}, "spec": {"ports": [{"port": 80}]}}),
        delete(f"{CORE}/services/q"),
    ],
}

_APPLY = {
    "apply creates": [apply(f"{MAPS}/a", config_map()), get(f"{MAPS}/a")],
    "apply twice": [apply(f"{MAPS}/a", config_map()), apply(f"{MAPS}/a", config_map())],
    "apply without a manager": [patch(f"{MAPS}/a", config_map(), APPLY)],
    "apply a conflict": [
        apply(f"{MAPS}/a", config_map(), "x"),
        apply(f"{MAPS}/a", config_map(data={"a": "z"}), "y"),
        apply(f"{MAPS}/a", config_map(data={"a": "z"}), "y", "&force=true"),
        apply(f"{MAPS}/a", config_map(data={"a": "z"}), "x"),
    ],
    "apply several conflicts": [
        apply(f"{MAPS}/a", config_map(data={"a": "1", "b": "2"}, labels={"l": "1"}), "x"),
        apply(f"{MAPS}/a", config_map(data={"b": "3"}), "z", "&force=true"),
        apply(f"{MAPS}/a", config_map(data={"a": "9", "b": "9"}, labels={"l": "9"}), "y"),
    ],
    "apply takes fields away": [
        apply(f"{MAPS}/a", config_map(data={"a": "1", "b": "2"}, labels={"l": "1"})),
        apply(f"{MAPS}/a", config_map(data={"a": "1"})),
        apply(f"{MAPS}/a", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}),
    ],
    "apply shares fields": [
        apply(f"{MAPS}/a", config_map(), "x"),
        apply(f"{MAPS}/a", config_map(), "y"),
        apply(f"{MAPS}/a", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}, "x"),
    ],
    "apply over another manager's update": [
        post(MAPS, config_map(), "?fieldManager=creator"),
        apply(f"{MAPS}/a", config_map(data={"a": "z"}), "x"),
        apply(f"{MAPS}/a", config_map(data={"a": "b", "n": "1"}), "x"),
    ],
    "apply with owners in it": [apply(f"{MAPS}/a", config_map(managedFields=[{"manager": "x"}]))],
    "apply with another name": [apply(f"{MAPS}/a", config_map("other"))],
    "apply with another kind": [apply(f"{MAPS}/a", {**config_map(), "kind": "Secret"})],
    "apply without a kind": [apply(f"{MAPS}/a", {"metadata": {"name": "a"}})],
    "apply at a stale version": [
        apply(f"{MAPS}/a", config_map()),
        apply(f"{MAPS}/a", config_map(resourceVersion="1")),
    ],
    "apply creates at a version": [apply(f"{MAPS}/a", config_map(resourceVersion="1"))],
    "apply an unknown field": [apply(f"{MAPS}/a", {**config_map(), "bogus": 1})],
    "apply a wrong type": [apply(f"{MAPS}/a", config_map(data={"a": 1}))],
    "apply broken YAML": [apply(f"{MAPS}/a", b"a: [")],
    "apply YAML": [apply(f"{MAPS}/a", b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  x: 'y'\n")],
    "apply as a dry run": [apply(f"{MAPS}/a", config_map(), query="&dryRun=All"), get(f"{MAPS}/a")],
    "apply in a missing namespace": [apply("/api/v1/namespaces/missing-one/configmaps/a", config_map())],
    "apply an invalid object": [apply(f"{MAPS}/a", config_map(data={"a/b": "c"}))],
    "apply with a uid": [apply(f"{MAPS}/a", config_map()), apply(f"{MAPS}/a", config_map(uid="abc"))],
}


def _scenarios(group: dict[str, list[Step]], *, live: bool) -> list[Scenario]:
    return [Scenario(name, tuple(steps), LIVE if live else ()) for name, steps in group.items()]


SCENARIOS = [
    *_scenarios(_CREATE, live=False),
    *_scenarios(_READ, live=True),
    *_scenarios(_UPDATE, live=True),
    *_scenarios(_PATCH, live=True),
    *_scenarios(_DELETE, live=True),
    *_scenarios(_APPLY, live=False),
]
