"""Git over ssh, through the git command line and OpenSSH.

The key and the known hosts lie in files of mode 0600 for the length of one call. The user's own ssh configuration,
agent and known hosts play no part, and a host key that is not in ``known_hosts`` is refused.
"""

from __future__ import annotations

import asyncio
import re
import shlex
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from fairlead.sources.errors import GitAccessDeniedError, GitAuthError, GitOperationError, GitRefNotFoundError
from fairlead.sources.process import GitFailedError, git_environment, run_git
from fairlead.sources.refs import Advertised

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from fairlead.sources.remote import Remote
    from fairlead.sources.spec import GitAuth
    from fairlead.sources.url import GitUrl

__all__ = ["SshTransport"]

_FETCH = (
    *("-c", "fetch.unpackLimit=1", "-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "pack.threads=1"),
    *("fetch", "--quiet", "--force", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"),
)
_FETCHED = "refs/fetched/"


class PrivateKey(Protocol):
    """What the loaders of ``cryptography`` return, as far as it is used here."""

    def private_bytes(
        self,
        encoding: serialization.Encoding,
        format: serialization.PrivateFormat,
        encryption_algorithm: serialization.KeySerializationEncryption,
    ) -> bytes: ...


class SshTransport:
    """One repository with one key. ``lobby`` is a repository folder to stand in while nothing is fetched."""

    def __init__(self, url: GitUrl, auth: GitAuth, lobby: Remote) -> None:
        if not auth.identity or not auth.known_hosts.strip():
            raise GitAuthError("a secret for ssh must hold 'identity' and 'known_hosts'")
        self._url = url
        self._identity, self._passphrase = _usable_key(auth)
        self._known_hosts = auth.known_hosts
        self._lobby = lobby

    async def list_refs(self, prefixes: Sequence[str]) -> Advertised:
        patterns = [f"{prefix}*" if prefix.endswith("/") else prefix for prefix in prefixes]
        patterns += [f"{prefix}^{{}}" for prefix in prefixes if not prefix.endswith("/")]
        output = await self._git(self._lobby, ["ls-remote", "--", self._url.text, *patterns])
        refs: dict[str, str] = {}
        peeled: dict[str, str] = {}
        for line in output.decode("utf-8", "surrogateescape").splitlines():
            object_id, _, name = line.partition("\t")
            if name.endswith("^{}"):
                peeled[name.removesuffix("^{}")] = object_id
            else:
                refs[name] = object_id
        return Advertised(refs, peeled)

    async def fetch(self, remote: Remote, commit: str, *, reference: str = "", tag_id: str = "") -> str:
        wants = [commit, *([tag_id] if tag_id else [])]
        try:
            await self._git(remote, [*_FETCH, "--depth=1", "--", self._url.text, *wants])
        except GitRefNotFoundError:
            return await self._fetch_otherwise(remote, commit, reference)
        return commit

    async def contains(self, remote: Remote, commit: str, tip: str) -> bool:
        """Fetches the whole history of the branch, as Flux does."""
        history = remote.history()
        if not history.has(tip):
            await self._git(history, [*_FETCH, "--", self._url.text, tip])
            history.keep("history", tip)
        return await asyncio.to_thread(history.reaches, tip, commit)

    # -- steps -----------------------------------------------------------------------------------------------------

    async def _fetch_otherwise(self, remote: Remote, commit: str, reference: str) -> str:
        """For servers that give no commit by its id: what the reference points to now, or everything."""
        if reference:
            place = f"{_FETCHED}one"
            await self._git(remote, [*_FETCH, "--depth=1", "--", self._url.text, f"+{reference}:{place}"])
        else:
            specs = [f"+refs/{kind}/*:{_FETCHED}{kind}/*" for kind in ("heads", "tags")]
            whole = ["--unshallow"] if remote.shallow() else []
            await self._git(remote, [*_FETCH, *whole, "--", self._url.text, *specs])
        found = remote.take_references(_FETCHED)
        if reference:
            return next(iter(found.values()))
        if not remote.has(commit):
            raise GitRefNotFoundError(f"commit {commit} not found in {self._url.text}")
        return commit

    async def _git(self, remote: Remote, arguments: Sequence[str]) -> bytes:
        remote.prepare()
        with remote.scratch() as scratch, self._ssh(scratch) as command:
            environment = git_environment(
                scratch,
                protocols="ssh",
                extra={"GIT_SSH_COMMAND": command, "GIT_SSH_VARIANT": "ssh", **self._askpass(scratch)},
            )
            try:
                return await run_git(arguments, folder=remote.folder, environment=environment)
            except GitFailedError as error:
                if self._passphrase and not await self._opens(scratch / "identity", environment):
                    raise GitAuthError("the passphrase of the ssh key in 'identity' is wrong") from None
                raise self._explain(error.stderr) from None
            except asyncio.CancelledError:
                remote.forget_swept()  # Git was killed: it may have left locks
                raise
            finally:
                remote.reopen()

    @contextmanager
    def _ssh(self, scratch: Path) -> Iterator[str]:
        """The ssh command, with its files in ``scratch`` (whoever made that removes them)."""
        identity, known_hosts = scratch / "identity", scratch / "known_hosts"
        for path, content in ((identity, self._identity), (known_hosts, self._known_hosts.encode())):
            path.touch(mode=0o600)
            path.write_bytes(content.rstrip() + b"\n")
        options = {
            "BatchMode": "no" if self._passphrase else "yes",
            "CheckHostIP": "no",
            "GlobalKnownHostsFile": "/dev/null",
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "NumberOfPasswordPrompts": "1",
            "PreferredAuthentications": "publickey",
            "StrictHostKeyChecking": "yes",
            "UpdateHostKeys": "no",
            "UserKnownHostsFile": str(known_hosts),
        }
        settings = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        yield shlex.join(["ssh", "-F", "/dev/null", "-i", str(identity), *settings])

    def _askpass(self, scratch: Path) -> dict[str, str]:
        """How ssh asks for the passphrase: a script that prints a variable of its own environment."""
        if not self._passphrase:
            return {}
        script = scratch / "askpass"
        script.touch(mode=0o700)
        script.write_text('#!/bin/sh\nprintf "%s\\n" "$FAIRLEAD_PASSPHRASE"\n')
        return {
            "SSH_ASKPASS": str(script),
            "SSH_ASKPASS_REQUIRE": "force",
            "FAIRLEAD_PASSPHRASE": self._passphrase,
        }

    async def _opens(self, identity: Path, environment: Mapping[str, str]) -> bool:
        """Whether the passphrase is the key's; ssh itself only says that the server refused."""
        silent = asyncio.subprocess.DEVNULL
        command = ["ssh-keygen", "-y", "-f", str(identity)]
        process = await asyncio.create_subprocess_exec(
            *command, stdin=silent, stdout=silent, stderr=silent, env=dict(environment), start_new_session=True
        )
        try:
            return await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()

    def _explain(self, stderr: str) -> Exception:
        url = self._url.text
        if "REMOTE HOST IDENTIFICATION HAS CHANGED" in stderr:
            return GitAccessDeniedError(f"{url}: the host key differs from the one in known_hosts")
        if "Host key verification failed" in stderr or "host key is known" in stderr:
            return GitAccessDeniedError(f"{url}: the host key is not in known_hosts")
        if "Permission denied" in stderr:
            return GitAccessDeniedError(f"{url}: the server refused the key")
        if re.search(r"not our ref|unadvertised object|find remote ref", stderr):
            return GitRefNotFoundError(f"{url} does not give that commit")
        if re.search(r"not appear to be a git repository|[Rr]epository not found|not a git repository", stderr):
            return GitOperationError(f"{url}: repository not found")
        match = re.search(r"ssh: (.*)", stderr)
        if match:
            return GitOperationError(f"{url} cannot be reached: {match.group(1).strip()[:200]}")
        return GitOperationError(f"{url}: {GitFailedError('over ssh', stderr)}")


def _usable_key(auth: GitAuth) -> tuple[bytes, str]:
    """The private key, and the passphrase that ssh still needs for it.

    Keys are checked here because the message is better than ssh's. They are handed over without passphrase, except
    those in OpenSSH's encrypted form, which ``cryptography`` reads only together with another package.
    """
    data, passphrase = auth.identity.strip().encode() + b"\n", auth.password.encode() or None
    openssh = b"BEGIN OPENSSH PRIVATE KEY" in data
    load = serialization.load_ssh_private_key if openssh else serialization.load_pem_private_key
    try:
        key = _load(load, data, passphrase)
    except UnsupportedAlgorithm as error:
        if openssh and passphrase:
            return data, auth.password
        raise GitAuthError(f"the ssh key in 'identity' is of a kind that is not supported: {error}") from None
    except ValueError:
        word = "cannot be read, or its passphrase is wrong" if passphrase else "cannot be read"
        raise GitAuthError(f"the ssh key in 'identity' {word}") from None
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH
    return key.private_bytes(encoding, form, serialization.NoEncryption()), ""


def _load(load: Callable[[bytes, bytes | None], PrivateKey], data: bytes, passphrase: bytes | None) -> PrivateKey:
    """A passphrase that is not needed is no mistake, one that is missing is."""
    try:
        return load(data, passphrase)
    except TypeError:
        if passphrase is None:
            raise GitAuthError("the ssh key in 'identity' has a passphrase; put it into 'password'") from None
        return load(data, None)
