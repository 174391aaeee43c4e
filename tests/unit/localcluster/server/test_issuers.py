"""Trust in the tokens of others: what the configuration may say, and which tokens open nothing."""

from __future__ import annotations

import base64
import time
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from fairlead.errors import UserError
from fairlead.localcluster import LocalCluster
from fairlead.localcluster.server import issuers as module
from fairlead.localcluster.server.issuers import Issuer, Issuers, read_issuers
from fairlead.localcluster.server.jose import key_id, public_key, sign, unverified_parts, verified_claims, web_key

KEY = ec.generate_private_key(ec.SECP256R1())
URL = "https://first.example.com"
# Constants, for they are in the names of tests: those have to be equal in every process that collects them.
IN_THE_PAST, IN_THE_FUTURE = 1_000_000_000, 9_000_000_000


def configuration(**issuer: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthenticationConfiguration",
        "jwt": [
            {
                "issuer": {"url": URL, "audiences": ["here"], **issuer},
                "claimMappings": {
                    "username": {"claim": "sub", "prefix": "f:"},
                    "groups": {"claim": "roles", "prefix": "f:"},
                },
            }
        ],
    }


def token(key: ec.EllipticCurvePrivateKey = KEY, **claims: Any) -> str:
    now = time.time()
    return sign({"iss": URL, "aud": ["here"], "sub": "ada", "exp": now + 60, "nbf": now - 1, **claims}, key)


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch) -> Issuers:
    async def fetch(issuer: Issuer) -> dict[str, Any]:
        return {key_id(KEY.public_key()): KEY.public_key()}

    monkeypatch.setattr(module, "_fetch_keys", fetch)
    return Issuers(read_issuers(configuration()))


async def test_the_bearer_is_called_as_the_configuration_says(trusting: Issuers) -> None:
    user = await trusting.user(token(roles=["dev"]))
    assert user is not None
    assert (user.name, user.groups) == ("f:ada", ("f:dev", "system:authenticated"))


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": ["there"]},
        {"aud": None},
        {"exp": IN_THE_PAST},
        {"exp": None},
        {"nbf": IN_THE_FUTURE},
        {"iss": "https://second.example.com"},
        {"sub": ""},
        {"sub": None},
    ],
    ids=str,
)
async def test_what_opens_nothing(trusting: Issuers, claims: dict[str, Any]) -> None:
    assert await trusting.user(token(**claims)) is None


async def test_a_signature_of_somebody_else_opens_nothing(trusting: Issuers) -> None:
    header, _, signature = token().split(".")
    _, forged, _ = token(sub="eve").split(".")
    assert await trusting.user(".".join([header, forged, signature])) is None
    stranger = ec.generate_private_key(ec.SECP256R1())
    assert await trusting.user(token(stranger)) is None


@pytest.mark.parametrize("text", ["", "a", "a.b.c", "..", "é.é.é", "e30.e30.e30", "W10.W10.", "e30.e30.!"])
async def test_what_is_no_token_opens_nothing(trusting: Issuers, text: str) -> None:
    assert await trusting.user(text) is None


def test_a_header_does_not_choose_the_algorithm() -> None:
    _, body, signature = token().split(".")
    for algorithm in ("none", "HS256", "RS256"):
        header = unverified_parts(token())
        assert header is not None
        other = msgspec.json.encode({**header[0], "alg": algorithm})
        forged = ".".join([_pack(other), body, signature])
        assert verified_claims(forged, [KEY.public_key()]) is None


def test_a_published_key_is_the_same_key() -> None:
    key = public_key(web_key(KEY.public_key()))
    assert key is not None
    assert key_id(key) == key_id(KEY.public_key())
    assert public_key({"kty": "oct", "k": "AA"}) is None
    assert public_key({"kty": "EC", "crv": "P-256", "x": "AA"}) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"url": "http://first.example.com"}, "'url' (https) and 'audiences' are required"),
        ({"audiences": []}, "'url' (https) and 'audiences' are required"),
        ({"egressSelectorType": "x"}, "does not know 'egressSelectorType'"),
    ],
)
def test_what_cannot_be_honoured_is_told(change: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as caught:
        read_issuers(configuration(**change))
    assert said in str(caught.value)
    assert "jwt[0].issuer" in str(caught.value)


def test_other_documents_and_expressions_are_refused() -> None:
    with pytest.raises(UserError, match="want an AuthenticationConfiguration"):
        read_issuers({"apiVersion": "v1", "kind": "Config"})
    wanted = configuration()
    wanted["jwt"][0]["claimMappings"]["username"] = {"expression": "claims.sub"}
    with pytest.raises(UserError, match="does not know 'expression'"):
        read_issuers(wanted)
    with pytest.raises(UserError, match="may be there once"):
        read_issuers({**configuration(), "jwt": configuration()["jwt"] * 2})


def test_a_cluster_cannot_trust_another_by_its_own_name() -> None:
    with pytest.raises(UserError, match="own issuer"):
        LocalCluster(issuer=URL, authentication=configuration())


def _pack(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
