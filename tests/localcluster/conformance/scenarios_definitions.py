"""Custom resources: definitions, their schemas, defaults, pruning, columns and subresources."""

from __future__ import annotations

from typing import Any

from tests.localcluster.conformance.replay import JSON, STRATEGIC, Scenario, Step
from tests.localcluster.conformance.scenarios_lists import METADATA_LIST, TABLE
from tests.localcluster.conformance.scenarios_objects import apply, delete, get, patch, post, put

__all__ = ["SCENARIOS"]

Manifest = dict[str, Any]

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
GROUP = "{ns}.example.com"
NAME = f"widgets.{GROUP}"
WIDGETS = f"/apis/{GROUP}/v1/namespaces/{{ns}}/widgets"

SPEC_SCHEMA: Manifest = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "minimum": 1, "maximum": 10},
        "color": {"type": "string", "default": "red", "enum": ["red", "green"]},
        "name": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5, "minLength": 2},
        "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set", "maxItems": 3},
        "ports": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["port"],
            "items": {
                "type": "object",
                "required": ["port"],
                "properties": {
                    "port": {"type": "integer"},
                    "protocol": {"type": "string", "default": "TCP"},
                    "note": {"type": "string"},
                },
            },
        },
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "maybe": {"type": "string", "nullable": True},
        "either": {"x-kubernetes-int-or-string": True},
        "flag": {"type": "boolean"},
        "ratio": {"type": "number"},
        "nested": {
            "type": "object",
            "properties": {"deep": {"type": "object", "properties": {"x": {"type": "integer", "default": 7}}}},
        },
    },
}


def version(name: str = "v1", **more: Any) -> Manifest:
    return {
        "name": name,
        "served": True,
        "storage": name == "v1",
        "schema": {
            "openAPIV3Schema": {
                "type": "object",
                "properties": {
                    "spec": SPEC_SCHEMA,
                    "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                },
            }
        },
        "subresources": {"status": {}},
        **more,
    }


def definition(*versions: Manifest, **spec: Any) -> Manifest:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": NAME},
        "spec": {
            "group": GROUP,
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "shortNames": ["wg"]},
            "scope": "Namespaced",
            "versions": list(versions) or [version()],
            **spec,
        },
    }


def widget(name: str = "w", **spec: Any) -> Manifest:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Widget",
        "metadata": {"name": name},
        "spec": {"size": 3, **spec},
    }


ESTABLISHED = Step("GET", f"{CRDS}/{NAME}", eventually='"type":"Established","status":"True"')
SERVED = Step("GET", WIDGETS, eventually="WidgetList")
GONE = delete(f"{CRDS}/{NAME}")
DEFINED = (post(CRDS, definition()), ESTABLISHED, SERVED)

_BAD: dict[str, Manifest | None] = {
    "below the minimum": {"size": 0},
    "above the maximum": {"size": 11},
    "missing required": None,
    "wrong type": {"size": "big"},
    "fraction for an integer": {"size": 1.5},
    "not in the enum": {"color": "blue"},
    "too long": {"name": "abcdefgh"},
    "too short": {"name": "a"},
    "wrong pattern": {"name": "A1"},
    "set with twins": {"tags": ["a", "a"]},
    "too many items": {"tags": ["a", "b", "c", "d"]},
    "map list with twins": {"ports": [{"port": 1}, {"port": 1}]},
    "item without its key": {"ports": [{"note": "x"}]},
    "null where it may not be": {"flag": None, "name": None},
    "map of wrong values": {"labels": {"a": 1}},
    "string for an object": {"nested": "x"},
    "object for a string": {"name": {}},
    "list for an object": {"nested": []},
    "bool for int or string": {"either": True},
    "several at once": {"color": "blue", "ports": [{"port": 1, "note": 7}]},
}


def bad(change: Manifest | None) -> Manifest:
    if change is None:
        return {**widget(), "spec": {}}
    return widget(**change)


_DEFINITIONS = {
    "definition is established": [post(CRDS, definition()), ESTABLISHED, GONE],
    "definition with another name": [post(CRDS, {**definition(), "metadata": {"name": "x.example.com"}})],
    "definition without storage": [post(CRDS, definition({**version(), "storage": False}))],
    "definition with two storages": [post(CRDS, definition(version(), {**version("v2"), "storage": True}))],
    "definition without schema": [post(CRDS, definition({"name": "v1", "served": True, "storage": True}))],
    "definition with an unstructured schema": [
        post(CRDS, definition(version(schema={"openAPIV3Schema": {"properties": {"spec": {}}}})))
    ],
    "definition without versions": [post(CRDS, definition(versions=[]))],
    "definition with a bad scope": [post(CRDS, definition(scope="Galaxy"))],
    "definition of a protected group": [
        post(
            CRDS,
            {
                **definition(group="foo.k8s.io"),
                "metadata": {"name": "widgets.foo.k8s.io"},
            },
        )
    ],
    "definition twice": [*DEFINED, post(CRDS, definition()), GONE],
    "definition is deleted with its objects": [
        *DEFINED,
        post(WIDGETS, widget()),
        GONE,
        Step("GET", f"{CRDS}/{NAME}", eventually="NotFound"),
        Step("GET", f"{WIDGETS}/w", eventually="404"),
    ],
    "definition with two versions": [
        post(CRDS, definition(version(), version("v2"))),
        ESTABLISHED,
        SERVED,
        post(WIDGETS, widget()),
        Step("GET", f"/apis/{GROUP}/v2/namespaces/{{ns}}/widgets/w", eventually="Widget"),
        get(f"/apis/{GROUP}"),
        get(f"/apis/{GROUP}/v2"),
        GONE,
    ],
    "definition gains a version": [
        *DEFINED,
        patch(f"{CRDS}/{NAME}", {"spec": {"versions": [version(), version("v2")]}}),
        Step("GET", f"/apis/{GROUP}/v2", eventually="APIResourceList"),
        GONE,
    ],
    "definition with conflicting names": [
        *DEFINED,
        post(
            CRDS,
            {
                **definition(names={"plural": "gadgets", "singular": "gadget", "kind": "Widget", "shortNames": ["wg"]}),
                "metadata": {"name": f"gadgets.{GROUP}"},
            },
        ),
        Step("GET", f"{CRDS}/gadgets.{GROUP}", eventually='"type":"Established","status":"False"'),
        delete(f"{CRDS}/gadgets.{GROUP}"),
        GONE,
    ],
}

_OBJECTS = {
    "custom resource": [post(WIDGETS, widget()), get(f"{WIDGETS}/w"), get(WIDGETS)],
    "custom resource with defaults below": [post(WIDGETS, widget(ports=[{"port": 1}], nested={"deep": {}}))],
    "custom resource with unknown fields": [
        post(WIDGETS, widget(bogus=1, ports=[{"port": 1, "nope": 2}], free={"any": {"thing": 1}}))
    ],
    "custom resource with unknown fields, strict": [
        post(WIDGETS, widget(bogus=1, ports=[{"port": 1, "nope": 2}]), "?fieldValidation=Strict")
    ],
    "custom resource with nulls": [post(WIDGETS, widget(maybe=None, color=None, free={"x": None}))],
    "custom resource with a status": [post(WIDGETS, {**widget(), "status": {"ready": True}})],
    "custom resource with a bad name": [post(WIDGETS, widget("A_B"))],
    "custom resource of another kind": [post(WIDGETS, {**widget(), "kind": "Gadget"})],
    "custom resource without a version": [post(WIDGETS, {"metadata": {"name": "w"}, "spec": {"size": 1}})],
    "custom resource update": [
        post(WIDGETS, widget()),
        put(f"{WIDGETS}/w", widget(size=4)),
        get(f"{WIDGETS}/w"),
        put(f"{WIDGETS}/w", {**widget(size=5), "metadata": {"name": "w", "resourceVersion": "{rv}"}}),
        patch(f"{WIDGETS}/w", {"metadata": {"labels": {"a": "b"}}}),
    ],
    "custom resource patches": [
        post(WIDGETS, widget()),
        patch(f"{WIDGETS}/w", {"spec": {"size": 5}}),
        patch(f"{WIDGETS}/w", [{"op": "replace", "path": "/spec/size", "value": 6}], JSON),
        patch(f"{WIDGETS}/w", {"spec": {"size": 7}}, STRATEGIC),
        patch(f"{WIDGETS}/w", {"spec": {"size": 99}}),
        patch(f"{WIDGETS}/w", {"spec": {"bogus": 1}}),
    ],
    "custom resource status": [
        post(WIDGETS, widget()),
        patch(f"{WIDGETS}/w/status", {"status": {"ready": True}, "spec": {"size": 9}}),
        get(f"{WIDGETS}/w/status"),
        patch(f"{WIDGETS}/w", {"status": {"ready": False}}),
        put(
            f"{WIDGETS}/w/status",
            {
                **widget(size=8),
                "metadata": {"name": "w", "labels": {"no": "no"}, "resourceVersion": "{rv}"},
                "status": {"put": 1},
            },
        ),
        apply(f"{WIDGETS}/w/status", {**widget(size=8), "status": {"applied": 1}}, "s"),
    ],
    "custom resource apply": [
        apply(f"{WIDGETS}/w", widget(ports=[{"port": 1, "note": "a"}], tags=["a"], labels={"x": "y"}), "one"),
        apply(f"{WIDGETS}/w", widget(ports=[{"port": 2}], tags=["b"], labels={"z": "z"}), "two"),
        apply(f"{WIDGETS}/w", widget(ports=[{"port": 1, "note": "b"}]), "two"),
        apply(f"{WIDGETS}/w", widget(), "one"),
        apply(f"{WIDGETS}/w", widget(bogus=1), "one"),
        apply(f"{WIDGETS}/w", widget(size=88), "one"),
        apply(f"{WIDGETS}/w", widget(size="x"), "one"),
    ],
    "custom resource apply with unknown fields, strict": [
        apply(f"{WIDGETS}/w", widget(bogus=1), "one", "&fieldValidation=Strict"),
    ],
    "custom resource metadata list": [post(WIDGETS, widget()), get(WIDGETS, accept=METADATA_LIST)],
    "custom resource table": [post(WIDGETS, widget()), get(f"{WIDGETS}?includeObject=None", accept=TABLE)],
    "custom resource watch": [
        post(WIDGETS, widget()),
        patch(f"{WIDGETS}/w", {"spec": {"size": 5}}),
        get(f"{WIDGETS}?watch=1&timeoutSeconds=1&resourceVersion=0"),
    ],
    "custom resource delete": [post(WIDGETS, widget()), delete(f"{WIDGETS}/w"), delete(f"{WIDGETS}/w")],
    "custom resource in a missing namespace": [post(f"/apis/{GROUP}/v1/namespaces/missing-one/widgets", widget())],
    "custom resource discovery": [get(f"/apis/{GROUP}"), get(f"/apis/{GROUP}/v1")],
    **{f"custom resource rejected: {name}": [post(WIDGETS, bad(change))] for name, change in _BAD.items()},
}

_COLUMNS = definition(
    version(
        additionalPrinterColumns=[
            {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
            {"name": "Color", "type": "string", "jsonPath": ".spec.color", "description": "its color"},
            {"name": "Ports", "type": "string", "jsonPath": ".spec.ports[*].port", "priority": 1},
            {"name": "Flag", "type": "boolean", "jsonPath": ".spec.flag"},
            {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
        ],
        subresources={
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.size",
                "statusReplicasPath": ".status.size",
                "labelSelectorPath": ".status.selector",
            },
        },
        selectableFields=[{"jsonPath": ".spec.color"}],
    )
)
_WITH_COLUMNS = (post(CRDS, _COLUMNS), ESTABLISHED, SERVED)

_SPECIAL = {
    "custom resource columns": [
        post(WIDGETS, widget(ports=[{"port": 1}, {"port": 2}], flag=True)),
        patch(f"{WIDGETS}/w/status", {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}),
        get(f"{WIDGETS}?includeObject=None", accept=TABLE),
        GONE,
    ],
    "custom resource scale": [
        post(WIDGETS, widget()),
        get(f"{WIDGETS}/w/scale"),
        patch(f"{WIDGETS}/w/scale", {"spec": {"replicas": 6}}),
        patch(f"{WIDGETS}/w/scale", {"spec": {"replicas": 60}}),
        get(f"{WIDGETS}/w"),
        get(f"/apis/{GROUP}/v1"),
        GONE,
    ],
    "custom resource selectable fields": [
        post(WIDGETS, widget()),
        post(WIDGETS, widget("g", color="green")),
        get(f"{WIDGETS}?fieldSelector=spec.color%3Dgreen"),
        get(f"{WIDGETS}?fieldSelector=spec.size%3D3"),
        GONE,
    ],
}

SCENARIOS = [
    *(Scenario(name, tuple(steps)) for name, steps in _DEFINITIONS.items()),
    *(Scenario(name, (*steps, GONE), DEFINED) for name, steps in _OBJECTS.items()),
    *(Scenario(name, tuple(steps), _WITH_COLUMNS) for name, steps in _SPECIAL.items()),
]
