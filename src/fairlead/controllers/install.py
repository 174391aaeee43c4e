"""What a cluster needs before the controllers can work: a namespace, the CRDs, an account and its rights.

The account is bound to ``cluster-admin`` as Flux's is, because it applies whatever a repository holds. Without that
binding its role is the least that works: it sees everything, for drift and health are watched, and writes nothing but
its own resources, events, leases, its journal and the address of its archives. Every Kustomization then needs a
``serviceAccountName`` to act as.
CRDs that somebody else installed (Flux) are left as they are.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fairlead.api.names import COMPONENT, DEFAULT_NAMESPACE, INSTANCE, PART_OF
from fairlead.controllers.definitions import check_served, kept_note
from fairlead.controllers.journal import JOURNAL_NAMES
from fairlead.errors import NotReadyError
from fairlead.kube.errors import NotFoundError
from fairlead.objects.manifest import is_crd, metadata_of, part
from fairlead.objects.ref import GroupKind, ObjectRef
from fairlead.objects.yaml import load

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fairlead.kube.client import KubeClient
    from fairlead.objects.manifest import Manifest

__all__ = ["Step", "crds", "install", "manifests"]

FIELD_MANAGER = "fairlead"
ACCOUNT = "fairlead"
JOURNAL_ROLE = "fairlead-journal"
ARCHIVES = "fairlead"
"""The Service, and the EndpointSlice behind it, by which others find the archives of sources."""
ARCHIVES_ROLE = "fairlead-archives"
ESTABLISH_SECONDS = 30.0
_CRD = GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")
_READ = ["get", "list", "watch"]
_RULES: list[dict[str, list[str]]] = [
    {
        "apiGroups": ["source.toolkit.fluxcd.io", "kustomize.toolkit.fluxcd.io"],
        "resources": ["*"],
        "verbs": [*_READ, "patch"],
    },
    {"apiGroups": [""], "resources": ["configmaps", "secrets", "namespaces", "serviceaccounts"], "verbs": _READ},
    {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["impersonate"]},
    {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]},
    {"apiGroups": ["apiextensions.k8s.io"], "resources": ["customresourcedefinitions"], "verbs": _READ},
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update"]},
]
_JOURNAL_RULES: list[dict[str, list[str]]] = [
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]},
    {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": list(JOURNAL_NAMES), "verbs": ["get", "patch"]},
]
"""In the namespace of the controllers alone."""
_ARCHIVES_RULES: list[dict[str, list[str]]] = [
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["create"]},
    {
        "apiGroups": ["discovery.k8s.io"],
        "resources": ["endpointslices"],
        "resourceNames": [ARCHIVES],
        "verbs": ["patch"],
    },
]
"""In the namespace of the controllers alone, as well."""
_ARCHIVES_PORT: dict[str, Any] = {"name": "http", "port": 80, "protocol": "TCP", "targetPort": 9090}
_SEE_ALL: dict[str, list[str]] = {"apiGroups": ["*"], "resources": ["*"], "verbs": _READ}
"""Part of ``cluster-admin``; the role has it when that is not given."""
_ACCOUNT_TOKENS: dict[str, list[str]] = {
    "apiGroups": [""],
    "resources": ["serviceaccounts/token"],
    "verbs": ["create"],
}
"""For ``spec.kubeConfig.configMapRef``. A token leaves the cluster and outlives the request, so the right is
given on demand: here for all accounts, or for single ones by a Role of their namespace."""


@dataclass(frozen=True, slots=True)
class Step:
    """What was done with one object: created, configured, unchanged, or kept as others had made it."""

    ref: ObjectRef
    outcome: str
    note: str = ""


def crds() -> list[Manifest]:
    """The CustomResourceDefinitions, as generated."""
    folder = files("fairlead.api") / "crds"
    return [load(entry.read_bytes()) for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)]


def manifests(
    namespace: str = DEFAULT_NAMESPACE, *, cluster_admin: bool = True, account_tokens: bool = False
) -> list[Manifest]:
    """Everything, in the order in which it has to be applied."""
    rules = [*_RULES, *([] if cluster_admin else [_SEE_ALL]), *([_ACCOUNT_TOKENS] if account_tokens else [])]
    role = _object("rbac.authorization.k8s.io/v1", "ClusterRole", ACCOUNT) | {"rules": rules}
    return [
        _object("v1", "Namespace", namespace),
        *crds(),
        _object("v1", "ServiceAccount", ACCOUNT, namespace),
        role,
        _binding(ACCOUNT, ACCOUNT, namespace),
        _object("rbac.authorization.k8s.io/v1", "Role", JOURNAL_ROLE, namespace) | {"rules": _JOURNAL_RULES},
        _role_binding(JOURNAL_ROLE, JOURNAL_ROLE, namespace),
        _object("rbac.authorization.k8s.io/v1", "Role", ARCHIVES_ROLE, namespace) | {"rules": _ARCHIVES_RULES},
        _role_binding(ARCHIVES_ROLE, ARCHIVES_ROLE, namespace),
        # It selects no pods: the leader alone has archives, and says where it is.
        _object("v1", "Service", ARCHIVES, namespace) | {"spec": {"ports": [_ARCHIVES_PORT]}},
        *([_binding(f"{ACCOUNT}-cluster-admin", "cluster-admin", namespace)] if cluster_admin else []),
    ]


async def install(
    client: KubeClient,
    namespace: str = DEFAULT_NAMESPACE,
    *,
    cluster_admin: bool = True,
    account_tokens: bool = False,
) -> AsyncIterator[Step]:
    """Apply everything and wait until the CRDs are served; doing it again changes nothing.

    Cancelled midway, it leaves what it has applied; the next run goes on. Raises :class:`OldDefinitionError` before the
    first write when CRDs of a Flux before 2.0 are there.
    """
    for manifest in crds():
        with contextlib.suppress(NotFoundError):
            check_served(await client.get(ObjectRef.of(manifest)))
    for manifest in manifests(namespace, cluster_admin=cluster_admin, account_tokens=account_tokens):
        yield await _apply(client, manifest)
    async with asyncio.timeout(ESTABLISH_SECONDS):
        for manifest in crds():
            await _wait_established(client, ObjectRef.of(manifest))


async def _apply(client: KubeClient, manifest: Manifest) -> Step:
    ref = ObjectRef.of(manifest)
    try:
        live = await client.get(ref)
    except NotFoundError:
        live = None
    if live is not None and is_crd(manifest) and not _is_ours(live):
        return Step(ref, "kept", kept_note(live, manifest))
    applied = await client.apply(manifest, field_manager=FIELD_MANAGER)
    if live is None:
        return Step(ref, "created")
    same = metadata_of(live).get("resourceVersion") == metadata_of(applied).get("resourceVersion")
    return Step(ref, "unchanged" if same else "configured")


def _is_ours(live: Manifest) -> bool:
    return any(entry.get("manager") == FIELD_MANAGER for entry in metadata_of(live).get("managedFields") or ())


async def _wait_established(client: KubeClient, ref: ObjectRef) -> None:
    live = await client.get(ref)
    if _is_established(live):
        return
    version = metadata_of(live)["resourceVersion"]
    selector = f"metadata.name={ref.name}"
    async for event in client.watch(_CRD, resource_version=version, field_selector=selector):
        if _is_established(event.object):
            return
    raise NotReadyError(f"{ref} is not established: the server ended the watch; run the command again")


def _is_established(crd: Manifest) -> bool:
    conditions: list[dict[str, Any]] = part(crd, "status").get("conditions") or []
    return any(entry.get("type") == "Established" and entry.get("status") == "True" for entry in conditions)


def _object(api_version: str, kind: str, name: str, namespace: str = "") -> Manifest:
    metadata: dict[str, Any] = {
        "name": name,
        "labels": {PART_OF: "flux", INSTANCE: DEFAULT_NAMESPACE, COMPONENT: "fairlead"},
    }
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def _binding(name: str, role: str, namespace: str) -> Manifest:
    return _object("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", name) | _grant("ClusterRole", role, namespace)


def _role_binding(name: str, role: str, namespace: str) -> Manifest:
    return _object("rbac.authorization.k8s.io/v1", "RoleBinding", name, namespace) | _grant("Role", role, namespace)


def _grant(kind: str, role: str, namespace: str) -> Manifest:
    """Who gets which role, of a binding."""
    return {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace}],
    }
