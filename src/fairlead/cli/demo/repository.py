"""The demo's Git repository: a base with three overlays, shared infrastructure, and what ties them together.

Everything is done with the ``git`` command, as a person would, so that the demo shows nothing special.
"""

from __future__ import annotations

import asyncio
import os
import time
from importlib import resources
from typing import TYPE_CHECKING

from fairlead.errors import FairleadError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable
    from pathlib import Path

__all__ = ["DemoRepository", "GitCommandError"]

_IDENTITY = {
    "GIT_AUTHOR_NAME": "Ada Demo",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada Demo",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
}


class GitCommandError(FairleadError):
    """A git command of the demo failed; the message is git's."""


class DemoRepository:
    """A working folder whose commits the controllers follow."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.committed_at = 0.0
        """When the last commit was there, on the monotonic clock: latencies count from here."""

    @property
    def url(self) -> str:
        return f"file://{self.folder}"

    async def create(self) -> str:
        """Write the example's files and commit them; returns the commit."""
        self.folder.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(_copy, resources.files("fairlead.cli.demo") / "example", self.folder)
        await self._git("init", "--quiet", "--initial-branch=main")
        return await self.commit("Describe the whole estate")

    async def replace(self, file: str, old: str, new: str, message: str) -> str:
        """Change a piece of text in one file and commit; returns the commit."""
        path = self.folder / file
        text = await asyncio.to_thread(path.read_text)
        if old not in text:
            raise GitCommandError(f"{file} does not contain {old!r}")
        await asyncio.to_thread(path.write_text, text.replace(old, new))
        return await self.commit(message)

    async def remove(self, file: str, message: str) -> str:
        """Delete a file, and its mention in the kustomization beside it, and commit."""
        path = self.folder / file
        kustomization = path.parent / "kustomization.yaml"
        text = await asyncio.to_thread(kustomization.read_text)
        await asyncio.to_thread(kustomization.write_text, text.replace(f"  - {path.name}\n", ""))
        await asyncio.to_thread(path.unlink)
        return await self.commit(message)

    async def revert(self) -> str:
        """``git revert HEAD``."""
        await self._git("revert", "--no-edit", "HEAD")
        self.committed_at = time.monotonic()
        return await self.head()

    async def commit(self, message: str) -> str:
        await self._git("add", "--all")
        await self._git("commit", "--quiet", "--message", message)
        self.committed_at = time.monotonic()
        return await self.head()

    async def head(self) -> str:
        return (await self._git("rev-parse", "HEAD")).strip()

    async def _git(self, *arguments: str) -> str:
        process = await asyncio.create_subprocess_exec(
            "git",
            *arguments,
            cwd=self.folder,
            env={**os.environ, **_IDENTITY, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await process.communicate()
        if process.returncode:
            raise GitCommandError(f"git {arguments[0]} failed: {errors.decode(errors='replace').strip()}")
        return output.decode()


def _copy(source: Traversable, target: Path) -> None:
    for entry in source.iterdir():
        if entry.is_dir():
            (target / entry.name).mkdir(exist_ok=True)
            _copy(entry, target / entry.name)
        else:
            (target / entry.name).write_bytes(entry.read_bytes())
