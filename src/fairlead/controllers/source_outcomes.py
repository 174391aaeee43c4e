"""The one place where the end of a run of a GitRepository becomes status, Event and next run."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from fairlead.api import names
from fairlead.controllers.artifacts import tree_id_of
from fairlead.controllers.cloud import ProviderError
from fairlead.controllers.conditionset import ConditionSet
from fairlead.controllers.gitspec import PublicKeysError
from fairlead.controllers.includes import IncludeUnavailableError
from fairlead.controllers.pauses import NEVER, seconds_of
from fairlead.errors import UserError
from fairlead.kube.errors import NotFoundError
from fairlead.objects.duration import parse_duration
from fairlead.runtime.conditions import FALSE, READY, TRUE, find_condition
from fairlead.runtime.controller import Result
from fairlead.sources.artifact_store import ArchiveOperationError, DirectoryCreationError
from fairlead.sources.errors import GitUrlError, GitVerificationError, IncludeCopyError, IncludePathError
from fairlead.sources.verify import VerificationModeError

if TYPE_CHECKING:
    from fairlead.api.gitrepository import GitRepository, GitRepositoryStatus
    from fairlead.api.meta import ArtifactStatus
    from fairlead.controllers.following import SourceAccess
    from fairlead.controllers.includes import Included
    from fairlead.errors import FairleadError
    from fairlead.runtime.clock import Clock
    from fairlead.runtime.status import StatusSession
    from fairlead.settings import ReconcileSettings
    from fairlead.sources.spec import GitRevision

__all__ = ["SourceOutcomes"]

ARTIFACT_IN_STORAGE = "ArtifactInStorage"
FETCH_FAILED = "FetchFailed"
INCLUDE_UNAVAILABLE = "IncludeUnavailable"
SOURCE_VERIFIED = "SourceVerified"
STORAGE_FAILED = "StorageOperationFailed"
_FAILURES = (FETCH_FAILED, INCLUDE_UNAVAILABLE, "ArtifactOutdated", STORAGE_FAILED)
_EVENT_SUBJECT_CHARACTERS = 50


class SourceOutcomes:
    """Ends runs of GitRepositories."""

    def __init__(self, access: SourceAccess, settings: ReconcileSettings, clock: Clock) -> None:
        self._access = access
        self._settings = settings
        self._clock = clock

    def show_progress(self, repository: GitRepository, session: StatusSession, whole: str) -> None:
        """What is shown when the server takes its time."""
        conditions = self._conditions(repository)
        new = repository.status.observed_generation != repository.metadata.generation
        generation = repository.metadata.generation
        lost = repository.status.artifact is not None and not whole
        usual = "building artifact: disappeared from storage" if lost else "fetching the repository"
        conditions.progressing(f"reconciling new object generation ({generation})" if new else usual)
        session.progress(msgspec.to_builtins(replace(repository.status, conditions=conditions.list())))

    def succeeded(
        self, repository: GitRepository, artifact: ArtifactStatus, revision: GitRevision, included: Included
    ) -> GitRepositoryStatus:
        """The status when the artifact can be read."""
        spec = repository.spec
        conditions = self._conditions(repository)
        conditions.remove(*_FAILURES)
        if spec.verify is None:
            conditions.remove(SOURCE_VERIFIED)
        else:
            conditions.set(SOURCE_VERIFIED, TRUE, "Succeeded", f"verified signature of {revision.verified_by}")
        message = f"stored artifact for revision '{artifact.revision}'"
        conditions.set(ARTIFACT_IN_STORAGE, TRUE, "Succeeded", message)
        conditions.succeeded("Succeeded", message)
        return replace(
            repository.status,
            artifact=artifact,
            conditions=conditions.list(),
            included_artifacts=list(included.artifacts) or None,
            last_handled_reconcile_at=_requested(repository),
            observed_generation=repository.metadata.generation,
            observed_ignore=spec.ignore,
            observed_include=spec.include or None,
            observed_recurse_submodules=spec.recurse_submodules or None,
            observed_sparse_checkout=spec.sparse_checkout or None,
            source_verification_mode=spec.verify.mode if spec.verify else None,
        )

    def tell(self, repository: GitRepository, artifact: ArtifactStatus, revision: GitRevision) -> None:
        """An Event for an artifact with other files than before, and one for a recovery."""
        before = repository.status.artifact
        ready = find_condition(repository.status.conditions or (), READY)
        is_new = not _is_known(repository, before, artifact)
        recovered = ready is not None and ready.status == FALSE
        if not (is_new or recovered):
            return
        subject = revision.subject
        if len(subject) > _EVENT_SUBJECT_CHARACTERS:
            subject = f"{subject[:_EVENT_SUBJECT_CHARACTERS]}..."
        metadata = {names.EVENT_REVISION: artifact.revision, names.EVENT_DIGEST: artifact.digest or ""}
        reason = "NewArtifact" if is_new else "Succeeded"
        self._access.event(repository, "Normal", reason, f"stored artifact for commit '{subject}'", metadata)

    async def fail(self, repository: GitRepository, session: StatusSession, error: FairleadError) -> Result:
        """One condition beside ``Ready``, one Event for what is new, and when to try again."""
        reason = getattr(error, "reason", "") or "GitOperationFailed"
        terminal = isinstance(error, (GitUrlError, ProviderError, VerificationModeError))
        message = str(error)
        if not terminal and reason in ("GitOperationFailed", "EmptyGitRepository"):
            message = f"failed to checkout and determine revision: {error}"
        before = find_condition(repository.status.conditions or (), READY)
        conditions = self._conditions(repository)
        failed = _condition_of(error)
        conditions.remove(*(other for other in _FAILURES if other != failed))
        conditions.set(failed, FALSE if failed == SOURCE_VERIFIED else TRUE, reason, message)
        status = replace(repository.status, last_handled_reconcile_at=_requested(repository))
        if terminal:
            conditions.stalled(reason, message)
            status = replace(status, observed_generation=repository.metadata.generation)
        else:
            conditions.failed(reason, message)
        try:
            await session.write(msgspec.to_builtins(replace(status, conditions=conditions.list())))
        except NotFoundError:
            return Result()
        if before is None or (before.status, before.reason, before.message) != (FALSE, reason, message):
            self._access.event(repository, "Warning", reason, message)
        if terminal:
            return Result()
        return Result(error=error, requeue_after=self.interval(repository) if isinstance(error, UserError) else None)

    def interval(self, repository: GitRepository) -> float | None:
        """In how many seconds the server is asked again; ``None`` for never."""
        jitter = self._settings.interval_jitter
        spread = random.uniform(1 - jitter, 1 + jitter)  # noqa: S311 - spreads load, hides nothing
        pause = seconds_of(parse_duration(repository.spec.interval), spread)
        return None if pause == NEVER else pause

    def _conditions(self, repository: GitRepository) -> ConditionSet:
        return ConditionSet(repository.status.conditions, repository.metadata.generation, self._clock.now())


def _is_known(repository: GitRepository, before: ArtifactStatus | None, artifact: ArtifactStatus) -> bool:
    """Whether users were told of this content; of an archive that Flux stored for the same commit, Flux told them."""
    if before is None:
        return False
    if tree_id_of(before):
        return tree_id_of(before) == tree_id_of(artifact)
    current = repository.status.observed_generation == repository.metadata.generation
    return current and before.revision == artifact.revision


def _requested(repository: GitRepository) -> str | None:
    asked = repository.metadata.annotations.get(names.REQUESTED_AT)
    return asked or repository.status.last_handled_reconcile_at


def _condition_of(error: FairleadError) -> str:
    """The condition that tells of a failure, beside ``Ready``."""
    match error:
        case IncludeUnavailableError():
            return INCLUDE_UNAVAILABLE
        case GitVerificationError() | PublicKeysError():
            return SOURCE_VERIFIED
        case IncludeCopyError() | IncludePathError() | ArchiveOperationError() | DirectoryCreationError():
            return STORAGE_FAILED
        case _:
            return FETCH_FAILED
