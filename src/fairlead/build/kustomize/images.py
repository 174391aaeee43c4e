"""The ``images`` transformer: new names, tags and digests for container images.

Two passes, as in kustomize: every ``containers`` and ``initContainers`` list at any depth, then the fields of the
specs. A tag suffix therefore lands twice where both reach.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from .errors import KustomizeError
from .fieldpaths import apply_spec
from .regex import Pattern, compile_pattern
from .transformers import require_scalar
from .values import Value, is_null, resolve, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .collection import Collection
    from .fieldpaths import FieldSpec

__all__ = ["set_image", "split_image"]

_LISTS: Final = frozenset(["containers", "initContainers"])
_UNTOUCHED_KIND: Final = "CustomResourceDefinition"


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: Pattern
    name: str
    tag: str
    digest: str
    suffix: str


def set_image(resources: Collection, entry: Mapping[str, Any], specs: Sequence[FieldSpec]) -> None:
    """Carries out one entry of ``images``."""
    rule = _rule(entry)
    if rule is None:
        return
    rewrite = partial(_rewrite, rule)
    for resource in resources:
        if resource.kind == _UNTOUCHED_KIND:
            continue
        resource.value = _in_containers(resource.value, rule)
        for spec in specs:
            apply_spec(resource, spec, rewrite)


def _rule(entry: Mapping[str, Any]) -> _Rule | None:
    """The name is a regular expression; one that cannot be read fits nothing."""
    expression = f"^{entry.get('name') or ''}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$"
    try:
        pattern = compile_pattern(expression, whole=False)
    except KustomizeError:
        return None
    texts = {key: entry.get(key) or "" for key in ("newName", "newTag", "digest", "tagSuffix")}
    return _Rule(pattern, texts["newName"], texts["newTag"], texts["digest"], texts["tagSuffix"])


def _in_containers(value: Value, rule: _Rule) -> Value:
    """The value with the images of all container lists below rewritten; the same object when there are none."""
    kind = type(value)
    if kind is dict:
        changed = None
        for key, item in value.items():
            if type(item) is str:
                continue
            new = _in_containers(item, rule)
            if key in _LISTS and type(new) is list:
                new = _in_list(new, rule)
            if new is not item:
                changed = changed or dict(value)
                changed[key] = new
        return value if changed is None else changed
    if kind is list:
        items = [_in_containers(item, rule) if type(item) is not str else item for item in value]
        return value if all(a is b for a, b in zip(items, value, strict=True)) else items
    return value


def _in_list(items: list[Value], rule: _Rule) -> list[Value]:
    result = []
    for item in items:
        if not isinstance(item, dict):
            if not is_null(item):
                raise KustomizeError("wrong node kind: expected MappingNode but got ScalarNode")
        elif "image" in item:
            image = _rewrite(rule, item["image"])
            if image is not item["image"]:
                item = {**item, "image": image}
        result.append(item)
    return result if any(new is not old for new, old in zip(result, items, strict=True)) else items


def _rewrite(rule: _Rule, value: Value) -> Value:
    if is_null(value):
        return value
    require_scalar(value)
    text = text_of(value)
    if not rule.pattern.fits(text):
        return value
    name, tag, digest = split_image(text)
    name = rule.name or name
    if rule.tag and rule.digest:
        tag, digest = rule.tag, rule.digest
    elif rule.tag:
        tag, digest = rule.tag, ""
    elif rule.digest:
        tag, digest = "", rule.digest
    elif rule.suffix:
        tag, digest = tag + rule.suffix, ""
    return resolve(name + (f":{tag}" if tag else "") + (f"@{digest}" if digest else ""))


def split_image(image: str) -> tuple[str, str, str]:
    """Name, tag and digest; a registry's port belongs to the name."""
    slash = max(image.find("/"), 0)
    digest_at, tag_at = image.find("@", slash), image.find(":", slash)
    if digest_at >= 0 and (digest_at < tag_at or tag_at < 0):
        return image[:digest_at], "", image[digest_at + 1 :]
    if digest_at >= 0:
        return image[:tag_at], image[tag_at + 1 : digest_at], image[digest_at + 1 :]
    if tag_at >= 0:
        return image[:tag_at], image[tag_at + 1 :], ""
    return image, "", ""
