"""Keep values of Secrets out of error messages: the API server quotes what it refuses."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["vet_secret_message"]

_QUOTED_VALUES = re.compile(
    r"""(?P<lead>Invalid\ value:\ |Unsupported\ value:\ |invalid\ character\ )
        (?P<value>"(?:[^"\\]|\\.)*"|'[^']*'|[^\s,;:]+)""",
    re.VERBOSE,
)
_QUOTED_TAIL = re.compile(r"(?P<lead>, got |error found in #|bigger context ).*")


def vet_secret_message(message: str, body: bytes) -> str:
    """The message without what it quotes from a Secret: known patterns first, then every value that we sent."""
    vetted = _QUOTED_VALUES.sub(lambda match: match["lead"] + "***", message)
    vetted = _QUOTED_TAIL.sub(lambda match: match["lead"] + "***", vetted)
    for value in sorted(_values_of_secret(body), key=len, reverse=True):
        vetted = vetted.replace(value, "***")
    return vetted


def _values_of_secret(body: bytes) -> set[str]:
    """The values in ``data`` and ``stringData``, as written and decoded; too short ones cannot be told from text."""
    try:
        manifest = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return set()
    if not isinstance(manifest, dict):
        return set()
    written = {text for section in ("data", "stringData") for text in _leaves(manifest.get(section))}
    return {value for value in written | {_decoded(value) for value in written} if len(value) > 2}


def _leaves(value: Any) -> Iterator[str]:
    """Every scalar below a value, as text: a wrong Secret may hold lists or maps where strings belong."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif value is not None:
        yield str(value)


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
