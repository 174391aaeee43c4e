"""Secrets are planted wherever a user can put one; then all that anybody can read afterwards is searched for them.

Read are: log lines (down to debug), Events, statuses, metrics, the files of the state folder, and what commands print.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from fairlead.objects import yaml
from fairlead.objects.ref import GroupKind
from tests.cluster.test_decryption import DATA, SOPS, encrypted_secret, give_keys
from tests.support.cli import Cli
from tests.support.git_server import GitServer
from tests.support.manifests import config_map
from tests.support.repo import RepoBuilder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World

TOKEN = "zAnzibar-88/t0ken"
"""A variable of a Secret: it goes into objects of every kind."""
QUOTED = 'qu0kka"7\\: [x'
"""One that breaks YAML when it is put there without quotes."""
SHORT = "wOmbat9"
IN_GIT = "pangolIn-in-git"
CHANGED = "pangolIn-changed"
DRIFTED = "pangolIn-drifted"
DECRYPTED = "correct horse: battery"
GIT_PASSWORD = "narwhal@Git/5"
URL_PASSWORD = "0ctopus-in-url"
PROXY_PASSWORD = "axol0tl-proxy"
CLUSTER_TOKEN = "tapIr-of-kubeconfig"
AGE_KEY = str(DATA["keys"]["age"])
VARIABLES = {"substituteFrom": [{"kind": "Secret", "name": "vars"}]}


class Shown:
    """All texts that somebody could read, by where they were seen."""

    def __init__(self, world: World, cli: Cli, log: pytest.LogCaptureFixture, state: Path) -> None:
        self._world = world
        self._cli = cli
        self._log = log
        self._state = state
        self.texts: dict[str, str] = {}

    async def command(self, *words: str) -> None:
        outcome = await self._cli(*words)
        self.texts[" ".join(words)] = outcome.out + outcome.err
        assert "Traceback" not in outcome.err

    async def collect(self) -> None:
        world = self._world
        events = await world.client.list(GroupKind("", "Event"), namespace=world.namespace)
        self.texts["events"] = json.dumps(events.items, ensure_ascii=False)
        for kind, group in (("Kustomization", "kustomize"), ("GitRepository", "source")):
            listed = await world.client.list(GroupKind(f"{group}.toolkit.fluxcd.io", kind), namespace=world.namespace)
            for item in listed.items:
                name = item["metadata"]["name"]
                self.texts[f"status of {kind}/{name}"] = json.dumps(item.get("status"), ensure_ascii=False)
        assert world.controllers.manager is not None
        self.texts["metrics"] = world.controllers.manager.metrics.exposition().decode()
        self.texts["log"] = self._log.text
        for path in self._state.rglob("*"):
            if path.is_file():
                self.texts[f"file {path.relative_to(self._state)}"] = path.read_bytes().decode("latin-1")

    def leaks(self, *secrets: str) -> list[str]:
        """Where which secret is seen, with the text around it."""
        found = []
        for secret in secrets:
            for spelling in spellings(secret):
                for where, text in self.texts.items():
                    if (at := text.find(spelling)) >= 0:
                        found.append(f"{secret!r} in {where}: …{text[max(at - 200, 0) : at + 60]}…")
        return found


def spellings(secret: str) -> set[str]:
    raw = secret.encode()
    encoded = base64.b64encode(raw).decode()
    return {secret, json.dumps(secret)[1:-1], encoded, base64.urlsafe_b64encode(raw).decode(), quote(secret, safe="")}


def manifest(api_version: str, kind: str, name: str, world: World, **rest: Any) -> str:
    meta = {"name": name, "namespace": world.namespace} | rest.pop("metadata", {})
    return json.dumps({"apiVersion": api_version, "kind": kind, "metadata": meta, **rest})


def secret(name: str, world: World, value: str, **rest: Any) -> str:
    return manifest("v1", "Secret", name, world, stringData={"password": value}, **rest)


@pytest.fixture
def shown(world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Shown:
    caplog.set_level(logging.DEBUG, logger="fairlead")
    return Shown(world, Cli(world.client.config, world.namespace, tmp_path), caplog, tmp_path / "state")


def refused_files(world: World) -> dict[str, str]:
    """What each fails in its own way, next to a secret: by the server, by a build, by the conversion of objects."""
    port = {"port": 80, "name": "${token}"}
    container = {"name": "web", "image": "${quoted}", "imagePullPolicy": "${token}"}
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [container]}}
    selector = {"matchLabels": {"app": "x"}}
    deployment = {"replicas": "${short}", "selector": selector, "template": template}
    return {
        "port.yaml": manifest("v1", "Service", "s", world, spec={"type": "${token}", "ports": [port]}),
        "label.yaml": manifest("v1", "ConfigMap", "c", world, metadata={"labels": {"a": "${token}"}}),
        "label-key.yaml": manifest("v1", "ConfigMap", "c", world, metadata={"labels": {"${token}/x/y": "a"}}),
        "number.yaml": manifest("apps/v1", "Deployment", "d", world, spec=deployment),
        "image.yaml": manifest("apps/v1", "Deployment", "d", world, spec=deployment | {"replicas": 1}),
        "type.yaml": secret("kept", world, IN_GIT, type="${token}"),
        "key.yaml": manifest("v1", "Secret", "k", world, stringData={"${token} ${short}": "x"}),
        "plain.yaml": manifest("v1", "Secret", "p", world, data={"password": "${token}"}),
        "number-in-secret.yaml": manifest("v1", "Secret", "n", world, data={"password": {"deep": "${token}"}}),
        "unknown.yaml": manifest("${token}/v1", "Widget", "w", world),
        "field.yaml": manifest("v1", "Service", "s", world, spec={"ports": "${token}"}),
        "yaml.yaml": f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: y, namespace: {world.namespace}}}\n"
        "data:\n  one: ${quoted}\n  two: ${token}: ${quoted}\n",
        "strict.yaml": config_map("strict", world.namespace, {"a": "${token} ${absent_variable}"}),
        "syntax.yaml": config_map("syntax", world.namespace, {"a": "${token} ${token:bad} ${"}),
    }


async def _delivered(world: World, extra: dict[str, str] | None = None) -> None:
    values = {"token": TOKEN, "quoted": QUOTED, "short": SHORT}
    await world.apply("v1", "Secret", "vars", stringData=values)
    files = {
        "apps/kept.yaml": secret("kept", world, IN_GIT),
        "apps/pruned.yaml": secret("pruned", world, IN_GIT),
        "apps/sub.yaml": config_map("sub", world.namespace, {"a": "${token}"}),
        "apps/sub-secret.yaml": secret("sub-secret", world, "${token}"),
    }
    world.repo.commit("Begin", files | (extra or {}))
    await world.git_repository()
    await world.kustomization("apps", path="apps", postBuild=VARIABLES)
    await world.ready("apps")


async def _attempted(world: World, name: str, commit: str) -> None:
    """Until the commit was tried and failed."""

    async def seen() -> bool:
        status = await world.status(name)
        ready = await world.condition(name)
        return status.get("lastAttemptedRevision") == f"main@sha1:{commit}" and ready["status"] == "False"

    await world.eventually(f"{name} fails at {commit}", seen)


async def test_deliveries_that_fail_near_a_secret(world: World, shown: Shown) -> None:
    await _delivered(world)
    for file, text in refused_files(world).items():
        commit = world.repo.commit(f"Break by {file}", {f"apps/{file}": text})
        await _attempted(world, "apps", commit)
        shown.texts[f"message of {file}"] = (await world.condition("apps"))["message"]
        world.repo.revert()
    await world.ready("apps")
    await shown.collect()
    assert shown.leaks(TOKEN, QUOTED, SHORT, IN_GIT) == []


async def test_changes_drift_and_prune_of_secrets(world: World, shown: Shown) -> None:
    await _delivered(world)
    world.repo.commit("Change", {"apps/kept.yaml": secret("kept", world, CHANGED)})
    await world.ready("apps")
    drifted = base64.b64encode(DRIFTED.encode()).decode()
    for name in ("kept", "sub-secret"):
        await world.patch("Secret", name, {"data": {"password": drifted}})
        await world.event("apps", f"Secret/{world.namespace}/{name} configured: drift")
    await world.patch("ConfigMap", "sub", {"data": {"a": "other"}})
    await world.event("apps", f"ConfigMap/{world.namespace}/sub configured: drift")
    world.repo.commit("Remove", {"apps/pruned.yaml": None})
    await world.ready("apps")
    await world.restart()
    world.repo.commit("Immutable", {"apps/kept.yaml": secret("kept", world, CHANGED, immutable=True)})
    await world.ready("apps")
    await _attempted(world, "apps", world.repo.commit("Again", {"apps/kept.yaml": secret("kept", world, IN_GIT)}))
    await shown.collect()
    assert shown.leaks(TOKEN, IN_GIT, CHANGED, DRIFTED) == []


async def test_commands(world: World, shown: Shown, tmp_path: Path) -> None:
    await _delivered(world)
    folder = tmp_path / "work"
    folder.mkdir()
    for path, content in world.repo.files().items():
        (folder / path.rpartition("/")[2]).write_bytes(content)
    (folder / "kept.yaml").write_text(secret("kept", world, CHANGED))
    (folder / "new.yaml").write_text(secret("new", world, CHANGED))
    (folder / "sub-secret.yaml").write_text(secret("sub-secret", world, "${short}"))
    here = ("--path", str(folder))
    commands = [
        ("get", "ks"),
        ("get", "ks", "apps", "-o", "yaml"),
        ("get", "all"),
        ("export", "ks", "apps"),
        ("tree", "ks", "apps"),
        ("trace", "secret", "kept"),
        ("trace", "configmap", "sub"),
        ("events",),
        ("history", "ks", "apps", "--changes"),
        ("diff", "ks", "apps", *here),
        ("reconcile", "ks", "apps"),
    ]
    for words in commands:
        await shown.command(*words)
    for file, text in refused_files(world).items():
        (folder / file).write_text(text)
        await shown.command("diff", "ks", "apps", *here)
        shown.texts[f"diff with {file}"] = shown.texts.pop(f"diff ks apps --path {folder}")
        (folder / file).unlink()
    await shown.collect()
    assert shown.leaks(TOKEN, QUOTED, SHORT, IN_GIT, CHANGED) == []


async def test_what_was_encrypted(world: World, shown: Shown) -> None:
    await give_keys(world, a_agekey=AGE_KEY)
    world.repo.commit("Begin", encrypted_secret(world))
    await world.git_repository()
    await world.kustomization("apps", path="apps", decryption=SOPS)
    await world.ready("apps")
    patch = {"patch": '[{"op": "test", "path": "/stringData/password", "value": "no"}]', "target": {"kind": "Secret"}}
    number = {"patch": '[{"op": "add", "path": "/stringData/deep", "value": {"a": 1}}]', "target": {"kind": "Secret"}}
    for each in (patch, number):
        kustomization = f"namespace: {world.namespace}\nresources: [login.yaml]\npatches: {json.dumps([each])}\n"
        await _attempted(world, "apps", world.repo.commit("Patch", {"apps/kustomization.yaml": kustomization}))
    await give_keys(world, a_agekey=f"AGE-SECRET-KEY-{SHORT}", b_agekey=AGE_KEY.lower())
    await world.kustomization("garbage", path="apps", decryption=SOPS)
    await world.failed("garbage")
    await shown.collect()
    assert shown.leaks(DECRYPTED, AGE_KEY, SHORT) == []


async def test_ways_to_git(world: World, shown: Shown, tmp_path: Path) -> None:
    async with GitServer(tmp_path / "srv") as server:
        repo = RepoBuilder(server.folder / "fleet.git")
        repo.commit("Begin", {"a.yaml": ""})
        server.users["ada"] = "another"
        url = server.url("fleet.git")
        names = ["refused", "url", "proxied", "proxy-url", "ssh", "authority"]
        key = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{SHORT}\n-----END OPENSSH PRIVATE KEY-----\n"
        secrets = {
            "login": {"username": "ada", "password": GIT_PASSWORD},
            "proxy": {"address": server.url("").rstrip("/"), "username": "p", "password": PROXY_PASSWORD},
            "proxy-url": {"address": f"http://p:{PROXY_PASSWORD}@127.0.0.1:1"},
            "ssh": {"identity": key, "known_hosts": "127.0.0.1 ssh-ed25519 AAAA", "password": GIT_PASSWORD},
            "authority": {"ca.crt": SHORT, "username": "ada", "password": GIT_PASSWORD},
        }
        for name, data in secrets.items():
            await world.apply("v1", "Secret", name, stringData=data)
        far = "http://git.invalid/fleet.git"
        await world.git_repository("refused", url=url, secretRef={"name": "login"})
        await world.git_repository("url", url=server.url("fleet.git", user=f"ada:{URL_PASSWORD}"))
        await world.git_repository("proxied", url=far, proxySecretRef={"name": "proxy"}, secretRef={"name": "login"})
        await world.git_repository("proxy-url", url=far, proxySecretRef={"name": "proxy-url"})
        await world.git_repository("ssh", url="ssh://git@127.0.0.1:1/fleet.git", secretRef={"name": "ssh"})
        await world.git_repository("authority", url="https://127.0.0.1:1/x.git", secretRef={"name": "authority"})
        await asyncio.gather(*(world.failed(name, kind="GitRepository") for name in names))
        for words in (("get", "all"), ("get", "sources", "all"), ("events",), ("reconcile", "source", "git", "url")):
            await shown.command(*words)
        server.users["ada"] = URL_PASSWORD
        await world.kustomization("of-url", sourceRef={"kind": "GitRepository", "name": "url"})
        await world.request_reconcile("GitRepository", "url", "again")
        await world.eventually("it arrives", lambda: _arrived(world, "url"))
        await shown.collect()
        assert shown.leaks(GIT_PASSWORD, URL_PASSWORD, PROXY_PASSWORD, SHORT) == []


async def _arrived(world: World, name: str) -> bool:
    condition = await world.condition(name, kind="GitRepository")
    return bool(condition["status"] == "True")


async def test_ways_to_other_clusters(world: World, shown: Shown) -> None:
    kubeconfigs = {
        "far": _kubeconfig("https://127.0.0.1:1", {"token": CLUSTER_TOKEN}),
        "password": _kubeconfig(f"https://u:{CLUSTER_TOKEN}@127.0.0.1:1", {"username": "u", "password": CLUSTER_TOKEN}),
        "refused": _kubeconfig(world.client.config.server, {"token": CLUSTER_TOKEN}),
        "key": _kubeconfig("https://127.0.0.1:1", {"client-key-data": CLUSTER_TOKEN}),
        "broken": f"users:\n- name: x\n  user: {{token: {CLUSTER_TOKEN}: {CLUSTER_TOKEN}\n",
        "line": CLUSTER_TOKEN,
        "shape": yaml.dump({"users": {"token": CLUSTER_TOKEN}, "clusters": CLUSTER_TOKEN}),
    }
    world.repo.commit("Begin", {"apps/kept.yaml": config_map("kept", world.namespace, {})})
    await world.git_repository()
    for name, text in kubeconfigs.items():
        await world.apply("v1", "Secret", name, stringData={"value": text})
        await world.kustomization(name, path="apps", kubeConfig={"secretRef": {"name": name}}, timeout="30s")
    for name in kubeconfigs:
        await world.failed(name)
    await shown.collect()
    assert shown.leaks(CLUSTER_TOKEN) == []


def _kubeconfig(server: str, user: dict[str, str]) -> str:
    cluster = {"server": server, "insecure-skip-tls-verify": True}
    return yaml.dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "c", "user": user}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
        }
    )
