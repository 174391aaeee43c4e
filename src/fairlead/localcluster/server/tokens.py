"""Bearer tokens: signed tokens of service accounts, and what they say about who bears them."""

from __future__ import annotations

import base64
import time
import uuid
from typing import TYPE_CHECKING, Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from fairlead.localcluster.server.requests import UserInfo
from fairlead.localcluster.storage import decode_body

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.localcluster.storage import Store

__all__ = ["AUDIENCE", "TokenAuthority"]

AUDIENCE = "https://kubernetes.default.svc.cluster.local"
_HALF = 32


class TokenAuthority:
    """Issues and reads tokens (JWT, ES256) with the cluster's signing key."""

    def __init__(self, key_pem: bytes, store: Store) -> None:
        key = serialization.load_pem_private_key(key_pem, password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError("the signing key must be an elliptic curve key")
        self._key = key
        self._store = store
        self._verified: dict[str, dict[str, Any]] = {}

    @staticmethod
    def new_key() -> bytes:
        return ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def issue(
        self, account: dict[str, Any], audiences: Sequence[str], seconds: int, bound: dict[str, Any] | None = None
    ) -> tuple[str, float]:
        """A token of a service account (its decoded object) and when it ends; ``bound`` is what it dies with."""
        metadata = account["metadata"]
        now = time.time()
        claims: dict[str, Any] = {
            "aud": list(audiences) or [AUDIENCE],
            "exp": int(now) + seconds,
            "iat": int(now),
            "nbf": int(now),
            "iss": AUDIENCE,
            "jti": str(uuid.uuid4()),
            "sub": f"system:serviceaccount:{metadata['namespace']}:{metadata['name']}",
            "kubernetes.io": {
                "namespace": metadata["namespace"],
                "serviceaccount": {"name": metadata["name"], "uid": metadata["uid"]},
            },
        }
        if bound:
            claims["kubernetes.io"][bound["kind"].lower()] = {"name": bound["name"], "uid": bound.get("uid", "")}
        return self._sign(claims), now + seconds

    def _sign(self, claims: dict[str, Any]) -> str:
        parts = [_pack(msgspec.json.encode({"alg": "ES256", "typ": "JWT"})), _pack(msgspec.json.encode(claims))]
        message = ".".join(parts).encode()
        r, s = decode_dss_signature(self._key.sign(message, ec.ECDSA(hashes.SHA256())))
        return ".".join([*parts, _pack(r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big"))])

    def claims(self, token: str) -> dict[str, Any] | None:
        """The claims of a token that this cluster signed and that has not ended; ``None`` for any other."""
        known = self._verified.get(token)
        if known is None:
            known = self._verify(token)
            if known is None:
                return None
            if len(self._verified) > 1000:
                self._verified.clear()
            self._verified[token] = known
        return known if known["exp"] > time.time() else None

    def _verify(self, token: str) -> dict[str, Any] | None:
        try:
            header, body, signature = token.split(".")
            raw = _unpack(signature)
            encoded = encode_dss_signature(int.from_bytes(raw[:_HALF], "big"), int.from_bytes(raw[_HALF:], "big"))
            self._key.public_key().verify(encoded, f"{header}.{body}".encode(), ec.ECDSA(hashes.SHA256()))
            claims = msgspec.json.decode(_unpack(body), type=dict[str, Any])
        except (ValueError, InvalidSignature, msgspec.DecodeError):
            return None
        return claims

    def user(self, token: str) -> UserInfo | None:
        """The service account that a token speaks for; ``None`` when it is wrong, ended or its account is gone."""
        claims = self.claims(token)
        if claims is None:
            return None
        account = claims["kubernetes.io"]["serviceaccount"]
        namespace = claims["kubernetes.io"]["namespace"]
        stored = self._store.collection("serviceaccounts").get(namespace, account["name"])
        if stored is None or decode_body(stored.body)["metadata"]["uid"] != account["uid"]:
            return None
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
        extra = {"authentication.kubernetes.io/credential-id": [f"JTI={claims['jti']}"]}
        return UserInfo(claims["sub"], groups, account["uid"], extra)


def _pack(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _unpack(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
