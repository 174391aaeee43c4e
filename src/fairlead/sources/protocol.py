"""What is said in Git's smart protocol, version 2 and version 0: building requests, understanding answers.

Facts: gitprotocol-v2(5), gitprotocol-pack(5), gitprotocol-capabilities(5) of Git 2.45. We always say "done" at once:
what the server may leave out is known from the commits that we hold, and one more round trip costs more than a few
objects.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fairlead.sources.errors import GitOperationError
from fairlead.sources.pktline import Mark, pkts
from fairlead.sources.refs import Advertised

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.sources.pktline import PktReader

__all__ = [
    "ALL_HISTORY",
    "Features",
    "FetchRequest",
    "ShallowAnswer",
    "fetch",
    "ls_refs",
    "read_advertisement",
    "read_ls_refs",
    "read_until_pack",
]

ALL_HISTORY = 0x7FFFFFFF
"""The depth that Git itself sends to undo a shallow clone."""

_AGENT = "agent=fairlead"
_MOST_REFS = 1_000_000


@dataclass(frozen=True, slots=True)
class Features:
    """The protocol version and what the server can do: capability to its value."""

    version: int
    capabilities: dict[str, str]

    @property
    def can_filter(self) -> bool:
        return (
            "filter" in self.capabilities.get("fetch", "").split()
            if self.version == 2
            else "filter" in self.capabilities
        )


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """Which objects are wanted, and what is here already."""

    wants: Sequence[str]
    haves: Sequence[str] = ()
    shallow: Sequence[str] = ()
    depth: int = 0
    """Commits of history per want; 0 means all (of what is not here)."""
    filter_spec: str = ""
    """Sent only to servers that can filter."""


@dataclass(slots=True)
class ShallowAnswer:
    """Which commits became shallow or complete, and the first packet of the pack when it was read already."""

    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    first: bytes | None = None

    def take(self, line: str) -> None:
        word, _, commit = line.partition(" ")
        if word == "shallow":
            self.added.append(commit)
        elif word == "unshallow":
            self.removed.append(commit)


async def read_advertisement(reader: PktReader) -> tuple[Features, Advertised | None]:
    """The first answer. Version 0 lists all references in it; version 2 only says what the server can do."""
    lines = await reader.lines()
    if lines and lines[0].startswith("# service="):
        lines = await reader.lines()
    if lines and lines[0] == "version 2":
        features = Features(2, _capabilities(lines[1:]))
        _check_format(features)
        return features, None
    if not lines:
        raise GitOperationError("the server answered with an empty list of capabilities")
    return _read_v0(lines)


def _read_v0(lines: list[str]) -> tuple[Features, Advertised]:
    if lines[0] == "version 1":
        lines = lines[1:]
    first, _, capabilities = lines[0].partition("\0")
    features = Features(0, _capabilities(capabilities.split()))
    _check_format(features)
    refs: dict[str, str] = {}
    peeled: dict[str, str] = {}
    for line in (first, *lines[1:]):
        object_id, _, name = line.partition(" ")
        if object_id == "shallow" or name == "capabilities^{}":
            continue
        _add(refs, peeled, name, object_id)
    return features, Advertised(refs, peeled)


def _add(refs: dict[str, str], peeled: dict[str, str], name: str, object_id: str) -> None:
    if len(object_id) != 40 or not name or any(digit not in "0123456789abcdef" for digit in object_id):
        raise GitOperationError("the server listed a reference that cannot be read")
    if name.endswith("^{}"):
        peeled[name.removesuffix("^{}")] = object_id
    else:
        refs[name] = object_id


def _capabilities(words: Sequence[str]) -> dict[str, str]:
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def _check_format(features: Features) -> None:
    if features.capabilities.get("object-format", "sha1") != "sha1":
        raise GitOperationError("the repository uses SHA-256 object ids, which are not supported")


def ls_refs(features: Features, prefixes: Sequence[str]) -> bytes:
    """The question for references (version 2)."""
    return pkts(
        [
            "command=ls-refs\n",
            *_common(features),
            Mark.DELIMITER,
            "peel\n",
            *(f"ref-prefix {prefix}\n" for prefix in prefixes),
            Mark.FLUSH,
        ]
    )


async def read_ls_refs(reader: PktReader) -> Advertised:
    refs: dict[str, str] = {}
    peeled: dict[str, str] = {}
    while isinstance(data := await reader.read(), bytes):
        object_id, _, rest = data.decode("utf-8", "surrogateescape").rstrip("\n").partition(" ")
        name, *attributes = rest.split(" ")
        if object_id == "unborn":
            continue
        _add(refs, peeled, name, object_id)
        for attribute in attributes:
            if attribute.startswith("peeled:"):
                _add(refs, peeled, f"{name}^{{}}", attribute.removeprefix("peeled:"))
        if len(refs) > _MOST_REFS:
            raise GitOperationError("the server lists too many references")
    if data is None:
        raise GitOperationError("the server broke off while listing references")
    return Advertised(refs, peeled)


def fetch(features: Features, request: FetchRequest) -> bytes:
    """The request for objects."""
    return _fetch_v2(features, request) if features.version == 2 else _fetch_v0(features, request)


def _common(features: Features) -> list[str]:
    return [f"{_AGENT}\n", *(["object-format=sha1\n"] if "object-format" in features.capabilities else [])]


def _fetch_v2(features: Features, request: FetchRequest) -> bytes:
    return pkts(
        [
            "command=fetch\n",
            *_common(features),
            Mark.DELIMITER,
            *("thin-pack\n", "no-progress\n", "ofs-delta\n"),
            *(f"shallow {commit}\n" for commit in request.shallow),
            *([f"deepen {request.depth}\n"] if request.depth else []),
            *([f"filter {request.filter_spec}\n"] if request.filter_spec and features.can_filter else []),
            *(f"want {object_id}\n" for object_id in request.wants),
            *(f"have {commit}\n" for commit in request.haves),
            "done\n",
            Mark.FLUSH,
        ]
    )


def _fetch_v0(features: Features, request: FetchRequest) -> bytes:
    offered = features.capabilities
    wished = ("multi_ack_detailed", "side-band-64k", "thin-pack", "ofs-delta", "no-progress", "shallow")
    if "side-band-64k" not in offered:
        raise GitOperationError("the server is too old: it cannot send errors beside a pack (side-band-64k)")
    words = [word for word in wished if word in offered]
    filtered = [f"filter {request.filter_spec}\n"] if request.filter_spec and features.can_filter else []
    if filtered:
        words.append("filter")
    if "agent" in offered:
        words.append(_AGENT)
    first, *others = request.wants
    return pkts(
        [
            f"want {first} {' '.join(words)}\n",
            *(f"want {object_id}\n" for object_id in others),
            *(f"shallow {commit}\n" for commit in request.shallow),
            *([f"deepen {request.depth}\n"] if request.depth else []),
            *filtered,
            Mark.FLUSH,
            *(f"have {commit}\n" for commit in request.haves),
            "done\n",
        ]
    )


async def read_until_pack(reader: PktReader, features: Features, request: FetchRequest) -> ShallowAnswer:
    """Everything before the pack. With version 0 its first packet is read on the way and handed back."""
    return await _until_pack_v2(reader) if features.version == 2 else await _until_pack_v0(reader, request)


async def _until_pack_v2(reader: PktReader) -> ShallowAnswer:
    answer = ShallowAnswer()
    while True:
        data = await reader.read()
        if data == b"packfile\n":
            return answer
        if data is None or data is Mark.FLUSH:
            raise GitOperationError("the server sent no objects")
        if isinstance(data, bytes):
            answer.take(data.decode("ascii", "replace").rstrip("\n"))


async def _until_pack_v0(reader: PktReader, request: FetchRequest) -> ShallowAnswer:
    answer = ShallowAnswer()
    if request.depth:
        for line in await reader.lines():
            answer.take(line)
    while isinstance(data := await reader.read(), bytes):
        if data[:1] in b"\x01\x02\x03":
            answer.first = data
            return answer
    raise GitOperationError("the server sent no objects")
