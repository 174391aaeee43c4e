"""The story of a small estate, played from outside with git and kubectl alone.

One repository over http feeds five Kustomizations: infrastructure with a CRD, three overlays that depend on it, and one
with substitution. The steps follow each other as they would on a working day.
"""

from __future__ import annotations

import shutil
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.outside import Hosted, Kubectl, Processes, eventually, stop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl on PATH")

STAGES = ("dev", "staging", "prod")
NAMES = ("infra", *STAGES, "vars")


def kustomization(name: str, path: str, *, depends: str = "", extra: str = "") -> str:
    depends_on = f"\n  dependsOn: [{{name: {depends}}}]" if depends else ""
    return f"""---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {{name: {name}, namespace: flux-system}}
spec:
  interval: 10m
  retryInterval: 10m
  timeout: 1m
  path: {path}
  prune: true
  wait: true
  sourceRef: {{kind: GitRepository, name: fleet}}{depends_on}{extra}
"""


CRD = """apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: limits.story.example.com}
spec:
  group: story.example.com
  scope: Namespaced
  names: {kind: Limit, plural: limits, singular: limit}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
                size: {type: integer, minimum: 1, maximum: 10}
"""
LIMIT = "apiVersion: story.example.com/v1\nkind: Limit\nmetadata: {name: small, namespace: dev}\nspec: {size: 3}\n"
DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: "example.com/web:1.0"}]
"""
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n"
BASE = "resources: [deployment.yaml, service.yaml]\nconfigMapGenerator: [{name: web, literals: [greeting=ahoy]}]\n"

SETTINGS = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: vars}\ndata: {zone: '${zone:=a}'}\n"

FILES: dict[str, str | None] = {
    "infra/crd.yaml": CRD,
    "infra/limit.yaml": LIMIT,
    **{f"infra/{name}.yaml": f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n" for name in STAGES},
    "base/deployment.yaml": DEPLOYMENT,
    "base/service.yaml": SERVICE,
    "base/kustomization.yaml": BASE,
    **{f"{name}/kustomization.yaml": f"namespace: {name}\nresources: [../base]\n" for name in STAGES},
    "vars/namespace.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: vars}\n",
    "vars/settings.yaml": SETTINGS,
    "vars/extra.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra, namespace: vars}\ndata: {n: '1'}\n",
}
SYNC = (
    """---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: fleet, namespace: flux-system}
spec: {interval: 10m, url: "URL", ref: {branch: main}}
"""
    + kustomization("infra", "./infra")
    + "".join(kustomization(name, f"./{name}", depends="infra") for name in STAGES)
    + kustomization("vars", "./vars", extra="\n  postBuild: {substitute: {zone: eu-1}}")
)


class Estate:
    """The cluster, the controllers and the repository of one story."""

    def __init__(self, folder: Path) -> None:
        self.processes = Processes(folder)
        self.processes.start_cluster()
        self.kubectl = Kubectl(self.processes.kubeconfig)
        self.repository = Hosted(folder)
        self.commit = self.repository.push("Begin", FILES)
        self.processes.fairlead("install")
        self.controllers = self.processes.start_controllers()

    def close(self) -> None:
        self.processes.stop()
        self.repository.close()

    def push(self, message: str, files: dict[str, str | None]) -> str:
        self.commit = self.repository.push(message, files)
        self.request()
        return self.commit

    def request(self) -> None:
        """What ``flux reconcile source git`` does."""
        annotation = f"reconcile.fluxcd.io/requestedAt={self.repository.git('rev-parse', 'HEAD')}"
        self.kubectl("-n", "flux-system", "annotate", "--overwrite", "gitrepository/fleet", annotation)

    def kustomization(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.kubectl.get("-n", "flux-system", f"kustomization/{name}")
        return found

    def ready(self, name: str) -> dict[str, Any]:
        rows = self.kustomization(name).get("status", {}).get("conditions", [])
        return next((row for row in rows if row["type"] == "Ready"), {"status": "Unknown", "reason": "", "message": ""})

    def all_ready(self, *names: str) -> bool:
        for name in names or NAMES:
            status = self.kustomization(name).get("status", {})
            if self.ready(name)["status"] != "True" or status.get("lastAppliedRevision") != f"main@sha1:{self.commit}":
                return False
        return True

    def applied(self) -> dict[str, str]:
        """Resource versions of all that the story applies."""
        kinds = "deployments,services,configmaps,namespaces,limits.story.example.com,crd"
        items = self.kubectl.get(kinds, "-A", "-l", "kustomize.toolkit.fluxcd.io/name")["items"]
        # A workload's status moves by itself, so its generation tells of writes; for the others any version does.
        return {
            f"{item['kind']}/{item['metadata'].get('namespace', '')}/{item['metadata']['name']}": str(
                item["metadata"].get("generation") or item["metadata"]["resourceVersion"]
            )
            for item in items
        }

    def events(self, name: str) -> list[dict[str, Any]]:
        selector = f"involvedObject.kind=Kustomization,involvedObject.name={name}"
        items: list[dict[str, Any]] = self.kubectl.get("-n", "flux-system", "events", "--field-selector", selector)[
            "items"
        ]
        return items


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    estate = Estate(tmp_path)
    try:
        yield estate
    finally:
        estate.close()


@pytest.mark.timeout(240)
def test_the_story(estate: Estate) -> None:
    first_sync(estate)
    a_commit_to_the_base_reaches_all_three(estate)
    a_second_pass_writes_nothing(estate)
    manual_changes_are_repaired(estate)
    suspended_changes_stay(estate)
    bad_commits_harm_nothing_else(estate)
    a_removed_file_is_pruned(estate)
    a_restart_loses_nothing(estate)
    a_deleted_kustomization_takes_its_objects_along(estate)


def first_sync(estate: Estate) -> None:
    estate.kubectl("apply", "-f", "-", stdin=SYNC.replace("URL", estate.repository.url))
    eventually("everything ready", estate.all_ready)
    source = estate.kubectl.get("-n", "flux-system", "gitrepository/fleet")
    assert source["status"]["artifact"]["revision"] == f"main@sha1:{estate.commit}"

    entries = estate.kustomization("dev")["status"]["inventory"]["entries"]
    ids = {entry["id"]: entry["v"] for entry in entries}
    assert ids["dev_web_apps_Deployment"] == "v1"
    assert ids["dev_web__Service"] == "v1"
    assert any(key.startswith("dev_web-") and key.endswith("__ConfigMap") for key in ids)
    assert "_dev__Namespace" in {
        entry["id"] for entry in estate.kustomization("infra")["status"]["inventory"]["entries"]
    }

    web = estate.kubectl.get("-n", "dev", "deployment/web", "--show-managed-fields")
    assert web["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"] == "dev"
    assert web["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/namespace"] == "flux-system"
    managers = {(entry["manager"], entry["operation"]) for entry in web["metadata"]["managedFields"]}
    assert ("kustomize-controller", "Apply") in managers
    assert estate.kubectl.get("-n", "vars", "configmap/settings")["data"] == {"zone": "eu-1"}

    def reported() -> bool:
        messages = [event["message"] for event in estate.events("dev")]
        return any("Deployment/dev/web created" in text for text in messages) and any(
            text.startswith("Reconciliation finished in") for text in messages
        )

    eventually("events of dev", reported)


def a_commit_to_the_base_reaches_all_three(estate: Estate) -> None:
    estate.push("Scale up", {"base/deployment.yaml": DEPLOYMENT.replace("replicas: 2", "replicas: 3")})
    eventually("everything at the new commit", estate.all_ready)
    for stage in STAGES:
        assert estate.kubectl.get("-n", stage, "deployment/web")["spec"]["replicas"] == 3


def a_second_pass_writes_nothing(estate: Estate) -> None:
    before = estate.applied()
    for name in NAMES:
        estate.kubectl(
            "-n",
            "flux-system",
            "annotate",
            "--overwrite",
            f"kustomization/{name}",
            "reconcile.fluxcd.io/requestedAt=second",
        )
    for name in NAMES:
        eventually(f"{name} handled", partial(_handled, estate, name, "second"))
    eventually("everything ready", estate.all_ready)
    assert estate.applied() == before


def _handled(estate: Estate, name: str, token: str) -> bool:
    return bool(estate.kustomization(name)["status"].get("lastHandledReconcileAt") == token)


def manual_changes_are_repaired(estate: Estate) -> None:
    estate.kubectl("-n", "dev", "scale", "deployment/web", "--replicas=7")
    eventually("3 replicas again", lambda: estate.kubectl.get("-n", "dev", "deployment/web")["spec"]["replicas"] == 3)
    estate.kubectl("-n", "staging", "delete", "service/web")
    eventually("the service again", lambda: estate.kubectl.get("-n", "staging", "service/web"))
    eventually(
        "an event that names object and field",
        lambda: any(
            "Deployment/dev/web" in event["message"] and "replicas" in event["message"]
            for event in estate.events("dev")
        ),
    )


def suspended_changes_stay(estate: Estate) -> None:
    patch = "kustomization/prod", "--type=merge", "-p"
    estate.kubectl("-n", "flux-system", "patch", *patch, '{"spec":{"suspend":true}}')
    estate.kubectl("-n", "prod", "scale", "deployment/web", "--replicas=9")
    # The others react to a commit, and prod does not: that is the proof that prod had the chance to and held still.
    estate.push("Greet", {"base/kustomization.yaml": BASE.replace("ahoy", "hello")})
    eventually("the others at the commit", lambda: estate.all_ready("infra", "dev", "staging", "vars"))
    assert estate.kubectl.get("-n", "prod", "deployment/web")["spec"]["replicas"] == 9
    estate.kubectl("-n", "flux-system", "patch", *patch, '{"spec":{"suspend":false}}')
    eventually("3 replicas again", lambda: estate.kubectl.get("-n", "prod", "deployment/web")["spec"]["replicas"] == 3)
    eventually("everything ready", estate.all_ready)


def bad_commits_harm_nothing_else(estate: Estate) -> None:
    before = estate.applied()
    estate.push("Too big, and broken", {"infra/limit.yaml": LIMIT.replace("3", "11"), "vars/settings.yaml": "a: [b\n"})
    refused = eventually("the schema's refusal", lambda: _failed(estate, "infra"))
    assert refused["reason"] == "ReconciliationFailed"
    assert "Limit/dev/small" in refused["message"]
    assert "spec.size" in refused["message"]
    broken = eventually("the broken file", lambda: _failed(estate, "vars"))
    assert broken["reason"] == "BuildFailed"
    assert "settings.yaml" in broken["message"]
    assert estate.applied() == before
    estate.commit = estate.repository.revert()
    estate.request()
    eventually("everything healed", estate.all_ready)


def _failed(estate: Estate, name: str) -> dict[str, Any] | None:
    row = estate.ready(name)
    return row if row["status"] == "False" else None


def a_removed_file_is_pruned(estate: Estate) -> None:
    estate.push("Remove extra", {"vars/extra.yaml": None})
    eventually("extra gone", lambda: estate.kubectl.get("-n", "vars", "configmap/extra") is None)
    eventually("everything ready", estate.all_ready)
    entries = [entry["id"] for entry in estate.kustomization("vars")["status"]["inventory"]["entries"]]
    assert entries == ["_vars__Namespace", "vars_settings__ConfigMap"]


def a_restart_loses_nothing(estate: Estate) -> None:
    before = estate.applied()
    assert stop(estate.controllers) < 5
    estate.kubectl("-n", "dev", "scale", "deployment/web", "--replicas=8")
    estate.controllers = estate.processes.start_controllers()
    eventually("3 replicas again", lambda: estate.kubectl.get("-n", "dev", "deployment/web")["spec"]["replicas"] == 3)
    after = estate.applied()
    changed = {key for key in before if before[key] != after.get(key)}
    assert changed == {"Deployment/dev/web"}


def a_deleted_kustomization_takes_its_objects_along(estate: Estate) -> None:
    estate.kubectl("-n", "flux-system", "delete", "kustomization/staging", "--wait=true", "--timeout=30s")
    assert estate.kubectl.get("-n", "staging", "deployment/web") is None
    assert estate.kubectl.get("-n", "dev", "deployment/web") is not None
