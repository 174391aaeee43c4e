"""What the server serves, told to clients: the classic lists and the aggregated form."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from fairlead.localcluster.server.registry import Registry, Resource, Subresource

__all__ = ["Discovery"]

Manifest = dict[str, Any]

_GROUP_ORDER = (
    "apiregistration.k8s.io",
    "apps",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
    "discovery.k8s.io",
    "resource.k8s.io",
    "flowcontrol.apiserver.k8s.io",
)
"""The real server's order: it decides which group a short name means."""


class Discovery:
    """Answers from the registry; the aggregated documents are made once per revision of it."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._cached: dict[tuple[int, str, str], tuple[bytes, str]] = {}

    def groups(self) -> dict[str, dict[str, list[Resource]]]:
        """Group → version → resources, in the order of preference."""
        groups: dict[str, dict[str, list[Resource]]] = {name: {} for name in _GROUP_ORDER}
        for resource in self._registry.all():
            groups.setdefault(resource.group, {}).setdefault(resource.version, []).append(resource)
        return {
            name: dict(sorted(versions.items(), key=lambda item: version_priority(item[0]), reverse=True))
            for name, versions in groups.items()
            if versions
        }

    def api_versions(self, address: str) -> Manifest:
        return {
            "kind": "APIVersions",
            "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
        }

    def group_list(self) -> Manifest:
        groups = [_group(name, versions) for name, versions in self.groups().items() if name]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}

    def group(self, name: str) -> Manifest | None:
        versions = self.groups().get(name) if name else None
        return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)} if versions else None

    def resource_list(self, group: str, version: str) -> Manifest | None:
        served = self.groups().get(group, {}).get(version)
        if not served:
            return None
        resources = []
        for resource in sorted(served, key=lambda one: one.plural):
            resources.append(_api_resource(resource))
            resources.extend(_api_subresource(resource, one) for one in resource.subresources)
        name = f"{group}/{version}" if group else version
        return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": resources}

    def aggregated(self, root: str, version: str) -> tuple[bytes, str]:
        """The document of ``/api`` or ``/apis`` in one version of the discovery API, and its entity tag."""
        key = (self._registry.revision, root, version)
        found = self._cached.get(key)
        if found is None:
            items = [
                _aggregated_group(name, versions)
                for name, versions in self.groups().items()
                if (name == "") is (root == "api")
            ]
            body = msgspec.json.encode(
                {
                    "kind": "APIGroupDiscoveryList",
                    "apiVersion": f"apidiscovery.k8s.io/{version}",
                    "metadata": {},
                    "items": items,
                }
            )
            found = (body, f'"{hashlib.sha512(body).hexdigest().upper()}"')
            self._cached = {old: value for old, value in self._cached.items() if old[0] == key[0]}
            self._cached[key] = found
        return found


def version_priority(version: str) -> tuple[int, int, int]:
    """``v2`` before ``v1`` before ``v1beta1`` before ``v1alpha1`` before anything else."""
    text = version.removeprefix("v")
    for stability, name in ((2, "beta"), (1, "alpha")):
        major, found, minor = text.partition(name)
        if found and major.isdigit():
            return stability, int(major), int(minor) if minor.isdigit() else 0
    return (3, int(text), 0) if text.isdigit() and version.startswith("v") else (0, 0, 0)


def _group(name: str, versions: dict[str, list[Resource]]) -> Manifest:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def _api_resource(resource: Resource) -> Manifest:
    entry: Manifest = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": resource.verbs,
    }
    if resource.short_names:
        entry["shortNames"] = resource.short_names
    if resource.categories:
        entry["categories"] = resource.categories
    if "watch" in resource.verbs:
        digest = hashlib.sha256(f"{resource.group}/{resource.version}/{resource.kind}".encode()).digest()
        entry["storageVersionHash"] = msgspec.json.encode(digest[:8]).decode().strip('"')
    return entry


def _api_subresource(resource: Resource, one: Subresource) -> Manifest:
    entry: Manifest = {"name": f"{resource.plural}/{one.name}", "singularName": "", "namespaced": resource.namespaced}
    if one.group:
        entry["group"] = one.group
    if one.version:
        entry["version"] = one.version
    entry["kind"] = one.kind
    entry["verbs"] = one.verbs
    return entry


def _aggregated_group(name: str, versions: dict[str, list[Resource]]) -> Manifest:
    listed = [
        {
            "version": version,
            "resources": [_aggregated_resource(one) for one in sorted(served, key=lambda one: one.plural)],
            "freshness": "Current",
        }
        for version, served in versions.items()
    ]
    return {"metadata": {"name": name} if name else {}, "versions": listed}


def _aggregated_resource(resource: Resource) -> Manifest:
    entry: Manifest = {
        "resource": resource.plural,
        "responseKind": _response_kind(resource, "", "", resource.kind),
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": resource.verbs,
    }
    if resource.short_names:
        entry["shortNames"] = resource.short_names
    if resource.categories:
        entry["categories"] = resource.categories
    if resource.subresources:
        entry["subresources"] = [
            {
                "subresource": one.name,
                "responseKind": _response_kind(resource, one.group, one.version, one.kind),
                "verbs": one.verbs,
            }
            for one in resource.subresources
        ]
    return entry


def _response_kind(resource: Resource, group: str, version: str, kind: str) -> Manifest:
    """Custom resources spell out group and version, built-in ones leave their own empty."""
    if resource.custom is not None and not group:
        group, version = resource.group, resource.version
    return {"group": group, "version": version, "kind": kind}
