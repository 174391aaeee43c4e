"""Bearer tokens: signed tokens of service accounts, and what they say about who bears them."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fairlead.localcluster.server.jose import sign, verified_claims, web_key
from fairlead.localcluster.server.requests import CREDENTIAL_ID, UserInfo
from fairlead.localcluster.storage import decode_body

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.localcluster.storage import Store

__all__ = ["ISSUER", "TokenAuthority"]

ISSUER = "https://kubernetes.default.svc.cluster.local"
"""Who signs, and for whom tokens are when nobody says otherwise."""


class TokenAuthority:
    """Issues and reads tokens (JWT, ES256) with the cluster's signing key."""

    def __init__(self, key_pem: bytes, store: Store, issuer: str = ISSUER) -> None:
        key = serialization.load_pem_private_key(key_pem, password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError("the signing key must be an elliptic curve key")
        self.issuer = issuer
        self._key = key
        self._store = store
        self._verified: dict[str, dict[str, Any]] = {}

    @staticmethod
    def new_key() -> bytes:
        return ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def web_keys(self) -> dict[str, Any]:
        """What others need to know to trust these tokens."""
        return {"keys": [web_key(self._key.public_key())]}

    def issue(
        self, account: dict[str, Any], audiences: Sequence[str], seconds: int, bound: dict[str, Any] | None = None
    ) -> tuple[str, float]:
        """A token of a service account (its decoded object) and when it ends; ``bound`` is what it dies with."""
        metadata = account["metadata"]
        now = time.time()
        claims: dict[str, Any] = {
            "aud": list(audiences) or [self.issuer],
            "exp": int(now) + seconds,
            "iat": int(now),
            "nbf": int(now),
            "iss": self.issuer,
            "jti": str(uuid.uuid4()),
            "sub": f"system:serviceaccount:{metadata['namespace']}:{metadata['name']}",
            "kubernetes.io": {
                "namespace": metadata["namespace"],
                "serviceaccount": {"name": metadata["name"], "uid": metadata["uid"]},
            },
        }
        if bound:
            claims["kubernetes.io"][bound["kind"].lower()] = {"name": bound["name"], "uid": bound.get("uid", "")}
        return sign(claims, self._key), now + seconds

    def claims(self, token: str) -> dict[str, Any] | None:
        """The claims of a token that this cluster signed and that has not ended; ``None`` for any other."""
        known = self._verified.get(token)
        if known is None:
            known = verified_claims(token, [self._key.public_key()])
            if known is None:
                return None
            if len(self._verified) > 1000:
                self._verified.clear()
            self._verified[token] = known
        return known if known["exp"] > time.time() else None

    def audiences(self, token: str, wanted: Sequence[str] = ()) -> list[str]:
        """For which of those that are wanted a token is; by default, whether it is for this server."""
        claims = self.claims(token)
        return [] if claims is None else [one for one in wanted or [self.issuer] if one in claims["aud"]]

    def user(self, token: str, audiences: Sequence[str] = ()) -> UserInfo | None:
        """The service account that a token speaks for; ``None`` when it is wrong, ended, meant for others than
        ``audiences`` (this server by default), or its account is gone."""
        claims = self.claims(token)
        if claims is None or not self.audiences(token, audiences):
            return None
        account = claims["kubernetes.io"]["serviceaccount"]
        namespace = claims["kubernetes.io"]["namespace"]
        stored = self._store.collection("serviceaccounts").get(namespace, account["name"])
        if stored is None or decode_body(stored.body)["metadata"]["uid"] != account["uid"]:
            return None
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
        extra = {CREDENTIAL_ID: [f"JTI={claims['jti']}"]}
        return UserInfo(claims["sub"], groups, account["uid"], extra)
