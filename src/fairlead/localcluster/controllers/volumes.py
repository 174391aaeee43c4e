"""PersistentVolumeClaims: bound to a fitting volume, or to one that is made for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.localcluster.controllers.kinds import (
    PERSISTENT_VOLUME,
    PERSISTENT_VOLUME_CLAIM,
    STORAGE_CLASS,
    annotations_of,
    api_version,
    is_deleting,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
)
from fairlead.localcluster.controllers.pods import is_finished
from fairlead.localcluster.controllers.quantity import bytes_of
from fairlead.localcluster.controllers.references import claims_of
from fairlead.localcluster.controllers.selectors import matches

if TYPE_CHECKING:
    from fairlead.localcluster.controllers.context import Context
    from fairlead.localcluster.controllers.kinds import Manifest
    from fairlead.localcluster.controllers.queue import Key

PROVISIONER = "fairlead.dev/local"
COMPONENT = "persistentvolume-controller"
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_CLAIM_PROTECTION = "kubernetes.io/pvc-protection"
_VOLUME_PROTECTION = "kubernetes.io/pv-protection"
_BINDING = {"pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes"}


async def ensure_default_class(context: Context) -> None:
    """A class ``standard`` that provisions at once, where there is no class at all."""
    if context.store.all(STORAGE_CLASS):
        return
    made: Manifest = {
        "apiVersion": api_version(STORAGE_CLASS),
        "kind": STORAGE_CLASS.kind,
        "metadata": {"name": "standard", "annotations": {_DEFAULT_CLASS: "true"}},
        "provisioner": PROVISIONER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
        "allowVolumeExpansion": True,
    }
    await context.create(made)


async def reconcile_claim(context: Context, key: Key) -> None:
    """Bind a claim; let a deleted one go once no pod uses it."""
    claim = context.store.get(PERSISTENT_VOLUME_CLAIM, key.namespace, key.name)
    if claim is None:
        context.forget(key)
        return
    if is_deleting(claim):
        if not pods_using(context, claim):
            await _unprotect(context, claim, _CLAIM_PROTECTION)
    elif status_of(claim).get("phase") == "Bound":
        await _resize(context, claim)
    elif context.elapsed(key, f"{uid_of(claim)}/provision", context.timing.provision):
        await _bind(context, claim)


async def reconcile_volume(context: Context, key: Key) -> None:
    """Release or delete a volume whose claim is gone, and give every volume a phase."""
    volume = context.store.get(PERSISTENT_VOLUME, "", key.name)
    if volume is None:
        return
    reference = spec_of(volume).get("claimRef") or {}
    claim = context.store.get(PERSISTENT_VOLUME_CLAIM, reference.get("namespace", ""), reference.get("name", ""))
    is_claimed = claim is not None and uid_of(claim) == reference.get("uid")
    if is_deleting(volume):
        if not is_claimed:
            await _unprotect(context, volume, _VOLUME_PROTECTION)
        return
    phase = status_of(volume).get("phase") or "Pending"
    if not reference.get("uid"):
        await context.update_status(volume, {**status_of(volume), "phase": "Available"})
        return
    if is_claimed:
        await context.update_status(volume, {**status_of(volume), "phase": "Bound"})
    elif spec_of(volume).get("persistentVolumeReclaimPolicy") == "Delete" and phase in ("Bound", "Released"):
        await context.delete(volume)
    else:
        await context.update_status(volume, {**status_of(volume), "phase": "Released"})


def pods_using(context: Context, claim: Manifest) -> bool:
    pods = context.store.pods_with(namespace_of(claim), {})
    return any(name_of(claim) in claims_of(pod) and not is_finished(pod) for pod in pods)


async def _unprotect(context: Context, obj: Manifest, protection: str) -> None:
    """Nobody uses a deleted claim or volume any more: let it go."""
    finalizers = obj["metadata"].get("finalizers") or []
    if protection in finalizers:
        left = [finalizer for finalizer in finalizers if finalizer != protection]
        await context.update({**obj, "metadata": {**obj["metadata"], "finalizers": left}})


async def _resize(context: Context, claim: Manifest) -> None:
    """A simulated volume grows at once."""
    asked = ((spec_of(claim).get("resources") or {}).get("requests") or {}).get("storage")
    capacity = (status_of(claim).get("capacity") or {}).get("storage")
    if not asked or not capacity or bytes_of(asked) <= bytes_of(capacity):
        return
    volume = context.store.get(PERSISTENT_VOLUME, "", spec_of(claim).get("volumeName") or "")
    if volume is not None:
        await context.update({**volume, "spec": {**spec_of(volume), "capacity": {"storage": asked}}})
    await context.update_status(claim, {**status_of(claim), "capacity": {"storage": asked}})


async def _bind(context: Context, claim: Manifest) -> None:
    claim = await _with_class(context, claim)
    volume = _fitting(context, claim)
    if volume is None:
        volume = await _provision(context, claim)
        if volume is None:
            return
    elif not (spec_of(volume).get("claimRef") or {}).get("uid"):
        volume = await context.update({**volume, "spec": {**spec_of(volume), "claimRef": _reference(claim)}})
    await context.update_status(volume, {**status_of(volume), "phase": "Bound"})
    metadata = {**claim["metadata"], "annotations": {**annotations_of(claim), **_BINDING}}
    claim = await context.update(
        {**claim, "metadata": metadata, "spec": {**spec_of(claim), "volumeName": name_of(volume)}}
    )
    status = {
        **status_of(claim),
        "phase": "Bound",
        "accessModes": spec_of(volume).get("accessModes") or [],
        "capacity": spec_of(volume).get("capacity") or {},
    }
    await context.update_status(claim, status)


async def _with_class(context: Context, claim: Manifest) -> Manifest:
    """A claim that says nothing about its class gets the default one, also after its creation."""
    if "storageClassName" in spec_of(claim):
        return claim
    for each in context.store.all(STORAGE_CLASS):
        if annotations_of(each).get(_DEFAULT_CLASS) == "true":
            return await context.update({**claim, "spec": {**spec_of(claim), "storageClassName": name_of(each)}})
    return claim


def _fitting(context: Context, claim: Manifest) -> Manifest | None:
    """The smallest free volume that satisfies the claim, or the one that it names."""
    wanted = spec_of(claim).get("volumeName")
    if wanted:
        volume = context.store.get(PERSISTENT_VOLUME, "", wanted)
        return volume if volume is not None and _is_free_for(volume, claim) else None
    fitting = [each for each in context.store.all(PERSISTENT_VOLUME) if _satisfies(each, claim)]
    return min(fitting, key=_size, default=None)


def _is_free_for(volume: Manifest, claim: Manifest) -> bool:
    reference = spec_of(volume).get("claimRef")
    if is_deleting(volume):
        return False
    if reference is None:
        return True
    same = (reference.get("namespace"), reference.get("name")) == (namespace_of(claim), name_of(claim))
    return same and reference.get("uid") in (None, "", uid_of(claim))


def _satisfies(volume: Manifest, claim: Manifest) -> bool:
    asked = (((spec_of(claim).get("resources") or {}).get("requests")) or {}).get("storage", "0")
    selector = spec_of(claim).get("selector")
    return (
        _is_free_for(volume, claim)
        and (spec_of(volume).get("storageClassName") or "") == (spec_of(claim).get("storageClassName") or "")
        and set(spec_of(claim).get("accessModes") or ()) <= set(spec_of(volume).get("accessModes") or ())
        and _size(volume) >= bytes_of(asked)
        and (selector is None or matches(selector, volume["metadata"].get("labels") or {}))
    )


def _size(volume: Manifest) -> int:
    return bytes_of((spec_of(volume).get("capacity") or {}).get("storage", "0"))


async def _provision(context: Context, claim: Manifest) -> Manifest | None:
    """Make a volume for the claim, or say why there is none."""
    wanted, named = spec_of(claim).get("storageClassName"), spec_of(claim).get("volumeName")
    if not wanted or named:
        if not named:
            message = "no persistent volumes available for this claim and no storage class is set"
            context.recorder.normal(claim, "FailedBinding", message, COMPONENT)
        await context.update_status(claim, {**status_of(claim), "phase": "Pending"})
        return None
    storage_class = context.store.get(STORAGE_CLASS, "", wanted)
    if storage_class is None:
        message = f'storageclass.storage.k8s.io "{wanted}" not found'
        context.recorder.warning(claim, "ProvisioningFailed", message, COMPONENT)
        await context.update_status(claim, {**status_of(claim), "phase": "Pending"})
        return None
    if storage_class.get("volumeBindingMode") == "WaitForFirstConsumer" and not pods_using(context, claim):
        message = "waiting for first consumer to be created before binding"
        context.recorder.normal(claim, "WaitForFirstConsumer", message, COMPONENT)
        await context.update_status(claim, {**status_of(claim), "phase": "Pending"})
        return None
    volume = await context.create(_new_volume(claim, storage_class))
    message = f"Successfully provisioned volume {name_of(volume)}"
    context.recorder.normal(claim, "ProvisioningSucceeded", message, COMPONENT)
    return volume


def _reference(claim: Manifest) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "namespace": namespace_of(claim),
        "name": name_of(claim),
        "uid": uid_of(claim),
    }


def _new_volume(claim: Manifest, storage_class: Manifest) -> Manifest:
    asked = ((spec_of(claim).get("resources") or {}).get("requests") or {}).get("storage", "1Gi")
    name = f"pvc-{uid_of(claim)}"
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {"pv.kubernetes.io/provisioned-by": storage_class["provisioner"]}},
        "spec": {
            "accessModes": spec_of(claim).get("accessModes") or ["ReadWriteOnce"],
            "capacity": {"storage": asked},
            "claimRef": _reference(claim),
            "hostPath": {"path": f"/var/local-path-provisioner/{name}", "type": "DirectoryOrCreate"},
            "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy") or "Delete",
            "storageClassName": name_of(storage_class),
            "volumeMode": spec_of(claim).get("volumeMode") or "Filesystem",
        },
    }
