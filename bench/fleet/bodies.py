"""What the controllers send for one app, for the bare client: the same objects, and statuses that tell as much."""

from __future__ import annotations

import copy
import functools
from typing import TYPE_CHECKING, Any

import yaml

from bench.fleet.estate import ACCOUNT, DEPLOYMENT, IMAGE, SERVICE

if TYPE_CHECKING:
    from bench.fleet.estate import Estate

__all__ = ["NAMESPACE", "Bodies", "manifest_of"]

NAMESPACE = "fleet-raw"
OWNER = "kustomize.toolkit.fluxcd.io/"
MOMENT = "2026-01-01T00:00:00Z"
DIGEST = "8c6976e5b5410415bde908bd4dee15dfb167a9c873fc4bb8a81f6f2ab448a918"
COMMITS = ("dd07ddbd1ad2abbe60d1c21703880fc71cb24038", "8fceba0ee5cb9a18c2d7780f51f11724b8569bb8")
CONFIG_MAPS = ("8m9f5d8476", "k6cm94h6ch")
"""What the names of the generated ConfigMap end with: after the install, after the base change."""


class Bodies:
    """Of app number ``number``, at one of two revisions: 0 is the install, 1 the base change."""

    def __init__(self, estate: Estate, number: int, revision: int) -> None:
        self._estate, self._number = estate, number
        self._app = estate.names[number]
        self._name = f"web-{self._app}"
        self._at = revision
        self._source = estate.kustomization(number, self._app)

    @property
    def before(self) -> Bodies:
        """Of the same app at the install."""
        return Bodies(self._estate, self._number, 0)

    @property
    def kustomization(self) -> dict[str, Any]:
        manifest = manifest_of(self._source)
        manifest["metadata"] |= {"namespace": NAMESPACE, "labels": self._owned_by("fleet", "flux-system")}
        return manifest

    @property
    def deployment(self) -> dict[str, Any]:
        manifest = self._object(DEPLOYMENT)
        pod = manifest["spec"]["template"]["spec"]
        pod["serviceAccountName"] = self._name
        pod["containers"][0] |= {
            "image": f"{IMAGE}:1",
            "envFrom": [{"configMapRef": {"name": self.config_map["metadata"]["name"]}}],
        }
        return manifest

    @property
    def service(self) -> dict[str, Any]:
        return self._object(SERVICE)

    @property
    def account(self) -> dict[str, Any]:
        return self._object(ACCOUNT)

    @property
    def config_map(self) -> dict[str, Any]:
        manifest = self._object("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {greeting: ahoy}\n")
        manifest["metadata"]["name"] += f"-{CONFIG_MAPS[self._at]}"
        return manifest

    @property
    def done(self) -> dict[str, Any]:
        """The status at the end: what was done, and the history of it."""
        conditions = [
            self._condition("Ready", "True", "ReconciliationSucceeded", f"Applied revision: {self._revision()}"),
            self._condition("Healthy", "True", "Succeeded", "Health check passed in 236.353ms"),
        ]
        return {
            "conditions": conditions,
            "observedGeneration": 1,
            "lastAppliedRevision": self._revision(),
            "history": [self._entry(at) for at in range(self._at, -1, -1)],
        }

    def _entry(self, at: int) -> dict[str, Any]:
        kinds = ("ServiceAccount", "ConfigMap", "Service", "Deployment")
        told = {
            "appliedIn": "236.353ms",
            "created": " ".join(f"{kind}/{NAMESPACE}/{self._name}" for kind in kinds),
            "deliveredRevision": self._revision(at),
            "fairlead.dev/author": "Bench <bench@example.com>",
            "fairlead.dev/subject": "Begin",
            "finishedIn": "236.548ms",
            "revision": self._revision(at),
        }
        return {
            "digest": f"sha256:{at}{DIGEST[1:]}",
            "firstReconciled": MOMENT,
            "lastReconciled": MOMENT,
            "lastReconciledDuration": "236.548ms",
            "lastReconciledStatus": "ReconciliationSucceeded",
            "totalReconciliations": 1,
            "metadata": told,
        }

    def _revision(self, at: int | None = None) -> str:
        return f"main@sha1:{COMMITS[self._at if at is None else at]}"

    def _condition(self, type: str, status: str, reason: str, message: str) -> dict[str, Any]:
        return {
            "type": type,
            "status": status,
            "reason": reason,
            "message": message,
            "lastTransitionTime": MOMENT,
            "observedGeneration": 1,
        }

    def _object(self, text: str) -> dict[str, Any]:
        manifest = manifest_of(text)
        labels = {"app.kubernetes.io/instance": self._app, **self._owned_by(self._app, "flux-system")}
        manifest["metadata"] = {"name": self._name, "namespace": NAMESPACE, "labels": labels}
        return manifest

    def _owned_by(self, name: str, namespace: str) -> dict[str, str]:
        return {f"{OWNER}name": name, f"{OWNER}namespace": namespace}


def manifest_of(text: str) -> dict[str, Any]:
    return copy.deepcopy(_read(text))


@functools.lru_cache(maxsize=32)
def _read(text: str) -> dict[str, Any]:
    manifest: dict[str, Any] = yaml.safe_load(text)
    return manifest
