"""What a pod needs before it can start: the ConfigMaps, Secrets and volume claims that it names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.localcluster.controllers.kinds import CONFIG_MAP, SECRET, namespace_of, spec_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.localcluster.controllers.kinds import Manifest
    from fairlead.localcluster.controllers.store import Store
    from fairlead.objects.ref import GroupKind


@dataclass(frozen=True, slots=True)
class Needed:
    """A ConfigMap or Secret that a pod cannot start without; ``keys`` must be in it."""

    kind: GroupKind
    name: str
    keys: tuple[str, ...] = ()

    def problem(self, store: Store, namespace: str) -> str:
        """Why it cannot be used, in the kubelet's words; empty when it can."""
        obj = store.get(self.kind, namespace, self.name)
        word = self.kind.kind.lower()
        if obj is None:
            return f'{word} "{self.name}" not found'
        present = {*(obj.get("data") or ()), *(obj.get("binaryData") or ())}
        for key in self.keys:
            if key not in present:
                return f"couldn't find key {key} in {self.kind.kind} {namespace}/{self.name}"
        return ""


def mounted(pod: Manifest) -> Iterator[tuple[str, Needed]]:
    """What its volumes name, with the volume's name; optional references are left out."""
    for volume in spec_of(pod).get("volumes") or ():
        sources = [volume, *((volume.get("projected") or {}).get("sources") or ())]
        for source in sources:
            for needed in _volume_source(source):
                yield volume["name"], needed


def used_by(container: Manifest) -> Iterator[Needed]:
    """What the environment of a container names; optional references are left out."""
    for source in container.get("envFrom") or ():
        yield from _reference(CONFIG_MAP, source.get("configMapRef"))
        yield from _reference(SECRET, source.get("secretRef"))
    for variable in container.get("env") or ():
        origin = variable.get("valueFrom") or {}
        yield from _reference(CONFIG_MAP, origin.get("configMapKeyRef"))
        yield from _reference(SECRET, origin.get("secretKeyRef"))


def needed_names(pod: Manifest) -> set[tuple[GroupKind, str]]:
    """All ConfigMaps and Secrets that a pod cannot start without."""
    spec = spec_of(pod)
    names = {(needed.kind, needed.name) for _, needed in mounted(pod)}
    for container in [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]:
        names |= {(needed.kind, needed.name) for needed in used_by(container)}
    return names


def claims_of(pod: Manifest) -> list[str]:
    """Names of the volume claims that a pod mounts."""
    sources = (volume.get("persistentVolumeClaim") for volume in spec_of(pod).get("volumes") or ())
    return [source["claimName"] for source in sources if source]


def mount_problem(pod: Manifest, store: Store) -> str:
    """The first volume that cannot be set up, as the kubelet's event says it; empty when all can."""
    for volume, needed in mounted(pod):
        problem = needed.problem(store, namespace_of(pod))
        if problem.startswith("couldn't"):
            problem = f"references non-existent config key: {problem.split()[3]}"
        if problem:
            return f'MountVolume.SetUp failed for volume "{volume}" : {problem}'
    return ""


def environment_problem(container: Manifest, store: Store, namespace: str) -> str:
    """The first reference of its environment that cannot be followed; empty when all can."""
    for needed in used_by(container):
        problem = needed.problem(store, namespace)
        if problem:
            return problem
    return ""


def _volume_source(source: Manifest) -> Iterator[Needed]:
    config_map, secret = source.get("configMap"), source.get("secret")
    if config_map and not config_map.get("optional") and config_map.get("name"):
        yield Needed(CONFIG_MAP, config_map["name"], _item_keys(config_map))
    name = (secret or {}).get("secretName") or (secret or {}).get("name")
    if secret and not secret.get("optional") and name:
        yield Needed(SECRET, name, _item_keys(secret))


def _item_keys(source: Manifest) -> tuple[str, ...]:
    return tuple(item["key"] for item in source.get("items") or ())


def _reference(kind: GroupKind, reference: Manifest | None) -> Iterator[Needed]:
    if reference and not reference.get("optional") and reference.get("name"):
        keys = (reference["key"],) if "key" in reference else ()
        yield Needed(kind, reference["name"], keys)
