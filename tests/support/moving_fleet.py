"""Thirty Kustomizations whose objects come, change, move from one to another and go, by the word of one random source.

Names are never used twice, so an object that is in Git has been there without a break since it first came: its uid must
never change. The manifests name no namespace, so that the same repository can be applied to two and the ends compared.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fairlead.controllers.journal import JOURNAL_NAMES
from fairlead.kube.errors import NotFoundError
from fairlead.objects.ref import GroupKind, ObjectRef

if TYPE_CHECKING:
    import random

    from tests.support.world import World

__all__ = ["MovingFleet", "comparable", "inventories", "journalled", "live_objects", "names"]

COUNT = 30
KINDS = ("ConfigMap", "Secret", "ServiceAccount")
OWNED = "kustomize.toolkit.fluxcd.io/name"
SERVER_SET = ("uid", "resourceVersion", "creationTimestamp", "generation")


def names() -> list[str]:
    return [f"k{number:02}" for number in range(COUNT)]


@dataclass(slots=True)
class MovingFleet:
    """What Git holds: the object's name to where it is and what it says."""

    chance: random.Random
    turn: int = 0
    born: int = 0
    files: dict[str, str] = field(default_factory=dict)
    """Path to text, as in the newest commit."""

    async def resources(self, world: World) -> None:
        """The GitRepository and the Kustomizations: chains of five, every second waits, every third substitutes."""
        await world.apply("v1", "ConfigMap", "values", data={"zone": "a"})
        await world.git_repository()
        for number, name in enumerate(names()):
            spec: dict[str, Any] = {"retryInterval": "1s", "targetNamespace": world.namespace}
            if number % 5:
                spec["dependsOn"] = [{"name": names()[number - 1]}]
            if number % 2:
                spec |= {"wait": True, "timeout": "30s"}
            if number % 3 == 0:
                values = [{"kind": "ConfigMap", "name": "values"}]
                spec["postBuild"] = {"substitute": {"owner": name}, "substituteFrom": values}
            budget = {"fairlead.dev/prune-budget": "unlimited"}
            await world.kustomization(name, path=name, annotations=budget, **spec)

    def advance(self, world: World) -> None:
        """One more commit, in which some objects come, change, move and go; one of each Kustomization stays."""
        before = dict(self.files)
        self.turn += 1
        if self.turn == 1:
            for folder in names():
                self.files[f"{folder}/fixed-{folder}.yaml"] = _manifest("ConfigMap", f"fixed-{folder}", "0")
                self._come(folder)
        for folder in self.chance.sample(names(), 6):
            self._come(folder)
        loose = sorted(path for path in self.files if "/fixed-" not in path)
        chosen = self.chance.sample(loose, min(len(loose), 18))
        for path in chosen[:6]:
            kind = json.loads(self.files[path])["kind"]
            self.files[path] = _manifest(kind, path.split("/")[1].removesuffix(".yaml"), str(self.turn))
        for path in chosen[6:12]:
            self.files[f"{self.chance.choice(names())}/{path.split('/')[1]}"] = self.files.pop(path)
        for path in chosen[12:]:
            del self.files[path]
        gone = before.keys() - self.files.keys()
        world.repo.commit(f"Turn {self.turn}", {**dict.fromkeys(gone), **self.files})

    def _come(self, folder: str) -> None:
        self.born += 1
        name = f"o{self.born:05}"
        kind = self.chance.choice(KINDS)
        self.files[f"{folder}/{name}.yaml"] = _manifest(kind, name, str(self.turn))

    def wanted(self) -> dict[str, str]:
        """Name to owner of everything in Git."""
        parts = (path.split("/") for path in self.files)
        return {file.removesuffix(".yaml"): owner for owner, file in parts}


def _manifest(kind: str, name: str, turn: str) -> str:
    manifest: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": name, "labels": {"turn": f"t{turn}"}},
    }
    if kind == "ConfigMap":
        manifest["data"] = {"turn": turn, "zone": "${zone:=b}"}
    if kind == "Secret":
        manifest["stringData"] = {"turn": turn}
    return json.dumps(manifest) + "\n"


async def live_objects(world: World) -> dict[str, dict[str, Any]]:
    """All that has our labels, by name."""
    found: dict[str, dict[str, Any]] = {}
    for kind in KINDS:
        listed = await world.client.list(GroupKind("", kind), namespace=world.namespace, label_selector=OWNED)
        for item in listed.items:
            name = item["metadata"]["name"]
            assert name not in found, f"{name} exists as two kinds"
            found[name] = {"kind": kind, **item}
    return found


async def inventories(world: World) -> dict[str, set[str]]:
    """The entries of each Kustomization, without the namespace."""
    listed = await world.client.list(
        GroupKind("kustomize.toolkit.fluxcd.io", "Kustomization"), namespace=world.namespace
    )
    return {
        item["metadata"]["name"]: {
            entry["id"].removeprefix(f"{world.namespace}_")
            for entry in ((item.get("status") or {}).get("inventory") or {}).get("entries") or []
        }
        for item in listed.items
    }


async def journalled(world: World) -> dict[str, set[str]]:
    """What the journal says is about to be added to which inventory, without the namespace."""
    entries = []
    for name in JOURNAL_NAMES:
        with contextlib.suppress(NotFoundError):
            found = await world.client.get(ObjectRef("", "ConfigMap", world.settings.runtime_namespace, name))
            entries += [json.loads(text) for text in (found.get("data") or {}).values()]
    about: dict[str, set[str]] = {}
    for entry in entries:
        namespace, _, owner = entry["kustomization"].partition("/")
        if namespace == world.namespace:
            ids = (each["id"].removeprefix(f"{namespace}_") for each in entry["entries"])
            about.setdefault(owner, set()).update(ids)
    return about


def comparable(item: dict[str, Any], namespace: str) -> dict[str, Any]:
    """The object without what any server sets anew: identity, versions, times; and with no word of the namespace."""
    bare: dict[str, Any] = json.loads(json.dumps(item).replace(namespace, "NAMESPACE"))
    for key in SERVER_SET:
        bare["metadata"].pop(key, None)
    for entry in bare["metadata"].get("managedFields", ()):
        entry.pop("time", None)
    return bare
