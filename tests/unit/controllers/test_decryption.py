"""Keys on their way from the Secret to the process that builds."""

from __future__ import annotations

from typing import Any, cast

import msgspec
import pytest

from fairlead.api.kustomization import CrossNamespaceSourceReference, Decryption, Kustomization, KustomizationSpec
from fairlead.api.meta import LocalObjectReference, ObjectMeta
from fairlead.build.sops import Keys
from fairlead.controllers.build_worker import Job
from fairlead.controllers.decryption import load_keys
from fairlead.controllers.references import ReferenceNotFoundError, References
from fairlead.errors import BuildError
from fairlead.objects.ref import ObjectRef

IDENTITY = "AGE-SECRET-KEY-1XXXX"
SHARED = "AGE-SECRET-KEY-1SHARED"


class Secrets:
    def __init__(self, age_secret: str = "") -> None:
        self.age_secret = ObjectRef("", "Secret", "flux-system", age_secret) if age_secret else None

    async def secret(self, namespace: str, name: str) -> dict[str, bytes]:
        if (namespace, name) == ("flux-system", "shared"):
            return {"s.agekey": SHARED.encode(), "s.asc": b"not for everybody", "sops.vault-token": b"z"}
        if (namespace, name) != ("apps", "keys"):
            raise ReferenceNotFoundError(f"Secret '{namespace}/{name}' not found")
        return {"a.agekey": IDENTITY.encode(), "b.asc": b"armored", "sops.aws-kms": b"x", "other": b"y"}


def kustomization(secret: str | None, **annotations: Any) -> Kustomization:
    reference = LocalObjectReference(name=secret) if secret else None
    decryption = Decryption(provider="sops", secret_ref=reference)
    source = CrossNamespaceSourceReference(kind="GitRepository", name="fleet")
    spec = KustomizationSpec(interval="1m", prune=True, source_ref=source, decryption=decryption)
    return Kustomization(metadata=ObjectMeta(name="web", namespace="apps", annotations=annotations), spec=spec)


async def load(resource: Kustomization, age_secret: str = "") -> Keys | None:
    return await load_keys(resource, cast("References", Secrets(age_secret)))


async def test_keys_come_from_the_secret_by_their_endings() -> None:
    keys = await load(kustomization("keys"))
    assert keys == Keys([IDENTITY], [b"armored"], ["sops.aws-kms"])
    assert await load(kustomization(None)) == Keys()


async def test_the_mac_is_compared_unless_the_annotation_says_no() -> None:
    keys = await load(kustomization("keys", **{"fairlead.dev/sops-mac": "ignored"}))
    assert keys is not None
    assert not keys.verify_mac


async def test_a_missing_secret_fails_the_build() -> None:
    with pytest.raises(BuildError, match=r"spec\.decryption\.secretRef: Secret 'apps/none' not found"):
        await load(kustomization("none"))


async def test_age_keys_for_all_who_bring_none() -> None:
    assert await load(kustomization(None), "shared") == Keys([SHARED])
    assert await load(kustomization("none"), "shared") == Keys([SHARED])
    own = await load(kustomization("keys"), "shared")
    assert own is not None
    assert own.age == [IDENTITY]


async def test_a_missing_secret_for_everybody_fails_the_build() -> None:
    with pytest.raises(BuildError, match=r"--sops-age-secret: Secret 'flux-system/gone' not found"):
        await load(kustomization(None), "gone")


async def test_a_job_carries_keys_and_shows_none() -> None:
    keys = await load(kustomization("keys"))
    spec = kustomization("keys").spec
    job = Job(store="s", tree="t", spec=spec, variables={"a": "hidden"}, strict=True, always=False, keys=keys)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(job), type=Job) == job
    assert IDENTITY not in repr(job)
    assert "hidden" not in repr(job)
