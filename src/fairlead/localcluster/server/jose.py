"""Signed tokens on the wire (JWS, RFC 7515) and the public keys that prove them (JWK, RFC 7517).

Two algorithms are known: ES256, with which the local cluster signs, and RS256, with which the real server mostly does.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["PublicKey", "key_id", "public_key", "sign", "unverified_parts", "verified_claims", "web_key"]

PublicKey: TypeAlias = ec.EllipticCurvePublicKey | rsa.RSAPublicKey
Claims = dict[str, Any]

_HALF = 32


def sign(claims: Claims, key: ec.EllipticCurvePrivateKey) -> str:
    header = {"alg": "ES256", "typ": "JWT", "kid": key_id(key.public_key())}
    parts = [_pack(msgspec.json.encode(header)), _pack(msgspec.json.encode(claims))]
    r, s = decode_dss_signature(key.sign(".".join(parts).encode(), ec.ECDSA(hashes.SHA256())))
    return ".".join([*parts, _pack(r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big"))])


def unverified_parts(token: str) -> tuple[Claims, Claims] | None:
    """Header and claims as they are written, which proves nothing; ``None`` when it is no such token."""
    try:
        header, body, _ = token.split(".")
        return _object(header), _object(body)
    except (ValueError, msgspec.DecodeError):
        return None


def verified_claims(token: str, keys: Iterable[PublicKey]) -> Claims | None:
    """The claims of a token that one of the keys signed; times and audiences are the caller's to check."""
    parts = unverified_parts(token)
    if parts is None:
        return None
    header, claims = parts
    signed, _, signature = token.rpartition(".")
    try:
        raw = _unpack(signature)
    except ValueError:
        return None
    known = any(_proves(key, header.get("alg"), signed.encode(), raw) for key in keys)
    return claims if known else None


def _proves(key: PublicKey, algorithm: object, signed: bytes, signature: bytes) -> bool:
    """The kind of the key decides on the algorithm; a header that says otherwise is not believed."""
    try:
        if isinstance(key, rsa.RSAPublicKey):
            if algorithm != "RS256":
                return False
            key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
            return True
        if algorithm != "ES256" or len(signature) != 2 * _HALF:
            return False
        r, s = int.from_bytes(signature[:_HALF], "big"), int.from_bytes(signature[_HALF:], "big")
        key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def key_id(key: PublicKey) -> str:
    """As the real server names its keys: the hash of the public key."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return _pack(hashlib.sha256(der).digest())


def web_key(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    x, y = (_pack(number.to_bytes(_HALF, "big")) for number in (numbers.x, numbers.y))
    return {"use": "sig", "kty": "EC", "kid": key_id(key), "crv": "P-256", "alg": "ES256", "x": x, "y": y}


def public_key(web: dict[str, Any]) -> PublicKey | None:
    """``None`` for a key of another kind than those that we know."""
    try:
        match web.get("kty"), web.get("crv"):
            case "EC", "P-256":
                return ec.EllipticCurvePublicNumbers(_number(web["x"]), _number(web["y"]), ec.SECP256R1()).public_key()
            case "RSA", _:
                return rsa.RSAPublicNumbers(_number(web["e"]), _number(web["n"])).public_key()
    except (KeyError, TypeError, ValueError):
        return None
    return None


def _number(text: str) -> int:
    return int.from_bytes(_unpack(text), "big")


def _object(part: str) -> Claims:
    return msgspec.json.decode(_unpack(part), type=Claims)


def _pack(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _unpack(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
