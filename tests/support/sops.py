"""Encrypts again, for a key of the tests, what somebody encrypted with SOPS for a key that only he has.

The plain values are unknown, so each becomes a stand-in of the same type at the same place; all rules of the file
(which fields, MAC over which values) stay as its owner chose them.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any

import pyrage
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fairlead.build.sops.files import _ONLY_ENCRYPTED
from fairlead.build.sops.values import is_encrypted, mac_bytes
from fairlead.objects.yaml import dump_all, load_all

__all__ = ["Encryptor"]

MODIFIED = "2026-01-01T00:00:00Z"
STAND_INS: dict[str, Any] = {"int": 1, "float": 1.5, "bool": True}
TEXT = "c3RhbmQtaW4="
"""Base64, so that it may stand in ``data`` of a Secret as well."""

PLACES = {
    ("apiVersion",): "v1",
    ("kind",): "Secret",
    ("type",): "Opaque",
    ("metadata", "name"): "stand-in",
    ("metadata", "namespace"): "flux-system",
}
"""Some encrypt whole manifests; they are Secrets as a rule."""


class Encryptor:
    """Makes files for one age identity, ``identity``."""

    def __init__(self) -> None:
        made = pyrage.x25519.Identity.generate()
        self.identity = str(made)
        self._recipient = made.to_public()

    def again(self, text: str) -> str:
        """The YAML file with every encrypted value replaced."""
        documents = load_all(dump_all(load_all(text)))  # in the order in which it is written
        block = next(document["sops"] for document in documents if "sops" in document)
        key = secrets.token_bytes(32)
        only = str(block.get("mac_only_encrypted", "")).lower() == "true"
        digest = hashlib.sha512(_ONLY_ENCRYPTED if only else b"")

        def value(item: Any, path: tuple[str, ...]) -> Any:
            if isinstance(item, dict):
                return {name: value(inner, (*path, name)) for name, inner in item.items()}
            if isinstance(item, list):
                return [value(inner, path) for inner in item]
            if not is_encrypted(item):
                if not only:
                    digest.update(mac_bytes(item))
                return item
            kind = item.rsplit("type:", 1)[1].rstrip("]")
            plain = STAND_INS.get(kind) or PLACES.get(path, TEXT)
            if kind != "comment":
                digest.update(mac_bytes(plain))
            return _token(str(plain).encode(), key, ":".join(path) + ":", kind)

        changed = [
            value({name: item for name, item in document.items() if name != "sops"}, ()) for document in documents
        ]
        rules = {name: item for name, item in block.items() if name.endswith(("_regex", "_suffix", "_encrypted"))}
        sops = {
            **rules,
            "age": [{"recipient": str(self._recipient), "enc": _armored(pyrage.encrypt(key, [self._recipient]))}],
            "lastmodified": MODIFIED,
            "mac": _token(digest.hexdigest().upper().encode(), key, MODIFIED, "str"),
            "version": "3.10.2",
        }
        return dump_all([{**document, "sops": sops} for document in changed])


def _token(plain: bytes, key: bytes, authenticated: str, kind: str) -> str:
    nonce = secrets.token_bytes(32)
    sealed = AESGCM(key).encrypt(nonce, plain, authenticated.encode())
    data, iv, tag = (base64.b64encode(part).decode() for part in (sealed[:-16], nonce, sealed[-16:]))
    return f"ENC[AES256_GCM,data:{data},iv:{iv},tag:{tag},type:{kind}]"


def _armored(sealed: bytes) -> str:
    text = base64.encodebytes(sealed).decode().replace("\n", "")
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN AGE ENCRYPTED FILE-----", *lines, "-----END AGE ENCRYPTED FILE-----", ""])
