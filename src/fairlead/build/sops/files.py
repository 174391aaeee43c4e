"""Whole files: decrypt every value, compare the MAC, write the result in the wanted format."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any

from fairlead.build.sops.errors import MacError, SopsError
from fairlead.build.sops.rewrite import rewritten
from fairlead.build.sops.stores import Format, emit, parse, parts
from fairlead.build.sops.values import Comment, decrypt_text, decrypt_value, mac_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.build.sops.keys import KeyRing
    from fairlead.build.sops.metadata import Metadata
    from fairlead.build.sops.stores import Encrypted

__all__ = ["Format", "decrypt_documents", "decrypt_file", "decrypt_object", "detect", "format_for", "verify"]

_MARKERS = (
    (Format.JSON, b'"mac": "ENC['),
    (Format.YAML, b"mac: ENC["),
    (Format.DOTENV, b"sops_mac=ENC["),
    (Format.INI, b"[sops]"),
)
_ENDINGS = {
    ".yaml": Format.YAML,
    ".yml": Format.YAML,
    ".json": Format.JSON,
    ".dockerconfigjson": Format.JSON,
    ".env": Format.DOTENV,
    ".ini": Format.INI,
}
_ONLY_ENCRYPTED = hashlib.sha256(b"sops").digest()
"""What a MAC over the encrypted values alone begins with."""

_MOST_GUESSES = 100_000
"""How often a comment's place is guessed in one file."""


def detect(content: bytes) -> Format | None:
    """The format of an encrypted file by the marks that it carries; ``None`` for one that is not encrypted."""
    return next((format for format, marker in _MARKERS if marker in content), None)


def format_for(name: str) -> Format:
    """The format that a file's name tells."""
    base = name.rpartition("/")[2]
    return next((format for ending, format in _ENDINGS.items() if base.endswith(ending)), Format.BINARY)


def decrypt_file(content: bytes, ring: KeyRing, read: Format, write: Format, *, verify_mac: bool = True) -> bytes:
    """The plain content; raises :class:`SopsError`."""
    walk, documents = _decrypted(content, ring, read, verify_mac=verify_mac)
    if read is write:
        text = content.decode("utf-8", "surrogateescape")
        if (kept := rewritten(text, read, walk.found, walk.comment)) is not None:
            return kept.encode("utf-8", "surrogateescape")
    return emit(documents, write)


def decrypt_documents(content: bytes, ring: KeyRing, read: Format, *, verify_mac: bool = True) -> list[dict[str, Any]]:
    """The plain values of a file."""
    return _decrypted(content, ring, read, verify_mac=verify_mac)[1]


def verify(content: bytes, ring: KeyRing, read: Format) -> None:
    """Compare the MACs of what is encrypted in a file of manifests; raises :class:`SopsError`."""
    for encrypted in parts(content, read):
        _walked(encrypted, ring)[0].compare()


def _decrypted(content: bytes, ring: KeyRing, read: Format, *, verify_mac: bool) -> tuple[_Walk, list[dict[str, Any]]]:
    walk, plain = _walked(parse(content, read), ring)
    if verify_mac:
        walk.compare()
    return walk, plain


def _walked(encrypted: Encrypted, ring: KeyRing) -> tuple[_Walk, list[dict[str, Any]]]:
    walk = _Walk(encrypted.metadata, ring.data_key(encrypted.metadata))
    try:
        plain = [walk.branch(document, ()) for document in encrypted.documents]
    except RecursionError:
        raise SopsError("it is nested too deeply") from None
    ring.values.update(walk.texts())
    return walk, plain


def decrypt_object(manifest: dict[str, Any], metadata: Metadata, ring: KeyRing) -> tuple[dict[str, Any], set[str]]:
    """A built object without its ``sops`` field, and the texts that were encrypted.

    Its MAC cannot be compared: the build may have changed the object.
    """
    walk = _Walk(metadata, ring.data_key(metadata))
    plain = walk.branch({key: value for key, value in manifest.items() if key != "sops"}, ())
    texts = set(walk.texts())
    ring.values |= texts
    return plain, texts


class _Walk:
    """Goes through the values in their order and adds up the MAC."""

    def __init__(self, metadata: Metadata, data_key: bytes) -> None:
        self._metadata = metadata
        self._data_key = data_key
        self._hash = hashlib.sha512(_ONLY_ENCRYPTED if metadata.mac_only_encrypted else b"")
        self._branches: set[tuple[str, ...]] = {()}
        self._guesses = 0
        self.found: list[Any] = []
        """The decrypted values in the order of the file."""

    def branch(self, value: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
        self._branches.add(path)
        return {key: self._value(item, (*path, key)) for key, item in value.items()}

    def _value(self, value: Any, path: tuple[str, ...]) -> Any:
        if isinstance(value, dict):
            return self.branch(value, path)
        if isinstance(value, list):
            self._branches.add(path)
            items = [self._value(item, path) for item in value]
            return [item for item in items if not isinstance(item, Comment)]
        return None if value is None else self._leaf(value, path)

    def _leaf(self, value: Any, path: tuple[str, ...]) -> Any:
        encrypted = self._metadata.encrypts(path, value)
        if encrypted:
            if not isinstance(value, str):
                name = ".".join(path)
                raise SopsError(f"the value of '{name}' should be encrypted and is not; encrypt the file again")
            is_token = bool(value)
            value = decrypt_value(value, self._data_key, path)
            if is_token and not isinstance(value, Comment):
                self.found.append(value)
        if encrypted or not self._metadata.mac_only_encrypted:
            self._hash.update(mac_bytes(value))
        return value

    def texts(self) -> Iterator[str]:
        """The decrypted values that a message could quote."""
        return (str(value) for value in self.found if not isinstance(value, bool))

    def comment(self, text: str) -> str | None:
        """A comment in plain. It is authenticated with the path of what it stands in, which a text does not tell."""
        for path in self._branches:
            self._guesses += 1
            if self._guesses > _MOST_GUESSES:
                return None
            try:
                return str(decrypt_value(text, self._data_key, path))
            except SopsError:
                continue
        return None

    def compare(self) -> None:
        """Raises :class:`MacError` when the file is not as it was encrypted."""
        if not self._metadata.mac:
            raise MacError("it has no MAC; encrypt the file again")
        try:
            said = str(decrypt_text(self._metadata.mac, self._data_key, self._metadata.modified, "sops.mac"))
        except SopsError as error:
            raise MacError(f"its MAC cannot be read: {error}") from error
        if not hmac.compare_digest(said.upper().encode(), self._hash.hexdigest().upper().encode()):
            raise MacError("its MAC does not fit its values: the file was changed after it was encrypted")
