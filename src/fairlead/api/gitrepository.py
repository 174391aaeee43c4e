"""GitRepository of ``source.toolkit.fluxcd.io/v1``: which commit of which repository is the desired state."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from fairlead.api.meta import ArtifactStatus, Condition, Duration, LocalObjectReference, ObjectMeta, Timeout, Wire
from fairlead.api.names import SOURCE_API_VERSION

__all__ = [
    "GitRepository",
    "GitRepositoryInclude",
    "GitRepositoryRef",
    "GitRepositorySpec",
    "GitRepositoryStatus",
    "GitRepositoryVerification",
]


class GitRepositoryRef(Wire, frozen=True, kw_only=True):
    """Which commit; when several are set: commit, name, tag, semver, branch, in this order."""

    branch: str | None = None
    """Branch to follow; 'master' when no other field is set."""
    tag: str | None = None
    """Tag to follow."""
    semver: str | None = None
    """Follow the highest tag in this range of semantic versions."""
    name: str | None = None
    """Full name of the reference to follow, such as 'refs/pull/420/head'; wins over branch, tag and semver."""
    commit: str | None = None
    """The commit itself; with a branch, it has to be on it. Takes precedence over all other fields."""


class GitRepositoryVerification(Wire, frozen=True, kw_only=True):
    """Whose signature a commit or tag must bear."""

    mode: Literal["head", "HEAD", "Tag", "TagAndHEAD"] = "HEAD"
    """Which object must be signed: the commit (HEAD), the tag object (Tag), or both (TagAndHEAD)."""
    secret_ref: LocalObjectReference
    """Secret with the public keys of trusted authors."""


class GitRepositoryInclude(Wire, frozen=True, kw_only=True):
    """Another repository's content, put into this one's."""

    repository: LocalObjectReference
    """The GitRepository to include, in the same namespace."""
    from_path: str | None = None
    """Path in the included repository to copy from; its root by default."""
    to_path: str | None = None
    """Path in this repository to copy to; the name of the included one by default."""


class GitRepositorySpec(Wire, frozen=True, kw_only=True):
    """What a person asks for."""

    url: Annotated[str, Meta(pattern=r"^(http|https|ssh|file)://.*$")]
    """The repository's address, by HTTP/S or SSH, or a repository on the machine of the controller (file://)."""
    secret_ref: LocalObjectReference | None = None
    """
    Secret with the credentials: for HTTP/S 'username' and 'password', or 'bearerToken', and 'ca.crt', 'tls.crt',
    'tls.key'; for SSH 'identity' and 'known_hosts', and 'password' for the passphrase of the identity.
    """
    provider: Literal["generic", "azure", "aws", "github"] | None = None
    """How to authenticate; 'generic' (the Secret alone) by default."""
    service_account_name: str | None = None
    """ServiceAccount used to authenticate with a cloud provider, in the same namespace."""
    interval: Duration
    """How often the repository is looked at; spread by a few percent so that not all are at once."""
    timeout: Timeout = "60s"
    """How long one Git operation may take."""
    ref: GitRepositoryRef | None = None
    """Which commit; branch 'master' by default."""
    verify: GitRepositoryVerification | None = None
    """Accept only what these keys have signed."""
    proxy_secret_ref: LocalObjectReference | None = None
    """Secret with 'address', and optionally 'username' and 'password', of the proxy to go through."""
    ignore: str | None = None
    """Files to leave out, in the syntax of .gitignore; wins over the repository's .sourceignore files."""
    suspend: bool | None = None
    """Stop reconciling this repository; a run that has begun is finished."""
    recurse_submodules: bool | None = None
    """Fetch the submodules, too, with the same credentials."""
    include: list[GitRepositoryInclude] | None = None
    """Other repositories to include in this one's artifact."""
    sparse_checkout: list[str] | None = None
    """The only folders to take from the repository; each must exist."""


class GitRepositoryStatus(Wire, frozen=True, kw_only=True):
    """What the controller observed."""

    observed_generation: Annotated[int, Meta(extra_json_schema={"format": "int64"})] | None = None
    """The last generation of the spec that was reconciled."""
    conditions: list[Condition] | None = None
    """The state of the repository by aspect."""
    artifact: ArtifactStatus | None = None
    """The last revision that was fetched."""
    included_artifacts: list[ArtifactStatus] | None = None
    """The artifacts of the included repositories that went into this one's."""
    observed_ignore: str | None = None
    """The ignore patterns that the artifact was made with."""
    observed_recurse_submodules: bool | None = None
    """Whether the artifact was made with submodules."""
    observed_include: list[GitRepositoryInclude] | None = None
    """The includes that the artifact was made with."""
    observed_sparse_checkout: list[str] | None = None
    """The folders that the artifact was limited to."""
    source_verification_mode: Literal["head", "HEAD", "Tag", "TagAndHEAD"] | None = None
    """The mode in which the artifact was verified."""
    last_handled_reconcile_at: str | None = None
    """The last value of the annotation reconcile.fluxcd.io/requestedAt that was acted upon."""


class GitRepository(Wire, frozen=True, kw_only=True):
    """A Git repository and the revision of it that others read."""

    api_version: str = SOURCE_API_VERSION
    kind: str = "GitRepository"
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: GitRepositorySpec
    status: GitRepositoryStatus = field(default_factory=GitRepositoryStatus)
