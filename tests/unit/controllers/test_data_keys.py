"""Data keys that HashiCorp Vault opens: how a build asks for them, and what the errors say."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fairlead.build.sops import Keys
from fairlead.build.sops.keys import KeyRing
from fairlead.build.sops.metadata import Metadata
from fairlead.controllers.build_worker import Job, execute
from fairlead.controllers.data_keys import DataKeys
from fairlead.errors import BuildError, UnavailableError
from fairlead.sources.store import ObjectStore
from tests.support.vault import TOKEN, FakeVault, fake_vault, for_vault
from tests.unit.controllers.resources_for_tests import kustomization

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

FOLDER = Path(__file__).parents[1] / "build" / "sops"
DATA: dict[str, Any] = json.loads((FOLDER / "vectors.json").read_text())
VECTORS: dict[str, dict[str, str]] = {vector["name"]: vector for vector in DATA["vectors"]}
KEYS = Keys.from_secret({"sops.vault-token": f"{TOKEN}\n".encode()})
GENERATOR = "secretGenerator:\n- name: made\n  files: [a.yaml, b.yaml]\nresources: [login.yaml]\n"


@pytest.fixture
async def vault() -> AsyncIterator[FakeVault]:
    async with fake_vault() as vault:
        yield vault


def job(store: ObjectStore, files: dict[str, str], keys: Keys) -> Job:
    entries = {path: (store.write_blob(text.encode()), 0o100644) for path, text in files.items()}
    spec = kustomization("apps").spec
    return Job(str(store.folder), store.write_tree(entries), spec, {}, strict=True, always=False, keys=keys)


async def test_a_build_asks_for_all_its_data_keys_at_once(vault: FakeVault, tmp_path: Path) -> None:
    """Two files of a generator and a manifest: one round of questions, then it is built."""
    store, age = ObjectStore(tmp_path), DATA["keys"]["age"]
    one, other = (VECTORS[name]["encrypted"] for name in ("yaml", "yaml-encrypted-regex"))
    files = {"kustomization.yaml": GENERATOR, "a.yaml": for_vault(one, vault, age)}
    files |= {"b.yaml": for_vault(other, vault, age), "login.yaml": for_vault(other, vault, age)}
    first = await asyncio.to_thread(execute, store, job(store, files, KEYS))
    assert (first.fault, len(first.data_keys)) == ("keys", 2)
    keys = await DataKeys().open(KEYS, first.data_keys)
    second = await asyncio.to_thread(execute, store, job(store, files, keys))
    assert (second.error, second.count) == ("", 2)
    assert vault.asked == 2
    assert TOKEN not in repr(keys)


async def test_an_encrypted_file_that_is_carried_as_it_is_asks_nobody(vault: FakeVault, tmp_path: Path) -> None:
    store = ObjectStore(tmp_path)
    annotation = "kustomize.toolkit.fluxcd.io/decrypt: disabled"
    files = {
        "kustomization.yaml": f"resources: [login.yaml]\ncommonAnnotations: {{{annotation}}}\n",
        "login.yaml": for_vault(VECTORS["yaml-encrypted-regex"]["encrypted"], vault, DATA["keys"]["age"]),
    }
    outcome = await asyncio.to_thread(execute, store, job(store, files, KEYS))
    assert (outcome.error, outcome.count) == ("", 1)


def test_an_age_key_makes_the_service_needless() -> None:
    block = {
        "hc_vault": [{"vault_address": "https://v/", "engine_path": "sops", "key_name": "k", "enc": "vault:v1:x"}],
        **_sops_of("yaml"),
    }
    keys = Keys([DATA["keys"]["age"]], vault_token=TOKEN)
    with KeyRing(keys) as ring:
        assert len(ring.data_key(Metadata.of(block))) == 32


def _sops_of(name: str) -> dict[str, Any]:
    import yaml

    block: dict[str, Any] = yaml.safe_load(VECTORS[name]["encrypted"])["sops"]
    return block


async def test_what_was_opened_is_kept_for_those_with_the_same_token(vault: FakeVault) -> None:
    opener, wanted = (
        DataKeys(),
        [(f"{vault.url}/v1/sops/keys/first", f"vault:v1:{base64.b64encode(b'a data key').decode()[::-1]}")],
    )
    for _ in range(2):
        await opener.open(KEYS, wanted)
    assert vault.asked == 1
    with pytest.raises(BuildError, match=r"refuses to open a data key \(403\)") as caught:
        await opener.open(Keys(vault_token="hvs.marlin-99"), wanted)
    assert "marlin" not in str(caught.value)


async def test_what_is_no_answer(vault: FakeVault) -> None:
    opener = DataKeys()
    with pytest.raises(BuildError, match=r"/v1/sops/keys/second refuses to open a data key \(404\)"):
        await opener.open(KEYS, [(f"{vault.url}/v1/sops/keys/second", "x")])
    with pytest.raises(UnavailableError, match="answered without a data key"):
        await opener.open(KEYS, [(f"{vault.url}/v1/sops/keys/first", "vault:v1:!!")])
    with pytest.raises(UnavailableError, match="cannot be asked: ClientConnectorError"):
        await opener.open(KEYS, [("http://127.0.0.1:1/v1/sops/keys/first", "x")])
    for address in ("file:///v1/sops/keys/first", "https://u:p@v/v1/sops/keys/first", "https://v/v1/sops"):
        with pytest.raises(BuildError, match="is no address of a key") as caught:
            await opener.open(KEYS, [(address, "x")])
        assert ":p@" not in str(caught.value)
