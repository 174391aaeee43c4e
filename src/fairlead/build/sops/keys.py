"""Private keys, and what they open. Keys are in memory only; a GnuPG home lives as long as one build."""

from __future__ import annotations

import base64
import binascii
import hashlib
import shutil
import subprocess
import tempfile
from typing import TYPE_CHECKING, Any, Self

import msgspec

from fairlead.build.sops.errors import AwaitedKeyError, NoKeyError, SopsError
from fairlead.build.sops.metadata import VAULT
from fairlead.build.sops.shamir import combine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.build.sops.metadata import Group, Metadata, Recipient

__all__ = ["AGE_ENDING", "KeyRing", "Keys"]

AGE_ENDING = ".agekey"
_GPG_SECONDS = 30
_LONGEST_FOLDER = 64
VAULT_TOKEN = "sops.vault-token"  # noqa: S105 - the name of an entry
_CLOUD = ("sops.aws-kms", "sops.azure-kv", "sops.gcp-kms")


class Keys(msgspec.Struct, frozen=True):
    """Private keys as they are handed around; their text shows in no representation."""

    age: list[str] = []
    openpgp: list[bytes] = []
    services: list[str] = []
    """Names of the entries of the Secret that hold credentials of key services."""
    verify_mac: bool = True
    vault_token: str = ""
    opened: list[tuple[str, str, bytes]] = []
    """Data keys that key services have opened: address of the key, what was encrypted, and the data key."""

    @classmethod
    def from_secret(cls, data: Mapping[str, bytes], *, verify_mac: bool = True) -> Keys:
        """The keys in a Secret's data: ``*.agekey`` (one identity a line) and ``*.asc``."""
        age = [
            line.strip()
            for name in sorted(data)
            if name.endswith(AGE_ENDING)
            for line in data[name].decode("utf-8", "replace").splitlines()
            if line.strip() and not line.lstrip().startswith("#")
        ]
        openpgp = [data[name] for name in sorted(data) if name.endswith(".asc")]
        token = data.get(VAULT_TOKEN, b"").decode("utf-8", "replace").strip()
        return cls(age, openpgp, [name for name in _CLOUD if name in data], verify_mac, token)

    @property
    def digest(self) -> str:
        """Differs when any of the keys does."""
        return hashlib.sha256(msgspec.msgpack.encode(self)).hexdigest()

    def __repr__(self) -> str:
        return f"Keys(age={len(self.age)}, openpgp={len(self.openpgp)})"


class KeyRing:
    """Opens data keys; a context manager that removes what it had to write for GnuPG."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._identities: list[Any] | None = None
        self._home: str | None = None
        self._opened: dict[tuple[Group, ...], bytes] = {}
        self._by_services = {(address, encrypted): opened for address, encrypted, opened in keys.opened}
        self.values: set[str] = set()
        """All texts that were decrypted with these keys: they must show in no message."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._home is not None:
            self._gpg_tool("gpgconf", "--kill", "all")
            shutil.rmtree(self._home, ignore_errors=True)
            self._home = None

    def data_key(self, metadata: Metadata) -> bytes:
        """Raises :class:`NoKeyError`, which names for whom the file is encrypted.

        It is an :class:`AwaitedKeyError` when a key service has to be asked first.
        """
        known = self._opened.get(metadata.groups)
        if known is None:
            known = self._opened[metadata.groups] = self._open(metadata)
        return known

    def _open(self, metadata: Metadata) -> bytes:
        parts = [part for group in metadata.groups if (part := self._open_group(group)) is not None]
        needed = 1 if len(metadata.groups) == 1 else metadata.threshold
        if len(parts) < needed and (awaited := self._awaited(metadata)):
            raise AwaitedKeyError(awaited)
        if len(metadata.groups) == 1:
            if parts:
                return parts[0]
            raise NoKeyError(self._explanation(metadata.groups[0]))
        if len(parts) < metadata.threshold:
            recipients = tuple(recipient for group in metadata.groups for recipient in group)
            raise NoKeyError(
                f"{len(parts)} of {metadata.threshold} needed key groups could be opened; "
                + self._explanation(recipients)
            )
        return combine(parts[: max(metadata.threshold, 2)])

    def _open_group(self, group: Group) -> bytes | None:
        order = {"age": 0, "pgp": 1}
        for recipient in sorted(group, key=lambda recipient: order.get(recipient.kind, 2)):
            opened = self._open_age(recipient) if recipient.kind == "age" else None
            opened = self._open_pgp(recipient) if recipient.kind == "pgp" else opened
            opened = self._by_services.get((recipient.name, recipient.encrypted), opened)
            if opened is not None:
                return opened
        return None

    def _awaited(self, metadata: Metadata) -> set[tuple[str, str]]:
        """What has not been asked of services whose credentials are here."""
        wanted = {
            (recipient.name, recipient.encrypted)
            for group in metadata.groups
            for recipient in group
            if recipient.kind == VAULT and self._keys.vault_token
        }
        return wanted - self._by_services.keys()

    def _explanation(self, group: Group) -> str:
        wanted = ", ".join(str(recipient) for recipient in group) or "nobody"
        if group and not any(recipient.kind in ("age", "pgp") for recipient in group):
            if any(recipient.kind == VAULT for recipient in group):
                return f"it is encrypted with {wanted}: put a token of that Vault into the Secret as {VAULT_TOKEN}"
            return f"it is encrypted with {wanted}: key services are not supported yet, add an age or OpenPGP recipient"
        if not self._keys.age and not self._keys.openpgp:
            return f"it is encrypted for {wanted}, and spec.decryption.secretRef gives no age or OpenPGP key"
        return f"none of the keys of spec.decryption.secretRef opens it: it is encrypted for {wanted}"

    # -- age -------------------------------------------------------------------------------------------------------

    def _open_age(self, recipient: Recipient) -> bytes | None:
        if not self._keys.age:
            return None
        import pyrage  # a library of 2 MB, wanted by those who decrypt

        if self._identities is None:
            self._identities = [_identity(text) for text in self._keys.age]
        try:
            opened: bytes = pyrage.decrypt(_dearmored(recipient.encrypted), self._identities)
        except pyrage.DecryptError:
            return None
        return opened

    # -- OpenPGP ---------------------------------------------------------------------------------------------------

    def _open_pgp(self, recipient: Recipient) -> bytes | None:
        if not self._keys.openpgp:
            return None
        done = self._gpg("--decrypt", content=recipient.encrypted.encode())
        return done.stdout if done.returncode == 0 else None

    def _gpg(self, *arguments: str, content: bytes) -> subprocess.CompletedProcess[bytes]:
        if self._home is None:
            self._home = tempfile.mkdtemp(prefix="fairlead-gpg-", dir=_short_folder())  # readable by us alone
            for key in self._keys.openpgp:
                if self._gpg_tool("gpg", "--import", content=key).returncode != 0:
                    raise SopsError("spec.decryption.secretRef: a key with the ending .asc cannot be imported by gpg")
        return self._gpg_tool("gpg", *arguments, content=content)

    def _gpg_tool(self, tool: str, *arguments: str, content: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        home = self._home or ""
        quiet = ("--batch", "--no-tty", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "")
        try:
            return subprocess.run(
                [tool, "--homedir", home, *(quiet if tool == "gpg" else ()), *arguments],
                input=content,
                capture_output=True,
                check=False,
                timeout=_GPG_SECONDS,
                env={"GNUPGHOME": home, "HOME": home, "PATH": _path(), "LC_ALL": "C"},
            )
        except FileNotFoundError:
            raise SopsError("files for OpenPGP keys need the program gpg, which is not installed") from None
        except subprocess.TimeoutExpired:
            raise SopsError(f"gpg did not answer within {_GPG_SECONDS} s") from None


def _short_folder() -> str | None:
    """Where GnuPG's home is made: the path of its agent's socket may have some hundred characters only."""
    return "/tmp" if len(tempfile.gettempdir()) > _LONGEST_FOLDER else None  # noqa: S108 - a name of its own is made there


def _path() -> str:
    tool = shutil.which("gpg")
    return f"{tool.rpartition('/')[0]}:/usr/bin:/bin" if tool else "/usr/bin:/bin"


def _identity(text: str) -> Any:
    """An age identity; an error never shows it."""
    import pyrage

    try:
        return pyrage.x25519.Identity.from_str(text)
    except pyrage.IdentityError:
        kind = "post-quantum identities" if text.startswith("AGE-SECRET-KEY-PQ-") else "this kind of identity"
        raise SopsError(f"spec.decryption.secretRef: an .agekey is not usable: {kind} cannot be read") from None


def _dearmored(text: str) -> bytes:
    lines = [line.strip() for line in text.strip().splitlines()]
    if not lines or not lines[0].startswith("-----BEGIN AGE"):
        raise SopsError("the data key for an age recipient is damaged")
    try:
        return base64.b64decode("".join(line for line in lines if not line.startswith("-----")), validate=True)
    except binascii.Error:
        raise SopsError("the data key for an age recipient is damaged") from None
