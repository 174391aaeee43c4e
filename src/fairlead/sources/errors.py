"""What can go wrong with a source, with the reason that Flux writes into the condition.

Every message names the repository (without credentials) and what to do; see :mod:`fairlead.errors` for the groups.
"""

from __future__ import annotations

from typing import ClassVar

from fairlead.errors import FairleadError, ForbiddenError, InvalidSpecError, NotReadyError, UnavailableError

__all__ = [
    "DownloadError",
    "GitAccessDeniedError",
    "GitAuthError",
    "GitOperationError",
    "GitRefNotFoundError",
    "GitRepositoryEmptyError",
    "GitSpecError",
    "GitTimeoutError",
    "GitUrlError",
    "GitVerificationError",
    "IgnoreRulesError",
    "IncludeCopyError",
    "IncludePathError",
    "KeyServiceError",
    "MissingObjectError",
    "NoSuchFileError",
    "SourceError",
]


class SourceError(FairleadError):
    """Base of the errors of this package; ``reason`` goes into the condition."""

    reason: ClassVar[str] = "Failed"


class DownloadError(SourceError, UnavailableError):
    """A file behind a URL cannot be had: the server is down or refuses, or the file is too large."""


class KeyServiceError(SourceError, UnavailableError):
    """Who keeps a key does not answer, or answers nonsense; what is delivered stays, and it is asked again."""


class NoSuchFileError(DownloadError):
    """The server answers, and says that it has no such file, or not for us."""


class GitUrlError(SourceError, InvalidSpecError):
    """The URL cannot be used at all; only a changed spec helps."""

    reason = "URLInvalid"


class GitSpecError(SourceError, InvalidSpecError):
    """The spec asks for what the repository cannot give (a folder of a sparse checkout, a bad range)."""

    reason = "GitOperationFailed"


class IncludeCopyError(GitSpecError):
    """An included repository lacks what is to be laid over this one."""

    reason = "CopyFailure"


class IncludePathError(GitSpecError):
    """A path of an include leads out of the repository."""

    reason = "IllegalPath"


class GitAuthError(SourceError, ForbiddenError):
    """The credentials cannot be used: a key does not parse, a secret lacks a part."""

    reason = "AuthenticationFailed"


class GitAccessDeniedError(SourceError, ForbiddenError):
    """The server refused the credentials (wrong, expired, without permission) or its host key is not trusted."""

    reason = "GitOperationFailed"


class GitOperationError(SourceError, UnavailableError):
    """The server is down, answers nonsense or breaks off; retried with back-off."""

    reason = "GitOperationFailed"


class GitTimeoutError(GitOperationError):
    """The operation took longer than ``spec.timeout``."""


class GitRefNotFoundError(SourceError, NotReadyError):
    """The branch, tag, reference or commit is not in the repository (now)."""

    reason = "GitOperationFailed"


class GitRepositoryEmptyError(SourceError, NotReadyError):
    """The repository has no commit yet."""

    reason = "EmptyGitRepository"


class GitVerificationError(SourceError, ForbiddenError):
    """A signature is missing, wrong or made by a key that is not trusted."""

    reason = "InvalidCommitSignature"


class IgnoreRulesError(SourceError, InvalidSpecError):
    """The ignore rules cannot be read."""

    reason = "SourceIgnoreError"


class MissingObjectError(SourceError, UnavailableError):
    """The object store does not hold an object (any more); fetching the revision again brings it back."""

    reason = "ArtifactFailed"
