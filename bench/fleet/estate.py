"""The repository of the fleet, and commits to it."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = "example.com/web"
DEPLOYMENT = f"""apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      serviceAccountName: web
      containers:
        - name: web
          image: {IMAGE}:1
          envFrom: [{{configMapRef: {{name: web}}}}]
          resources: {{limits: {{cpu: 100m, memory: 64Mi}}}}
"""
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n"
ACCOUNT = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web}\n"
BASE = """resources: [deployment.yaml, service.yaml, account.yaml]
configMapGenerator: [{name: web, literals: [greeting=ahoy]}]
"""
GROUP = 20
"""Of so many apps the first ones may be a chain."""
IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Bench"), ("EMAIL", "bench@example.com"))
}


class Estate:
    """``apps`` overlays in one working repository; app number k is called ``app-k`` with four digits."""

    def __init__(self, folder: Path, apps: int, *, chain: int = 0) -> None:
        self.folder = folder
        self.names = [f"app-{number:04}" for number in range(apps)]
        self._chain = chain

    @property
    def url(self) -> str:
        return f"file://{self.folder}"

    def create(self) -> str:
        files = {"base/deployment.yaml": DEPLOYMENT, "base/service.yaml": SERVICE, "base/account.yaml": ACCOUNT}
        files["base/kustomization.yaml"] = BASE
        for index, name in enumerate(self.names):
            files[f"apps/{name}/kustomization.yaml"] = overlay(name, "1")
            files[f"cluster/{name}.yaml"] = self.kustomization(index, name)
        files["cluster/namespace.yaml"] = "apiVersion: v1\nkind: Namespace\nmetadata: {name: fleet}\n"
        self.folder.mkdir(parents=True)
        self._git("init", "--quiet", "--initial-branch=main")
        return self.commit(files, "Begin")

    def change_app(self, name: str, tag: str) -> str:
        return self.commit({f"apps/{name}/kustomization.yaml": overlay(name, tag)}, f"{name}: {tag}")

    def change_apps(self, names: list[str], tag: str) -> str:
        files = {f"apps/{name}/kustomization.yaml": overlay(name, tag) for name in names}
        return self.commit(files, f"{names[0]} and others: {tag}")

    @property
    def first_chain(self) -> list[str]:
        """Each depends on the one before; empty when there are none."""
        return self.names[: self._chain] if len(self.names) >= GROUP else []

    def change_base(self, greeting: str) -> str:
        return self.commit({"base/kustomization.yaml": BASE.replace("ahoy", greeting)}, f"base: {greeting}")

    def commit(self, files: dict[str, str], message: str) -> str:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", message)
        return self.head()

    def head(self) -> str:
        return self._git("rev-parse", "HEAD")

    def kustomization(self, index: int, name: str) -> str:
        # Chains: app 0, 1, 2 … of each group of `chain` depend on the one before.
        place, whole = index % GROUP, GROUP * (len(self.names) // GROUP)
        depends = 0 < place < self._chain and index < whole
        line = f"  dependsOn: [{{name: {self.names[index - 1]}}}]\n" if depends else ""
        return f"""apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {{name: {name}, namespace: flux-system}}
spec:
  interval: 60m
  path: ./apps/{name}
  prune: true
  wait: true
  timeout: 5m
{line}  sourceRef: {{kind: GitRepository, name: fleet}}
"""

    def _git(self, *arguments: str) -> str:
        environment = {**os.environ, **IDENTITY, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()


def overlay(name: str, tag: str) -> str:
    return f"""namespace: fleet
nameSuffix: -{name}
resources: [../../base]
labels: [{{pairs: {{app.kubernetes.io/instance: {name}}}}}]
images: [{{name: {IMAGE}, newTag: "{tag}"}}]
"""


def root(url: str) -> list[dict[str, object]]:
    """The two objects that a person applies: the source and the Kustomization that brings all the others."""
    source: dict[str, object] = {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": "fleet", "namespace": "flux-system"},
        "spec": {"url": url, "interval": "10m", "ref": {"branch": "main"}},
    }
    kustomization: dict[str, object] = {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": "fleet", "namespace": "flux-system"},
        "spec": {
            "interval": "60m",
            "path": "./cluster",
            "prune": True,
            "sourceRef": {"kind": "GitRepository", "name": "fleet"},
        },
    }
    return [source, kustomization]
