"""The tour: what a GitOps engine promises, each promise shown and timed on the demo's repository.

A scene does something that a person could do with git or kubectl, and then waits until the cluster shows the outcome.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from fairlead.cli import fields
from fairlead.cli.demo.observe import NotObservedError
from fairlead.cli.kinds import GIT_REPOSITORY, KUSTOMIZATION
from fairlead.kube.client import PatchType
from fairlead.objects.ref import GroupKind, ObjectRef

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.cli.demo.display import Display
    from fairlead.cli.demo.observe import Observer
    from fairlead.cli.demo.repository import DemoRepository
    from fairlead.kube.client import KubeClient

__all__ = ["KINDS", "Tour"]

DEPLOYMENT = GroupKind("apps", "Deployment")
CONFIG_MAP = GroupKind("", "ConfigMap")
EVENT = GroupKind("", "Event")
KINDS = (GIT_REPOSITORY.group_kind, KUSTOMIZATION.group_kind, DEPLOYMENT, CONFIG_MAP, EVENT)

NAMESPACE = "flux-system"
STAGES = ("dev", "staging", "prod")
SEEN_SECONDS = 60.0
IMAGE = "ghcr.io/example/web"


class Tour:
    """Runs the scenes in order; each raises ``NotObservedError`` when its promise does not show."""

    def __init__(self, client: KubeClient, repository: DemoRepository, observer: Observer, display: Display) -> None:
        self._client = client
        self._repository = repository
        self._observer = observer
        self._display = display

    async def run(self) -> None:
        for scene in (
            self._first_sync,
            self._one_image,
            self._manual_change,
            self._suspended,
            self._bad_commit,
            self._revert,
            self._removed_file,
        ):
            await scene()

    async def _first_sync(self) -> None:
        self._display.begin("Point Fairlead at a Git repository: infrastructure, settings, dev, staging, prod")
        commit = await self._repository.head()
        clock = Stopwatch()
        await self._client.apply(_git_repository(self._repository.url), field_manager="demo")
        await self._client.apply(_root_kustomization(), field_manager="demo")
        await self._until(f"all Kustomizations ready at {commit[:8]}", lambda: self._all_ready(commit))
        self._display.seen(f"everything synced in {clock}: 6 Kustomizations ready at main@sha1:{commit[:8]}")

    async def _one_image(self) -> None:
        self._display.begin("A commit changes one image in dev")
        others = {stage: self._generation(stage) for stage in ("staging", "prod")}
        commit = await self._repository.replace(
            "apps/dev/kustomization.yaml", "newTag: 1.0.0", "newTag: 1.1.0", "Try 1.1.0 in dev"
        )
        clock = Stopwatch(self._repository.committed_at)
        await self._until("the new image in dev", lambda: self._image("dev") == f"{IMAGE}:1.1.0")
        self._display.seen(f"live {clock.milliseconds} ms after the commit {commit[:8]}")
        await self._until("dev healthy with the new image", lambda: self._all_ready(commit))
        if any(self._generation(stage) != generation for stage, generation in others.items()):
            raise NotObservedError("a commit to dev alone has written to another stage")
        self._display.seen(f"healthy after {clock}; staging and prod were not written to")

    async def _manual_change(self) -> None:
        self._display.begin("Somebody scales prod by hand")
        before = self._generation("prod")
        clock = Stopwatch()
        await self._scale("prod", 7)
        # Two generations: the change and its repair. Looking at the replicas alone would miss a repair that is faster
        # than the watch, and would take the state before the change for the one after it.
        await self._until(
            "3 replicas in prod again", lambda: self._replicas("prod") == 3 and self._generation("prod") >= before + 2
        )
        self._display.seen(f"reverted to 3 replicas after {clock.milliseconds} ms")
        event = await self._event("prod", "Deployment/prod/web", "spec.replicas")
        self._display.note(f"event: {event}")

    async def _suspended(self) -> None:
        self._display.begin("Suspend prod, and change it again")
        await self._suspend("prod", True)
        await self._scale("prod", 5)
        commit = await self._repository.replace(
            "apps/staging/kustomization.yaml", "newTag: 1.0.0", "newTag: 1.1.0", "Promote 1.1.0 to staging"
        )
        await self._until("staging at the next commit", lambda: self._image("staging") == f"{IMAGE}:1.1.0")
        await self._until("the others ready at it", lambda: self._all_ready(commit, without=("prod",)))
        if self._replicas("prod") != 5:
            raise NotObservedError("prod is suspended, but the manual change did not stay")
        self._display.seen("staging went on to the next commit; in prod the manual change stays: 5 replicas")
        clock = Stopwatch()
        await self._suspend("prod", False)
        await self._until("3 replicas in prod", lambda: self._replicas("prod") == 3)
        self._display.seen(f"resumed: gone after {clock.milliseconds} ms")
        await self._until("prod ready", lambda: self._all_ready(commit))

    async def _bad_commit(self) -> None:
        self._display.begin("A bad commit: an image for prod that cannot be pulled")
        commit = await self._repository.replace(
            "apps/prod/kustomization.yaml", "newTag: 1.0.0", "newTag: broken", "Promote to prod"
        )
        clock = Stopwatch(self._repository.committed_at)
        await self._until("prod's health check to fail", lambda: self._failed("prod", commit))
        text = (fields.condition(self._kustomization("prod"), "Ready") or {})["message"]
        self._display.seen(f"called a failure after {clock}, with object, cause and commit:")
        self._display.note(fields.short_revision(text))
        await self._until("the others ready", lambda: self._all_ready(commit, without=("prod",)))
        serving = fields.path(self._deployment("prod"), "status", "availableReplicas") or 0
        if serving < 1:
            raise NotObservedError("the bad commit has taken prod's old pods down")
        self._display.seen(
            f"nothing else is harmed: the others are ready, and {serving} of prod's old pods still serve"
        )

    async def _revert(self) -> None:
        self._display.begin("git revert")
        commit = await self._repository.revert()
        clock = Stopwatch(self._repository.committed_at)
        await self._until("prod ready again", lambda: self._all_ready(commit))
        self._display.seen(f"healed after {clock}: prod runs {self._image('prod')} again")

    async def _removed_file(self) -> None:
        self._display.begin("A file is deleted from Git")
        commit = await self._repository.remove("apps/dev/debug-tools.yaml", "Remove the debug tools")
        clock = Stopwatch(self._repository.committed_at)
        tools = ObjectRef("", "ConfigMap", "dev", "debug-tools")
        await self._until("its object to be gone", lambda: self._observer.get(tools) is None)
        self._display.seen(f"{tools} was pruned after {clock}")
        await self._until("everything ready", lambda: self._all_ready(commit))

    async def _until(self, what: str, seen: Callable[[], bool]) -> None:
        await self._observer.until(what, seen, seconds=SEEN_SECONDS)

    async def _scale(self, stage: str, replicas: int) -> None:
        web = ObjectRef("apps", "Deployment", stage, "web")
        await self._client.patch(web, {"spec": {"replicas": replicas}}, PatchType.MERGE, field_manager="kubectl-scale")

    async def _suspend(self, stage: str, value: bool) -> None:
        reference = ObjectRef(KUSTOMIZATION.group, KUSTOMIZATION.name, NAMESPACE, stage)
        await self._client.patch(reference, {"spec": {"suspend": value}}, PatchType.MERGE, field_manager="flux")

    async def _event(self, stage: str, *words: str) -> str:
        found: list[str] = []

        def seen() -> bool:
            for event in self._observer.all(EVENT):
                text = event.get("message", "")
                if event["involvedObject"]["name"] == stage and all(word in text for word in words):
                    found.append(text)
                    return True
            return False

        await self._until(f"an event about {words[0]}", seen)
        return found[0]

    def _deployment(self, stage: str) -> dict[str, Any]:
        return self._observer.get(ObjectRef("apps", "Deployment", stage, "web")) or {}

    def _generation(self, stage: str) -> int:
        return int(fields.path(self._deployment(stage), "metadata", "generation") or 0)

    def _replicas(self, stage: str) -> int | None:
        value: int | None = fields.path(self._deployment(stage), "spec", "replicas")
        return value

    def _image(self, stage: str) -> str:
        containers = fields.path(self._deployment(stage), "spec", "template", "spec", "containers") or [{}]
        return str(containers[0].get("image", ""))

    def _kustomization(self, name: str) -> dict[str, Any]:
        return self._observer.get(ObjectRef(KUSTOMIZATION.group, KUSTOMIZATION.name, NAMESPACE, name)) or {}

    def _all_ready(self, commit: str, *, without: tuple[str, ...] = ()) -> bool:
        names = [name for name in ("demo", "infrastructure", "settings", *STAGES) if name not in without]
        return all(self._ready_at(self._kustomization(name), commit) for name in names)

    def _ready_at(self, manifest: dict[str, Any], commit: str) -> bool:
        return fields.ready(manifest) == "True" and fields.full_revision(manifest, KUSTOMIZATION).endswith(commit)

    def _failed(self, name: str, commit: str) -> bool:
        manifest = self._kustomization(name)
        attempted = str(fields.path(manifest, "status", "lastAttemptedRevision") or "")
        row = fields.condition(manifest, "Ready") or {}
        return attempted.endswith(commit) and row.get("reason") == "HealthCheckFailed"


class Stopwatch:
    """Time since it was made, or since an earlier moment of the monotonic clock."""

    def __init__(self, start: float | None = None) -> None:
        self._start = time.monotonic() if start is None else start

    @property
    def milliseconds(self) -> int:
        return round((time.monotonic() - self._start) * 1000)

    def __str__(self) -> str:
        taken = self.milliseconds
        return f"{taken} ms" if taken < 1000 else f"{taken / 1000:.1f} s"


def _git_repository(url: str) -> dict[str, Any]:
    return {
        "apiVersion": GIT_REPOSITORY.api_version,
        "kind": GIT_REPOSITORY.name,
        "metadata": {"name": "demo", "namespace": NAMESPACE},
        "spec": {"url": url, "interval": "1m", "ref": {"branch": "main"}},
    }


def _root_kustomization() -> dict[str, Any]:
    return {
        "apiVersion": KUSTOMIZATION.api_version,
        "kind": KUSTOMIZATION.name,
        "metadata": {"name": "demo", "namespace": NAMESPACE},
        "spec": {
            "interval": "10m",
            "path": "./clusters/demo",
            "prune": True,
            "sourceRef": {"kind": "GitRepository", "name": "demo"},
        },
    }
