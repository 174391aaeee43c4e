"""What a build does about encryption: before it, for the files that generators and patches read; after it, for objects.

Manifests are built as they are and decrypted afterwards, as in Flux. The files that they came from are checked: a file
whose MAC does not fit fails the build, for somebody without the key has changed it.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Self

from fairlead.build.sops.errors import AwaitedKeyError, NoKeyError, SopsError
from fairlead.build.sops.files import Format, decrypt_file, decrypt_object, detect, format_for, verify
from fairlead.build.sops.keys import KeyRing
from fairlead.build.sops.metadata import Metadata
from fairlead.build.sops.values import from_base64
from fairlead.errors import BuildError
from fairlead.objects.manifest import is_secret
from fairlead.objects.redact import Redactor
from fairlead.objects.ref import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fairlead.build.sops.keys import Keys
    from fairlead.objects.manifest import Manifest
    from fairlead.objects.tree import Tree

__all__ = ["MAX_BYTES", "Opener"]

MAX_BYTES = 5 << 20
"""The largest encrypted file that is read, as in Flux."""
_MANIFESTS = (".yaml", ".yml", ".json")


class Opener:
    """Decrypts for one build; a context manager. Errors name the file or the object and never a value."""

    def __init__(self, keys: Keys) -> None:
        self._ring = KeyRing(keys)
        self._verify_mac = keys.verify_mac
        self._sensitive: set[str] = set()
        self._awaited: set[tuple[str, str]] = set()

    def __enter__(self) -> Self:
        self._ring.__enter__()
        return self

    def __exit__(self, *details: object) -> None:
        self._ring.__exit__(*details)

    @property
    def sensitive(self) -> frozenset[str]:
        """Decrypted values in objects that are no Secrets, whose values nobody else takes care of."""
        return frozenset(self._sensitive)

    @property
    def awaited(self) -> frozenset[tuple[str, str]]:
        """What key services have to open first. What needs it stays encrypted, and the build is not to be used."""
        return frozenset(self._awaited)

    def redacted(self, error: BuildError) -> BuildError:
        """The error without any value that was decrypted: builds quote what they cannot use."""
        text = Redactor(self._ring.values).text(str(error))
        return error if text == str(error) else BuildError(text)

    def file(self, tree: Tree, path: str, write: Format) -> bytes | None:
        """The plain content of an encrypted file in a format; ``None`` for one that is not encrypted."""
        content = tree.read(path)
        read = detect(content)
        if read is None:
            return None
        try:
            _check_size(len(content))
            return decrypt_file(content, self._ring, read, write, verify_mac=self._verify_mac)
        except AwaitedKeyError as error:
            self._awaited |= error.wanted
            return None
        except SopsError as error:
            raise type(error)(f"{path} cannot be decrypted: {error}") from error

    def verify(self, tree: Tree, paths: Iterable[str]) -> None:
        """Compare the MACs of the manifests among these files."""
        for path in sorted(paths) if self._verify_mac else ():
            if not path.endswith(_MANIFESTS):
                continue
            content = tree.read(path)
            read = detect(content)
            if read not in (Format.YAML, Format.JSON):
                continue
            try:
                _check_size(len(content))
                verify(content, self._ring, read)
            except NoKeyError:
                continue  # whoever needs the values will say so; a ConfigMap may hold the file as it is
            except SopsError as error:
                raise type(error)(f"{path} cannot be decrypted: {error}") from error

    def object(self, manifest: Manifest) -> Manifest:
        """The object in plain; the very same when nothing in it is encrypted."""
        block = manifest.get("sops")
        try:
            if isinstance(block, dict) and block.get("mac"):
                return self._opened(manifest, Metadata.of(block))
            return self._secret(manifest) if is_secret(manifest) else manifest
        except AwaitedKeyError as error:
            self._awaited |= error.wanted
            return manifest
        except SopsError as error:
            raise type(error)(f"{ObjectRef.of(manifest)} cannot be decrypted: {error}") from error

    def _opened(self, manifest: Manifest, metadata: Metadata) -> Manifest:
        plain, texts = decrypt_object(manifest, metadata, self._ring)
        if not is_secret(manifest):
            self._sensitive.update(texts)
        return plain

    def _secret(self, manifest: Manifest) -> Manifest:
        """A Secret some of whose values are whole encrypted files."""
        data = manifest.get("data")
        if not isinstance(data, dict):
            return manifest
        opened = {key: plain for key, value in data.items() if (plain := self._value(key, value)) is not None}
        return {**manifest, "data": {**data, **opened}} if opened else manifest

    def _value(self, key: str, value: Any) -> str | None:
        content = from_base64(value)
        read = detect(content) if content is not None else None
        if content is None or read is None:
            return None  # what is no base64 is told by the API server
        try:
            plain = decrypt_file(content, self._ring, read, format_for(key), verify_mac=self._verify_mac)
        except AwaitedKeyError:
            raise
        except SopsError as error:
            raise type(error)(f"data.{key}: {error}") from error
        return base64.b64encode(plain).decode()


def _check_size(count: int) -> None:
    if count > MAX_BYTES:
        raise SopsError(f"it has {count} bytes, and encrypted files may have {MAX_BYTES} at most")
