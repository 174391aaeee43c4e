"""``replacements``: one value copied from a field of a resource into fields of others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fairlead.objects.yaml_reader import SIGS_LENIENT, YamlError, read_documents

from .errors import KustomizeError, prefixed
from .golang import quoted
from .identity import Gvk, Identity
from .paths import look_up, smart_split
from .selectors import Selector, make_selector
from .structured import set_in_text
from .targets import TargetPath
from .typed import REPLACEMENT, decode
from .values import MISSING, Value, count_nodes, is_null, is_scalar, resolve, spelled, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from .collection import Collection
    from .resource import Resource

__all__ = ["apply_replacements", "load_replacements"]

_DEFAULT_PATH: Final = "metadata.name"
_MOST_NODES: Final = 50_000


def load_replacements(entries: Iterable[Mapping[str, Any]], read: Callable[[str], bytes]) -> list[Mapping[str, Any]]:
    """The replacements of a kustomization, those in files of their own among them."""
    result: list[Mapping[str, Any]] = []
    for entry in entries:
        path = entry.get("path")
        if not path:
            result.append(entry)
            continue
        if entry.get("source") is not None or entry.get("targets"):
            raise KustomizeError("cannot specify both path and inline replacement")
        try:
            value = next(read_documents(read(path), SIGS_LENIENT, file=path), None)
        except YamlError as error:
            raise KustomizeError(f"replacement file {path}: {error}") from error
        if not isinstance(value, dict | list):
            raise KustomizeError(f"unsupported replacement type encountered within replacement path: {path}")
        for item in value if isinstance(value, list) else [value]:
            with prefixed(f"replacement file {path}"):
                result.append(decode(REPLACEMENT, item, strict=False) or {})
    return result


def apply_replacements(resources: Collection, entries: Iterable[Mapping[str, Any]], *, lenient: bool) -> None:
    """Carries out replacements in their order; each sees what the earlier ones wrote.

    Unless ``lenient``, a target whose only pattern is ``.*`` selects nothing: releases of kustomize without patterns in
    targets read it as a name, and what selected nothing then must not select everything now.
    """
    for entry in entries:
        source, targets = entry.get("source"), entry.get("targets")
        if (source is None and entry.get("sourceValue") is None) or targets is None:
            raise KustomizeError("replacements must specify a source and at least one target")
        value = _source_value(resources, entry)
        if not is_scalar(value) and count_nodes(value, _MOST_NODES) >= _MOST_NODES:
            raise KustomizeError(f"replacement source {_wanted(source or {})} holds too much to be copied")
        for target in targets:
            if lenient or not _only_anything(target.get("select")):
                _write(resources, value, target)
    resources.identities_changed()


def _only_anything(select: Mapping[str, Any] | None) -> bool:
    texts = [select.get(key) for key in ("group", "version", "kind", "name", "namespace")] if select else []
    given = [text for text in texts if text]
    return bool(given) and all(text == ".*" for text in given)


def _source_value(resources: Collection, entry: Mapping[str, Any]) -> Value:
    source = entry.get("source")
    literal = entry.get("sourceValue")
    if literal is not None:
        if source is not None:
            raise KustomizeError("value and resource selectors are mutually exclusive")
        return literal
    source = source or {}
    path = source.get("fieldPath") or _DEFAULT_PATH
    resource = _source_resource(resources, source)
    with prefixed("error looking up replacement source"):
        value = look_up(resource.value, smart_split(path))
    if value is MISSING or is_null(value) or value in ({}, []):
        raise KustomizeError(f"fieldPath `{path}` is missing for replacement source {_wanted(source)}")
    return _refined(value, source.get("options"))


def _wanted(entry: Mapping[str, Any]) -> Identity:
    group, version, kind, name, namespace = (
        entry.get(key) or "" for key in ("group", "version", "kind", "name", "namespace")
    )
    return Identity(group, version, kind, name, namespace)


def _source_resource(resources: Collection, source: Mapping[str, Any]) -> Resource:
    wanted = _wanted(source)
    pattern = Gvk(wanted.group, wanted.version, wanted.kind)
    found = None
    for resource in resources:
        if any(_is_selected(identity, pattern, wanted) for identity in resource.identities()):
            if found is not None:
                raise KustomizeError(f"multiple matches for selector {_selector_text(source)}")
            found = resource
    if found is None:
        raise KustomizeError(f"nothing selected by {_selector_text(source)}")
    return found


def _is_selected(identity: Identity, pattern: Gvk, wanted: Identity) -> bool:
    return (
        (not wanted.name or wanted.name == identity.name)
        and (not wanted.namespace or wanted.effective_namespace == (identity.namespace or "default"))
        and pattern.fits(identity.group, identity.version, identity.kind)
    )


def _selector_text(source: Mapping[str, Any]) -> str:
    parts = [str(_wanted(source))]
    if source.get("fieldPath"):
        parts.append(source["fieldPath"])
    options = source.get("options") or {}
    if options.get("delimiter") or options.get("create"):
        create = "true" if options.get("create") else "false"
        parts.append(f"{options.get('delimiter') or ''}({options.get('index') or 0}), create={create}")
    return ":".join(parts)


def _refined(value: Value, options: Mapping[str, Any] | None) -> Value:
    """The piece of the source that the options ask for."""
    delimiter = (options or {}).get("delimiter") or ""
    if not delimiter:
        return value
    if not is_scalar(value):
        raise KustomizeError("delimiter option can only be used with scalar nodes")
    text, index = text_of(value), (options or {}).get("index") or 0
    pieces = text.split(delimiter)
    if not 0 <= index < len(pieces):
        raise KustomizeError(f"options.index {index} is out of bounds for value {text}")
    return pieces[index] if type(value) is str else resolve(pieces[index])


@dataclass(frozen=True, slots=True)
class _Options:
    delimiter: str
    index: int
    create: bool

    @classmethod
    def of(cls, entry: Mapping[str, Any] | None) -> _Options:
        entry = entry or {}
        return cls(entry.get("delimiter") or "", entry.get("index") or 0, bool(entry.get("create")))


def _write(resources: Collection, value: Value, target: Mapping[str, Any]) -> None:
    if target.get("select") is None:
        raise KustomizeError("target must specify resources to select")
    paths = target.get("fieldPaths") or [_DEFAULT_PATH]
    with prefixed("error creating target selector"):
        select = make_selector(target["select"])
        rejects = [make_selector(entry) for entry in target.get("reject") or ()]
    options = _Options.of(target.get("options"))
    for resource in resources:
        if _is_target(resource, select, rejects):
            for path in paths:
                _write_path(resource, value, path, options)


def _is_target(resource: Resource, select: Selector, rejects: Sequence[Selector]) -> bool:
    if not _has_expressions(resource, select):
        return False
    if any(reject.has_expressions and _has_expressions(resource, reject) for reject in rejects):
        return False
    identities = resource.identities()
    for reject in rejects:
        if reject.has_identity and any(map(reject.fits_identity, identities)):
            return False
    return any(map(select.fits_identity, identities))


def _has_expressions(resource: Resource, selector: Selector) -> bool:
    return selector.fits_labels(resource.labels) and selector.fits_annotations(resource.annotations)


def _write_path(resource: Resource, value: Value, path: str, options: _Options) -> None:
    parts = smart_split(path)
    changed = set_in_text(resource.value, parts, value, create=options.create)
    if changed is not None:
        resource.value = changed
        return

    def put(old: Value) -> Value:
        return _put(old, value, options)

    created = ("find or create" if options.create else "find", quoted(path))
    words = f"unable to {created[0]} field {created[1]} in replacement target"
    target = TargetPath(put, value if options.create else MISSING)
    try:
        new = target.apply(resource.value, parts)
    except _PutError as error:
        raise KustomizeError(str(error)) from error
    except KustomizeError:
        with prefixed(words):
            raise
    if not target.found:
        raise KustomizeError(words)
    resource.value = new


class _PutError(KustomizeError):
    """Writing into a field that was found did not work."""


def _put(old: Value, value: Value, options: _Options) -> Value:
    """What stands in a field afterwards; ``MISSING`` is a field that was just made."""
    if options.delimiter:
        if old is not MISSING and not is_scalar(old):
            raise _PutError("delimiter option can only be used with scalar nodes")
        pieces = (text_of(old) if old is not MISSING else "").split(options.delimiter)
        text = text_of(value)
        if options.index < 0:
            pieces.insert(0, text)
        elif options.index >= len(pieces):
            pieces.append(text)
        else:
            pieces[options.index] = text
        joined = options.delimiter.join(pieces)
        value = joined if type(value) is str else resolve(joined)
    if old is MISSING:
        return resolve(text_of(value)) if is_scalar(value) else value
    if is_scalar(old):
        return spelled(old, text_of(value)) if not is_null(old) else resolve(text_of(value))
    return value
