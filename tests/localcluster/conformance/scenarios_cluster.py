"""Namespaces, owners, access rules, subresources, discovery: what the cluster does as a whole."""

from __future__ import annotations

from typing import Any

from tests.localcluster.conformance.replay import APPLY, Scenario, Step
from tests.localcluster.conformance.scenarios_lists import TABLE
from tests.localcluster.conformance.scenarios_objects import (
    APPS,
    CORE,
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

Manifest = dict[str, Any]
SPACES = "/api/v1/namespaces"
EXTRA = "{ns}-x"


def namespace(name: str = EXTRA, **more: Any) -> Manifest:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, **more}}


def owned(name: str, *, block: bool | None = None, controller: bool | None = None) -> Manifest:
    reference: Manifest = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": "{uid}"}
    if block is not None:
        reference["blockOwnerDeletion"] = block
    if controller is not None:
        reference["controller"] = controller
    return config_map(name, ownerReferences=[reference])


def gone(path: str) -> Step:
    return Step("GET", path, eventually='"code":404')


_NAMESPACES = {
    "namespace is created": [post(SPACES, namespace()), delete(f"{SPACES}/{EXTRA}")],
    "namespace with a bad name": [post(SPACES, namespace("A_B"))],
    "namespace update": [
        post(SPACES, namespace()),
        patch(f"{SPACES}/{EXTRA}", {"metadata": {"labels": {"a": "b"}}, "spec": {"finalizers": []}}),
        patch(f"{SPACES}/{EXTRA}", {"metadata": {"labels": {"kubernetes.io/metadata.name": "zzz"}}}),
        delete(f"{SPACES}/{EXTRA}"),
    ],
    "namespace gets its furniture": [
        Step("GET", f"{CORE}/serviceaccounts/default", eventually="creationTimestamp"),
        get(f"{CORE}/configmaps?fieldSelector=metadata.name%3Dkube-root-ca.crt", accept=TABLE),
    ],
    "namespace is deleted with its content": [
        post(SPACES, namespace()),
        post(f"{SPACES}/{EXTRA}/configmaps", config_map()),
        delete(f"{SPACES}/{EXTRA}"),
        gone(f"{SPACES}/{EXTRA}"),
        get(f"{SPACES}/{EXTRA}/configmaps/a"),
        delete(f"{SPACES}/{EXTRA}"),
    ],
    "namespace that waits for a finalizer": [
        post(SPACES, namespace()),
        post(f"{SPACES}/{EXTRA}/configmaps", config_map(finalizers=["example.com/x"])),
        delete(f"{SPACES}/{EXTRA}"),
        Step("GET", f"{SPACES}/{EXTRA}", eventually="NamespaceFinalizersRemaining"),
        post(f"{SPACES}/{EXTRA}/configmaps", config_map("b")),
        Step("PATCH", f"{SPACES}/{EXTRA}/configmaps/c?fieldManager=m", config_map("c"), media=APPLY),
        delete(f"{SPACES}/{EXTRA}"),
        patch(f"{SPACES}/{EXTRA}/configmaps/a", {"metadata": {"finalizers": None}}),
    ],
    "namespaces that may not be deleted": [
        delete(f"{SPACES}/default"),
        delete(f"{SPACES}/kube-system"),
        delete(f"{SPACES}/kube-public"),
    ],
    "namespace finalize": [
        post(SPACES, namespace()),
        put(f"{SPACES}/{EXTRA}/finalize", {**namespace(), "spec": {"finalizers": ["kubernetes", "example.com/y"]}}),
        put(f"{SPACES}/{EXTRA}/finalize", {**namespace(), "spec": {}}),
        delete(f"{SPACES}/{EXTRA}"),
    ],
}

_OWNER = post(MAPS, config_map("owner"))

_OWNERS = {
    "owner deleted in the background": [
        _OWNER,
        post(MAPS, owned("child")),
        delete(f"{MAPS}/owner", {"propagationPolicy": "Background"}),
        gone(f"{MAPS}/child"),
    ],
    "owner deleted by default": [_OWNER, post(MAPS, owned("child")), delete(f"{MAPS}/owner"), gone(f"{MAPS}/child")],
    "owner deleted in the foreground": [
        _OWNER,
        post(MAPS, owned("child", block=True)),
        delete(f"{MAPS}/owner", {"propagationPolicy": "Foreground"}),
        gone(f"{MAPS}/owner"),
        get(f"{MAPS}/child"),
    ],
    "owner waits for a blocking dependent": [
        _OWNER,
        post(
            MAPS,
            {
                **owned("child", block=True),
                "metadata": {**owned("child", block=True)["metadata"], "finalizers": ["example.com/x"]},
            },
        ),
        delete(f"{MAPS}/owner", {"propagationPolicy": "Foreground"}),
        Step("GET", f"{MAPS}/child", eventually="deletionTimestamp"),
        get(f"{MAPS}/owner"),
        patch(f"{MAPS}/child", {"metadata": {"finalizers": ["foregroundDeletion"]}}),
        patch(f"{MAPS}/child", {"metadata": {"finalizers": None}}),
        gone(f"{MAPS}/owner"),
    ],
    "owner that leaves orphans": [
        _OWNER,
        post(MAPS, owned("child")),
        delete(f"{MAPS}/owner", {"propagationPolicy": "Orphan"}),
        gone(f"{MAPS}/owner"),
        get(f"{MAPS}/child"),
    ],
    "dependent of nobody": [
        post(
            MAPS,
            config_map(
                "child",
                ownerReferences=[
                    {
                        "apiVersion": "v1",
                        "kind": "ConfigMap",
                        "name": "nobody",
                        "uid": "11111111-2222-3333-4444-555555555555",
                    }
                ],
            ),
        ),
        gone(f"{MAPS}/child"),
    ],
}


def account(name: str) -> tuple[tuple[str, str], ...]:
    return (("Impersonate-User", f"system:serviceaccount:{{ns}}:{name}"),)


RBAC = "/apis/rbac.authorization.k8s.io/v1"
_ROLE: Manifest = {
    "metadata": {"name": "reader"},
    "rules": [
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]},
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["one"], "verbs": ["get"]},
        {"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["*"]},
    ],
}
_BINDING: Manifest = {
    "metadata": {"name": "reader"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
    "subjects": [{"kind": "ServiceAccount", "name": "robot", "namespace": "{ns}"}],
}
_ROBOT = (("Impersonate-User", "system:serviceaccount:{ns}:robot"),)
_GRANTER: Manifest = {
    "metadata": {"name": "granter"},
    "rules": [
        {
            "apiGroups": ["rbac.authorization.k8s.io"],
            "resources": ["*"],
            "verbs": ["get", "list", "create", "update", "patch"],
        }
    ],
}
_GRANTER_REF = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "granter"}
_TOO_MUCH: Manifest = {
    "metadata": {"name": "more"},
    "rules": [
        {"apiGroups": [""], "resources": ["configmaps", "secrets"], "verbs": ["get", "delete"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": ["a"], "verbs": ["*"]},
    ],
}
_GRANTED = (
    post(f"{CORE}/serviceaccounts", {"metadata": {"name": "robot"}}),
    post(f"{RBAC}/namespaces/{{ns}}/roles", _ROLE),
    post(f"{RBAC}/namespaces/{{ns}}/rolebindings", _BINDING),
    Step("GET", MAPS, headers=(("Impersonate-User", "system:serviceaccount:{ns}:robot"),), eventually="ConfigMapList"),
)


def as_robot(step: Step) -> Step:
    return Step(
        step.method,
        step.path,
        step.body,
        media=step.media,
        accept=step.accept,
        headers=(*step.headers, ("Impersonate-User", "system:serviceaccount:{ns}:robot")),
        eventually=step.eventually,
    )


def review(**attributes: str) -> Manifest:
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }


REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

_ACCESS = {
    "robot may get": [as_robot(get(f"{MAPS}/nope"))],
    "robot may not create": [as_robot(post(MAPS, config_map()))],
    "robot may not update": [as_robot(put(f"{MAPS}/a", config_map()))],
    "robot may not patch": [as_robot(patch(f"{MAPS}/a", {}))],
    "robot may not delete": [as_robot(delete(f"{MAPS}/a"))],
    "robot may not watch": [as_robot(get(f"{MAPS}?watch=1&timeoutSeconds=1"))],
    "robot may not list all namespaces": [as_robot(get("/api/v1/configmaps"))],
    "robot may not read nodes": [as_robot(get("/api/v1/nodes"))],
    "robot may get one secret": [as_robot(get(f"{CORE}/secrets/one")), as_robot(get(f"{CORE}/secrets/two"))],
    "robot may get scales only": [
        as_robot(get(f"{DEPLOYMENTS}/web/scale")),
        as_robot(get(f"{DEPLOYMENTS}/web")),
        as_robot(get(f"{DEPLOYMENTS}/web/status")),
    ],
    "robot and unknown resources": [as_robot(get(f"{CORE}/nopes")), as_robot(get("/apis/nope.io/v1/things"))],
    "robot may read discovery": [as_robot(get("/version")), as_robot(get("/apis/coordination.k8s.io/v1"))],
    "robot may not read metrics": [as_robot(get("/metrics"))],
    "robot asks what it may": [
        as_robot(post(REVIEWS, review(verb="get", resource="configmaps", namespace="{ns}"))),
        as_robot(post(REVIEWS, review(verb="delete", resource="configmaps", namespace="{ns}"))),
        as_robot(post(REVIEWS, review(verb="get", resource="configmaps"))),
        as_robot(post(REVIEWS, review(verb="get", resource="secrets", name="one", namespace="{ns}"))),
        as_robot(
            post(
                REVIEWS,
                review(verb="patch", group="apps", resource="deployments", subresource="scale", namespace="{ns}"),
            )
        ),
    ],
    "somebody asks about the robot": [
        post(
            "/apis/authorization.k8s.io/v1/subjectaccessreviews",
            {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SubjectAccessReview",
                "spec": {
                    "user": "system:serviceaccount:{ns}:robot",
                    "resourceAttributes": {"verb": "get", "resource": "configmaps", "namespace": "{ns}"},
                },
            },
        ),
    ],
    "robot says who it is": [
        as_robot(
            post(
                "/apis/authentication.k8s.io/v1/selfsubjectreviews",
                {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"},
            )
        ),
    ],
    "robot may not impersonate": [
        Step(
            "GET",
            MAPS,
            headers=(
                ("Impersonate-User", "system:serviceaccount:{ns}:robot"),
                ("Impersonate-Group", "people"),
            ),
        ),
    ],
    "impersonation without a user": [Step("GET", MAPS, headers=(("Impersonate-Group", "people"),))],
    "robot may not grant what it has not": [
        as_robot(post(f"{RBAC}/namespaces/{{ns}}/roles", _ROLE)),
        post(f"{RBAC}/namespaces/{{ns}}/roles", _GRANTER),
        post(
            f"{RBAC}/namespaces/{{ns}}/rolebindings", {**_BINDING, "metadata": {"name": "g"}, "roleRef": _GRANTER_REF}
        ),
        Step("GET", f"{RBAC}/namespaces/{{ns}}/roles", headers=_ROBOT, eventually="RoleList"),
        as_robot(post(f"{RBAC}/namespaces/{{ns}}/roles", {**_ROLE, "metadata": {"name": "same"}})),
        as_robot(post(f"{RBAC}/namespaces/{{ns}}/roles", _TOO_MUCH)),
        as_robot(patch(f"{RBAC}/namespaces/{{ns}}/roles/same", {"rules": _TOO_MUCH["rules"]})),
        as_robot(patch(f"{RBAC}/namespaces/{{ns}}/roles/same", {"metadata": {"labels": {"a": "b"}}})),
        as_robot(
            post(
                f"{RBAC}/namespaces/{{ns}}/rolebindings",
                {
                    "metadata": {"name": "all"},
                    "roleRef": {
                        "apiGroup": "rbac.authorization.k8s.io",
                        "kind": "ClusterRole",
                        "name": "cluster-admin",
                    },
                },
            )
        ),
        as_robot(post(f"{RBAC}/namespaces/{{ns}}/rolebindings", {**_BINDING, "metadata": {"name": "again"}})),
    ],
}

_SUBRESOURCES = {
    "deployment scale": [
        get(f"{DEPLOYMENTS}/web/scale"),
        patch(f"{DEPLOYMENTS}/web/scale", {"spec": {"replicas": 5}}),
        patch(f"{DEPLOYMENTS}/web/scale", {"spec": {"replicas": -1}}),
        put(
            f"{DEPLOYMENTS}/web/scale",
            {
                "apiVersion": "autoscaling/v1",
                "kind": "Scale",
                "metadata": {"name": "web", "namespace": "{ns}"},
                "spec": {"replicas": 1},
            },
        ),
        get(f"{DEPLOYMENTS}/web"),
        get(f"{DEPLOYMENTS}/nope/scale"),
    ],
    "deployment status": [
        patch(f"{DEPLOYMENTS}/web/status", {"status": {"replicas": 5}, "spec": {"replicas": 9}}),
        patch(f"{DEPLOYMENTS}/web", {"status": {"replicas": 7}}),
        patch(f"{DEPLOYMENTS}/web/status", {"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}}),
    ],
    "deployment generation": [
        patch(f"{DEPLOYMENTS}/web", {"spec": {"replicas": 4}}),
        patch(f"{DEPLOYMENTS}/web", {"metadata": {"labels": {"x": "y"}}}),
        patch(f"{DEPLOYMENTS}/web", {"metadata": {"annotations": {"x": "y"}}}),
    ],
    "deployment with an immutable selector": [
        patch(f"{DEPLOYMENTS}/web", {"spec": {"selector": {"matchLabels": {"app": "other"}}}}),
    ],
    "service account token": [
        post(f"{CORE}/serviceaccounts", {"metadata": {"name": "t"}}),
        post(
            f"{CORE}/serviceaccounts/t/token",
            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 10}},
        ),
        post(
            f"{CORE}/serviceaccounts/nope/token",
            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}},
        ),
    ],
}

_LEASE: Manifest = {
    "metadata": {"name": "l"},
    "spec": {"holderIdentity": "me", "leaseDurationSeconds": 15, "renewTime": "2024-01-01T00:00:00.000000Z"},
}

_EVENT: Manifest = {
    "metadata": {"name": "e.1"},
    "involvedObject": {"kind": "ConfigMap", "namespace": "{ns}", "name": "a"},
    "reason": "Tested",
    "message": "it happened",
    "type": "Normal",
    "source": {"component": "tester"},
    "firstTimestamp": "2024-01-01T00:00:00Z",
    "lastTimestamp": "2024-01-01T00:00:00Z",
    "count": 1,
}
LEASES = "/apis/coordination.k8s.io/v1/namespaces/{ns}/leases"

_OTHERS = {
    "lease": [
        post(LEASES, _LEASE),
        get(f"{LEASES}/l"),
        put(f"{LEASES}/l", {**_LEASE, "spec": {**_LEASE["spec"], "holderIdentity": "you"}}),
    ],
    "event": [
        post(f"{CORE}/events", _EVENT),
        get(f"{CORE}/events?fieldSelector=involvedObject.name%3Da,reason%3DTested"),
        get(f"{CORE}/events?fieldSelector=type%3DWarning"),
        get("/apis/events.k8s.io/v1/namespaces/{ns}/events/e.1"),
        patch(f"{CORE}/events/e.1", {"count": 2}),
    ],
    "discovery of apps": [get("/apis/apps"), get("/apis/apps/v1", accept="application/json")],
    "discovery of unknown groups": [
        get("/apis/nope.io"),
        get("/apis/nope.io/v1"),
        get("/apis/apps/v9"),
        get("/api/v9"),
    ],
    "probes": [get("/healthz"), get("/livez"), get("/readyz")],
    "secret": [
        post(f"{CORE}/secrets", {"metadata": {"name": "s"}, "stringData": {"a": "b"}, "data": {"c": "ZA=="}}),
        patch(f"{CORE}/secrets/s", {"type": "other"}),
        post(f"{CORE}/secrets", {"metadata": {"name": "t"}, "data": {"c": "!!"}}),
    ],
    "service": [
        post(
            f"{CORE}/services", {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}], "selector": {"a": "b"}}}
        ),
        patch(f"{CORE}/services/s", {"spec": {"clusterIP": "10.0.0.99"}}),
        patch(f"{CORE}/services/s", {"spec": {"type": "ExternalName", "externalName": "x.example.com"}}),
        post(f"{CORE}/services", {"metadata": {"name": "h"}, "spec": {"clusterIP": "None", "selector": {"a": "b"}}}),
        post(f"{CORE}/services", {"metadata": {"name": "n"}, "spec": {}}),
    ],
    "pod": [
        post(f"{CORE}/pods", {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "x"}]}}),
        patch(f"{CORE}/pods/p", {"spec": {"containers": [{"name": "c", "image": "y"}]}}),
        patch(f"{CORE}/pods/p", {"spec": {"restartPolicy": "Never"}}),
    ],
    "replica set of a deployment is not made by the server": [get(f"{APPS}/controllerrevisions")],
}

SCENARIOS = [
    *(Scenario(name, tuple(steps)) for name, steps in {**_NAMESPACES, **_OWNERS, **_OTHERS}.items()),
    *(Scenario(name, tuple(steps), _GRANTED) for name, steps in _ACCESS.items()),
    *(
        Scenario(name, tuple(steps), (post(DEPLOYMENTS, deployment(replicas=2, paused=True)),))
        for name, steps in _SUBRESOURCES.items()
    ),
]
