"""What a caller asks of a Git source and what it gets back: plain values without behaviour of their own.

Secrets never show in a ``repr``.
"""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

__all__ = [
    "AwsIdentity",
    "AwsKeys",
    "AzureIdentity",
    "CommitInfo",
    "GitAuth",
    "GitHubApp",
    "GitProxy",
    "GitRef",
    "GitRevision",
    "GitSpec",
    "Include",
    "RemoteHead",
    "Verification",
]

DEFAULT_BRANCH = "master"
DEFAULT_TIMEOUT = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class GitRef:
    """Which revision is wanted. Precedence: commit, name, tag, semver, branch; nothing at all means ``master``."""

    branch: str = ""
    tag: str = ""
    semver: str = ""
    name: str = ""
    commit: str = ""


@dataclass(frozen=True, slots=True)
class GitProxy:
    """A proxy for http(s) repositories: ``http://``, ``https://`` or ``socks5://``, without credentials in it."""

    address: str
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def is_socks(self) -> bool:
        return self.address.startswith("socks5")


@dataclass(frozen=True, slots=True)
class GitHubApp:
    """A GitHub App that gets its own tokens. One of installation id and owner is given."""

    app_id: str
    private_key: str = field(repr=False)
    installation_id: str = ""
    installation_owner: str = ""
    base_url: str = "https://api.github.com"


@dataclass(frozen=True, slots=True)
class AzureIdentity:
    """A workload identity: a token that Azure trusts is exchanged for one that opens Azure DevOps."""

    authority: str
    """The URL of the authority, without the tenant."""
    tenant_id: str
    client_id: str
    bearer: str
    """Whose token is exchanged; for messages, and to tell identities apart."""
    assertion: Callable[[], Awaitable[str]] = field(repr=False, compare=False)
    """Gives that token; asked only when one of Azure DevOps is needed."""


@dataclass(frozen=True, slots=True)
class AwsKeys:
    """Keys with which requests to AWS are signed."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class AwsIdentity:
    """A role in AWS that is taken by a token that AWS trusts, or keys that are there already."""

    region: str
    bearer: str
    """Whose token or keys these are; for messages, and to tell identities apart."""
    role_arn: str = ""
    session: str = ""
    """How the session of the role is called in AWS's logs."""
    assertion: Callable[[], Awaitable[str]] | None = field(default=None, repr=False, compare=False)
    """Gives the token for the role."""
    keys: AwsKeys | None = None
    endpoint: str = ""
    """The URL of the token service, when it is not the region's."""


@dataclass(frozen=True, slots=True)
class GitAuth:
    """Everything secret about a remote. Empty strings mean "not given"."""

    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    """The password of basic authentication; for ssh the passphrase of ``identity``."""
    bearer_token: str = field(default="", repr=False)
    identity: str = field(default="", repr=False)
    """A private key for ssh, PEM or OpenSSH form."""
    known_hosts: str = field(default="", repr=False)
    """Lines of a ``known_hosts`` file; a server that is not in them is refused."""
    ca: str = field(default="", repr=False)
    """PEM certificates that are trusted beside those of the system."""
    client_certificate: str = field(default="", repr=False)
    client_key: str = field(default="", repr=False)
    proxy: GitProxy | None = None
    github_app: GitHubApp | None = None
    azure: AzureIdentity | None = None
    aws: AwsIdentity | None = None

    def fingerprint(self) -> str:
        """Equal exactly for equal credentials; says nothing about them."""
        proxy = (self.proxy.address, self.proxy.username, self.proxy.password) if self.proxy else ()
        app = astuple(self.github_app) if self.github_app else ()
        azure = self.azure
        identity = (azure.authority, azure.tenant_id, azure.client_id, azure.bearer) if azure else ()
        if aws := self.aws:
            keys = astuple(aws.keys) if aws.keys else ()
            identity = ("aws", aws.region, aws.bearer, aws.role_arn, aws.session, aws.endpoint, *keys)
        parts = (
            *(self.username, self.password, self.bearer_token, self.identity, self.known_hosts),
            *(self.ca, self.client_certificate, self.client_key, *proxy, *app, *identity),
        )
        return hashlib.sha256("\0".join(f"{len(part)}:{part}" for part in parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Include:
    """Another tree that is laid over the checkout, before files are ignored."""

    tree_id: str
    from_path: str = ""
    """The folder (or file) of the other tree; ``""`` or ``.`` takes all of it."""
    to_path: str = ""


@dataclass(frozen=True, slots=True)
class Verification:
    """Whose signature a revision must carry; ``keys`` maps a name to the public keys that a secret holds."""

    mode: Literal["HEAD", "Tag", "TagAndHEAD"] = "HEAD"
    keys: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class GitSpec:
    """One Git source as :class:`fairlead.sources.git.GitSource` understands it."""

    url: str
    """``https://``, ``http://``, ``ssh://``, and, where the caller permits it, ``file://`` or an absolute path."""
    ref: GitRef = GitRef()
    auth: GitAuth = GitAuth()
    timeout: timedelta = DEFAULT_TIMEOUT
    """For each Git operation, as Flux counts."""
    recurse_submodules: bool = False
    sparse_checkout: tuple[str, ...] = ()
    ignore: str | None = None
    """``spec.ignore``; ``None`` when the field is absent, which is not the same as empty."""
    includes: tuple[Include, ...] = ()
    verify: Verification | None = None


@dataclass(frozen=True, slots=True)
class RemoteHead:
    """Where a reference of the remote points now."""

    commit: str
    label: str = ""
    """What stands before the ``@`` of a revision: the branch, tag or full reference; empty for a bare commit."""
    reference: str = ""
    """The full name of the reference on the server; empty for a bare commit."""
    tag_id: str = ""
    """The annotated tag object, when the reference is one."""

    @property
    def revision(self) -> str:
        """As Flux writes it: ``main@sha1:<commit>``, or ``sha1:<commit>`` for a bare commit."""
        return f"{self.label}@sha1:{self.commit}" if self.label else f"sha1:{self.commit}"


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """Who wrote a commit, and when."""

    commit: str
    tree_id: str
    author_name: str
    author_email: str
    authored_at: datetime
    committer_name: str
    committer_email: str
    committed_at: datetime
    message: str

    @property
    def subject(self) -> str:
        """The first line of the message, uncut."""
        return self.message.strip().partition("\n")[0].rstrip()


@dataclass(frozen=True, slots=True)
class GitRevision:
    """A revision whose tree is in the object store."""

    head: RemoteHead
    info: CommitInfo
    tree_id: str
    """After sparse checkout, submodules, includes and ignore rules; what a build reads."""
    verified_by: str = ""
    """Which key's signature was good; empty when nothing was to be verified."""

    @property
    def revision(self) -> str:
        return self.head.revision

    @property
    def commit(self) -> str:
        return self.info.commit

    @property
    def author_name(self) -> str:
        return self.info.author_name

    @property
    def author_email(self) -> str:
        return self.info.author_email

    @property
    def committed_at(self) -> datetime:
        return self.info.committed_at

    @property
    def subject(self) -> str:
        return self.info.subject

    @property
    def tag(self) -> str:
        reference = self.head.reference
        return reference.removeprefix("refs/tags/") if reference.startswith("refs/tags/") else ""
