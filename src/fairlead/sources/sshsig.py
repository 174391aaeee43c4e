"""OpenSSH's signature format (PROTOCOL.sshsig of OpenSSH 9): who signed these bytes?"""

from __future__ import annotations

import base64
import binascii
import hashlib
import itertools
import struct
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SignatureError", "verify"]

_MAGIC = b"SSHSIG"
_NAMESPACE = b"git"
_SMALLEST_RSA_BITS = 2048
_CURVE_HASHES: dict[str, hashes.HashAlgorithm] = {
    "secp256r1": hashes.SHA256(),
    "secp384r1": hashes.SHA384(),
    "secp521r1": hashes.SHA512(),
}


class SignatureError(ValueError):
    """The signature cannot be read, is wrong, or was made by a key that is not in the list."""


def verify(armored: bytes, payload: bytes, authorized: Sequence[bytes]) -> str:
    """The fingerprint (``SHA256:…``) of the key that signed ``payload``, if it is one of ``authorized``.

    ``authorized`` are the contents of files with lines as in ``authorized_keys``.
    """
    signature = _Reader(_unarmor(armored))
    if signature.take(len(_MAGIC)) != _MAGIC or signature.number() != 1:
        raise SignatureError("the SSH signature has an unknown format")
    key, namespace, reserved, hash_name, blob = (signature.string() for _ in range(5))
    if namespace != _NAMESPACE:
        raise SignatureError("the SSH signature was not made for Git")
    if hash_name not in (b"sha256", b"sha512"):
        raise SignatureError("the SSH signature uses an unknown hash")
    fingerprint = "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")
    if key not in _authorized_keys(authorized):
        raise SignatureError(f"the key {fingerprint} is not trusted")
    digest = hashlib.new(hash_name.decode(), payload).digest()
    signed = _MAGIC + b"".join(_string(part) for part in (namespace, reserved, hash_name, digest))
    _verify_blob(key, blob, signed)
    return fingerprint


def _authorized_keys(files: Sequence[bytes]) -> set[bytes]:
    """The key blobs of all lines; options before the key and comments behind it do not matter."""
    found: set[bytes] = set()
    for line in (line for file in files for line in file.splitlines()):
        words = line.split()
        for kind, text in itertools.pairwise(words):
            try:
                blob = base64.b64decode(text, validate=True)
            except binascii.Error:
                continue
            if blob.startswith(_string(kind)):
                found.add(blob)
    return found


def _verify_blob(key: bytes, blob: bytes, signed: bytes) -> None:
    kind = _Reader(key).string()
    reader = _Reader(blob)
    algorithm, signature = reader.string(), reader.string()
    try:
        public = load_ssh_public_key(kind + b" " + base64.b64encode(key))
        if isinstance(public, ed25519.Ed25519PublicKey) and algorithm == b"ssh-ed25519":
            public.verify(signature, signed)
        elif isinstance(public, rsa.RSAPublicKey):
            _verify_rsa(public, algorithm, signature, signed)
        elif isinstance(public, ec.EllipticCurvePublicKey) and algorithm == kind:
            numbers = _Reader(signature)
            r, s = (int.from_bytes(numbers.string(), "big") for _ in range(2))
            public.verify(utils.encode_dss_signature(r, s), signed, ec.ECDSA(_CURVE_HASHES[public.curve.name]))
        else:
            raise SignatureError(f"SSH signatures of kind {algorithm.decode('ascii', 'replace')} are not supported")
    except InvalidSignature:
        raise SignatureError("the SSH signature is wrong") from None
    except (UnsupportedAlgorithm, ValueError) as error:
        if isinstance(error, SignatureError):
            raise
        raise SignatureError(f"the SSH key cannot be read: {error}") from None


def _verify_rsa(public: rsa.RSAPublicKey, algorithm: bytes, signature: bytes, signed: bytes) -> None:
    known: dict[bytes, hashes.HashAlgorithm] = {b"rsa-sha2-256": hashes.SHA256(), b"rsa-sha2-512": hashes.SHA512()}
    if algorithm not in known or public.key_size < _SMALLEST_RSA_BITS:
        raise SignatureError("the SSH signature uses RSA with SHA-1 or a short key")
    public.verify(signature, signed, padding.PKCS1v15(), known[algorithm])


def _unarmor(armored: bytes) -> bytes:
    lines = [line.strip() for line in armored.strip().splitlines()]
    if len(lines) < 3 or lines[0] != b"-----BEGIN SSH SIGNATURE-----" or lines[-1] != b"-----END SSH SIGNATURE-----":
        raise SignatureError("the SSH signature has no armor")
    try:
        return base64.b64decode(b"".join(lines[1:-1]), validate=True)
    except binascii.Error:
        raise SignatureError("the SSH signature is damaged") from None


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def take(self, count: int) -> bytes:
        end = self._position + count
        if end > len(self._data):
            raise SignatureError("the SSH signature is cut off")
        found = self._data[self._position : end]
        self._position = end
        return found

    def number(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def string(self) -> bytes:
        return self.take(self.number())
