"""Single values: ``ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`` and back to what they were.

The key path is authenticated with the value, so a value that was moved to another place does not decrypt there.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

from fairlead.build.sops.errors import SopsError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Comment", "Scalar", "Time", "decrypt_text", "decrypt_value", "from_base64", "is_encrypted", "mac_bytes"]

_ENCRYPTED = re.compile(r"ENC\[AES256_GCM,data:([^,]+),iv:([^,]+),tag:([^,]+),type:([^,\]]+)\]")

Scalar = str | int | float | bool


class Comment(str):
    """A decrypted comment; it does not count for the MAC."""

    __slots__ = ()


class Time(str):
    """A decrypted moment, in RFC 3339."""

    __slots__ = ()


def is_encrypted(value: object) -> bool:
    return isinstance(value, str) and _ENCRYPTED.fullmatch(value) is not None


def decrypt_value(text: str, data_key: bytes, path: Sequence[str]) -> Scalar:
    """Raises :class:`SopsError`, which names the path and never the value. An empty text is never encrypted."""
    return decrypt_text(text, data_key, ":".join(path) + ":", ".".join(path))


def decrypt_text(text: str, data_key: bytes, authenticated: str, name: str) -> Scalar:
    """The same for a text whose place is spelled in another way; ``name`` is for messages."""
    if not text:
        return ""
    from cryptography.exceptions import InvalidTag  # a big library, which few builds need
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    match = _ENCRYPTED.fullmatch(text)
    if match is None:
        raise SopsError(f"the value of '{name}' should be encrypted and is not; encrypt the file again")
    try:
        data, nonce, tag = (base64.b64decode(part, validate=True) for part in match.groups()[:3])
        plain = AESGCM(data_key).decrypt(nonce, data + tag, authenticated.encode())
    except (binascii.Error, ValueError) as error:
        raise SopsError(f"the value of '{name}' is damaged") from error
    except InvalidTag:
        raise SopsError(
            f"the value of '{name}' does not decrypt: it is damaged, or belongs to another key or file"
        ) from None
    return _typed(plain, match[4], name)


def _typed(plain: bytes, kind: str, name: str) -> Scalar:
    try:
        match kind:
            case "str" | "bytes":
                return plain.decode("utf-8", "surrogateescape")
            case "time":
                return Time(plain.decode())
            case "int":
                return int(plain)
            case "float":
                return float(plain)
            case "bool":
                return {b"true": True, b"false": False}[plain.lower()]
            case "comment":
                return Comment(plain.decode("utf-8", "replace"))
    except (ValueError, KeyError):
        raise SopsError(f"the value of '{name}' is not of its type {kind}") from None
    raise SopsError(f"the value of '{name}' has the unknown type {kind}")


def from_base64(value: object) -> bytes | None:
    """A value of a Secret; ``None`` for what is none. Line breaks are allowed, kustomize makes some."""
    if not isinstance(value, str):
        return None
    try:
        return base64.b64decode(value.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        return None


def mac_bytes(value: object) -> bytes:
    """What a value adds to the MAC."""
    if isinstance(value, Comment) or value is None:
        return b""
    if isinstance(value, bool):
        return b"True" if value else b"False"
    if isinstance(value, float):
        return _digits(value).encode()
    return str(value).encode("utf-8", "surrogateescape")


def _digits(value: float) -> str:
    """The shortest digits that read back the same, without an exponent, as Go prints a float."""
    text = repr(value)
    if "e" in text:
        text = f"{value:.400f}".rstrip("0") if abs(value) < 1 else f"{value:.0f}"
        mantissa, exponent = repr(value).split("e")
        digits = mantissa.replace(".", "").replace("-", "")
        sign = "-" if value < 0 else ""
        at = int(exponent)
        text = f"{sign}0.{'0' * (-at - 1)}{digits}" if at < 0 else f"{sign}{digits.ljust(at + 1, '0')}"
    return text.removesuffix(".0").rstrip(".")
