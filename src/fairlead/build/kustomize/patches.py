"""Patches: which text is which sort of patch, whom it is for, and applying it.

A strategic merge patch without a target is for the resource that it names; with a target for all that the target
selects. A JSON patch needs a target. Unless the options allow it, a patch changes neither name nor kind, and never
the namespace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairlead.errors import BuildError

from .errors import KustomizeError, prefixed
from .golang import quoted
from .identity import Identity
from .jsonpatch import Operation, apply_operations, parse_operations
from .merge import merge
from .parse import parse_documents
from .resource import Resource
from .selectors import make_selector
from .values import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .collection import Collection
    from .schema import Document

__all__ = ["JsonPatch", "MergePatch", "load_json_patch", "load_merge_patches", "load_patch"]


@dataclass(frozen=True, slots=True)
class MergePatch:
    """Documents to merge in; with a ``target``, into everything that it selects."""

    documents: tuple[Resource, ...]
    source: str
    target: Mapping[str, Any] | None
    checks_collisions: bool

    def apply(self, resources: Collection, schemas: Document) -> None:
        if self.target is not None:
            if len(self.documents) > 1:
                raise KustomizeError(
                    "Multiple Strategic-Merge Patches in one `patches` entry is not allowed to set `patches.target` "
                    f"field: {self.source}"
                )
            patch = self.documents[0]
            with prefixed(f"unable to find patch target {quoted(_target_text(self.target))} in `resources`"):
                selected = resources.select(make_selector(self.target))
            for resource in selected:
                _merge_into(resource, _for_many(patch, resource), schemas)
            self._settle(resources)
            return
        for patch in self.documents:
            try:
                resource = resources.the_one(patch.original)
            except KustomizeError as error:
                if self.checks_collisions:
                    raise
                raise KustomizeError(
                    f"no resource matches strategic merge patch {quoted(str(patch.original))}: {error}"
                ) from error
            before = resource.current.key
            _merge_into(resource, _for_many(patch, resource) if self.checks_collisions else patch, schemas)
            if (
                not resource.value
                or resource.current.key != before
                or patch.allow_name_change
                or patch.allow_kind_change
            ):
                self._settle(resources)

    def _settle(self, resources: Collection) -> None:
        items = [resource for resource in resources.items if resource.value]
        resources.items = []
        resources.identities_changed()
        resources.extend(items)


@dataclass(frozen=True, slots=True)
class JsonPatch:
    """Operations for everything that is selected."""

    operations: tuple[Operation, ...]
    source: str
    target: Mapping[str, Any] | None
    remembers_identity: bool

    def apply(self, resources: Collection, schemas: Document) -> None:
        if self.target is None:
            raise KustomizeError(f"must specify a target for JSON patch {self.source}")
        for resource in resources.select(make_selector(self.target)):
            if self.remembers_identity:
                resource.remember_identity()
            value = apply_operations(_with_annotations(resource), self.operations)
            if not isinstance(value, dict):
                raise KustomizeError(f"JSON patch {self.source} leaves no object of {resource.current}")
            resource.value = value
        resources.identities_changed()


def _with_annotations(resource: Resource) -> dict[str, Any]:
    """The value as a JSON patch finds it: kustomize keeps notes among the annotations, so there are some by then."""
    annotations = resource.metadata.get("annotations")
    if isinstance(annotations, dict) or not resource.has_notes:
        return resource.value
    return {**resource.value, "metadata": {**resource.metadata, "annotations": {}}}


def _target_text(target: Mapping[str, Any]) -> str:
    group, version, kind, name, namespace = (
        target.get(key) or "" for key in ("group", "version", "kind", "name", "namespace")
    )
    identity = Identity(group, version, kind, name, namespace)
    return f"{identity}:a={target.get('annotationSelector') or ''}:l={target.get('labelSelector') or ''}"


def _for_many(patch: Resource, resource: Resource) -> Resource:
    """The patch as it is laid over a selected resource: of its version, with labels and annotations that are texts."""
    copy = patch.copy()
    if resource.api_version != patch.api_version:
        copy.value = {**copy.value, "apiVersion": resource.api_version}
    for key, texts in (("labels", patch.labels()), ("annotations", patch.annotations())):
        if key in patch.metadata:
            copy.set_metadata(key, texts or None)
    return copy


def _merge_into(resource: Resource, patch: Resource, schemas: Document) -> None:
    name, namespace, kind = resource.name, resource.namespace, resource.kind
    if patch.allow_name_change or patch.allow_kind_change:
        resource.remember_identity()
    kept: list[str] = []
    comments = resource.comments.over(patch.comments) if resource.comments is not None else patch.comments
    value = merge(
        resource.value, patch.value, schemas, comments=comments, quoted=resource.quoted + patch.quoted, kept=kept
    )
    added = tuple(texts for texts in patch.quoted if not any(texts is known for known in resource.quoted))
    resource.quoted += (*added, kept) if kept else added
    resource.value = {} if value is MISSING else value
    if not resource.value:
        return
    if not patch.allow_kind_change:
        resource.set_kind(kind)
    if not patch.allow_name_change:
        resource.set_name(name)
    resource.set_namespace(namespace)


def load_patch(
    entry: Mapping[str, Any], read: Callable[[str], bytes], *, lenient: bool
) -> MergePatch | JsonPatch | None:
    """A patch of the field ``patches``; ``None`` when it says nothing. Raises when it is no patch of either sort.

    A text without any content is a patch that does nothing, or, unless ``lenient``, an error.
    """
    text, path = (entry.get("patch") or "").strip(), entry.get("path") or ""
    if not text and not path:
        raise KustomizeError(f"must specify one of patch and path in\n{_shown(entry)}")
    if text and path:
        raise KustomizeError(f"patch and path can't be set at the same time\n{_shown(entry)}")
    if path:
        try:
            text = read(path).decode(errors="surrogateescape")
        except BuildError as error:
            raise KustomizeError(f"failed to get the patch file from path({path}): {error}") from error
    source = f"[patch: {quoted(text)}]" if not path else f"[path: {quoted(path)}]"
    documents, operations = _try_both(text)
    if documents is not None and operations is not None and (documents or operations or not lenient):
        raise KustomizeError(f"illegally qualifies as both an SM and JSON patch: {source}")
    if documents is None and operations is None:
        raise KustomizeError(f"unable to parse SM or JSON patch from {source}")
    target: Mapping[str, Any] | None = entry.get("target")
    if documents is not None:
        options = entry.get("options") or {}
        for document in documents:
            document.allow_name_change = bool(options.get("allowNameChange"))
            document.allow_kind_change = bool(options.get("allowKindChange"))
            if (document.allow_name_change or document.allow_kind_change) and "annotations" in document.metadata:
                document.set_metadata("annotations", document.annotations() or None)
        if documents:
            return MergePatch(tuple(documents), source, target, checks_collisions=False)
        return None
    return JsonPatch(operations or (), source, target, remembers_identity=True)


def _documents(text: bytes, file: str = "") -> list[Resource]:
    parsed = parse_documents(text, file)
    documents = [Resource(value, quoted=(parsed.quoted,)) for value in parsed.values]
    for document, comments in zip(documents, parsed.comments, strict=False):
        document.comments = comments
    return documents


def _try_both(text: str) -> tuple[list[Resource] | None, tuple[Operation, ...] | None]:
    """What the text is as a strategic merge patch and as a JSON patch."""
    documents: list[Resource] | None = None
    operations: tuple[Operation, ...] | None = None
    try:
        documents = _documents(text.encode(errors="surrogateescape"))
    except BuildError:
        documents = None
    if documents:
        return documents, None
    try:
        operations = parse_operations(text)
    except BuildError:
        operations = None
    return documents, operations


def _shown(entry: Mapping[str, Any]) -> str:
    from fairlead.objects.yaml import dump

    return dump({key: value for key, value in entry.items() if value})


def load_merge_patches(texts: Sequence[str], inline: str, read: Callable[[str], bytes]) -> MergePatch:
    """Patches of the field ``patchesStrategicMerge``: each text is a patch or the path of one."""
    if not texts and not inline:
        raise KustomizeError("empty file path and empty patch content")
    documents: list[Resource] = []
    for text in texts:
        documents += _inline_documents(text) or _documents(read(text), text)
    if inline:
        documents += _documents(inline.encode(errors="surrogateescape"))
    if not documents:
        raise KustomizeError(f"patch appears to be empty; files={_go_list(texts)}, Patch={inline}")
    return MergePatch(tuple(documents), "", None, checks_collisions=True)


def _inline_documents(text: str) -> list[Resource]:
    if "\n" not in text and ":" not in text:
        return []
    try:
        return _documents(text.encode(errors="surrogateescape"))
    except BuildError:
        return []


def _go_list(texts: Sequence[str]) -> str:
    return "[" + " ".join(texts) + "]"


def load_json_patch(target: Mapping[str, Any] | None, path: str, text: str, read: Callable[[str], bytes]) -> JsonPatch:
    """A patch of the field ``patchesJson6902``."""
    if not (target or {}).get("name"):
        raise KustomizeError("must specify the target name")
    if not path and not text:
        raise KustomizeError("empty file path and empty jsonOp")
    if path:
        if text:
            raise KustomizeError("must specify a file path or jsonOp, not both")
        text = read(path).decode(errors="surrogateescape")
        if not text:
            raise KustomizeError(f"patch file '{path}' empty seems to be empty")
    operations = parse_operations(text)
    if not operations:
        raise KustomizeError(f"patch appears to be empty; file={path}, JsonOp={text}")
    return JsonPatch(operations, text, target, remembers_identity=False)
