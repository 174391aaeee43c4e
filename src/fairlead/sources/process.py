"""Child processes of Git: hermetic, without prompts, and gone when their caller is.

No user or system configuration is read, no helper is started, only one protocol is allowed, and nothing secret
stands in an argument (every user of the machine can read those).
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from fairlead.sources.errors import GitOperationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["GitFailedError", "git_environment", "run_git", "start_git"]

_PASSED_ON = ("PATH", "TMPDIR", "SYSTEMROOT", "LD_LIBRARY_PATH", "NIX_SSL_CERT_FILE")
_LONGEST_ERROR = 400


class GitFailedError(GitOperationError):
    """Git ended with an error; ``stderr`` is what it said."""

    def __init__(self, command: str, stderr: str) -> None:
        super().__init__(f"git {command} failed: {_short(stderr)}")
        self.stderr = stderr


def git_environment(home: Path, *, protocols: str = "", extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The whole environment of a Git process. ``home`` is a folder without configuration."""
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {
        **kept,
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "SSH_ASKPASS_REQUIRE": "never",
        "GIT_ALLOW_PROTOCOL": protocols or "none",
        "GIT_PROTOCOL_FROM_USER": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        **(extra or {}),
    }


@asynccontextmanager
async def start_git(
    arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run ``git`` in the bare repository ``folder``; the process and its children are dead when the block is left."""
    command = ["git", "--git-dir", str(folder), *arguments]
    pipe = asyncio.subprocess.PIPE
    environment = dict(environment or git_environment(folder))
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=folder, env=environment, start_new_session=True
        )
    except FileNotFoundError as error:
        raise GitOperationError(f"git cannot be started: {error.strerror} ({error.filename})") from None
    try:
        yield process
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        await _reap(process)


async def run_git(
    arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str] | None = None, stdin: bytes = b""
) -> bytes:
    """Run ``git`` to its end and return what it printed; raises :class:`GitFailedError`."""
    async with start_git(arguments, folder=folder, environment=environment) as process:
        stdout, stderr = await process.communicate(stdin)
    if process.returncode != 0:
        raise GitFailedError(_verb(arguments), stderr.decode("utf-8", "replace"))
    return stdout


async def _reap(process: asyncio.subprocess.Process) -> None:
    """Wait for the end even when the caller is being cancelled: a killed process ends at once."""
    waiting = asyncio.ensure_future(process.wait())
    try:
        await asyncio.shield(waiting)
    except asyncio.CancelledError:
        await waiting
        raise


def _verb(arguments: Sequence[str]) -> str:
    words = iter(arguments)
    for word in words:
        if word == "-c":
            next(words, None)
        elif not word.startswith("-"):
            return word
    return ""


def _short(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    text = "; ".join(line.removeprefix("fatal: ").removeprefix("error: ") for line in lines)
    return text[:_LONGEST_ERROR] or "no message"
