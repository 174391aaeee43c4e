"""Encrypted manifests, as Flux's users have them; the real tool made the files of these tests."""

from __future__ import annotations

import base64
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.vault import TOKEN, fake_vault, for_vault

if TYPE_CHECKING:
    from tests.support.world import World

DATA: dict[str, Any] = json.loads((Path(__file__).parents[1] / "unit" / "build" / "sops" / "vectors.json").read_text())
VECTORS: dict[str, dict[str, str]] = {vector["name"]: vector for vector in DATA["vectors"]}
SOPS = {"provider": "sops", "secretRef": {"name": "keys"}}
WATCHED = {"reconcile.fluxcd.io/watch": "Enabled"}


async def give_keys(world: World, **keys: str) -> None:
    data = {name.replace("_", "."): base64.b64encode(text.encode()).decode() for name, text in keys.items()}
    await world.apply("v1", "Secret", "keys", data=data, labels=WATCHED)


def text_of(secret: dict[str, Any] | None, key: str) -> str:
    assert secret is not None
    return base64.b64decode(secret["data"][key]).decode()


def encrypted_secret(world: World, name: str = "yaml-encrypted-regex") -> dict[str, str]:
    """An encrypted manifest; kustomize moves it to the namespace of the test."""
    return {
        "apps/login.yaml": VECTORS[name]["encrypted"],
        "apps/kustomization.yaml": f"namespace: {world.namespace}\nresources: [login.yaml]\n",
    }


async def test_an_encrypted_secret_arrives_in_plain(world: World) -> None:
    await give_keys(world, a_agekey=DATA["keys"]["age"])
    world.repo.commit("Begin", encrypted_secret(world))
    await world.git_repository()
    await world.kustomization("apps", path="apps", decryption=SOPS)
    await world.ready("apps")
    secret = await world.get("Secret", "login")
    assert text_of(secret, "password") == "correct horse: battery"
    assert secret is not None
    assert "sops" not in secret


async def test_an_openpgp_key_opens_too(world: World) -> None:
    await give_keys(world, a_asc=DATA["keys"]["openpgp"])
    world.repo.commit("Begin", encrypted_secret(world, "openpgp"))
    await world.git_repository()
    await world.kustomization("apps", path="apps", decryption=SOPS)
    await world.ready("apps")
    assert text_of(await world.get("Secret", "login"), "user") == "admin"


async def test_files_of_generators_are_decrypted_before_the_build(world: World) -> None:
    await give_keys(world, a_agekey=DATA["keys"]["age"])
    generator = (
        f"namespace: {world.namespace}\ngeneratorOptions: {{disableNameSuffixHash: true}}\n"
        "secretGenerator:\n- name: made\n  files: [run.bin=a.bin, a.yaml]\n  envs: [a.env]\n"
    )
    files = {
        "base/a.bin": VECTORS["binary"]["encrypted"],
        "base/a.yaml": VECTORS["yaml"]["encrypted"],
        "base/a.env": VECTORS["dotenv"]["encrypted"],
        "base/kustomization.yaml": generator,
        "apps/kustomization.yaml": "resources: [../base]\n",
    }
    world.repo.commit("Begin", files)
    await world.git_repository()
    await world.kustomization("apps", path="apps", decryption=SOPS)
    await world.ready("apps")
    made = await world.get("Secret", "made")
    assert text_of(made, "run.bin") == VECTORS["binary"]["plain"]
    assert text_of(made, "a.yaml") == VECTORS["yaml"]["plain"]
    assert text_of(made, "USER") == "admin"


async def test_a_file_that_was_tampered_with_is_refused(world: World) -> None:
    """Flux would apply it: it does not look at the MAC."""
    await give_keys(world, a_agekey=DATA["keys"]["age"])
    files = encrypted_secret(world)
    files["apps/login.yaml"] = files["apps/login.yaml"].replace("name: login", "name: other")
    world.repo.commit("Begin", files)
    await world.git_repository()
    await world.kustomization("apps", path="apps", decryption=SOPS)
    failure = await world.failed("apps", reason="BuildFailed")
    assert "apps/login.yaml cannot be decrypted: its MAC does not fit its values" in failure["message"]
    assert await world.get("Secret", "other") is None
    await world.kustomization("apps", path="apps", decryption=SOPS, annotations={"fairlead.dev/sops-mac": "ignored"})
    await world.ready("apps")  # the annotation alone brings a run
    assert text_of(await world.get("Secret", "other"), "user") == "admin"


async def test_the_right_key_wakes_its_users(world: World) -> None:
    await give_keys(world, a_agekey=DATA["keys"]["other"])
    world.repo.commit("Begin", encrypted_secret(world))
    await world.git_repository()
    await world.kustomization("apps", path="apps", decryption=SOPS)
    failure = await world.failed("apps", reason="BuildFailed")
    assert "none of the keys of spec.decryption.secretRef opens it" in failure["message"]
    for secret in (DATA["keys"]["other"], "battery"):
        assert secret not in json.dumps(await world.events("apps"))
    await give_keys(world, a_agekey=DATA["keys"]["age"])
    await world.ready("apps")


async def test_without_decryption_an_encrypted_secret_is_refused(world: World) -> None:
    world.repo.commit("Begin", encrypted_secret(world))
    await world.git_repository()
    await world.kustomization("apps", path="apps")
    failure = await world.failed("apps", reason="BuildFailed")
    assert "is SOPS encrypted, configuring decryption is required" in failure["message"]
    await world.kustomization("apps", path="apps", decryption=SOPS)

    async def says_so() -> bool:
        return f"Secret '{world.namespace}/keys' not found" in (await world.condition("apps")).get("message", "")

    await world.eventually("the missing Secret is named", says_so)


async def test_an_account_for_key_services_stalls(world: World) -> None:
    """It would have no effect, and Flux too refuses it unless a feature gate is set."""
    await give_keys(world, a_agekey=DATA["keys"]["age"])
    world.repo.commit("Begin", encrypted_secret(world))
    await world.git_repository()
    await world.kustomization("apps", path="apps", decryption=SOPS | {"serviceAccountName": "robot"})
    failure = await world.failed("apps", reason="FeatureGateDisabled")
    assert "spec.decryption.serviceAccountName" in failure["message"]
    stalled = await world.condition("apps", "Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", "FeatureGateDisabled")
    await world.kustomization("apps", path="apps", decryption=SOPS)
    await world.ready("apps")
    assert text_of(await world.get("Secret", "login"), "user") == "admin"


async def test_age_keys_for_everybody_open_what_nobody_brought_a_key_for(world: World) -> None:
    await world.stop()
    scope = dataclasses.replace(world.settings.scope, sops_age_secret="everybody")
    world.settings = dataclasses.replace(world.settings, scope=scope, runtime_namespace=world.namespace)
    await world.start()
    world.repo.commit("Begin", encrypted_secret(world))
    await world.git_repository()
    await world.kustomization("apps", path="apps", decryption={"provider": "sops"})
    failure = await world.failed("apps", reason="BuildFailed")
    assert f"--sops-age-secret: Secret '{world.namespace}/everybody' not found" in failure["message"]
    # The Secret wakes all who decrypt: it bears the label for that.
    data = {"a.agekey": base64.b64encode(DATA["keys"]["age"].encode()).decode()}
    await world.apply("v1", "Secret", "everybody", data=data, labels=WATCHED)
    await world.ready("apps")
    assert text_of(await world.get("Secret", "login"), "password") == "correct horse: battery"


async def test_a_key_in_vault_opens_with_the_token_of_the_secret(world: World) -> None:
    async with fake_vault() as vault:
        files = {
            name: for_vault(content, vault, DATA["keys"]["age"]) if name.endswith("login.yaml") else content
            for name, content in encrypted_secret(world).items()
        }
        world.repo.commit("Begin", files)
        await world.git_repository()
        await give_keys(world, sops_other="x")
        await world.kustomization("apps", path="apps", decryption=SOPS)
        failure = await world.failed("apps", reason="BuildFailed")
        key = f"HashiCorp Vault {vault.url}/v1/sops/keys/first"
        assert (
            f"encrypted with {key}: put a token of that Vault into the Secret as sops.vault-token" in failure["message"]
        )
        wrong = base64.b64encode(b"hvs.marlin-99").decode()
        await world.apply("v1", "Secret", "keys", data={"sops.vault-token": wrong}, labels=WATCHED)

        async def refused() -> bool:
            return "refuses to open a data key (403)" in (await world.condition("apps")).get("message", "")

        await world.eventually("the token is refused", refused)
        assert "marlin-99" not in str(await world.get("Kustomization", "apps"))
        vault.is_down = True
        right = base64.b64encode(TOKEN.encode()).decode()
        await world.apply("v1", "Secret", "keys", data={"sops.vault-token": right}, labels=WATCHED)

        async def down() -> bool:
            return f"{key} answered 503" in (await world.condition("apps")).get("message", "")

        await world.eventually("the service is down", down)
        vault.is_down = False
        await world.request_reconcile("Kustomization", "apps", "now")
        await world.ready("apps")
        assert text_of(await world.get("Secret", "login"), "password") == "correct horse: battery"
        assert TOKEN not in str(await world.get("Kustomization", "apps"))
        # What was opened once needs the service no more.
        vault.is_down, asked = True, vault.asked
        world.repo.commit("Change", {"apps/kustomization.yaml": files["apps/kustomization.yaml"] + "namePrefix: my-\n"})
        await world.ready("apps")
        assert vault.asked == asked
