"""The repositories, how each is bootstrapped, and which of its Kustomizations cannot become ready here and why."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fairlead.controllers.install import install
from fairlead.objects.yaml import dump_all
from tests.support.corpus import minimal_crds, reached, read_corpus
from tests.support.repo import RepoBuilder
from tests.support.sops import Encryptor

if TYPE_CHECKING:
    from tests.support.fleet import Fleet
    from tests.support.git_server import GitServer
    from tests.support.repo import Content

OFFICIAL = ("helm-example", "multi-tenancy")

__all__ = ["CASES", "OFFICIAL", "Case", "prepare"]

FLUX = "kubernetes/clusters/cluster-104/flux-system/gotk-components.yaml"
"""In sulibot-home-ops: a complete installation of Flux, which the official examples hold as an empty file."""


@dataclass(frozen=True, slots=True)
class Case:
    """One repository and the cluster of it that is built."""

    corpus: str
    path: str
    only: str = ""
    """The folder that counts, in a repository that holds much beside."""
    root: str = ""
    """The folder that is published as the root, where a pipeline publishes a part."""
    stub: str = ""
    """The folder whose empty ``gotk-*.yaml`` ``flux bootstrap`` fills."""
    replaced: tuple[tuple[str, str], ...] = ()
    """Texts in all manifests: other kinds of sources that hold the repository itself."""
    branches: dict[str, dict[str, str]] = field(default_factory=dict)
    namespaces: tuple[str, ...] = ()
    """What the owner made by hand before."""
    sync: dict[str, Any] = field(default_factory=dict)
    """What the entry Kustomization has beside its path."""
    hosts: tuple[str, ...] = ()
    """URLs that are this repository."""
    kustomizations: int = 0
    """How many there are in the end."""
    shared: dict[str, set[str]] = field(default_factory=dict)
    """Inventory ids that two Kustomizations of the repository deliver: each writes its own labels at each pass."""


TENANT = {
    "staging/release.yaml": (
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: web\n  namespace: apps\n"
        "spec:\n  interval: 1h\n  chartRef: {kind: OCIRepository, name: web}\n"
    ),
}

CASES = {
    "helm-example": Case(
        "fluxcd-flux2-kustomize-helm-example", "clusters/staging", stub="clusters/staging/flux-system", kustomizations=4
    ),
    "multi-tenancy": Case(
        "fluxcd-flux2-multi-tenancy",
        "clusters/staging",
        stub="clusters/staging/flux-system",
        branches={"dev-team": TENANT},
        hosts=("https://github.com/fluxcd/flux2-multi-tenancy",),
        kustomizations=5,
    ),
    "onedr0p": Case("onedr0p-home-ops", "kubernetes/flux/cluster", kustomizations=79),
    "xunholy": Case(
        "xunholy-k8s-gitops",
        "clusters/cluster-00",
        root="kubernetes/",
        namespaces=("external-secrets",),
        kustomizations=72,
        shared={
            f"flux-system_{name}": {"flux-system/flux-system", f"flux-system/{owner}"}
            for name, owner in (
                ("flux-instance-values-c7mb666m75__ConfigMap", "flux-instance"),
                ("flux-operator-values-8f6kgg7c6m__ConfigMap", "flux-operator"),
                ("kustomization-mutating-webhook-values-tfbthh8bf6__ConfigMap", "kustomize-mutating-webhook"),
                ("flux-instance_fluxcd.controlplane.io_ResourceSet", "flux-instance"),
                ("flux-operator_fluxcd.controlplane.io_ResourceSet", "flux-operator"),
                ("kustomize-mutating-webhook_helm.toolkit.fluxcd.io_HelmRelease", "kustomize-mutating-webhook"),
            )
        },
        sync={"decryption": {"provider": "sops", "secretRef": {"name": "sops-age"}}},
        replaced=(("kind: OCIRepository\n    name: flux-system", "kind: GitRepository\n    name: flux-system"),),
    ),
    "sulibot-101": Case(
        "sulibot-home-ops",
        "kubernetes/clusters/cluster-101",
        hosts=("https://github.com/sulibot/home-ops.git",),
        only="kubernetes/",
        kustomizations=135,
        shared={
            "_external-secrets__Namespace": {"flux-system/external-secrets", "flux-system/tier-0-foundation"},
            "observability_alertmanager_monitoring.coreos.com_AlertmanagerConfig": {
                "flux-system/kube-prometheus-stack",
                "flux-system/kube-prometheus-stack-rules",
            },
            **{
                f"_{name}.snapshot.storage.k8s.io_apiextensions.k8s.io_CustomResourceDefinition": {
                    "flux-system/ceph-csi",
                    "flux-system/snapshot-controller-crds",
                }
                for name in ("volumesnapshotclasses", "volumesnapshotcontents", "volumesnapshots")
            },
        },
    ),
    "sulibot-104": Case(
        "sulibot-home-ops",
        "kubernetes/clusters/cluster-104",
        only="kubernetes/",
        hosts=("https://github.com/sulibot/home-ops.git",),
        kustomizations=6,
        shared={"_external-secrets__Namespace": {"flux-system/external-secrets", "flux-system/flux-system"}},
    ),
}


async def prepare(fleet: Fleet, case: Case, server: GitServer) -> RepoBuilder:
    """What a user has done before the controllers start: the repository, the installation, keys and the entry."""
    encryptor = Encryptor()
    files = read_corpus(case.corpus, encryptor, under=case.only or case.root)
    files = {path.removeprefix(case.root): text for path, text in files.items()}
    repo = RepoBuilder(server.folder / "home.git")
    url = server.url("home.git")
    files = {path: _fitted(path, text, case, url) for path, text in files.items()}
    entry = _entry(url, case)
    if case.stub:
        files[f"{case.stub}/gotk-components.yaml"] = read_corpus("sulibot-home-ops", encryptor, under=FLUX)[FLUX]
        files[f"{case.stub}/gotk-sync.yaml"] = dump_all(entry)
    repo.commit("As it is", files)
    for branch, content in case.branches.items():
        repo.commit("As it is", content, branch=branch, replace=True)
    async for _ in install(fleet.client):
        pass
    await fleet.apply(minimal_crds(reached(files, case.path), await _served(fleet)))
    fleet.client.discovery.invalidate()
    await fleet.apply(_namespace(name) for name in case.namespaces)
    await fleet.apply([*_secrets(encryptor), *entry])
    return repo


async def _served(fleet: Fleet) -> set[tuple[str, str]]:
    found = set()
    groups = await fleet.client.request("GET", "/apis")
    for group in groups["groups"]:
        for version in group["versions"]:
            resources = await fleet.client.request("GET", f"/apis/{version['groupVersion']}")
            found |= {(group["name"], item["kind"]) for item in resources["resources"]}
    return found


def _fitted(path: str, content: Content, case: Case, url: str) -> Content:
    if not isinstance(content, bytes) or not path.endswith((".yaml", ".yml")):
        return content
    text = content.decode(errors="surrogateescape")
    for host in case.hosts:
        text = text.replace(f"url: {host}", f"url: {url}")
    for old, new in case.replaced:
        text = text.replace(old, new)
    return text.encode(errors="surrogateescape")


def _namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _secrets(encryptor: Encryptor) -> list[dict[str, Any]]:
    values = {
        "flux-system": {"username": "git", "password": "stand-in"},
        "sops-age": {"age.agekey": encryptor.identity},
    }
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": "flux-system"},
            "data": {key: base64.b64encode(text.encode()).decode() for key, text in data.items()},
        }
        for name, data in values.items()
    ]


def _entry(url: str, case: Case) -> list[dict[str, Any]]:
    metadata = {"name": "flux-system", "namespace": "flux-system"}
    return [
        {
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "GitRepository",
            "metadata": metadata,
            "spec": {"interval": "10m", "url": url, "ref": {"branch": "main"}},
        },
        {
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "metadata": metadata,
            "spec": {
                "interval": "10m",
                "path": f"./{case.path}",
                "prune": True,
                "sourceRef": {"kind": "GitRepository", "name": "flux-system"},
                **case.sync,
            },
        },
    ]
