"""Lists and watches: selectors, pages, resource versions, tables, events in order."""

from __future__ import annotations

from tests.localcluster.conformance.replay import Scenario, Step
from tests.localcluster.conformance.scenarios_objects import (
    DEPLOYMENTS,
    MAPS,
    config_map,
    delete,
    deployment,
    get,
    patch,
    post,
    put,
)

__all__ = ["SCENARIOS"]

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
MINE = "labelSelector=mine%3D1"

THREE = (
    post(MAPS, config_map("a", labels={"mine": "1", "app": "x", "tier": "web"})),
    post(MAPS, config_map("b", labels={"mine": "1", "app": "y"})),
    post(MAPS, config_map("c", labels={"mine": "1", "app": "z", "tier": "db", "n": "5"})),
)

_SELECTORS = {
    "equal": "app%3Dx",
    "double equal": "app%3D%3Dx",
    "not equal": "mine%3D1,app!%3Dx",
    "in": "app%20in%20(x,y)",
    "notin": "mine%3D1,app%20notin%20(x,y)",
    "exists": "tier",
    "does not exist": "mine,!tier",
    "greater": "n%3E3",
    "less": "n%3C3",
    "several": "app%20in%20(x,z),tier%3Ddb",
    "empty value": "app%3D",
    "two words": "a%20b",
    "bad key": "a%2Fb%2Fc%3Dd",
    "bad value": "app%3D-x-",
    "unclosed set": "app%20in%20(x",
    "no operator": "app%20x",
    "only a comma": ",",
    "ends with a comma": "app%3Dx,",
    "bang alone": "!",
    "in without a set": "app%20in",
}
_FIELDS = {
    "name": "metadata.name%3Da",
    "not name": "metadata.name!%3Da,metadata.name!%3Dkube-root-ca.crt",
    "namespace": "metadata.namespace%3D{ns},metadata.name%3Db",
    "unknown": "foo%3Dbar",
    "nonsense": "foo",
}

_LISTS = {
    **{f"label selector: {name}": [get(f"{MAPS}?labelSelector={text}")] for name, text in _SELECTORS.items()},
    **{f"field selector: {name}": [get(f"{MAPS}?fieldSelector={text}")] for name, text in _FIELDS.items()},
    "list with a bad limit": [get(f"{MAPS}?limit=abc")],
    "list with a negative limit": [get(f"{MAPS}?limit=-1&{MINE}")],
    "list in pages": [
        get(f"{MAPS}?limit=2"),
        get(f"{MAPS}?limit=2&continue={{continue}}"),
    ],
    "list in pages with a selector": [
        get(f"{MAPS}?limit=1&{MINE}"),
        get(f"{MAPS}?limit=1&{MINE}&continue={{continue}}"),
        get(f"{MAPS}?limit=1&{MINE}&continue={{continue}}"),
    ],
    "list pages show one state": [
        get(f"{MAPS}?limit=1&{MINE}"),
        delete(f"{MAPS}/c"),
        post(MAPS, config_map("aa", labels={"mine": "1"})),
        get(f"{MAPS}?limit=5&{MINE}&continue={{continue}}"),
    ],
    "list with a bad continue": [get(f"{MAPS}?continue=abc")],
    "list at a bad version": [get(f"{MAPS}?resourceVersion=abc")],
    "list at a future version": [get(f"{MAPS}?resourceVersion=99999999")],
    "list with a match but no version": [get(f"{MAPS}?resourceVersionMatch=Exact")],
    "list with an unknown match": [get(f"{MAPS}?resourceVersionMatch=Foo&resourceVersion=1")],
    "list exactly at zero": [get(f"{MAPS}?resourceVersionMatch=Exact&resourceVersion=0")],
    "list at any version": [get(f"{MAPS}?{MINE}&resourceVersion=0")],
    "list exactly in the past": [
        get(f"{MAPS}/a"),
        delete(f"{MAPS}/b"),
        get(f"{MAPS}?{MINE}&resourceVersionMatch=Exact&resourceVersion={{rv}}"),
    ],
    "list exactly before a change": [
        get(f"{MAPS}/c"),
        put(f"{MAPS}/a", config_map("a", data={"new": "1"}, labels={"mine": "1"})),
        get(f"{MAPS}?{MINE}&resourceVersionMatch=Exact&resourceVersion={{rv}}"),
    ],
    "list not older than": [
        get(f"{MAPS}/a"),
        get(f"{MAPS}?{MINE}&resourceVersionMatch=NotOlderThan&resourceVersion={{rv}}"),
    ],
    "list initial events": [get(f"{MAPS}?sendInitialEvents=true")],
    "list metadata": [get(f"{MAPS}?{MINE}", accept=METADATA_LIST)],
    "list a table": [get(f"{MAPS}?labelSelector=app%3Dx", accept=TABLE)],
    "list a table without objects": [get(f"{MAPS}?labelSelector=app%3Dx&includeObject=None", accept=TABLE)],
    "list a table with objects": [get(f"{MAPS}?labelSelector=app%3Dx&includeObject=Object", accept=TABLE)],
    "get a table": [get(f"{MAPS}/a", accept=TABLE)],
    "list in a missing namespace": [get("/api/v1/namespaces/missing-one/configmaps")],
    "get a list with watch": [get(f"{MAPS}/a?watch=1&timeoutSeconds=1")],
}


def watch(query: str, accept: str = "application/json", path: str = MAPS) -> Step:
    return get(f"{path}?watch=1&timeoutSeconds=1&{query}", accept=accept)


_WATCHES = {
    "watch from now on shows what is there": [watch(MINE)],
    "watch from zero": [watch(f"{MINE}&resourceVersion=0")],
    "watch from a version": [
        get(f"{MAPS}/c"),
        put(f"{MAPS}/a", config_map("a", data={"x": "1"}, labels={"mine": "1"})),
        delete(f"{MAPS}/b"),
        post(MAPS, config_map("d", labels={"mine": "1"})),
        watch(f"{MINE}&resourceVersion={{rv}}"),
    ],
    "watch objects that come into the selection and leave it": [
        get(f"{MAPS}/c"),
        Step("PATCH", f"{MAPS}/a", {"metadata": {"labels": {"mine": "2"}}}, media="application/merge-patch+json"),
        get(f"{MAPS}/c"),
        Step("PATCH", f"{MAPS}/a", {"metadata": {"labels": {"mine": "1"}}}, media="application/merge-patch+json"),
        Step("PATCH", f"{MAPS}/a", {"metadata": {"labels": {"mine": "3"}}}, media="application/merge-patch+json"),
        watch(f"{MINE}&resourceVersion={{rv}}"),
    ],
    "watch one object by name": [watch("fieldSelector=metadata.name%3Db")],
    "watch metadata": [watch(MINE, METADATA)],
    "watch a table": [watch("labelSelector=app%3Dx", TABLE)],
    "watch at a bad version": [watch("resourceVersion=abc")],
    "watch with a match": [watch("resourceVersionMatch=Exact&resourceVersion=1")],
    "watch initial events without a match": [watch("sendInitialEvents=true")],
    "watch initial events": [
        watch(f"{MINE}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true")
    ],
    "watch with a bad selector": [watch("labelSelector=a%20b")],
    "watch an unknown resource": [get("/api/v1/namespaces/{ns}/nopes?watch=1")],
}

_DEPLOYMENT_WATCH = Scenario(
    "watch a deployment through its changes",
    (
        get(f"{DEPLOYMENTS}/web"),
        patch(f"{DEPLOYMENTS}/web", {"spec": {"replicas": 0}}),
        patch(f"{DEPLOYMENTS}/web", {"metadata": {"finalizers": ["example.com/x"]}}),
        delete(f"{DEPLOYMENTS}/web"),
        patch(f"{DEPLOYMENTS}/web", {"metadata": {"finalizers": None}}),
        get(f"{DEPLOYMENTS}/web"),
    ),
    (post(DEPLOYMENTS, deployment(replicas=0, paused=True)),),
)

SCENARIOS = [
    *(Scenario(name, tuple(steps), THREE) for name, steps in {**_LISTS, **_WATCHES}.items()),
    _DEPLOYMENT_WATCH,
]
