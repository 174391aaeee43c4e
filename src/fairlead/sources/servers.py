"""The servers that specs name: how each is reached, with which credentials, and how long it may take."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Protocol

from fairlead.sources.aws import AwsLogins
from fairlead.sources.azure import AzureTokens
from fairlead.sources.errors import GitTimeoutError, GitUrlError
from fairlead.sources.flight import SharedCalls
from fairlead.sources.github import GitHubTokens
from fairlead.sources.http import HttpPool, HttpTransport
from fairlead.sources.local import LocalTransport
from fairlead.sources.ssh import SshTransport
from fairlead.sources.url import GitUrl, Scheme, parse_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.sources.refs import Advertised
    from fairlead.sources.remote import Remote
    from fairlead.sources.spec import GitAuth, GitSpec
    from fairlead.sources.store import ObjectStore

__all__ = ["Servers", "Transport", "deadline"]


class Transport(Protocol):
    """One way to talk to one remote with one set of credentials."""

    async def list_refs(self, prefixes: Sequence[str]) -> Advertised:
        """References that start with one of ``prefixes`` (more may come back)."""
        ...

    async def fetch(self, remote: Remote, commit: str, *, reference: str = "", tag_id: str = "") -> str:
        """Bring one commit without history (and a tag object) into ``remote``; returns the commit that came.

        That is ``commit``, except where the server only gives what ``reference`` points to at that moment.
        """
        ...

    async def contains(self, remote: Remote, commit: str, tip: str) -> bool:
        """Whether ``commit`` is in the history of ``tip``; ``remote`` may be used to keep that history."""
        ...


class Servers:
    """All of a process, and the connections to them."""

    def __init__(self, store: ObjectStore, *, local_repositories: bool, largest_pack_bytes: int) -> None:
        self._store = store
        self._local_repositories = local_repositories
        self._largest_pack_bytes = largest_pack_bytes
        self._http = HttpPool()
        self._github = GitHubTokens(self._http)
        self._azure = AzureTokens(self._http)
        self._aws = AwsLogins(self._http)
        self._questions: SharedCalls[Advertised] = SharedCalls()

    async def close(self) -> None:
        await self._http.close()

    def parse(self, spec: GitSpec) -> tuple[GitUrl, GitAuth]:
        """Whom a spec means, and who we are there; asks nobody."""
        url, auth = parse_url(spec.url, spec.auth)
        if url.scheme is Scheme.LOCAL and not self._local_repositories:
            raise GitUrlError(
                f"{url.text}: repositories on this machine are not permitted here; use https, http or ssh"
            )
        return url, auth

    def remote(self, url: GitUrl, auth: GitAuth) -> Remote:
        """What it gave us."""
        key = hashlib.sha256(f"{url.text}\0{auth.fingerprint()}".encode()).hexdigest()[:32]
        return self._store.remote(key)

    async def transport(self, url: GitUrl, auth: GitAuth) -> Transport:
        """The way to talk to it; asks whoever gives short-lived credentials."""
        auth = await self._log_in(url, auth)
        match url.scheme:
            case Scheme.LOCAL:
                return LocalTransport(url)
            case Scheme.SSH:
                return SshTransport(url, auth, self._store.remote("lobby"))
            case _:
                return HttpTransport(self._http, url, auth, largest_pack_bytes=self._largest_pack_bytes)

    async def ask(self, spec: GitSpec, url: GitUrl, auth: GitAuth, prefixes: tuple[str, ...]) -> Advertised:
        """Its references; who asks the same at the same time shares the answer."""

        async def ask() -> Advertised:
            async with deadline(spec, url):
                return await (await self.transport(url, auth)).list_refs(prefixes)

        return await self._questions.run((url.text, auth.fingerprint(), prefixes, spec.timeout), ask)

    async def _log_in(self, url: GitUrl, auth: GitAuth) -> GitAuth:
        """Credentials as the transport takes them; one of these applies at most."""
        auth = await self._azure.log_in(await self._github.log_in(auth))
        return await self._aws.log_in(url, auth)


def deadline(spec: GitSpec, url: GitUrl) -> _Deadline:
    """The time that a spec permits; raises :class:`GitTimeoutError`."""
    return _Deadline(spec.timeout.total_seconds(), url.text)


class _Deadline:
    """``asyncio.timeout`` whose error says which repository was too slow."""

    def __init__(self, seconds: float, url: str) -> None:
        self._seconds = seconds
        self._url = url
        self._timeout = asyncio.timeout(seconds)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            await self._timeout.__aexit__(kind, error, trace)  # type: ignore[arg-type]
        except TimeoutError:
            raise GitTimeoutError(f"{self._url} did not answer within {self._seconds:g}s") from None
