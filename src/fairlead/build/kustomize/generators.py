"""ConfigMaps and Secrets from literals, files and env files."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

from .errors import KustomizeError, prefixed
from .golang import quoted
from .resource import Resource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Read = Callable[[str], bytes]

__all__ = ["make_config_map", "make_secret", "merge_options"]

_LINE_LENGTH: Final = 70
_LONGEST_ENV_LINE: Final = 64 * 1024


def make_config_map(entry: Mapping[str, Any], read: Read) -> Resource:
    value = _base(entry, "ConfigMap")
    data, binary = {}, {}
    for key, content in sorted(_pairs(entry, "configmap", read).items()):
        try:
            data[key] = content.decode()
        except UnicodeDecodeError:
            binary[key] = _base64(content)
    if data:
        value["data"] = data
    if binary:
        value["binaryData"] = binary
    return _finished(value, entry)


def make_secret(entry: Mapping[str, Any], read: Read) -> Resource:
    value = _base(entry, "Secret")
    value["type"] = entry.get("type") or "Opaque"
    pairs = _pairs(entry, "secret", read)
    value["data"] = {key: _base64(pairs[key]) for key in sorted(pairs)}
    return _finished(value, entry)


def merge_options(local: Mapping[str, Any] | None, shared: Mapping[str, Any] | None) -> dict[str, Any]:
    """The options of one generator: its own labels and annotations win, its booleans cannot switch shared ones off."""
    local, shared = local or {}, shared or {}
    result = dict(local)
    for key in ("labels", "annotations"):
        merged = {**(shared.get(key) or {}), **(local.get(key) or {})}
        if merged:
            result[key] = merged
    for key in ("disableNameSuffixHash", "immutable"):
        result[key] = bool(local.get(key) or shared.get(key))
    return result


def _base(entry: Mapping[str, Any], kind: str) -> dict[str, Any]:
    name = entry.get("name") or ""
    if not name:
        raise KustomizeError(f"a {'configmap' if kind == 'ConfigMap' else 'secret'} must have a name")
    metadata: dict[str, Any] = {"name": name}
    if entry.get("namespace"):
        metadata["namespace"] = entry["namespace"]
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata}


def _finished(value: dict[str, Any], entry: Mapping[str, Any]) -> Resource:
    options = entry.get("options") or {}
    for key in ("labels", "annotations"):
        if options.get(key):
            value["metadata"][key] = dict(sorted(options[key].items()))
    if options.get("immutable"):
        value["immutable"] = True
    resource = Resource(value)
    resource.needs_hash = not options.get("disableNameSuffixHash")
    behavior = entry.get("behavior") or ""
    resource.behavior = behavior if behavior in ("create", "merge", "replace") else "unspecified"
    return resource


def _base64(content: bytes) -> str:
    """Base64; folded, with a line feed at the end, when it is longer than a line."""
    text = base64.b64encode(content).decode()
    if len(text) <= _LINE_LENGTH:
        return text
    return "".join(text[at : at + _LINE_LENGTH] + "\n" for at in range(0, len(text), _LINE_LENGTH))


def _pairs(entry: Mapping[str, Any], what: str, read: Read) -> dict[str, bytes]:
    """All keys with their content, in the order env files, literals, files; a key may come only once."""
    result: dict[str, bytes] = {}
    with prefixed("loading KV pairs"):
        pairs = list(_all_pairs(entry, read))
    for key, content in pairs:
        if key in result:
            raise KustomizeError(f"{what} {entry.get('name')} illegally repeats the key `{key}`")
        result[key] = content
    return result


def _all_pairs(entry: Mapping[str, Any], read: Read) -> Iterable[tuple[str, bytes]]:
    envs = entry.get("envs") or []
    with prefixed(f"env source files: {_go_list(envs)}"):
        for path in envs:
            yield from _env_pairs(read(path))
    literals = entry.get("literals") or []
    with prefixed(f"literal sources {_go_list(literals)}"):
        for text in literals:
            yield _literal_pair(text)
    sources = entry.get("files") or []
    with prefixed(f"file sources: {_go_list(sources)}"):
        for source in sources:
            key, path = _file_source(source)
            yield key, read(path)


def _go_list(texts: Sequence[str]) -> str:
    return "[" + " ".join(texts) + "]"


def _literal_pair(text: str) -> tuple[str, bytes]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise KustomizeError(f"invalid literal source {text}, expected key=value")
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return key, value.encode(errors="surrogateescape")


def _file_source(text: str) -> tuple[str, str]:
    """Key and path of a file; the key is the file's name unless one is given."""
    if text.count("=") > 1:
        raise KustomizeError(f"source {quoted(text)} key name or file path contains '='")
    key, equals, path = text.partition("=")
    if not equals:
        return text.rstrip("/").rpartition("/")[2], text
    if not key:
        raise KustomizeError(f"missing key name for file path {quoted(path)} in source {quoted(text)}")
    if not path:
        raise KustomizeError(f"missing file path for key name {quoted(key)} in source {quoted(text)}")
    return key, path


def _env_pairs(content: bytes) -> Iterable[tuple[str, bytes]]:
    lines = content.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    for number, line in enumerate(lines):
        if len(line) >= _LONGEST_ENV_LINE:
            return
        line = line.removesuffix(b"\r")
        try:
            line.decode()
        except UnicodeDecodeError as error:
            raise KustomizeError(f"line {number + 1} has invalid utf8 bytes") from error
        if number == 0:
            line = line.removeprefix(b"\xef\xbb\xbf")
        line = line.decode().lstrip().encode()
        if not line or line.startswith(b"#"):
            continue
        key, _, value = line.partition(b"=")
        if not key:
            continue
        yield key.decode(), value
