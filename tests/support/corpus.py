"""A public Flux repository, unpacked from ``../shared/corpora`` and made fit for a machine without the internet.

Encrypted files are encrypted again for a key of the tests, and kinds whose CRDs come with charts get minimal ones:
their objects stay plain objects, for nobody here installs a HelmRelease.
"""

from __future__ import annotations

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

__all__ = ["CORPORA", "minimal_crds", "read_corpus"]

CORPORA = Path(__file__).parents[3] / "shared" / "corpora"
CLUSTER_WIDE = frozenset({"GatewayClass", "StorageClass", "VolumeSnapshotClass", "Provider"})
"""Kinds without a namespace whose name does not begin with ``Cluster``."""
_NAME = re.compile(r"\w+")
NO_API = frozenset({"kustomize.config.k8s.io"})
_ENCRYPTED = re.compile(r"^sops:", re.MULTILINE)


def read_corpus(name: str, encryptor: Encryptor) -> dict[str, Content]:
    """Path to content of every file."""
    files: dict[str, Content] = {}
    with tarfile.open(CORPORA / f"{name}.tar.xz") as archive:
        for member in archive:
            stream = archive.extractfile(member) if member.isfile() else None
            if stream is None:
                continue
            content = stream.read()
            _, _, path = member.name.removeprefix("./").partition("/")
            files[path] = content
            if path.endswith((".yaml", ".yml")) and _ENCRYPTED.search(content.decode(errors="replace")):
                files[path] = encryptor.again(content.decode())
    return files


def minimal_crds(files: dict[str, Content], known: set[tuple[str, str]]) -> list[dict[str, Any]]:
    """A CRD that allows everything, for each group and kind of the files that has none there and is not known."""
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
    return [_crd(group, kind, sorted(wanted[group, kind])) for group, kind in sorted(wanted.keys() - given)]


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


def _crd(group: str, kind: str, versions: list[str]) -> dict[str, Any]:
    plural = _plural(kind.lower())
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
