"""Manifests: decoded Kubernetes objects, and what is done to each of them between the build and the API server.

The rules are those of Flux's kustomize-controller 1.9: what a build prints is flattened (`List` kinds), stripped of
what is no object, checked, and normalised so that a server-side apply of it owns what its author meant to own. Two
of them matter for correctness: `stringData` of a Secret becomes `data` (server-side apply tracks nobody's ownership of
`data` otherwise), and `status` is never applied.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import msgspec

from fairlead.errors import BuildError
from fairlead.objects.ref import GroupVersionKind, ObjectRef, split_api_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "LAST_APPLIED",
    "STALE_ANNOTATIONS",
    "STALE_LABELS",
    "Manifest",
    "annotations_of",
    "collect",
    "digest",
    "has_mark",
    "is_crd",
    "is_secret",
    "labels_of",
    "metadata_of",
    "normalise",
    "part",
    "with_metadata",
]

Manifest: TypeAlias = dict[str, Any]

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
STALE_ANNOTATIONS = (LAST_APPLIED, "kustomize.toolkit.fluxcd.io/checksum", "fluxcd.io/sync-checksum")
STALE_LABELS = ("fluxcd.io/sync-gc-mark",)
"""What kubectl and older Flux noted for themselves. Files that were exported from a cluster have it, too. It is never
applied, and goes from live objects that we apply."""

_SERVER_FIELDS = (
    "creationTimestamp",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)
_STRING_MAPS = frozenset({"annotations", "data", "labels", "matchLabels", "nodeSelector", "stringData"})
_POD_SPEC_PATHS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("", "Pod"): ("spec",),
    ("apps", "DaemonSet"): ("spec", "template", "spec"),
    ("apps", "Deployment"): ("spec", "template", "spec"),
    ("apps", "ReplicaSet"): ("spec", "template", "spec"),
    ("apps", "StatefulSet"): ("spec", "template", "spec"),
    ("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template", "spec"),
    ("batch", "Job"): ("spec", "template", "spec"),
}
_BUILT_IN_GROUPS = frozenset({"", "apps", "autoscaling", "batch", "extensions", "policy"})


def part(value: Any, *path: str) -> dict[str, Any]:
    """The mapping at a path; an empty one when anything on the way is absent or no mapping."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def metadata_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return part(manifest, "metadata")


def labels_of(manifest: Mapping[str, Any]) -> dict[str, str]:
    return part(manifest, "metadata", "labels")


def annotations_of(manifest: Mapping[str, Any]) -> dict[str, str]:
    return part(manifest, "metadata", "annotations")


def has_mark(manifest: Mapping[str, Any], key: str, value: str) -> bool:
    """Whether a label or an annotation `key` has this value; case does not matter, as in Flux."""
    wanted = value.casefold()
    return any(
        str(found.get(key, "")).casefold() == wanted for found in (labels_of(manifest), annotations_of(manifest))
    )


def is_secret(manifest: Mapping[str, Any]) -> bool:
    return manifest.get("kind") == "Secret" and manifest.get("apiVersion") == "v1"


def is_crd(manifest: Mapping[str, Any]) -> bool:
    group, _ = split_api_version(manifest.get("apiVersion") or "")
    return group == "apiextensions.k8s.io" and manifest.get("kind") == "CustomResourceDefinition"


def with_metadata(
    manifest: Manifest, *, labels: Mapping[str, str], annotations: Mapping[str, str] | None = None
) -> Manifest:
    """A copy whose labels and annotations have these entries set; entries of the same name are overridden."""
    meta = dict(metadata_of(manifest))
    if labels:
        meta["labels"] = {**part(meta, "labels"), **labels}
    if annotations:
        meta["annotations"] = {**part(meta, "annotations"), **annotations}
    return {**manifest, "metadata": meta}


def digest(manifest: Mapping[str, Any]) -> str:
    """A short hash of a manifest's content; equal exactly for equal content, whatever the order of keys."""
    return hashlib.blake2b(msgspec.json.encode(manifest, order="deterministic"), digest_size=16).hexdigest()


def collect(documents: Iterable[Any], origins: Sequence[str] = ()) -> list[Manifest]:
    """The objects among the documents of a build, in their order; `origins[i]` names the file of document i.

    `List` kinds are opened, documents that are no Kubernetes objects (and kustomize's own files) are left out. Raises
    ``BuildError`` that names every object without kind, version or name, and every object that is there twice.
    """
    found: list[Manifest] = []
    problems: list[str] = []
    seen: dict[ObjectRef, str] = {}
    for index, document in enumerate(documents):
        origin = origins[index] if index < len(origins) else ""
        where = f"{origin}: " if origin else ""
        for item in _objects_in(document):
            problem = _problem_of(item)
            ref = ObjectRef("", "", "", "") if problem else ObjectRef.of(item)
            if problem is None and ref in seen:
                first = f" (first in {seen[ref]})" if seen[ref] else ""
                problem = f"{ref} is defined more than once{first}; keep one of them"
            if problem is not None:
                problems.append(where + problem)
                continue
            seen[ref] = origin
            found.append(item)
    if problems:
        raise BuildError("; ".join(problems))
    return found


def _objects_in(document: Any) -> Iterable[Manifest]:
    """A document's objects: none for what is no object, the items of a list kind, else the document itself."""
    if not isinstance(document, dict) or not ("apiVersion" in document or "kind" in document):
        return
    kind, version = document.get("kind"), document.get("apiVersion")
    if isinstance(version, str) and split_api_version(version)[0] == "kustomize.config.k8s.io":
        return
    if isinstance(kind, str) and kind.endswith("List") and isinstance(document.get("items"), list):
        for item in document["items"]:
            yield from _objects_in(item)
        return
    yield document


def _problem_of(item: Manifest) -> str | None:
    kind, version, meta = item.get("kind"), item.get("apiVersion"), item.get("metadata")
    name = meta.get("name") if isinstance(meta, dict) else None
    label = f"{kind if isinstance(kind, str) and kind else 'object'} {name!r}" if name else f"{kind or 'object'}"
    if not isinstance(kind, str) or not kind:
        return f"{label} has no kind; every object needs apiVersion, kind and metadata.name"
    for field, value in (("apiVersion", version), ("metadata.name", name)):
        if isinstance(value, int | float):
            return f"{label} has no {field} that is text: put the number in quotes"
    if not isinstance(version, str) or not version:
        return f"{label} has no apiVersion; every object needs apiVersion, kind and metadata.name"
    if isinstance(meta, dict) and not name and meta.get("generateName"):
        return f"{label} has metadata.generateName, which cannot be applied again and again; give it a metadata.name"
    if not isinstance(name, str) or not name:
        return f"{label} has no metadata.name; every object needs apiVersion, kind and metadata.name"
    return None


def normalise(manifest: Manifest) -> Manifest:
    """A copy that is ready to be applied; normalising it again changes nothing.

    Raises ``BuildError`` for a Secret whose values are no text or no base64; the message never holds a value.
    """
    gvk = GroupVersionKind.of(manifest)
    result = dict(manifest)
    if is_crd(result):
        result = _without_invalid_ca_bundle(result)
    else:
        result.pop("status", None)
        if gvk.group in _BUILT_IN_GROUPS or gvk.group.endswith(".k8s.io"):
            result = _without_nulls(result)
    meta = {key: value for key, value in metadata_of(result).items() if key not in _SERVER_FIELDS}
    for section, stale in (("annotations", STALE_ANNOTATIONS), ("labels", STALE_LABELS)):
        found = part(meta, section)
        kept = {key: value for key, value in found.items() if key not in stale}
        if len(kept) < len(found):
            meta = {**meta, section: kept} if kept else {key: value for key, value in meta.items() if key != section}
    result["metadata"] = meta
    if is_secret(result):
        return _with_encoded_data(result)
    if (gvk.group, gvk.kind) == ("", "Service"):
        return _replaced(result, ("spec",), _with_port_protocols)
    path = _POD_SPEC_PATHS.get((gvk.group, gvk.kind))
    return _replaced(result, path, _with_container_protocols) if path else result


def _without_nulls(value: Any, *, string_map: bool = False) -> Any:
    """What Go's typed form keeps: a null is an absent field, and an empty text in a map of texts."""
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if item is not None or string_map}
        return {
            key: "" if item is None else _without_nulls(item, string_map=key in _STRING_MAPS)
            for key, item in kept.items()
        }
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def _replaced(manifest: Manifest, path: tuple[str, ...], change: Any) -> Manifest:
    """A copy in which the mapping at `path` went through `change`; untouched when there is no such mapping."""
    if not path:
        return cast("Manifest", change(manifest))
    inner = manifest.get(path[0])
    return {**manifest, path[0]: _replaced(inner, path[1:], change)} if isinstance(inner, dict) else manifest


def _with_port_protocols(holder: dict[str, Any]) -> dict[str, Any]:
    ports = holder.get("ports")
    if not isinstance(ports, list):
        return holder
    return {**holder, "ports": [_with_protocol(port) for port in ports]}


def _with_protocol(port: Any) -> Any:
    return {**port, "protocol": "TCP"} if isinstance(port, dict) and not port.get("protocol") else port


def _with_container_protocols(spec: dict[str, Any]) -> dict[str, Any]:
    result = dict(spec)
    for key in ("containers", "initContainers"):
        if isinstance(result.get(key), list):
            result[key] = [_with_port_protocols(item) if isinstance(item, dict) else item for item in result[key]]
    return result


def _with_encoded_data(secret: Manifest) -> Manifest:
    data = {key: _canonical_base64(secret, key, value) for key, value in part(secret, "data").items()}
    for key, value in part(secret, "stringData").items():
        if not isinstance(value, str):
            raise BuildError(f"{ObjectRef.of(secret)}: stringData.{key} must be a text; put it in quotes")
        data[key] = base64.b64encode(value.encode("utf-8", "surrogatepass")).decode("ascii")
    result = {key: value for key, value in secret.items() if key != "stringData"}
    if data:
        result["data"] = data
    return result


def _canonical_base64(secret: Manifest, key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise BuildError(f"{ObjectRef.of(secret)}: data.{key} must be base64 text; use stringData for plain text")
    try:
        decoded = base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        hint = (
            "it looks encrypted: is spec.decryption set?"
            if value.startswith("ENC[")
            else "use stringData for plain text"
        )
        raise BuildError(f"{ObjectRef.of(secret)}: data.{key} is not valid base64; {hint}") from None
    return base64.b64encode(decoded).decode("ascii")


def _without_invalid_ca_bundle(crd: Manifest) -> Manifest:
    """Without a placeholder in the conversion webhook's `caBundle`, for which a server refuses the whole definition."""
    path = ("spec", "conversion", "webhook", "clientConfig")
    bundle = part(crd, *path).get("caBundle")
    if bundle is None or (isinstance(bundle, str) and _holds_certificate(bundle)):
        return crd
    return _replaced(crd, path, lambda config: {key: value for key, value in config.items() if key != "caBundle"})


def _holds_certificate(bundle: str) -> bool:
    try:
        return b"-----BEGIN CERTIFICATE-----" in base64.b64decode(bundle, validate=False)
    except (binascii.Error, ValueError):
        return False
