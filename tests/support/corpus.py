"""A public Flux repository, unpacked from ``../shared/corpora`` and made fit for a machine without the internet.

Encrypted files are encrypted again for a key of the tests, and kinds whose CRDs come with charts get minimal ones:
their objects stay plain objects, for nobody here installs a HelmRelease; see :mod:`tests.support.charts`.
"""

from __future__ import annotations

import posixpath
import re
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairlead.objects.ref import split_api_version
from fairlead.objects.yaml import YamlError, load_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.support.repo import Content
    from tests.support.sops import Encryptor

__all__ = ["CORPORA", "crd", "minimal_crds", "reached", "read_corpus"]

CORPORA = Path(__file__).parents[3] / "shared" / "corpora"
CLUSTER_WIDE = frozenset(
    {
        "CiliumBGPAdvertisement",
        "CiliumBGPNodeConfig",
        "CiliumBGPPeerConfig",
        "CiliumLoadBalancerIPPool",
        "GatewayClass",
        "Provider",
        "StorageClass",
        "VolumeSnapshotClass",
    }
)
"""Kinds without a namespace whose name does not begin with ``Cluster``."""
_NAME = re.compile(r"\w+")
NO_API = frozenset({"kustomize.config.k8s.io"})
KUSTOMIZATION_FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_DEFAULT = re.compile(r"\$\{\w+:=?-?([^}]*)\}")
"""A variable in a path, and what it is when nobody sets it."""
_ENCRYPTED = re.compile(r"^sops:", re.MULTILINE)


def read_corpus(name: str, encryptor: Encryptor, *, under: str = "") -> dict[str, Content]:
    """Path to content of every file whose path begins like this."""
    files: dict[str, Content] = {}
    with tarfile.open(CORPORA / f"{name}.tar.xz") as archive:
        for member in archive:
            _, _, path = member.name.removeprefix("./").partition("/")
            stream = archive.extractfile(member) if member.isfile() and path.startswith(under) else None
            if stream is None:
                continue
            content = stream.read()
            files[path] = content
            if path.endswith((".yaml", ".yml")) and _ENCRYPTED.search(content.decode(errors="replace")):
                files[path] = encryptor.again(content.decode())
    return files


def minimal_crds(files: dict[str, Content], known: set[tuple[str, str]]) -> list[dict[str, Any]]:
    """A CRD that allows everything, for each group and kind of the files that has none there and is not known.

    Pass what is :func:`reached`: a repository may hold the definitions for another of its clusters.
    """
    wanted: dict[tuple[str, str], set[str]] = {}
    given = set(known)
    for document in _documents(files.items()):
        kind, api_version = document.get("kind"), document.get("apiVersion")
        if not isinstance(kind, str) or not isinstance(api_version, str):
            continue
        group, version = split_api_version(api_version)
        if kind == "CustomResourceDefinition":
            given.add((document["spec"]["group"], document["spec"]["names"]["kind"]))
        elif "." in group and _NAME.fullmatch(kind) and _NAME.fullmatch(version) and group not in NO_API:
            wanted.setdefault((group, kind), set()).add(version)
    return [crd(group, kind, sorted(wanted[group, kind])) for group, kind in sorted(wanted.keys() - given)]


def reached(files: dict[str, Content], path: str) -> dict[str, Content]:
    """The files that a cluster is made from, whose entry Kustomization has this path: followed by their text alone."""
    found: dict[str, Content] = {}
    waiting = [path]
    while waiting:
        here = posixpath.normpath(_DEFAULT.sub(r"\1", waiting.pop())).removeprefix("./")
        if here in found:
            continue
        if here in files:
            found[here] = files[here]
            if posixpath.basename(here) in KUSTOMIZATION_FILES:
                waiting += _named(here, files[here])
            else:
                waiting += _paths_of_children(here, files[here])
        else:
            own = [name for name in KUSTOMIZATION_FILES if f"{here}/{name}" in files]
            inside = [name for name in files if name.startswith(f"{here}/")]
            waiting += [f"{here}/{own[0]}"] if own else inside
    return found


def _named(path: str, content: Content) -> Iterator[str]:
    """What a kustomization file takes in."""
    folder = posixpath.dirname(path)
    for document in _documents([(path, content)]):
        for field in ("resources", "components", "bases", "crds"):
            yield from (posixpath.join(folder, str(item)) for item in document.get(field) or ())


def _paths_of_children(path: str, content: Content) -> Iterator[str]:
    for document in _documents([(path, content)]):
        if str(document.get("apiVersion")).startswith("kustomize.toolkit.fluxcd.io/"):
            spec = document.get("spec") or {}
            yield str(spec.get("path") or ".")
            yield from (posixpath.join(str(spec.get("path")), str(item)) for item in spec.get("components") or ())


def _documents(files: Iterable[tuple[str, Content]]) -> Iterator[dict[str, Any]]:
    for path, content in files:
        if content is None or not path.endswith((".yaml", ".yml")):
            continue
        text = content if isinstance(content, str) else content.decode(errors="replace")
        try:
            found = load_all(text)
        except YamlError:
            continue  # templates and the like
        yield from (document for document in found if isinstance(document, dict))


def _plural(name: str) -> str:
    if name.endswith("y") and name[-2] not in "aeo":
        return name[:-1] + "ies"
    return name + ("es" if name.endswith("s") else "s")


def crd(group: str, kind: str, versions: list[str], *, plural: str = "") -> dict[str, Any]:
    """A definition that allows everything."""
    plural = plural or _plural(kind.lower())
    scope = "Cluster" if kind in CLUSTER_WIDE or kind.startswith("Cluster") else "Namespaced"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, for tests"},
        },
        "spec": {
            "group": group,
            "scope": scope,
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": version == versions[-1],
                    "schema": {"openAPIV3Schema": schema},
                    "subresources": {"status": {}},
                }
                for version in versions
            ],
        },
    }
